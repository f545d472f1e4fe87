"""One name for every layer, from its path in the network, on every page and under every scheme."""

import collections
import re
from collections.abc import Iterable

_OWN = re.compile(r"(conv|fc)\d+")


def layer_names(paths: Iterable[str]) -> dict[str, str]:
    """Short names of layers by their paths: conv1, conv2, …, shortcut1, … or classifier, in the order of execution.

    A step of the path that is such a name already gives it (features.conv2.conv → conv2). In a residual network the
    stem is conv1, the convolutions of the blocks follow, and those on shortcuts are counted apart; so a list without
    the layers that stay real has the same names. Any other layer keeps its path, and so do several
    layers that would share a name.

    Args:
        paths: of layers with weights, as torch names them.
    """
    names, convs, shortcuts = {}, 1, 0
    for path in sorted(paths, key=_place):
        steps = path.split(".")
        own = next(filter(_OWN.fullmatch, steps), None)
        if own is not None:
            names[path] = own
        elif steps[0] == "stem":
            names[path] = "conv1"
        elif "shortcut" in steps:
            shortcuts += 1
            names[path] = f"shortcut{shortcuts}"
        elif steps[0] == "blocks":
            convs += 1
            names[path] = f"conv{convs}"
        else:
            names[path] = path
    counts = collections.Counter(names.values())
    return {path: name if counts[name] == 1 else path for path, name in names.items()}


def _place(path: str) -> tuple[bool, bool, list[tuple[int, str]]]:
    """A key to sort paths by: the stem first, the classifier last, 2 before 10."""
    steps = [(int(step), "") if step.isdigit() else (-1, step) for step in path.split(".")]
    return not path.startswith("stem."), path == "classifier", steps
