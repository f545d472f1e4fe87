import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from manifests import shipped_network

from xnorlab import pretrained, verdicts
from xnorlab.verdicts import claims, load, markdown
from xnorlab.verdicts.evidence import Evidence, published_top1
from xnorlab.zoo.latent_weights import weights_digest
from xnorlab.zoo.manifest import ShippedNetwork
from xnorlab.zoo.recipe import Recipe

RECIPE: dict[str, Any] = {"model": "alexnet", "model_options": {"head": "pool"}}
RESNET: dict[str, Any] = {"model": "resnet18", "model_options": {"width": 32}}
DIGEST = "d1"
LABELS = tuple("abcdefghij")


def network(
    scheme: str, top1: float, *repeats: float, images: int = 3925, pictures: str = "p", labels=LABELS, **changes: Any
) -> ShippedNetwork:
    recipe = Recipe.from_dict(RECIPE | {"scheme": scheme} | changes)
    return shipped_network(recipe, *repeats, top1=top1, images=images, pictures_sha256=pictures, labels=labels)


def of(networks: Iterable[ShippedNetwork], ablations: dict | None = None) -> Evidence:
    cost = SimpleNamespace(binary_times_smaller=31.0, times_smaller=26.0)
    costs: Any = lambda name: cost  # noqa: E731
    return Evidence({shipped.name: shipped for shipped in networks}, ablations or {}, {}, costs, lambda name: DIGEST)


def evidence(**tops: float) -> Evidence:
    return of(network(scheme, top1) for scheme, top1 in tops.items())


def residual(**tops: float) -> Evidence:
    return of(network(scheme, top1, **RESNET) for scheme, top1 in tops.items())


def ablation(rows: dict[str, float], network: str = "imagenette/alexnet-xnor") -> dict:
    listed = [{"label": label, "network": network, "top1": top, "recipe": RECIPE} for label, top in rows.items()]
    return {"command": "c", "images": 3925, "rows": listed}


def test_the_shipped_table_is_what_the_shipped_measurements_give():
    computed = claims.judge(Evidence.read(pretrained.folder()))
    assert load() == computed, "`xnorlab verdicts --write` makes the file anew"


def test_every_claim_has_a_row_even_where_nothing_is_measured():
    rows = claims.judge(Evidence({}, {}, {}, *[lambda name: pytest.fail("no network is there")] * 2))
    assert len(rows) == len(claims.CLAIMS)
    assert {row.verdict for row in rows} == {"not measured yet"}
    assert {row.ours for row in rows} == {"–"}
    assert all(row.claim and row.source and row.published and row.why.endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("bwn", "ruling", "why"),
    [
        (0.91, "holds", "It is better here, beyond two standard errors."),
        (0.871, "holds", "No loss shows beyond two standard errors."),
        (0.855, "holds in part", "It loses more than 1.0 points here, but not beyond two standard errors."),
        (0.80, "does not hold here", "It loses more than 1.0 points here, beyond two standard errors."),
    ],
)
def test_a_loss_is_judged_by_the_published_one_and_two_standard_errors(bwn: float, ruling: str, why: str):
    row = claims.bwn_equals_float(evidence(bwn=bwn, float=0.875))
    assert (row.verdict, row.why.startswith(why)) == (ruling, True), row.why
    assert re.search(r"± 0\.[78] points .*, AlexNet, pooled head, on Imagenette$", row.ours)
    assert row.published == "+0.2 points (56.8 against 56.6 %), AlexNet on ImageNet"


@pytest.mark.parametrize(
    ("claim", "tops", "ruling", "why"),
    [
        (
            claims.resnet_xnor,
            {"xnor": 0.78, "bwn": 0.86, "float": 0.87},
            "holds",
            "It loses, beyond two standard errors, but no more than 18.1 points. "
            "Binary inputs alone: −8.0 ± 0.9 here, −9.6 in the paper. Losses on",
        ),
        (
            claims.resnet_xnor,
            {"xnor": 0.78, "float": 0.87},
            "holds",
            "It loses, beyond two standard errors, but no more than 18.1 points. Losses on",
        ),
        (
            claims.resnet_xnor,
            {"xnor": 0.68, "bwn": 0.68, "float": 0.87},
            "holds in part",
            "It loses more than 18.1 points here, but not beyond two standard errors. "
            "Binary inputs alone: 0.0 ± 1.1 here, −9.6 in the paper.",
        ),
        (claims.resnet_bwn, {"bwn": 0.88, "float": 0.87}, "holds", "No loss shows"),
        (claims.resnet_bwn, {"bwn": 0.60, "float": 0.87}, "does not hold here", "It loses more than 8.5 points here,"),
    ],
)
def test_residual_networks_are_judged_by_their_own_tables(claim, tops: dict, ruling: str, why: str):
    row = claim(residual(**tops))
    assert (row.verdict, row.why.startswith(why)) == (ruling, True), row.why
    assert row.ours.endswith(", ResNet-18, width 32 of 64, on Imagenette")


