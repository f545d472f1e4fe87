"""Training of a small network on drawn digits, a few steps at a time, with a record of its curves.

It is plain torch on the layers of `xnorlab.nn`, without threads and clocks: the caller decides when to take steps. The
curves do not depend on how the steps are divided among calls.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorlab.binarize import ESTIMATORS, EstimatedSign, clip_latent_
from xnorlab.nn import BinaryConv2d, Scheme, conv_block, get_scheme
from xnorlab.nn.blocks import activation, chain
from xnorlab.training.digits import CLASSES, SIDE, Digits

STEPS = 300
"""Steps of a whole run, over which the learning rate falls along a cosine from the chosen one to 0."""

RECORD_STEPS = 5
"""Steps between two records of the curves."""

SCHEMES = ("float", "binaryconnect", "bwn", "bnn", "xnor")
INPUT_ESTIMATORS = ("clipped", "bireal", "identity")
LAYERS = ("conv1", "conv2", "conv3")

BATCH = 128
"""Pictures per step."""


@dataclass(frozen=True)
class LiveSettings:
    """Settings of a run; two runs with equal settings are equal, step by step.

    Attributes:
        scheme: one of SCHEMES.
        estimator: one of INPUT_ESTIMATORS, for the sign of the inputs; without effect where they stay real.
        clip_range: the estimator's range is [−clip_range, clip_range]; 0.01 to 100.
        rate: Adam's learning rate, 1e-6 to 1.
        width: filters of the first layer, 1 to 64; the second and third have twice as many.
        seed: decides initial weights and the order of the pictures, 0 to 2^31.

    Raises:
        ValueError: a value is out of its range.
    """

    scheme: str = "xnor"
    estimator: str = "clipped"
    clip_range: float = 1.0
    rate: float = 0.02
    width: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("scheme", SCHEMES), ("estimator", INPUT_ESTIMATORS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}")
        for name, low, high in (("clip_range", 0.01, 100.0), ("rate", 1e-6, 1.0), ("width", 1, 64), ("seed", 0, 2**31)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}={getattr(self, name)!r} must be between {low:g} and {high:g}")

    @property
    def uses_estimator(self) -> bool:
        """Whether the scheme has a sign on its inputs."""
        return get_scheme(self.scheme).inputs is not None

    def effective(self) -> "LiveSettings":
        """Settings with the estimator's default where it has no effect, so that equal runs compare equal."""
        if not self.uses_estimator:
            return replace(self, estimator="clipped", clip_range=1.0)
        return self if ESTIMATORS[self.estimator].ranged else replace(self, clip_range=1.0)


@dataclass
class Curves:
    """Curves of a run, one entry per record, every RECORD_STEPS steps. Shares are 0 to 1.

    Attributes:
        step: steps taken.
        train_loss: mean over the steps since the last record.
        train_top1: share of their pictures that were right.
        test_loss: on all test pictures.
        test_top1: on all test pictures.
        flips: layer → share of its signs that differ from those at the last record.
    """

    step: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    train_top1: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_top1: list[float] = field(default_factory=list)
    flips: dict[str, list[float]] = field(default_factory=dict)

    def copy(self) -> "Curves":
        """Copy with lists of its own."""
        flips = {name: list(shares) for name, shares in self.flips.items()}
        lists = {name: list(values) for name, values in vars(self).items() if name != "flips"}
        return Curves(**lists, flips=flips)


def live_network(settings: LiveSettings) -> nn.Sequential:
    """Network 5×5, w → 3×3, 2w → 3×3, 2w → mean → 10: (N, 1, 16, 16) → (N, 10), with weights drawn from the seed.

    All three convolutions have the scheme's weights. The inputs of the first stay real, as in BNN (section 1.5), and so
    does the last matrix. Pooling halves the maps after the first two.
    """
    scheme = get_scheme(settings.scheme)
    if scheme.inputs is not None:
        scheme = replace(scheme, inputs=lambda c: EstimatedSign(settings.estimator, settings.clip_range))
    width, wide = settings.width, 2 * settings.width
    binary_ends = scheme.order == "norm-sign-conv"
    network = chain(
        conv1=_first(scheme, width),
        conv2=conv_block(scheme, width, wide, 3, 1, 1, pool=nn.MaxPool2d(2)),
        conv3=conv_block(scheme, wide, wide, 3, 1, 1),
        norm=nn.BatchNorm2d(wide) if binary_ends else None,
        act=nn.ReLU() if binary_ends else None,
        pool=nn.AvgPool2d(2),
        flatten=nn.Flatten(),
        classifier=nn.Linear(4 * wide, CLASSES),
    )
    # Drawn once more, from a generator of the run's own, since the whole process shares torch's.
    generator = torch.Generator().manual_seed(settings.seed)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_normal_(parameter, mode="fan_in", nonlinearity="relu", generator=generator)
    nn.init.zeros_(network.get_submodule("classifier").get_parameter("bias"))
    return network


