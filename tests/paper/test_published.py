"""The published figures are the printed ones, each once, with their sources."""

import pytest

from xnorlab.paper.published import INT8, PAPER, PUBLISHED_ACCURACY, PUBLISHED_MEMORY, TORCHVISION, accuracy


def test_published_rows_are_marked_and_sourced():
    for row in (*PUBLISHED_ACCURACY, *PUBLISHED_MEMORY):
        assert row.origin == "published"
        assert row.source
    memory = {row.network: row.float64_bytes / row.binary_bytes for row in PUBLISHED_MEMORY}
    assert all(60 < ratio < 70 for ratio in memory.values()), "double precision to one bit is 64×"


def test_published_tables_hold_the_papers_numbers():
    tables = {f"{PAPER}, Table 1", f"{PAPER}, Table 2"}
    printed = {(r.network, r.scheme): (r.top1, r.top5) for r in PUBLISHED_ACCURACY if r.source in tables}
    assert printed[("AlexNet", "xnor")] == (44.2, 69.2)
    assert printed[("AlexNet", "bnn")] == (27.9, 50.42)
    assert printed[("ResNet-18", "bwn")] == (60.8, 83.0)
    assert printed[("GoogLeNet variant", "float")] == (71.3, 90.0)
    assert len(printed) == 10


def test_an_accuracy_is_one_share_of_the_pictures_and_stands_once():
    keys = [(row.network, row.scheme, row.data, row.source, row.note) for row in PUBLISHED_ACCURACY]
    assert len(set(keys)) == len(keys)
    for row in PUBLISHED_ACCURACY:
        assert 0 < row.top1 < (100 if row.top5 is None else row.top5) < 100.5, row


def test_later_systems_and_the_first_main_result_of_a_network():
    printed = {
        ("QuickNet small", "bnn"): 59.4,
        ("QuickNet", "bnn"): 63.3,
        ("QuickNet large", "bnn"): 66.9,
        ("ResNet-18", "bireal"): 56.4,
        ("ResNet-18", "reactnet"): 65.9,
        ("ReActNet-A", "reactnet"): 69.4,
        ("AlexNet", "xnor"): 44.2,
        ("ResNet-18", "float"): 69.3,
    }
    assert {key: accuracy(*key).top1 for key in printed} == printed
    assert accuracy("ResNet-18", "float", source=TORCHVISION).top1 == 69.758
    with pytest.raises(ValueError, match="network='ResNet-18', scheme='ternary', data='ImageNet' has no published"):
        accuracy("ResNet-18", "ternary")


def test_torchvisions_rows_are_those_of_its_own_table():
    from torchvision import models
    from torchvision.models import quantization

    names = {
        "ResNet-18": "ResNet18",
        "ResNet-34": "ResNet34",
        "SqueezeNet 1.1": "SqueezeNet1_1",
        "MobileNetV3-small": "MobileNet_V3_Small",
        "ShuffleNetV2 ×1.0": "ShuffleNet_V2_X1_0",
        "MobileNetV2": "MobileNet_V2",
        "MobileNetV3-large": "MobileNet_V3_Large",
        "EfficientNet-B0": "EfficientNet_B0",
    }
    rows = [row for row in PUBLISHED_ACCURACY if row.source == TORCHVISION]
    assert {row.network for row in rows} == set(names)
    for row in rows:
        if row.scheme == INT8:
            weights = getattr(quantization, f"{names[row.network]}_QuantizedWeights").DEFAULT
        else:
            weights = getattr(models, f"{names[row.network]}_Weights").DEFAULT
        figures = weights.meta["_metrics"]["ImageNet-1K"]
        assert (row.top1, row.top5) == (figures["acc@1"], figures["acc@5"]), row