def test_a_second_data_set_has_rows_of_its_own():
    changes = {"dataset": "tiny-imagenet", "images": 10_000, "pictures": "q", "labels": ("x",) * 200}
    tops = {"float": 0.55, "bwn": 0.50, "xnor": 0.40}
    tiny = [network(scheme, top1, **RESNET, **changes) for scheme, top1 in tops.items()]
    ours = list(residual(**{"float": 0.87, "bwn": 0.86, "xnor": 0.81}).manifest.values())
    both = claims.judge(of([*ours, *tiny]))
    assert both[: len(claims.CLAIMS)] == claims.judge(of(ours))
    bwn, xnor = both[len(claims.CLAIMS) :]
    assert bwn.ours == "−5.0 ± 0.7 points (50.0 against 55.0 %), ResNet-18, width 32 of 64, on Tiny ImageNet"
    assert bwn.why.endswith("Losses on 200 classes and on a thousand compare only roughly.")
    assert xnor.based_on[0].startswith("tiny-imagenet/resnet18-xnor")
    assert "Binary inputs alone: −10.0 ± 0.7 here" in xnor.why
    only_float = [shipped for shipped in tiny if shipped.scheme == "float"]
    assert len(claims.judge(of([*ours, *only_float]))) == len(claims.CLAIMS)


@pytest.mark.parametrize("claim", [claims.xnor_loses, claims.resnet_bwn, claims.resnet_xnor])
def test_a_claimed_loss_is_the_published_one(claim):
    row = claim(evidence())
    assert f"no more than {row.published.removeprefix('−').partition(' ')[0]} points" in row.claim


@pytest.mark.parametrize(
    ("xnor", "ruling", "why"),
    [
        (0.97, "holds", "A gain beyond two standard errors; a norm"),
        (0.85, "holds in part", "A gain beyond two standard errors, but less than 16 points; a norm"),
        (0.81, "does not hold here", "No difference shows beyond two standard errors; a norm"),
        (0.7, "does not hold here", "The other way round here, beyond two standard errors; a norm"),
    ],
)
def test_a_margin_is_judged_by_sixteen_points(xnor: float, ruling: str, why: str):
    row = claims.xnor_beats_bnn(evidence(xnor=xnor, bnn=0.80))
    assert (row.verdict, row.why.startswith(why)) == (ruling, True), row.why


def test_the_same_margin_in_a_resnet_is_told_but_not_judged():
    both = {**evidence(xnor=0.80, bnn=0.80).manifest, **residual(xnor=0.99, bnn=0.76).manifest}
    row = claims.xnor_beats_bnn(of(both.values()))
    assert row.verdict == "does not hold here"
    assert "without a norm between: +23.0 ± " in row.why
    for name in ("imagenette/alexnet-xnor", "imagenette/resnet18-xnor"):
        assert any(source.startswith(name) for source in row.based_on), row.based_on
    assert claims.xnor_beats_bnn(residual(xnor=0.99, bnn=0.76)).verdict == "not measured yet"


def test_alpha_without_a_norm_is_told_but_not_judged():
    rows = {"residual, no norm, α": 0.74, "residual, no norm, no α": 0.65}
    alone = {"scale-norm": ablation(rows, network="imagenette/resnet18-xnor")}
    row = claims.xnor_beats_bnn(replace(evidence(xnor=0.80, bnn=0.80), ablations=alone))
    assert row.verdict == "does not hold here"
    assert "no norm behind the convolution: +9.0 ± 1.0 points (74.0 against 65.0 %)" in row.why
    assert row.based_on[-1].startswith("ablations.json")
    elsewhere = {"scale-norm": ablation(rows, network="cifar10/resnet18-xnor")}
    assert "α alone" not in claims.xnor_beats_bnn(replace(evidence(xnor=0.80, bnn=0.80), ablations=elsewhere)).why
    plain = replace(evidence(bwn=0.8, binaryconnect=0.8), ablations=alone)
    assert "α alone" not in claims.bwn_beats_binaryconnect(plain).why


