"""A recipe: everything that decides how a network is trained, frozen, printed and stored with the weights."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from xnorlab.suggestions import nearest, unknown

if TYPE_CHECKING:  # the command line reads the settings from here, and starts without numpy
    from xnorlab.images import Preprocessing

PRECISIONS = ("auto", "bf16-mixed", "32-true")
OPTIMIZERS = ("adamw", "adam", "sgd")
SCHEDULES = ("cosine", "linear")
GROWTH = 16
"""Pixels by which a training picture's side grows at a time."""


_PAIRS = re.compile(r"\d+:\d+(\.\d+)?(e-?\d+)?( \d+:\d+(\.\d+)?(e-?\d+)?)*", re.ASCII)


def _setting(default: Any, help: str) -> Any:
    """Field of a recipe that is an option of `xnorlab train`, with the option's help text."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Recipe:
    """How one network is trained. The defaults train the 128-pixel AlexNet on Imagenette.

    Attributes:
        dataset: name of the data set, as `folders.open_folder` reports it.
        model, model_options: name and keyword arguments for `models.build`.
        scheme: a name that `nn.get_scheme` takes.
        epochs: passes over the training pictures.
        batch_size: pictures per step, over all processes together: N processes take batch_size / N each. So a recipe
            means the same steps on any number of them, and no learning rate is scaled. The last, smaller batch of an
            epoch is dropped.
        optimizer: "adamw" (decoupled decay), "adam" (decay added to the gradient) or "sgd" (with momentum 0.9).
        peak_rate: the highest learning rate; it climbs linearly over the first `warmup` share of all steps.
        schedule: how the rate falls after that. "cosine" and "linear" end at 0. "30:0.1 40:0.01" keeps the peak, and
            multiplies it by 0.1 from epoch 30 on and by 0.01 from epoch 40 on, counted from 1.
        binary_rate_factor: learning rate of latent binary weights, in units of the others'.
        weight_decay: on real weights only: never on binary weights, norms, biases or scales.
        label_smoothing: share of the target probability spread over all classes.
        resize, eval_size: evaluation resizes a picture's short side to `resize` and cuts the central `eval_size`.
        train_size: side of a training picture; a random crop of the central `resize` square, scaled to it.
        first_size: its side in the first epoch, smaller than train_size by a multiple of 16; it grows by 16 pixels at
            a time, evenly over the epochs, to train_size. None: train_size throughout. Growing pictures spare a third
            of the time (progressive resizing; Tan, Le 2021, EfficientNetV2, section 4).
        crop_area: smallest and largest share of that square's area in a training crop.
        crop_ratio: smallest and largest ratio of a training crop's width to its height.
        flip: mirror every other training picture, at random.
        precision: "bf16-mixed" (bfloat16 products, float32 master weights), "32-true", or "auto": bf16-mixed where the
            device computes in bfloat16, else 32-true (see `devices.resolve_precision`). Evaluation is in float32.
        seed: decides initial weights, order, crops and stochastic signs.
        teacher: a trained network whose answers are learned beside the labels: the name of a shipped network or of a
            run (see `open_trained_network`). None: labels alone.
        teacher_weight: share w of the teacher in the loss, (1 − w)·cross entropy + w·T²·KL(teacher ‖ student).
        temperature: T, by which both networks' logits are divided in the KL term (Hinton et al. 2015).
        start: a trained network whose weights are the initial ones, named as `teacher` is; None draws them. A float
            network, or the real-weight first stage of a two-stage training (ReActNet, section 5.1).
    """

    dataset: str = "imagenette"
    model: str = _setting(
        "alexnet",
        "alexnet (default), densenet28, googlenet, mobilenet, nin, quicknet, resnet18, resnet20, resnet34, vgg_small.",
    )
    scheme: str = _setting("xnor", "float, binaryconnect, bnn, bwn, xnor (default), xnor-k, bireal, reactnet, ternary…")
    model_options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = _setting(60, "Passes over the training pictures.")
    batch_size: int = _setting(64, "Pictures per step, over all processes together; the rates do not change with them.")
    optimizer: str = _setting("adamw", "adamw (default), adam or sgd (momentum 0.9).")
    peak_rate: float = _setting(2e-3, "The highest learning rate.")
    schedule: str = _setting("cosine", "cosine (default), linear, or EPOCH:FACTOR …, such as '30:0.1 40:0.01'.")
    warmup: float = _setting(0.15, "Share of all steps in which the rate climbs.")
    binary_rate_factor: float = _setting(1.0, "Learning rate of latent binary weights, relative to the others'.")
    weight_decay: float = _setting(0.05, "Decay of real weights; nothing else decays.")
    label_smoothing: float = _setting(0.1, "Target probability spread over all classes.")
    resize: int = _setting(144, "Short side of a picture, pixels.")
    eval_size: int = _setting(128, "Side of the centre crop at evaluation, pixels.")
    train_size: int = _setting(112, "Side of a training picture, pixels.")
    first_size: int | None = _setting(None, "Side of a training picture in the first epoch; grows to the train size.")
    crop_area: tuple[float, float] = _setting((0.35, 1.0), "Smallest and largest area of a random crop, as a share.")
    crop_ratio: tuple[float, float] = _setting((3 / 4, 4 / 3), "Smallest and largest width to height of a random crop.")
    flip: bool = _setting(True, "Mirror every other training picture.")
    precision: str = _setting("auto", "auto, bf16-mixed or 32-true; when a run is resumed, of this start alone.")
    seed: int = _setting(0, "Decides initial weights, order, crops and stochastic signs.")
    teacher: str | None = _setting(None, "Network whose answers are learned, too: a run's or a shipped name.")
    teacher_weight: float = _setting(0.5, "The teacher's share of the loss.")
    temperature: float = _setting(1.0, "Softens the answers of both networks.")
    start: str | None = _setting(None, "Network whose weights to begin with: a run's or a shipped name.")

    def __post_init__(self) -> None:
        for name in ("dataset", "model", "scheme"):
            _require(isinstance(getattr(self, name), str) and getattr(self, name), name, self, "a name")
        for name in ("epochs", "batch_size", "resize", "eval_size", "train_size"):
            _require(_is_int(getattr(self, name)) and getattr(self, name) >= 1, name, self, "an int of 1 or more")
        if self.first_size is not None:
            grows = (
                _is_int(self.first_size) and self.first_size >= 1 and (self.train_size - self.first_size) % GROWTH == 0
            )
            rule = f"None, or train_size={self.train_size} less a multiple of {GROWTH}"
            _require(grows and self.first_size <= self.train_size, "first_size", self, rule)
        _require(_is_int(self.seed) and 0 <= self.seed < 2**31, "seed", self, "an int in [0, 2^31)")
        _require(self.eval_size <= self.resize, "eval_size", self, f"at most resize={self.resize}")
        for name in ("peak_rate", "binary_rate_factor", "temperature"):
            _require(_is_number(getattr(self, name)) and getattr(self, name) > 0, name, self, "above 0")
        _require(_is_number(self.weight_decay) and self.weight_decay >= 0, "weight_decay", self, "0 or more")
        for name in ("warmup", "label_smoothing"):
            _require(_is_number(getattr(self, name)) and 0 <= getattr(self, name) < 1, name, self, "in [0, 1)")
        _require(_is_number(self.teacher_weight) and 0 < self.teacher_weight <= 1, "teacher_weight", self, "in (0, 1]")
        for name in ("teacher", "start"):
            value = getattr(self, name)
            _require(value is None or (isinstance(value, str) and value), name, self, "None or a name")
        for name, highest in (("crop_area", 1.0), ("crop_ratio", float("inf"))):
            pair = getattr(self, name)
            sound = isinstance(pair, (tuple, list)) and len(pair) == 2 and all(_is_number(v) for v in pair)
            _require(sound and 0 < pair[0] <= pair[1] <= highest, name, self, f"0 < low <= high <= {highest}")
            object.__setattr__(self, name, (float(pair[0]), float(pair[1])))
        _require(isinstance(self.flip, bool), "flip", self, "true or false")
        require_precision(self.precision)
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(unknown("optimizer", self.optimizer, OPTIMIZERS))
        rule = f"{', '.join(SCHEDULES)}, or pairs EPOCH:FACTOR with rising epochs of 2 or more and factors above 0"
        _require(self.schedule in SCHEDULES or self.rate_factors, "schedule", self, rule)
        _require(isinstance(self.model_options, Mapping), "model_options", self, "a mapping")
        object.__setattr__(self, "model_options", MappingProxyType(dict(self.model_options)))

    @property
    def name(self) -> str:
        """`<data set>/<model>-<scheme>`, the name that the trained network is shipped under."""
        return f"{self.dataset}/{self.model}-{self.scheme}"

    @property
    def run_name(self) -> str:
        """The name of the run's folder: `name`, with the seed where it is not 0."""
        return f"{self.name}-seed{self.seed}" if self.seed else self.name

    def same_but_seed(self, other: "Recipe") -> bool:
        """Whether the two differ in nothing but the seed."""
        return replace(self, seed=other.seed) == other

    def __reduce__(self):
        """Pickle as plain values: the mapping proxy within cannot be, and processes started anew need the recipe."""
        return Recipe.from_dict, (self.to_dict(),)

    def size_at(self, epoch: int) -> int:
        """Side of a training picture in `epoch`, counted from 0."""
        if self.first_size is None:
            return self.train_size
        share = epoch / max(1, self.epochs - 1)
        return self.first_size + GROWTH * round(share * (self.train_size - self.first_size) / GROWTH)

    @property
    def rate_factors(self) -> tuple[tuple[int, float], ...]:
        """Pairs (epoch from 1, factor of the peak rate from that epoch on); empty for a schedule with a name."""
        pairs = _PAIRS.fullmatch(self.schedule) if isinstance(self.schedule, str) else None
        if pairs is None:
            return ()
        factors = tuple((int(a), float(b)) for a, b in (pair.split(":") for pair in self.schedule.split()))
        epochs = [1, *(epoch for epoch, _ in factors)]
        rising = all(earlier < later for earlier, later in pairwise(epochs))
        return factors if rising and all(factor > 0 for _, factor in factors) else ()

    def preprocessing(self) -> "Preprocessing":
        """How a picture becomes the network's input at evaluation; stored in the packed file."""
        from xnorlab.images import Preprocessing

        return Preprocessing(resize=self.resize, crop=self.eval_size)

    def training_square(self) -> "Preprocessing":
        """The central square that training crops are cut from."""
        from xnorlab.images import Preprocessing

        return Preprocessing(resize=self.resize, crop=self.resize)

    def to_dict(self) -> dict[str, Any]:
        """Plain values (str, int, float, bool, list, dict), as JSON and a checkpoint hold them."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return values | {
            "model_options": dict(self.model_options),
            "crop_area": list(self.crop_area),
            "crop_ratio": list(self.crop_ratio),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe that `to_dict` wrote. Raises ValueError for an unknown name or a value out of range."""
        known = [item.name for item in fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(f"recipe has no {name!r}; it has {', '.join(known)}{nearest(name, known)}")
        return cls(**values)


DATASET_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "tiny-imagenet": {"resize": 64, "eval_size": 64, "train_size": 48, "first_size": 32, "epochs": 24},
    "imagenet": {"resize": 256, "eval_size": 224, "train_size": 224},
    "cifar10": {"resize": 32, "eval_size": 32, "train_size": 32, "crop_area": (0.5, 1.0)},
}
"""What a recipe changes for a data set whose pictures are not of Imagenette's size."""

