"""The model card of a shipped network: what it is, how it was trained, how to do it again, what it cannot do."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from xnorlab.conventions import times_smaller
from xnorlab.nn import get_scheme
from xnorlab.printable import in_markdown, one_line
from xnorlab.zoo.calibration import Calibration
from xnorlab.zoo.cost import standard_error
from xnorlab.zoo.manifest import ShippedNetwork
from xnorlab.zoo.recipe import Recipe, recipe_for

DATASETS = {
    "imagenette": (
        "Imagenette (fast.ai, 160-pixel version): ten classes of ImageNet, 9,469 training and 3,925 validation "
        "pictures. The selection is under Apache 2.0; the pictures are ImageNet's and belong to their owners, under "
        "ImageNet's terms for non-commercial research and education. No picture is part of these files."
    ),
    "tiny-imagenet": (
        "Tiny ImageNet (Stanford CS231n): 200 classes of ImageNet at 64 pixels, 100,000 training and 10,000 "
        "validation pictures, under ImageNet's terms for non-commercial research and education. No picture is part "
        "of these files."
    ),
    "cifar10": (
        "CIFAR-10 (Krizhevsky 2009): ten classes at 32 pixels, 50,000 training and 10,000 test pictures, published "
        "without an explicit licence. No picture is part of these files."
    ),
}
"""What a data set is and under which terms, by name."""

MOST_CLASSES_WITHOUT_TOP5 = 10
"""Up to so many classes a card has no top-5: half of them would be named by chance."""


def train_command(recipe: Recipe) -> str:
    """The `xnorlab train` line that gives this recipe: only what differs from the default is spelled out."""
    default = recipe_for(recipe.dataset, recipe.model, recipe.scheme).to_dict()
    words = ["xnorlab train DATA --out RUN", f"--model {recipe.model}", f"--scheme {recipe.scheme}"]
    for name, value in recipe.to_dict().items():
        if value == default[name]:
            continue
        option = "--" + name.replace("_", "-")
        if name == "model_options":
            words += [f"--model-option {_word(f'{key}={_json_or_text(item)}')}" for key, item in value.items()]
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        else:
            words.append(" ".join([option, *map(_word, value if isinstance(value, list) else [value])]))
    return " ".join(words)


def _word(value: Any) -> str:
    """One word of a shell command, on one line."""
    return shlex.quote(one_line(value))


def _json_or_text(value: Any) -> str:
    """The value of an option as `xnorlab train` reads it back: False is JSON's false, a word is a word."""
    return value if isinstance(value, str) else json.dumps(value)