@pytest.mark.parametrize("changes", [{"epochs": 16}, {"binary_rate_factor": 2.0}, {"pictures": "others"}])
def test_networks_of_different_recipes_or_pictures_are_not_compared(changes: dict):
    xnor = network("xnor", 0.8)
    assert claims.xnor_beats_bnn(of([xnor, network("bnn", 0.7)])).ours != "–"
    unlike = of([xnor, network("bnn", 0.7, **changes)])
    assert claims.xnor_beats_bnn(unlike).verdict == "not measured yet"


def test_a_seed_is_no_difference():
    assert claims.xnor_beats_bnn(of([network("xnor", 0.8), network("bnn", 0.7, seed=3)])).verdict == "holds in part"


def test_seeds_are_averaged_named_and_their_spread_adds_to_the_error():
    seen = of([network("bwn", 0.80, 0.82, 0.84), network("float", 0.83)])
    gap = seen.gap("alexnet", "bwn", "float")
    assert gap is not None
    assert gap.points == pytest.approx(-1.0)
    assert gap.error == pytest.approx(((82 * 18 + 83 * 17) / 3925 + 4 / 3) ** 0.5)
    assert gap.based_on == ("imagenette/alexnet-bwn, 60 epochs, 3 seeds", "imagenette/alexnet-float, 60 epochs")


def put_in(alpha: float, **changes: Any) -> dict:
    rows = {
        "sign(W), norms as trained": 0.3,
        "α·sign(W), norms as trained": alpha,
        "(α/ρ)·sign(W), norms as trained": 0.6,
        "sign(W), norms estimated anew": 0.75,
        "α·sign(W), norms estimated anew": 0.7,
    }
    fixed = {"network": "imagenette/alexnet-float", "weights_sha256": DIGEST, "pictures_sha256": "p"}
    return {"no-retraining": ablation(rows) | fixed | changes}


@pytest.mark.parametrize(
    ("alpha", "ruling", "why"),
    [
        (0.5, "holds", "A gain beyond two standard errors."),
        (0.35, "holds in part", "A gain beyond two standard errors, but less than 10 points."),
        (0.31, "does not hold here", "No difference shows"),
        (0.11, "does not hold here", "The other way round here"),
    ],
)
def test_alpha_is_judged_as_it_is_put_in(alpha: float, ruling: str, why: str):
    row = claims.scale_put_in(replace(evidence(float=0.8), ablations=put_in(alpha)))
    assert (row.verdict, row.why.startswith(why)) == (ruling, True), row.why
    assert "reaches 60.0 %; with norms estimated anew α reaches 70.0 %, no factor 75.0 %." in row.why
    assert row.ours.endswith("AlexNet, pooled head, on Imagenette")


@pytest.mark.parametrize(
    "changes",
    [
        {"weights_sha256": "other"},
        {"pictures_sha256": "other"},
        {"network": "flowers/alexnet-float"},
        {"network": "imagenette/alexnet-nobodys"},
    ],
)
def test_signs_put_into_another_network_than_the_shipped_one_are_not_judged(changes: dict):
    row = claims.scale_put_in(replace(evidence(float=0.8), ablations=put_in(0.5, **changes)))
    assert row.verdict == "not measured yet"


MEASURED_APART: list[Any] = [
    (claims.block_order, "order", "B A C P", "C B A P"),
    (claims.learned_scale, "scale", "BWN, mean", "BWN, learned"),
]


@pytest.mark.parametrize(("claim", "name", "first", "second"), MEASURED_APART)
def test_order_and_learned_scale_come_from_ablations_on_imagenette(claim, name: str, first: str, second: str):
    for top1, ruling in ((0.85, "holds"), (0.75, "holds in part"), (0.70, "does not hold here")):
        row = claim(of([], {name: ablation({first: top1, second: 0.70})}))
        assert row.verdict == ruling
    row = claim(of([], {name: ablation({first: 0.75, second: 0.70})}))
    assert row.ours == "+5.0 ± 1.0 points (75.0 against 70.0 %), AlexNet, pooled head, on Imagenette"
    for unlike in (ablation({first: 0.75, second: 0.70}, network="cifar10/alexnet-xnor"), ablation({first: 0.75})):
        assert claim(of([], {name: unlike})).verdict == "not measured yet"


