"""`speed_up`: what `accelerate` gains on a model, measured layer by layer and as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorlab import units
from xnorlab.benchmark.timing import interleaved
from xnorlab.export import prepare
from xnorlab.export.acceleration import accelerate
from xnorlab.kernels.threads import run_lock
from xnorlab.nn import BinaryConv2d, BinaryLinear


@dataclass(frozen=True)
class LayerSpeedUp:
    """The times of one replaced layer on the input that its first call had; medians.

    Attributes:
        path: of the layer.
        shape: of its input.
        calls: how often a run of the model calls it.
        torch_s: seconds of the layer in torch, which takes signs and scales of the weights anew at each call.
        float_s: seconds of torch's plain float32 convolution or matrix of that size.
        packed_s: seconds of the packed layer.
        difference: largest difference of packed and torch's output.
    """

    path: str
    shape: tuple[int, ...]
    calls: int
    torch_s: float
    float_s: float
    packed_s: float
    difference: float


@dataclass(frozen=True)
class SpeedUp:
    """What `accelerate` gains on a model; print it for a table.

    Attributes:
        layers: the replaced layers in the order of their first calls.
        not_called: paths of replaced layers that the run did not call as submodules.
        left: the binary layers that stay torch's, by path, with the reason.
        torch_s: seconds of the model in torch, a median.
        accelerated_s: seconds of the accelerated model, a median.
        difference: largest difference of the outputs' numbers; NaN where the outputs hold no tensors of equal shapes.
        threads: of torch and of the kernels.
    """

    layers: tuple[LayerSpeedUp, ...]
    not_called: tuple[str, ...]
    left: dict[str, str]
    torch_s: float
    accelerated_s: float
    difference: float
    threads: int

    @property
    def factor(self) -> float:
        """How many times less time the accelerated model takes."""
        return self.torch_s / self.accelerated_s

    def __str__(self) -> str:
        head = ("layer", "input", "calls", "torch ms", "float32 ms", "packed ms", "×")
        rows = [
            (
                layer.path or "the model",
                "×".join(map(str, layer.shape)),
                str(layer.calls),
                units.milliseconds(layer.torch_s),
                units.milliseconds(layer.float_s),
                units.milliseconds(layer.packed_s),
                units.significant(layer.torch_s / layer.packed_s),
            )
            for layer in self.layers
        ]
        total = (units.milliseconds(self.torch_s), "", units.milliseconds(self.accelerated_s))
        rows.append(("whole model", "", "", *total, units.significant(self.factor)))
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        lines = [_line(row, widths) for row in (head, *rows)]
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        lines.append(f"medians, {threads}; outputs differ by at most {self.difference:.2g}")
        lines += [f"{path}: replaced, but not called as a submodule on this input" for path in self.not_called]
        lines += [f"{path or 'the model'}: stays torch's; {reason}" for path, reason in self.left.items()]
        return "\n".join(lines)


def speed_up(model: nn.Module, *inputs: Any, repeats: int = 15) -> SpeedUp:
    """Measure what `accelerate` gains on a model: each replaced layer, and the whole.

    A layer's torch time is that of the layer as it stands in the model, in evaluation. It takes the signs and the scale
    of its weights at each call, so that the plain float32 layer of that size is timed beside it. The calls take turns;
    times are medians, with as many threads as torch uses, the kernels as well.

    Args:
        model: as `accelerate` takes it; it stays as it is.
        inputs: what the model is called with, real ones at the size and in the memory order that count.
        repeats: rounds of the measurement.

    Returns:
        The times. `print` shows them as a table.

    Raises:
        ExportError: `accelerate` refuses the model.

    >>> from xnorlab.nn import BinaryConv2d
    >>> from xnorlab.binarize import ClippedSign, MeanScale
    >>> model = BinaryConv2d(64, 64, 3, weight_binarizer=MeanScale(), input_binarizer=ClippedSign())
    >>> speed_up(model, torch.ones(1, 64, 14, 14), repeats=1).difference
    0.0
    """
    fast = accelerate(model)
    slow = prepare.evaluating_copy(model)
    with torch.no_grad(), run_lock:
        seen = _first_inputs(slow, set(fast.replaced), inputs)
        layers = tuple(
            _measured(path, x, calls, slow.get_submodule(path), fast.replaced[path], repeats)
            for path, (x, calls) in seen.items()
        )
        answers: dict[str, Any] = {}
        whole = interleaved(
            {"torch": lambda: slow(*inputs), "accelerated": lambda: fast(*inputs)},
            repeats=repeats,
            threads=torch.get_num_threads(),
            check=answers.__setitem__,
        )
    return SpeedUp(
        layers=layers,
        not_called=tuple(path for path in fast.replaced if path not in seen),
        left=fast.left,
        torch_s=whole["torch"].median_s,
        accelerated_s=whole["accelerated"].median_s,
        difference=_difference(answers["torch"], answers["accelerated"]),
        threads=torch.get_num_threads(),
    )


def _first_inputs(model: nn.Module, paths: set[str], inputs: tuple[Any, ...]) -> dict[str, tuple[Tensor, int]]:
    """The input of each layer's first call in a run, and the number of its calls."""
    seen: dict[str, tuple[Tensor, int]] = {}

    def note(path: str, x: Tensor) -> None:
        first, calls = seen.get(path, (x, 0))
        seen[path] = (first if calls else x.clone(), calls + 1)

    hooks = [
        model.get_submodule(path).register_forward_pre_hook(partial(lambda path, _, args: note(path, args[0]), path))
        for path in paths
    ]
    try:
        model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _measured(path: str, x: Tensor, calls: int, slow: nn.Module, packed: nn.Module, repeats: int) -> LayerSpeedUp:
    assert isinstance(slow, BinaryConv2d | BinaryLinear)
    answers: dict[str, Any] = {}
    weight = slow.weight.detach()

    def real() -> Tensor:
        if isinstance(slow, BinaryLinear):
            return F.linear(x, weight)
        return F.conv2d(x, weight, None, slow.stride, slow.padding, slow.dilation, slow.groups)

    timings = interleaved(
        {"torch": lambda: slow(x), "float": real, "packed": lambda: packed(x)},
        repeats=repeats,
        threads=torch.get_num_threads(),
        check=answers.__setitem__,
    )
    return LayerSpeedUp(
        path=path,
        shape=tuple(x.shape),
        calls=calls,
        torch_s=timings["torch"].median_s,
        float_s=timings["float"].median_s,
        packed_s=timings["packed"].median_s,
        difference=_difference(answers["torch"], answers["packed"]),
    )


def _difference(a: Any, b: Any) -> float:
    """The largest difference of two results' numbers; NaN where they hold no tensors of equal shapes."""
    pairs = list(zip(_tensors(a), _tensors(b), strict=False))
    if not pairs or any(left.shape != right.shape for left, right in pairs):
        return float("nan")
    return max(float((left.double() - right.double()).abs().max()) if left.numel() else 0.0 for left, right in pairs)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    """A row of the table: the first two columns to the left, numbers to the right."""
    padded = [row[i].ljust(widths[i]) if i < 2 else row[i].rjust(widths[i]) for i in range(len(row))]
    return "  ".join(padded).rstrip()
