"""Every network under every scheme computes the same packed as in torch."""

import numpy as np
import pytest
import torch
from torch import nn

from xnorlab import export, models
from xnorlab.nn import SCHEMES, BinaryConv2d, conv_block, first_block, get_scheme
from xnorlab.nn.blocks import activation, linear
from xnorlab.runtime import Network

SIGN_SCHEMES = [name for name, scheme in SCHEMES.items() if scheme.inputs is not None]

NETWORKS = {"alexnet": ({"head": "pool"}, 128), "nin": ({}, 32), "resnet18": ({"width": 8, "stem": "cifar"}, 32)}


def build(trained, network, scheme):
    options, size = NETWORKS[network]
    return trained(models.build(network, scheme, 10, **options), 4, 3, size, size), (3, size, size)


def torch_inputs(model, x):
    """What each of our layers reads, by its path."""
    seen, hooks = {}, []
    for path, module in model.named_modules():
        if isinstance(module, BinaryConv2d):
            hook = module.register_forward_pre_hook(lambda m, args, *, path=path: seen.update({path: args[0].clone()}))
            hooks.append(hook)
    with torch.no_grad():
        logits = model(x)
    for hook in hooks:
        hook.remove()
    return logits.numpy(), seen


def differing_signs(model, network, x, nhwc):
    """For each binary convolution the share of input signs that differ between torch and the packed network."""
    _, seen = torch_inputs(model, x)
    values = {"input": nhwc(x)}
    network.run(nhwc(x), lambda op, value, seconds: values.update({op.name: value}))
    shares = {}
    for op in network.ops:
        if op.kind == "binary_conv":
            packed = values[op.inputs[0]] >= (0 if op.threshold is None else op.threshold)
            packed = packed if op.flip is None else packed ^ op.flip
            binarizer = model.get_submodule(op.name).input_binarizer
            with torch.no_grad():
                shares[op.name] = float((packed != (nhwc(binarizer(seen[op.name])) > 0)).mean())
    return shares


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("network", ["alexnet", "nin"])
def test_logits_and_labels_agree(trained, inputs, nhwc, network, scheme, tmp_path):
    model, shape = build(trained, network, scheme)
    packed = export.pack(model, inputs(1, *shape))
    packed.save(tmp_path / "packed")
    packed = Network.open(tmp_path / "packed")
    x = inputs(4, *shape, seed=5)
    with torch.no_grad():
        want = model(x).numpy()
    got = packed.run(nhwc(x))
    np.testing.assert_allclose(got, want, atol=1e-3 * max(1.0, np.abs(want).max()), rtol=0)
    np.testing.assert_array_equal(got.argmax(1), want.argmax(1))


@pytest.mark.parametrize("scheme", SIGN_SCHEMES)
@pytest.mark.parametrize(("network", "layers"), [("alexnet", 4), ("nin", 7)])
def test_every_sign_is_torchs(trained, inputs, nhwc, network, layers, scheme):
    """The first layer's sums are exact and no other real layer follows, so that no rounding can turn a sign."""
    model, shape = build(trained, network, scheme)
    packed = export.pack(model, inputs(1, *shape))
    shares = differing_signs(model, packed, inputs(2, *shape, seed=7), nhwc)
    assert len(shares) == layers
    assert set(shares.values()) == {0.0}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_resnet_differs_by_no_more_than_rare_rounding(trained, inputs, nhwc, scheme):
    """The real 1×1 shortcuts round in another order, so that a sign may flip where torch flips its own too."""
    model, shape = build(trained, "resnet18", scheme)
    packed = export.pack(model, inputs(2, *shape))  # checks each op against torch on torch's own values
    x = inputs(4, *shape, seed=5)
    shares = differing_signs(model, packed, x, nhwc)
    assert len(shares) == (16 if scheme in SIGN_SCHEMES else 0)
    assert all(share < 1e-3 for share in shares.values())
    if not any(shares.values()):
        with torch.no_grad():
            want = model(x).numpy()
        np.testing.assert_allclose(packed.run(nhwc(x)), want, atol=1e-3 * max(1.0, np.abs(want).max()), rtol=0)


@pytest.mark.parametrize("scheme", ["float", "bnn", "bwn", "xnor", "bireal", "reactnet"])
def test_dense_layers_keep_the_order_of_their_flattened_map(inputs, nhwc, scheme):
    """The layers of models.alexnet(head="dense"), narrow enough for a test, on a map that is not square."""
    chosen = get_scheme(scheme)
    dense, width = linear(chosen, 12 * 3 * 5, 20), 12 * 3 * 5
    norm_first = chosen.order == "norm-sign-conv"
    after = [nn.BatchNorm1d(width), dense] if norm_first else [dense, nn.BatchNorm1d(20), activation(chosen, 20)]
    body = [first_block(chosen, 8, 3), conv_block(chosen, 8, 12, 3)]
    model = nn.Sequential(*body, nn.Flatten(), *after, nn.Linear(20, 4))
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0, 0.3)
    packed = export.pack(model, inputs(2, 3, 7, 9))
    x = inputs(5, 3, 7, 9, seed=3)
    with torch.no_grad():
        want = model.eval()(x).numpy()
    np.testing.assert_allclose(packed.run(nhwc(x)), want, atol=1e-3 * max(1.0, np.abs(want).max()), rtol=0)


def test_packed_sizes_are_a_bit_a_weight(trained, inputs, tmp_path):
    model, shape = build(trained, "alexnet", "xnor")
    packed = export.pack(model, inputs(1, *shape))
    packed.save(tmp_path / "x")
    binary = [m for m in model.modules() if isinstance(m, BinaryConv2d)]
    weights = sum(m.weight.numel() for m in binary)
    rows = [row for row in packed.summary() if row.weight_bits == 1]
    per_filter = sum(8 * m.out_channels for m in binary)
    thresholds = sum(5 * m.in_channels for m in binary)
    assert weights // 8 <= sum(row.weight_bytes for row in rows) <= weights // 8 + per_filter + thresholds
    assert (tmp_path / "x").stat().st_size < sum(p.numel() for p in model.parameters()) * 4 / 20
