"""Interpolation: ONNX's Resize and the older Upsample, where they do what torch does."""

from typing import Any

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.constants import constant
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Known, Value
from xnorlab.runtime import ops

_KINDS: dict[tuple[str, str, str], tuple[str, bool]] = {
    ("nearest", "asymmetric", "floor"): ("nearest", False),
    ("nearest", "half_pixel", "round_prefer_ceil"): ("nearest-exact", False),
    ("linear", "half_pixel", ""): ("bilinear", False),
    ("linear", "pytorch_half_pixel", ""): ("bilinear", False),
    ("linear", "align_corners", ""): ("bilinear", True),
}
"""By mode, coordinate_transformation_mode and nearest_mode: torch's mode and align_corners."""


@reads("Resize")
def _resize(
    reader: Reader,
    node: Node,
    x: Known,
    roi: Known | None = None,
    scales: Known | None = None,
    sizes: Known | None = None,
) -> Value:
    mode = node.attributes.get("mode", "nearest")
    where = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    rounding = node.attributes.get("nearest_mode", "round_prefer_floor") if mode == "nearest" else ""
    factors = None if scales is None else constant(scales, "scales").reshape(-1).tolist()
    whole = None if sizes is None else constant(sizes, "sizes").reshape(-1).tolist()
    if mode == "nearest" and _repeats(where, rounding, _growth(reader, x, factors, whole)):
        where, rounding = "asymmetric", "floor"
    given = mode, where, rounding
    unusual = [name for name in ("antialias", "exclude_outside") if node.attributes.get(name)]
    if given not in _KINDS or unusual or node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        rule = "; ".join(" ".join(each).strip() for each in _KINDS)
        raise ExportError(f"{' '.join((*given, *unusual)).strip()} cannot be read; the rule is one of {rule}")
    return _of(reader, node, x, *_KINDS[given], factors, whole)


@reads("Upsample")
def _upsample(reader: Reader, node: Node, x: Known, scales: Known) -> Value:
    """What Resize was up to version 9 of ONNX's operators."""
    mode = node.attributes.get("mode", "nearest")
    if mode != "nearest":
        raise ExportError(f"mode={mode!r} cannot be read; the rule is nearest, or Resize")
    return _of(reader, node, x, "nearest", False, constant(scales, "scales").reshape(-1).tolist(), None)


def _growth(reader: Reader, x: Known, factors: list[float] | None, sizes: list[int] | None) -> list[float]:
    """The factors by which height and width grow."""
    if factors:
        return factors[-2:]
    return [size / own for size, own in zip((sizes or ())[-2:], reader.shape(reader.real(x)), strict=False)]


def _repeats(where: str, rounding: str, growth: list[float]) -> bool:
    """Whether each pixel is repeated as often as its map grows, as torch's "nearest" does."""
    if any(factor != int(factor) for factor in growth):
        return False
    centred = where in ("half_pixel", "pytorch_half_pixel") and rounding.startswith("round")
    return centred or (where == "asymmetric" and rounding == "round_prefer_floor" and max(growth, default=0) <= 2)


def _of(
    reader: Reader, node: Node, x: Known, mode: str, corners: bool, factors: list[float] | None, sizes: list[int] | None
) -> Value:
    value = reader.real(x)
    shape, axes = reader.shape(value), node.attributes.get("axes", (0, 1, 2, 3))
    numbers: Any = factors or sizes
    if len(shape) != 3 or not numbers or len(numbers) != len(axes) or tuple(axes)[-2:] != (2, 3):
        raise ExportError(f"has {numbers} for a value of shape {shape}; the rule is scales or sizes of a map's axes")
    kept = [1, 1] if factors else [reader.graph.batch or 0, shape[2]]
    ahead = [kept[axis] for axis in axes[:-2]]
    if any(number != own for number, own in zip(numbers, ahead, strict=False)):
        raise ExportError(f"resizes the batch or the channels: {numbers}")
    fields: dict[str, Any] = {"mode": mode, "align_corners": corners, "size": None, "factors": None}
    if factors:
        fields["factors"] = tuple(float(factor) for factor in factors[-2:])
    else:
        fields["size"] = tuple(int(size) for size in numbers[-2:])
    return reader.emit(node.name, ops.Resize, value, **fields)
