import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from xnorlab import claims, pretrained, verdicts
from xnorlab.cli import app
from xnorlab.evidence import Evidence, published_top1
from xnorlab.verdicts import build, keep_benchmark, load, markdown

RECIPE = {"scheme": "", "epochs": 60, "seed": 0, "binary_rate_factor": 1.0}


def entry(scheme: str, top1: float, *repeats: float, images: int = 3925, **changes: object) -> dict:
    runs = [{"top1": top} for top in repeats]
    recipe = RECIPE | {"scheme": scheme} | changes
    return {"top1": top1, "images": images, "recipe": recipe} | ({"repeats": runs} if runs else {})


def evidence(**tops: float) -> Evidence:
    manifest = {f"imagenette/alexnet-{name}": entry(name, top) for name, top in tops.items()}
    cost = SimpleNamespace(binary_times_smaller=31.0, times_smaller=26.0)
    return Evidence(manifest, {}, {}, lambda name: cost)  # pyright: ignore[reportArgumentType]


def test_the_shipped_table_is_what_the_shipped_measurements_give():
    computed = build(Evidence.read(pretrained.folder()))
    assert load() == computed, "`xnorlab verdicts --write` makes the file anew"


def test_the_readme_shows_the_tables_of_networks_and_verdicts():
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    networks = CliRunner().invoke(app, ["names", "--markdown"]).stdout
    for command, table in (("xnorlab names --markdown", networks), ("xnorlab verdicts", markdown(load()))):
        assert table.strip() in readme, f"README.md: put in what `{command}` prints"


def test_every_claim_has_a_row_even_where_nothing_is_measured():
    rows = build(Evidence({}, {}, {}, lambda name: pytest.fail("no network is there")))
    assert len(rows) == len(claims.CLAIMS)
    assert {row.verdict for row in rows} == {"not measured yet"}
    assert {row.ours for row in rows} == {"–"}
    assert all(row.claim and row.source and row.published and row.why.endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("bwn", "ruling"), [(0.875, "holds"), (0.871, "holds"), (0.855, "holds in part"), (0.80, "does not hold here")]
)
def test_a_loss_is_judged_by_the_published_one_and_two_standard_errors(bwn, ruling):
    row = claims.bwn_equals_float(evidence(bwn=bwn, float=0.875))
    assert row.verdict == ruling
    assert re.search(r"± 0\.[78] points", row.ours)
    assert row.published == "+0.2 points (56.8 against 56.6 %), AlexNet on ImageNet"


@pytest.mark.parametrize(
    ("xnor", "ruling"),
    [(0.80, "does not hold here"), (0.85, "holds in part"), (0.97, "holds"), (0.7, "does not hold here")],
)
def test_a_margin_is_judged_by_sixteen_points(xnor, ruling):
    assert claims.xnor_beats_bnn(evidence(xnor=xnor, bnn=0.80)).verdict == ruling


def test_networks_of_different_recipes_are_not_compared():
    unlike = evidence(xnor=0.8, bnn=0.7)
    longer = entry("bnn", 0.7, epochs=16)
    unlike = replace(unlike, manifest={**unlike.manifest, "imagenette/alexnet-bnn": longer})
    assert claims.xnor_beats_bnn(unlike).verdict == "not measured yet"


def test_seeds_are_averaged_and_named():
    manifest = {
        "imagenette/alexnet-bwn": entry("bwn", 0.80, 0.82, 0.84),
        "imagenette/alexnet-float": entry("float", 0.83),
    }
    gap = Evidence(manifest, {}, {}, evidence().cost).gap("alexnet", "bwn", "float")
    assert gap is not None
    assert gap.points == pytest.approx(-1.0)
    assert gap.error == pytest.approx(((82 * 18 + 83 * 17) / 3925) ** 0.5)
    assert gap.based_on == ("imagenette/alexnet-bwn, 60 epochs, 3 seeds", "imagenette/alexnet-float, 60 epochs")


@pytest.mark.parametrize(
    ("alpha", "bwn", "ruling"), [(0.5, 0.8, "holds in part"), (0.5, 0.95, "holds"), (0.11, 0.8, "does not hold here")]
)
def test_alpha_is_judged_put_in_and_trained(alpha, bwn, ruling):
    rows = [
        {"label": "sign(W), norms as trained", "top1": 0.1},
        {"label": "α·sign(W), norms as trained", "top1": alpha},
        {"label": "(α/ρ)·sign(W), norms as trained", "top1": 0.6},
        {"label": "α·sign(W), norms estimated anew", "top1": 0.7},
    ]
    ablations = {"no-retraining": {"command": "xnorlab ablate", "images": 3925, "rows": rows}}
    row = claims.scale_matters(replace(evidence(bwn=bwn, binaryconnect=0.8), ablations=ablations))
    assert row.verdict == ruling
    assert "60.0 %, and norms estimated anew 70.0 %" in row.why


def test_order_and_input_scale_come_from_ablations():
    ablations = {
        "order": {"command": "c", "images": 3925, "rows": [{"label": "B A C P", "top1": 0.75},
                                                           {"label": "C B A P", "top1": 0.70}]},
        "input-scale": {"command": "c", "images": 3925, "rows": [{"label": "with K", "top1": 0.75},
                                                                 {"label": "without K", "top1": 0.749}]},
    }  # fmt: skip
    measured = replace(evidence(), ablations=ablations)
    assert claims.block_order(measured).verdict == "holds in part"
    assert claims.block_order(measured).ours == "+5.0 ± 1.0 points (75.0 against 70.0 %)"
    assert claims.input_scale(measured).verdict == "holds"


@pytest.mark.parametrize(
    ("layers", "whole", "ruling"),
    [(32, 31, "holds"), (31, 26, "holds in part"), (20, 15, "does not hold here")],
)
def test_memory_is_judged_by_layers_and_the_whole_file(layers, whole, ruling):
    cost = SimpleNamespace(binary_times_smaller=layers, times_smaller=whole)
    row = claims.memory(replace(evidence(xnor=0.8), cost=lambda name: cost))  # pyright: ignore[reportArgumentType]
    assert row.verdict == ruling


def result(fastest: float, naive: float, cpu: str = "one") -> dict:
    return {
        "shape": {"channels": 64}, "threads": 1, "machine": {"cpu": cpu},
        "fastest_float": "torch", "best_float": "torch",
        "speedups": {"torch": fastest, "naive": naive}, "predicted_speedup": 57.6,
        "timings": {"torch": {"median_s": 1.0, "samples_s": [1.0, 2.0]}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fastest", "naive", "ruling"), [(60, 900, "holds"), (40, 900, "holds in part"), (20, 30, "does not hold here")]
)
def test_speed_is_judged_by_what_one_compares_with(fastest, naive, ruling, tmp_path: Path):
    kept = json.loads(keep_benchmark([result(15, 20), result(fastest, naive)], tmp_path).read_text())
    assert "samples_s" not in str(kept)
    row = claims.speed(replace(evidence(), benchmark=kept))
    assert row.verdict == ruling
    assert row.ours == f"15.0 to {fastest}.0× the fastest float32 engine; 20 to {naive}× a plain float loop"


def test_benchmarks_of_two_machines_are_not_mixed(tmp_path: Path):
    with pytest.raises(ValueError, match="one run of `xnorlab bench conv --json`"):
        keep_benchmark([result(15, 20), result(15, 20, cpu="two")], tmp_path)


def test_the_table_is_markdown_with_a_row_a_claim():
    lines = markdown(load()).splitlines()
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
