"""The figures of a shipped network: they add up, and follow from the file."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from xnorlab import pretrained
from xnorlab.kernels.packing import pack_ternary
from xnorlab.runtime import Network, ops
from xnorlab.zoo.cost import (
    ASSUMED_OPERATIONS_PER_S,
    BINARY,
    FIRST,
    HEADER,
    INNER,
    LAST,
    TERNARY,
    amdahl_limit,
    architecture,
    core_hours,
    file_float32_bytes,
    network_cost,
    standard_error,
)
from xnorlab.zoo.recipe import Recipe


@pytest.fixture(scope="module")
def costs():
    by_scheme = {}
    for scheme in ("float", "bwn", "xnor"):
        name = f"imagenette/alexnet-{scheme}"
        network = pretrained.load(name)
        network.run(np.zeros((1, *network.input_shape), np.float32))
        by_scheme[scheme] = network_cost(pretrained.entry(name), network)
    return by_scheme


def test_the_number_of_classes_is_that_of_the_labels(costs):
    assert {cost.classes for cost in costs.values()} == {10}


def test_parts_add_up_to_the_file(costs):
    for cost in costs.values():
        assert sum(cost.parts.values()) == cost.file_bytes == pretrained.path(cost.name).stat().st_size


def test_only_first_and_last_layer_of_a_binary_network_are_real(costs):
    for scheme in ("bwn", "xnor"):
        assert set(costs[scheme].parts) == {BINARY, FIRST, LAST, HEADER}
    assert INNER in costs["float"].parts
    assert BINARY not in costs["float"].parts
    assert costs["float"].binary_times_smaller is None


def test_binary_layers_take_a_32nd_but_for_scales_and_thresholds(costs):
    for scheme in ("bwn", "xnor"):
        assert 30 < costs[scheme].binary_times_smaller < 32
        assert costs[scheme].times_smaller < costs[scheme].binary_times_smaller


def test_weights_are_in_memory_once_but_for_what_kernels_add(costs):
    assert costs["xnor"].resident_bytes < 2 * costs["xnor"].file_bytes
    assert costs["float"].float32_bytes < costs["float"].resident_bytes < 1.02 * costs["float"].float32_bytes
    assert costs["float"].times_smaller == pytest.approx(2, abs=0.01)  # float16 in the file


def test_signs_take_a_bit_each_where_words_are_full(costs):
    for scheme in ("bwn", "xnor"):
        cost = costs[scheme]
        assert 8 * cost.sign_bytes == cost.signs > 2_000_000  # every layer has a multiple of 64 channels
        assert cost.sign_bytes < cost.parts[BINARY]
    assert (costs["float"].signs, costs["float"].sign_bytes) == (0, 0)
    assert [costs[s].only_weights_are_packed for s in ("float", "bwn", "xnor")] == [False, True, False]


@pytest.fixture(scope="module")
def ternary(tmp_path_factory):
    """A network with two real layers around a ternary one, and its figures."""
    weight = np.random.default_rng(0).standard_normal((64, 3, 3, 64)).astype(np.float32)
    words, nonzero = pack_ternary(np.round(weight))
    network = Network(
        [
            ops.Conv(name="first", inputs=("input",), weight=weight[..., :3].copy()),
            ops.TernaryWeightConv(name="second", inputs=("first",), words=words, nonzero=nonzero, channels=64),
            ops.Conv(name="last", inputs=("second",), weight=weight[:10, :1, :1].copy()),
        ],
        input_shape=(12, 12, 3),
    )
    path = tmp_path_factory.mktemp("ternary") / "network.safetensors"
    network.save(path)
    facts = {"name": "a/b-ternary", "model": "b", "scheme": "ternary", "top1": 0.5, "repeats": (), "images": 9}
    shipped = SimpleNamespace(**facts, labels=["x"], bytes=path.stat().st_size)
    return path, network_cost(shipped, network)


def test_ternary_layers_are_a_part_of_their_own_of_two_bits_a_weight(ternary):
    path, cost = ternary
    assert set(cost.parts) == {TERNARY, FIRST, LAST, HEADER}
    assert cost.parts[TERNARY] == 2 * 64 * 9 * 64 // 8
    assert cost.only_weights_are_packed
    assert (cost.signs, cost.binary_times_smaller, cost.binary_macs) == (0, None, 0)
    assert cost.float32_bytes == file_float32_bytes(path) == 4 * (64 * 9 * 67 + 10 * 64)


def test_the_numbers_of_a_file_are_those_of_its_ops(costs):
    for cost in costs.values():
        assert file_float32_bytes(pretrained.path(cost.name)) == cost.float32_bytes


def test_every_scheme_multiplies_and_adds_as_often_and_only_signs_cost_less(costs):
    macs = {cost.real_macs + cost.binary_macs for cost in costs.values()}
    assert len(macs) == 1
    assert costs["bwn"].predicted_operations == costs["float"].predicted_operations
    xnor = costs["xnor"]
    assert xnor.predicted_operations == xnor.real_macs + xnor.binary_macs / 64
    assert xnor.predicted_seconds == xnor.predicted_operations / ASSUMED_OPERATIONS_PER_S


def test_standard_error_is_that_of_a_share(costs):
    cost = costs["xnor"]
    assert cost.standard_error == standard_error(cost.top1, cost.images)
    assert standard_error(0.5, 400) == 0.025


def test_core_hours_and_amdahls_limit():
    assert core_hours(0.0036) == pytest.approx(1000)
    assert core_hours(1, images=7200) == 2
    assert amdahl_limit(8.0, 2.0) == 4.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: core_hours(-1), "seconds_an_image=-1"),
        (lambda: core_hours(1, images=math.nan), "images=nan"),
        (lambda: amdahl_limit(1, 0), "part_s=0"),
        (lambda: amdahl_limit(0, 1), "whole_s=0"),
    ],
)
def test_impossible_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_network_that_differs_from_its_papers_says_so():
    def recipe(model: str, **options: object) -> Recipe:
        return Recipe(model=model, model_options=options)

    assert architecture(recipe("resnet18", width=32)) == "ResNet-18, width 32 of 64"
    assert architecture(recipe("resnet18", width=64)) == architecture(recipe("resnet18")) == "ResNet-18"
    assert architecture(recipe("alexnet", head="pool")) == "AlexNet, pooled head"
    assert architecture(recipe("resnet18", width=32, stem="tiny")) == "ResNet-18, width 32 of 64, 3×3 stem"
    assert architecture(recipe("resnet18", stem="cifar")) == "ResNet-18, 3×3 stem without stride"
    assert architecture(recipe("resnet18", stem="imagenet")) == "ResNet-18"
    assert architecture(recipe("quicknet", size="small", width=32)) == "QuickNet small, width 32 of 64"
    assert architecture(recipe("vgg_small", head="dense")) == "ConvNet"
    assert architecture(recipe("vgg_small", head="pool")) == "VGG-small, pooled head"
    assert architecture(recipe("lenet")) == "lenet"
