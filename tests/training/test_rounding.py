import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xnorlab.binarize import weight_scale
from xnorlab.models import build
from xnorlab.nn import BinaryConv2d
from xnorlab.training.classification import binary_layers
from xnorlab.training.rounding import (
    eight_bits_with_signs,
    first_real_convolution,
    fixed_point,
    round_weights_,
    shipped_tensors,
)
from xnorlab.zoo import latent_weights


def filters(*shape: int, scale: float = 1.0, seed: int = 0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def grid_numbers(row: np.ndarray) -> np.ndarray:
    """A filter divided by the largest power of two of which all its weights are multiples."""
    step = np.exp2(np.floor(np.log2(np.abs(row[row != 0]).min())))
    while not np.array_equal(row / step, np.rint(row / step)):
        step /= 2
    return row / step


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.sampled_from([3, 27, 363, 4000]), st.floats(-12, 4), st.integers(0, 2**16))
def test_sums_over_pictures_are_exact_in_any_order(n: int, size: int, log_scale: float, seed: int):
    weight = fixed_point(filters(n, size, scale=2.0**log_scale, seed=seed))
    for row in weight.double().numpy():
        numbers = grid_numbers(row)
        assert np.abs(numbers).max() <= 2047
        assert 128 * np.abs(numbers).sum() < 2**24
    random = np.random.default_rng(seed)
    x = (random.integers(0, 256, size).astype(np.float32) - 128) / 64
    order = random.permutation(size)
    for row in weight.numpy():
        exact = float((row.astype(np.float64) * x).sum())
        assert float(np.cumsum(row * x, dtype=np.float32)[-1]) == exact
        assert float(np.cumsum((row * x)[order], dtype=np.float32)[-1]) == exact


def test_the_grid_is_the_finest_that_keeps_sums_exact():
    weight = filters(64, 363, scale=0.07)
    rounded = fixed_point(weight)
    for row in rounded.double().numpy():
        numbers = grid_numbers(row)
        assert 2 * np.abs(numbers).max() > 2046 or 2 * 128 * np.abs(numbers).sum() > 0.99 * 2**24
    assert (rounded - weight).abs().max() < 0.001 * weight.abs().max()


def test_a_rounded_filter_stays_where_it_is_and_fits_float16():
    weight = fixed_point(filters(8, 3, 11, 11, scale=0.07))
    assert torch.equal(fixed_point(weight), weight)
    assert torch.equal(weight.half().float(), weight)


def test_filters_of_zeros_and_of_next_to_nothing():
    weight = torch.zeros(2, 27)
    weight[1] = 1e-12
    assert torch.equal(fixed_point(weight), torch.zeros(2, 27))


def test_weights_beyond_float16_are_refused():
    with pytest.raises(ValueError, match="must be finite"):
        fixed_point(torch.tensor([[1.0, float("nan")]]))
    with pytest.raises(ValueError, match=r"values up to 1e\+05; float16 ends at 65,504"):
        fixed_point(torch.tensor([[1e5]]))
    with pytest.raises(ValueError, match="must be finite to be rounded to 8 bits"):
        eight_bits_with_signs(torch.tensor([[1.0, float("inf")]]))


@settings(max_examples=30, deadline=None)
@given(st.floats(-20, 4), st.integers(0, 2**16))
def test_eight_bits_keep_signs_scales_and_shapes(log_scale: float, seed: int):
    weight = filters(5, 7, 3, 3, scale=2.0**log_scale, seed=seed)
    rounded = eight_bits_with_signs(weight)
    assert torch.equal(rounded >= 0, weight >= 0)
    assert torch.equal(eight_bits_with_signs(rounded), rounded)
    step = rounded.abs().flatten(1).amax(1) / 127
    numbers = rounded.flatten(1) / step[:, None]
    assert (numbers - numbers.round()).abs().max() < 1e-4
    assert ((rounded - weight).flatten(1).abs() <= 1.5 * step[:, None]).all()
    moved = weight_scale(rounded).double() / weight_scale(weight).double() - 1
    assert moved.abs().max() < 3e-7, "α is what the network sees of the magnitudes"


