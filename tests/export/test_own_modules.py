"""Small modules that researchers write pack with torch's outputs and come back from ONNX, or are refused."""

from typing import Any

import numpy as np
import pytest
import torch
from own_modules import table

from xnorlab import export
from xnorlab.export import ExportError
from xnorlab.runtime import Network, ops

TABLE = table()
PACKED: dict[str, Network] = {}
"""Modules that a test has packed, for the next test of this process."""

NOT_WRITTEN = ("adaptive_pool", "pixel_unshuffle", "spread")
"""Kinds of ops that ONNX has no counterpart for."""


def flat(result: Any, prefix: str = "") -> dict[str, torch.Tensor]:
    """The tensors of a model's result, by their place in it; a single one has the name ""."""
    if isinstance(result, torch.Tensor):
        return {prefix: result}
    places = result.items() if isinstance(result, dict) else enumerate(result)
    start = f"{prefix}." if prefix else ""
    return {name: tensor for place, part in places for name, tensor in flat(part, f"{start}{place}").items()}


@pytest.mark.parametrize("name", TABLE)
def test_a_module_packs_with_torchs_outputs_or_is_refused(trained, inputs, nhwc, name):
    case = TABLE[name]
    model, example = trained(case.make(), 4, *case.shape), inputs(2, *case.shape, seed=2)
    if case.refused:
        with pytest.raises(ExportError, match=case.refused):
            export.pack(model, example)
        return
    packed = PACKED[name] = export.pack(model, example)
    x = inputs(3, *case.shape, seed=3)
    with torch.no_grad():
        want = flat(model(x))
    got = packed.run(nhwc(x))
    results = got if isinstance(got, dict) else {"": got}
    assert list(results) == list(want)
    for place, tensor in want.items():
        expected = nhwc(tensor)
        limit = 1e-4 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(results[place], expected, atol=limit, rtol=0, err_msg=place)


def has_own_count(op: ops.Op) -> bool:
    """Whether a pool counts as no AveragePool of ONNX does."""
    return isinstance(op, ops.CountedAvgPool) and bool(op.divisor or (op.ceil_mode and op.count_include_pad))


@pytest.mark.parametrize("name", [name for name, case in TABLE.items() if not case.refused])
def test_what_is_written_to_onnx_is_read_with_equal_outputs(trained, inputs, nhwc, name, tmp_path):
    case = TABLE[name]
    if name not in PACKED:
        PACKED[name] = export.pack(trained(case.make(), 4, *case.shape), inputs(2, *case.shape, seed=2))
    packed = PACKED.pop(name)
    if any(op.kind in NOT_WRITTEN or has_own_count(op) for op in packed.ops):
        with pytest.raises(ExportError, match="has no counterpart in ONNX here"):
            export.to_onnx(packed, tmp_path / "n.onnx")
        return
    export.to_onnx(packed, tmp_path / "n.onnx")
    opened = export.from_onnx(tmp_path / "n.onnx")
    x = nhwc(inputs(3, *case.shape, seed=3))
    want, got = (result if isinstance(result, dict) else {"": result} for result in (packed.run(x), opened.run(x)))
    assert list(got) == list(want)
    for place, expected in want.items():
        np.testing.assert_allclose(got[place], expected, atol=1e-6, rtol=1e-6, err_msg=place)


def test_at_least_three_quarters_of_the_table_must_pack():
    assert sum(not case.refused for case in TABLE.values()) >= 3 * len(TABLE) / 4
