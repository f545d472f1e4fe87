"""A network refuses a picture whose score lies below its threshold; its packed file carries the rule."""

import copy
import math
import pickle

import numpy as np
import pytest
from fixtures.make_fixtures import FOLDER, classifier

from xnorlab.runtime import Network, PackedFileError, UnknownRule, file_format

LOGITS = np.float32([[0, 0, 0], [3, 1, -1], [1000, 0, -1000]])
PICTURES = list(np.random.default_rng(0).integers(0, 256, (5, 20, 24, 3), np.uint8))


@pytest.mark.parametrize(
    ("score", "temperature", "expected"),
    [
        ("logit", 1.0, [0, 3, 1000]),
        ("softmax", 1.0, [1 / 3, 1 / (1 + math.exp(-2) + math.exp(-4)), 1]),
        ("softmax", 2.0, [1 / 3, 1 / (1 + math.exp(-1) + math.exp(-2)), 1]),
        ("energy", 1.0, [math.log(3), math.log(sum(math.exp(z) for z in (3, 1, -1))), 1000]),
        ("energy", 2.0, [2 * math.log(3), 2 * math.log(sum(math.exp(z / 2) for z in (3, 1, -1))), 1000]),
    ],
)
def test_scores_are_their_formulas(score: str, temperature: float, expected: list[float]):
    np.testing.assert_allclose(UnknownRule(score, temperature, 0.0).scores(LOGITS), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"score": "entropy"}, "score='entropy' must be one of softmax, logit, energy"),
        ({"temperature": 0}, "temperature=0 must be from 0.01 to 100"),
        ({"temperature": True}, "temperature=True must be a finite number"),
        ({"threshold": math.nan}, "threshold=nan must be a finite number"),
        ({"threshold": "1"}, "threshold='1' must be a finite number"),
        ({"score": "logit", "temperature": 2.0}, "temperature=2.0 must be 1 for the score 'logit'"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(fields: dict, message: str):
    with pytest.raises(ValueError, match=message):
        UnknownRule(**{"score": "energy", "temperature": 1.0, "threshold": 0.0} | fields)


def test_an_answer_says_whether_the_network_knows_the_picture():
    plain = classifier()
    scores = UnknownRule("energy", 2.0, 0.0).scores(plain(PICTURES))
    threshold = float(np.median(scores))
    network = classifier(unknown=UnknownRule("energy", 2.0, threshold))
    answers = network.predict(PICTURES, top=2)
    assert answers == plain.predict(PICTURES, top=2), "the classes and their probabilities stay"
    assert [answer.unknown_score for answer in answers] == scores.tolist()
    assert [answer.is_unknown for answer in answers] == (scores < threshold).tolist()
    assert sum(answer.is_unknown is True for answer in answers) == 2
    assert {(a.unknown_score, a.is_unknown) for a in plain.predict(PICTURES)} == {(None, None)}
    assert pickle.loads(pickle.dumps(answers[0])).is_unknown == answers[0].is_unknown


def test_the_rule_travels_with_the_network_and_an_older_file_has_none():
    rule = UnknownRule("softmax", 1.0, 0.5)
    network = classifier(unknown=rule)
    for twin in (Network.from_bytes(network.to_bytes()), copy.copy(network), pickle.loads(pickle.dumps(network))):
        assert twin.unknown == rule
    assert Network.open(FOLDER / "classifier.safetensors").unknown is None
    assert Network.open(FOLDER / "classifier_that_refuses.safetensors").unknown == UnknownRule("energy", 2.0, 1.25)


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        (None, "unknown=None must have exactly the fields score, temperature, threshold"),
        ({"score": "energy", "threshold": 1.0}, "must have exactly the fields"),
        ({"score": "energy", "temperature": 1.0, "threshold": 1.0, "more": 1}, "must have exactly the fields"),
        ({"score": ["energy"], "temperature": 1.0, "threshold": 1.0}, r"score=\['energy'\] must be one of"),
    ],
)
def test_a_forged_rule_is_refused(unknown: object, message: str):
    header, tensors = file_format.from_bytes(classifier().to_bytes())
    with pytest.raises(PackedFileError, match=message):
        Network.from_bytes(file_format.to_bytes({**header, "unknown": unknown}, tensors))


def test_a_network_without_classes_has_no_rule():
    network = Network.open(FOLDER / "relu.safetensors")
    with pytest.raises(ValueError, match=r"does not fit an output of shape \(3, 4, 5\)"):
        Network(network.ops, input_shape=network.input_shape, unknown=UnknownRule("logit", 1.0, 0.0))