def test_an_ablation_of_several_seeds_counts_their_mean_and_their_spread():
    recorded = ablation({"B A C P": 0.75, "C B A P": 0.70}) | {"question": "?"}
    for row, other in zip(recorded["rows"], (0.77, 0.74), strict=True):
        row["repeats"] = [{"seed": 1, "top1": other}]
    recorded["rows"][0].update(against=None)
    recorded["rows"][1].update(against="B A C P")
    seen = of([], {"order": recorded})
    gap = seen.judged("order", "B A C P", "C B A P")
    assert gap is not None
    assert (gap.first, gap.second) == (pytest.approx(76), pytest.approx(72))
    pictures = [top * (1 - top) / 3925 for top in (0.76, 0.72)]
    seeds = [0.02**2 / 2 / 2, 0.04**2 / 2 / 2]  # a variance of two, of a mean of two
    assert gap.error == pytest.approx(100 * (sum(pictures) + sum(seeds)) ** 0.5)
    first, second = seen.changes("order")
    assert (first.label, first.top1, first.gain, second.against, second.gain) == (
        "B A C P",
        pytest.approx(76),
        None,
        "B A C P",
        seen.ablated("order", "C B A P", "B A C P"),
    )
    assert first.error == pytest.approx(100 * (pictures[0] + seeds[0]) ** 0.5)
    assert seen.seeds("order") == 2


@pytest.mark.parametrize(
    ("with_k", "ruling", "why"),
    [
        (0.701, "holds", "What K changes is within two standard errors."),
        (0.66, "holds", "K even loses, beyond two standard errors."),
        (0.725, "holds in part", "K gains 1 point or more, but not beyond two standard errors of that."),
        (0.75, "does not hold here", "K gains 1 point or more, and beyond two standard errors of that."),
    ],
)
def test_the_input_scale_is_judged_by_one_point_and_two_standard_errors(with_k: float, ruling: str, why: str):
    row = claims.input_scale(of([], {"input-scale": ablation({"with K": with_k, "without K": 0.70})}))
    assert (row.verdict, row.why) == (ruling, why)


def test_a_shipped_network_is_known_by_its_weights():
    shipped = Evidence.read(pretrained.folder())
    name = next(iter(shipped.manifest))
    tensors = pretrained.weights(name)
    assert shipped.weights(name) == weights_digest(tensors | {"norm.num_batches_tracked": np.zeros(1)})
    first = next(iter(tensors))
    assert shipped.weights(name) != weights_digest(tensors | {first: tensors[first] + 1})


@pytest.mark.parametrize(
    ("layers", "whole", "ruling"), [(32, 31, "holds"), (31, 26, "holds in part"), (20, 15, "does not hold here")]
)
def test_memory_is_judged_by_layers_and_the_whole_file(layers, whole, ruling):
    cost = SimpleNamespace(binary_times_smaller=layers, times_smaller=whole)
    row = claims.memory(replace(evidence(xnor=0.8), cost=lambda name: cost))
    assert row.verdict == ruling


def recorded(fastest: list[float], naive: list[float], instructions: str) -> dict:
    factors = zip(fastest, naive, strict=True)
    return {
        "command": "xnorlab bench conv --json",
        "machine": {"cpu": "one", "instructions": instructions},
        "shapes": [{"fastest_float": "torch", "speedups": {"torch": fast, "naive": slow}} for fast, slow in factors],
    }


@pytest.mark.parametrize(
    ("fastest", "naive", "ruling"), [(60, 900, "holds"), (40, 900, "holds in part"), (20, 30, "does not hold here")]
)
def test_speed_is_judged_by_what_one_compares_with_over_all_processors(fastest, naive, ruling):
    records = (recorded([15, fastest], [20, naive], "AVX2"), recorded([9, 10], [20, 20], "SSE"))
    row = claims.speed(replace(evidence(), benchmarks=records))
    assert row.verdict == ruling
    assert row.ours == (
        f"against the fastest float32 engine 15.0 to {fastest}.0× (AVX2), 9.0 to 10.0× (SSE); "
        f"against a plain float loop 20 to {naive}×"
    )
    assert len(row.based_on) == 2


def test_speed_that_nobody_measured_is_not_judged():
    assert claims.speed(replace(evidence(), benchmarks=())).verdict == verdicts.RULINGS[-1]


def test_the_table_is_markdown_with_a_row_a_claim():
    lines = markdown(claims.judge(evidence())).splitlines()
    assert len(lines) == 2 + len(claims.CLAIMS)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 6 for line in lines)


def test_the_papers_numbers_are_its_tables():
    assert published_top1("AlexNet", "xnor", "block order conv, norm, sign, pool") == 30.3
    with pytest.raises(ValueError, match="is in none of the paper's tables"):
        published_top1("AlexNet", "reactnet")


def test_a_missing_file_and_an_unknown_ruling_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="`xnorlab verdicts --write` makes it"):
        load(tmp_path)
    with pytest.raises(ValueError, match="verdict='maybe' is not one of holds"):
        replace(load()[0], verdict="maybe")
    assert verdicts.RULINGS[0] == "holds"