def test_next_to_nothing_keeps_its_sign():
    weight = torch.tensor([[1e-9, -1e-9, 0.0, -0.0, -3e-8, -(2.0**-24)], [-1e-40, 1.0, 0.5, -1.0, 0.0, 1e-3]])
    assert torch.equal(eight_bits_with_signs(weight) >= 0, weight >= 0)
    nothing = torch.tensor([[0.0, -1e-44, 1e-44]])
    assert torch.equal(eight_bits_with_signs(nothing) >= 0, nothing >= 0)


def test_first_real_convolution_is_the_one_over_pictures():
    model = build("resnet18", "xnor", 3, width=8)
    assert first_real_convolution(model) is model[0][0]
    assert first_real_convolution(nn.Sequential(BinaryConv2d(3, 8, 3), nn.Conv2d(8, 8, 1))) is None


@pytest.mark.parametrize("scheme", ["float", "binaryconnect", "binaryconnect-stochastic", "xnor", "reactnet"])
def test_a_rounded_model_is_stored_without_loss_and_keeps_its_signs(scheme: str):
    torch.manual_seed(0)
    model = build("resnet18", scheme, 3, width=8)
    with torch.no_grad():
        for _, layer in binary_layers(model):
            layer.weight.mul_(1e-5)
    before = {name: layer.weight >= 0 for name, layer in binary_layers(model)}
    with pytest.raises(ValueError, match="is not rounded"):
        shipped_tensors(model, {})
    tensors = shipped_tensors(round_weights_(model), {})
    unpacked = latent_weights.unpacked({name: value.numpy() for name, value in tensors.items()}, {})
    state = {name: value for name, value in model.state_dict().items() if "num_batches_tracked" not in name}
    assert unpacked.keys() == state.keys()
    in_eight_bits = {f"{name}.weight" for name in before} if scheme != "binaryconnect-stochastic" else set()
    for name, value in state.items():
        assert np.array_equal(unpacked[name], value.numpy()), name
        expected = torch.int8 if name in in_eight_bits else torch.float16 if value.dim() > 1 else torch.float32
        assert tensors[name].dtype == expected, name
    if in_eight_bits:
        assert all(torch.equal(layer.weight >= 0, before[name]) for name, layer in binary_layers(model))


@pytest.mark.parametrize("scheme", ["ternary", "ternary-twn"])
def test_ternary_weights_are_stored_in_float16_and_hardly_any_changes_its_value(scheme: str):
    torch.manual_seed(0)
    model = build("resnet18", scheme, 3, width=8)
    before = {name: layer.weight_binarizer.signs(layer.weight) for name, layer in binary_layers(model)}
    tensors = shipped_tensors(round_weights_(model), {})
    assert not [name for name in tensors if name.endswith(latent_weights.STEP)]
    assert all(tensors[f"{name}.weight"].dtype == torch.float16 for name in before)
    after = {name: layer.weight_binarizer.signs(layer.weight) for name, layer in binary_layers(model)}
    changed = sum((after[name] != before[name]).sum().item() for name in before)
    assert changed < 0.001 * sum(values.numel() for values in before.values())


def test_what_the_packed_file_holds_is_not_stored_twice():
    model = round_weights_(build("resnet18", "xnor", 3, width=8))
    alike, other = "classifier.weight", "stem.conv.weight"
    state = {name: model.state_dict()[name].numpy() for name in (alike, other)}
    packed = {
        alike: state[alike].astype(np.float16),
        other: np.moveaxis(state[other], 1, -1) + 1,
        "blocks.0.steps.0.branch.first.conv.weight": np.zeros((8, 3, 3, 1), np.uint64),
    }
    tensors = shipped_tensors(model, packed)
    assert alike not in tensors
    assert other in tensors
    back = latent_weights.unpacked({name: value.numpy() for name, value in tensors.items()}, packed)
    assert all(np.array_equal(back[name], state[name]) for name in state)
    packed[other] = np.moveaxis(state[other], 1, -1)
    assert other not in shipped_tensors(model, packed)
    assert np.array_equal(latent_weights.real_weights(packed)[other], state[other])
