"""Small modules that researchers write either pack with torch's outputs or are refused in a sentence."""

from typing import Any

import numpy as np
import pytest
import torch
from own_modules import table

from xnorlab import export
from xnorlab.export import ExportError

TABLE = table()


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
    packed = export.pack(model, example)
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


def test_at_least_three_quarters_of_the_table_must_pack():
    assert sum(not case.refused for case in TABLE.values()) >= 3 * len(TABLE) / 4