def card(network: ShippedNetwork, epochs: Sequence[dict[str, Any]], *, float32_bytes: int) -> str:
    """The card of a shipped network as Markdown text.

    Args:
        network: what the manifest says of it.
        epochs: the records of its run, one per epoch, as its history file holds them.
        float32_bytes: of the numbers in its packed file, see `zoo.cost.file_float32_bytes`.
    """
    recipe = network.recipe
    scheme = get_scheme(recipe.scheme)
    error = 100 * standard_error(network.top1, network.images)
    where = "" if network.hardware is None else f" on {network.hardware} in {network.precision}"
    source = "" if scheme.weights is None and scheme.inputs is None else f" ({scheme.source})"
    latent = "latent (training) weights, in 8 bits where only their signs and scales count"
    binarizer = scheme.weights and scheme.weights(1)
    if binarizer is None or binarizer.real_in_eval:  # all weights lie in the packed file
        latent = "what torch needs beside it"
    elif binarizer.gives_zeros:
        latent = "latent (training) weights, in float16"
    rows = "\n".join(f"| {name} | {in_markdown(_value(value))} |" for name, value in recipe.to_dict().items())
    last = epochs[-1]
    smaller = times_smaller(float32_bytes, network.bytes)
    known = in_markdown(", ".join(network.labels[:10])) + (", …" if len(network.labels) > 10 else "")
    data = DATASETS.get(recipe.dataset, f"{in_markdown(recipe.dataset)}, a folder of pictures.")
    data += "" if network.data_note is None else f" {network.data_note}"
    others = ", ".join(f"{100 * repeat.top1:.2f} % (seed {repeat.seed})" for repeat in network.repeats)
    others = f"| the same recipe with other seeds, packed | {others} |\n" if others else ""
    flips = last["flips"].values()
    flip_line = ""
    if flips:
        share = 100 * sum(flips) / len(flips)
        flip_line = f" In the last epoch {share:.2f} % of a layer's signs flipped, on average over the layers."
    return f"""# {in_markdown(recipe.name)}

{recipe.model} under the scheme "{scheme.title}"{source}, trained on {in_markdown(recipe.dataset)} with xnorlab.

| | |
|---|---|
| top-1, packed network, whole validation set | {100 * network.top1:.2f} % of {network.images:,} pictures |
{_top5(network)}| top-1, the same weights through torch, float32 | {100 * network.torch_top1:.2f} % |
| pictures that the two label differently | {network.labels_differ} |
{others}| packed file | {network.bytes:,} bytes, {smaller:.1f} times smaller than its numbers in float32 |
| {latent} | {network.latent_bytes:,} bytes |
| trained | {network.date}, {recipe.epochs} epochs in {_duration(network.trained_seconds)}{where} |

## Data

{data}

## How it was trained

The last epoch's weights are shipped; none was picked by its accuracy. The training loss ended at \
{last["train_loss"]:.3f}.{flip_line}
Curves, flips and weight histograms: `{one_line(network.history_file)}`.

To do it again, and to check the accuracy:

```
{train_command(recipe)}
xnorlab ship RUN --data DATA
xnorlab evaluate {_word(recipe.name)} --data DATA
```
{_sources(recipe)}
| recipe | |
|---|---|
{rows}

## Limits

It knows {len(network.labels)} classes: {known}.
It gives every picture one of them, whatever it shows. It sees the central square at {recipe.eval_size} pixels.
{_unknown(network.calibration)}The top-1 has a standard error of {error:.1f} points from the number of pictures alone.
It is the accuracy of one seed; another seed gives another one.
"""


def _unknown(calibration: Calibration | None) -> str:
    """When it says that a picture shows none of its classes, and how often it errs; empty where nobody measured it."""
    if calibration is None:
        return ""
    score = calibration.score + ("" if calibration.score == "logit" else f" at temperature {calibration.temperature:g}")
    told = [
        f"{100 * of.refused:.1f} % of {of.pictures:,} pictures of {of.classes} other classes ({in_markdown(of.data)}; "
        f"AUROC {of.auroc:.3f}) while {100 * of.own_passed:.1f} % of its own pass, shrunk to the same {of.side} pixels"
        for of in calibration.foreign
    ]
    return (
        f"Where its score ({score}) is below {calibration.threshold:.4g}, `is_unknown` says: none of its classes, "
        f"perhaps. This refuses {'; and '.join(told)}. At full size {100 * calibration.full_size_passed:.1f} % of its "
        "own pass. Score and threshold were chosen on other classes and other pictures (`xnorlab zoo calibrate`).\n"
    )


def _top5(network: ShippedNetwork) -> str:
    """A row of the table where a top-5 was measured and says something."""
    if network.top5 is None or len(network.labels) <= MOST_CLASSES_WITHOUT_TOP5:
        return ""
    return f"| top-5, packed network | {100 * network.top5:.2f} % |\n"


def _sources(recipe: Recipe) -> str:
    """Where the networks come from that this one learned from; empty where there are none."""
    names = list(dict.fromkeys(name for name in (recipe.teacher, recipe.start) if name is not None))
    if not names:
        return ""
    learned = in_markdown(" and ".join(names))
    return f"\nIt learned from {learned}: train first what is not shipped (`xnorlab zoo train` does).\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return " to ".join(f"{item:g}" for item in value) if isinstance(value, list) else str(value)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
