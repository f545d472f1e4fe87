"""The record of a calibration is checked when it is read, and written as it was."""

from dataclasses import replace

import pytest
from manifests import calibrated, shipped_network

from xnorlab.zoo.calibration import Calibration
from xnorlab.zoo.manifest import ShippedNetwork
from xnorlab.zoo.recipe import Recipe

RECORD = calibrated().to_dict()
FOREIGN = RECORD["foreign"][0]


def test_a_record_is_written_as_it_was_read():
    assert Calibration.from_dict(RECORD) == calibrated()
    assert Calibration.from_dict(RECORD).to_dict() == RECORD
    network = replace(shipped_network(Recipe()), calibration=calibrated())
    assert ShippedNetwork.from_dict(network.name, network.to_dict()) == network
    assert "calibration" not in shipped_network(Recipe()).to_dict()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (3, "it must be an object with exactly the fields score, temperature, threshold"),
        ({**RECORD, "more": 1}, "it must be an object with exactly the fields"),
        ({**RECORD, "score": ""}, "score='' must be a text that is not empty"),
        ({**RECORD, "temperature": 0}, "temperature=0 must be a number from 0.01 to 100"),
        ({**RECORD, "threshold": float("inf")}, "threshold=inf must be a finite number"),
        ({**RECORD, "full_size_passed": 1.5}, "full_size_passed=1.5 must be a number from 0 to 1"),
        ({**RECORD, "foreign": []}, r"foreign=\(\) must be a list of one object or more"),
        ({**RECORD, "foreign": {}}, "foreign={} must be a list of one object or more"),
        ({**RECORD, "foreign": [{}]}, r"foreign\[0\]: it must be an object with exactly the fields data, side"),
        ({**RECORD, "foreign": [{**FOREIGN, "side": 0}]}, r"foreign\[0\]: side=0 must be an integer of 1 or more"),
        ({**RECORD, "foreign": [{**FOREIGN, "refused": "all"}]}, r"foreign\[0\]: refused='all' must be a finite"),
    ],
)
def test_a_broken_rule_is_told_with_field_and_value(values: object, message: str):
    with pytest.raises(ValueError, match=message):
        Calibration.from_dict(values)
    broken = shipped_network(Recipe()).to_dict() | {"calibration": values}
    with pytest.raises(ValueError, match="calibration"):
        ShippedNetwork.from_dict("imagenette/alexnet-xnor", broken)