def _first(scheme: Scheme, width: int) -> nn.Sequential:
    conv = BinaryConv2d(1, width, 5, padding=2, weight_binarizer=scheme.weights and scheme.weights(width))
    if scheme.order == "conv-norm-act":
        return chain(conv=conv, norm=nn.BatchNorm2d(width), act=activation(scheme, width), pool=nn.MaxPool2d(2))
    return chain(conv=conv, pool=nn.MaxPool2d(2))


class LiveTraining:
    """Training of a `live_network` on drawn digits.

    It depends on the settings and the data alone, not on how the steps are divided among calls, on torch's own random
    numbers or on other runs.

    Args:
        settings: of the run.
        digits: the data, which is only read, so that many runs may share it.

    Attributes:
        network: as it is now.
        step: steps taken.
        curves: records so far.

    Raises:
        ValueError: there are fewer training pictures than BATCH.
    """

    def __init__(self, settings: LiveSettings, digits: Digits):
        if digits.train_count < BATCH:
            raise ValueError(f"digits.train_count={digits.train_count} must be at least {BATCH}, one step's pictures")
        self.settings, self.step, self.curves = settings, 0, Curves(flips={name: [] for name in LAYERS})
        # Channels last and a fused optimiser halve the time of a step: the maximum of a pool goes over vectors.
        self.network = live_network(settings).to(memory_format=torch.channels_last)
        self._scheme = get_scheme(settings.scheme)
        self._pictures, self._targets = _tensors(*digits.train)
        self._test_pictures, self._test_targets = _tensors(*digits.test)
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.rate, fused=True)
        self._order, self._signs, self._loss, self._right = torch.empty(0, dtype=torch.int64), self._all_signs(), 0.0, 0

    def advance(self, steps: int = 1) -> None:
        """Take steps of BATCH pictures each, until STEPS of them are taken."""
        for _ in range(min(steps, STEPS - self.step)):
            self._one_step()
            if self.step % RECORD_STEPS == 0:
                self._record()

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return self.settings.rate * 0.5 * (1 + math.cos(math.pi * self.step / STEPS))

    def weights(self, layer: str) -> np.ndarray:
        """Copy of the latent (real) weights of conv1, conv2 or conv3: (N, C, kh, kw) float32."""
        return self._conv(layer).weight.detach().numpy().copy()

    def scale(self, layer: str) -> float | None:
        """Mean of α over a layer's filters, by which its signs are multiplied; 1 without α, None for real weights."""
        conv = self._conv(layer)
        if conv.weight_binarizer is None:
            return None
        with torch.no_grad():
            alpha = conv.weight_binarizer.scale(conv.weight)
        return 1.0 if alpha is None else float(alpha.mean())

    def probabilities(self, count: int) -> np.ndarray:
        """Class probabilities of the first test pictures: (count, 10)."""
        return F.softmax(self._test_logits(count), 1).numpy()

    def _one_step(self) -> None:
        epoch, at = divmod(self.step * BATCH, len(self._targets) - len(self._targets) % BATCH)
        if at == 0:
            rng = np.random.default_rng([self.settings.seed, epoch])
            self._order = torch.from_numpy(rng.permutation(len(self._targets)))
        self._optimizer.param_groups[0]["lr"] = self.rate
        chosen = self._order[at : at + BATCH]
        self.network.train()
        logits = self.network(self._pictures[chosen])
        loss = F.cross_entropy(logits, self._targets[chosen])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        if self._scheme.clip_latent:
            for name in LAYERS:
                clip_latent_(self._conv(name).weight)
        self.step += 1
        self._loss += loss.item()
        self._right += int((logits.argmax(1) == self._targets[chosen]).sum())

    def _record(self) -> None:
        now, logits, curves = self._all_signs(), self._test_logits(len(self._test_targets)), self.curves
        curves.step.append(self.step)
        curves.train_loss.append(self._loss / RECORD_STEPS)
        curves.train_top1.append(self._right / (RECORD_STEPS * BATCH))
        curves.test_loss.append(F.cross_entropy(logits, self._test_targets).item())
        curves.test_top1.append((logits.argmax(1) == self._test_targets).float().mean().item())
        for name in LAYERS:
            curves.flips[name].append((now[name] != self._signs[name]).float().mean().item())
        self._signs, self._loss, self._right = now, 0.0, 0

    def _conv(self, layer: str) -> BinaryConv2d:
        return self.network.get_submodule(f"{layer}.conv")  # pyright: ignore[reportReturnType]

    def _all_signs(self) -> dict[str, Tensor]:
        return {name: self._conv(name).weight.detach() >= 0 for name in LAYERS}

    @torch.no_grad()
    def _test_logits(self, count: int) -> Tensor:
        self.network.eval()
        return self.network(self._test_pictures[:count])


def _tensors(pictures: np.ndarray, digits: np.ndarray) -> tuple[Tensor, Tensor]:
    """Pictures as (N, 1, 16, 16) float32, of mean 0 and deviation 1 approximately, and digits."""
    x = torch.from_numpy(pictures).float().view(-1, 1, SIDE, SIDE)
    return ((x - 50.0) / 70.0).contiguous(memory_format=torch.channels_last), torch.from_numpy(digits)