MODEL_OPTIONS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("alexnet", ""): {"head": "pool"},
    ("resnet18", ""): {"width": 32},
    ("alexnet", "imagenet"): {"head": "dense"},
    ("resnet18", "imagenet"): {"width": 64},
    ("resnet18", "tiny-imagenet"): {"stem": "tiny"},
    ("resnet18", "cifar10"): {"stem": "cifar"},
    ("resnet34", ""): {"width": 32},
    ("resnet34", "imagenet"): {"width": 64},
    ("resnet34", "tiny-imagenet"): {"stem": "tiny"},
    ("resnet34", "cifar10"): {"stem": "cifar"},
    ("vgg_small", ""): {"head": "pool"},
    ("vgg_small", "cifar10"): {"head": "flat"},
}
"""Options of `models.build` by (model, data set); "" is every data set."""

SCHEME_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"binaryconnect-stochastic": {"binary_rate_factor": 20.0}}
"""What a recipe changes for a scheme. Latent weights that start anywhere in [−1, 1] have further to go."""


def recipe_for(dataset: str, model: str, scheme: str, **changes: Any) -> Recipe:
    """The default recipe of a data set, a network and a scheme.

    Args:
        dataset: as in `Recipe`.
        model: as in `Recipe`.
        scheme: as in `Recipe`.
        **changes: fields of `Recipe` that differ from the default.
    """
    values = {**DATASET_DEFAULTS.get(dataset, {}), **SCHEME_DEFAULTS.get(scheme, {})}
    options = {**MODEL_OPTIONS.get((model, ""), {}), **MODEL_OPTIONS.get((model, dataset), {})}
    options |= changes.pop("model_options", {})
    return Recipe.from_dict(
        {**values, "dataset": dataset, "model": model, "scheme": scheme, "model_options": options, **changes}
    )


def require_precision(precision: object) -> None:
    """Refuse what is not one of PRECISIONS, with a ValueError."""
    if precision not in PRECISIONS:
        raise ValueError(unknown("precision", precision, PRECISIONS))


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _require(holds: Any, name: str, recipe: Recipe, rule: str) -> None:
    if not holds:
        raise ValueError(f"{name}={getattr(recipe, name)!r} must be {rule}")
