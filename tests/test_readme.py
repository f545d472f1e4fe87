"""README and CONTRIBUTING: short, their links lead somewhere, and the numbers are those that were measured."""

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from statistics import mean

import pytest
from typer.testing import CliRunner

from xnorlab import pretrained, verdicts
from xnorlab.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = " ".join(README.split())
MOST_LINES, MOST_ROWS = 220, 6


def read(file: str):
    return json.loads((pretrained.folder() / file).read_text(encoding="utf-8"))


def tables() -> Iterator[list[str]]:
    """The rows of each table, without its header."""
    for is_table, lines in groupby(README.splitlines(), lambda line: line.startswith("|")):
        if is_table:
            yield list(lines)[2:]


def rows_below(heading: str) -> list[str]:
    """The rows of the first table under a heading."""
    section = README.partition(f"\n## {heading}\n")[2]
    return next(rows for rows in tables() if rows[0] in section)


def test_it_is_short():
    assert len(README.splitlines()) <= MOST_LINES
    assert all(0 < len(rows) <= MOST_ROWS for rows in tables())


def test_every_link_within_the_repository_leads_to_a_file():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (ROOT / target).is_file()] == []


def test_every_file_that_contributing_names_exists():
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:app|notebooks|tests|xnorlab)/[\w./]+|[\w.]+\.(?:md|toml))`", text)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_command_exists():
    commands = {line.split()[1] for line in README.splitlines() if line.startswith("xnorlab ")}
    commands |= set(re.findall(r"`xnorlab (\w+)", README))
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    assert commands <= known


def test_its_accuracies_are_rows_of_the_command_that_it_names():
    printed = CliRunner().invoke(app, ["names", "--markdown"]).stdout.splitlines()
    assert [row for row in rows_below("How accurate") if row not in printed] == []
    assert printed[0] in README


def test_its_times_are_those_of_the_recorded_benchmark():
    benchmark = read("benchmark.json")["records"][0]
    rows = []
    for result in benchmark["shapes"]:
        peers = (result["best_float"], "openvino-int8", "openvino-binary")
        ours, *others = (1000 * result["median_s"][name] for name in ("binary", *peers))
        numbers = [f"{ours:.3f}", f"{others[0]:.2f}", *(f"{time:.3f}" for time in others[1:])]
        factors = [f"{result['speedups'][result['fastest_float']]:.1f}", f"{result['predicted_speedup']:.1f}"]
        place = f"{result['shape']['channels']} @ {result['shape']['size']}"
        rows.append(f"| {' | '.join([place, *numbers, *factors])} |")
    assert rows_below("How fast") == rows
    machine = benchmark["machine"]
    versions = ", ".join(
        f"{name} {machine['versions'][name]}" for name in ("numba", "torch", "openvino", "onnxruntime")
    )
    assert f"{versions}; {machine['taken'][:10]}" in WORDS
    assert f"one core of a virtual machine, {machine['cpu']}" in WORDS
    assert machine["instructions"] in WORDS
    loops = [result["speedups"]["naive"] for result in benchmark["shapes"]]
    assert f"the factor is {min(loops):.0f} to {max(loops):.0f}" in WORDS


def top1(name: str) -> float:
    """In %, the mean over the seeds of a shipped network."""
    return 100 * mean(pretrained.entry(f"imagenette/{name}").top1_by_seed)


def alone(where: str) -> float:
    """What α is worth in points, all else alike: rows of the ablation scale-norm."""
    tops = {row["label"]: 100 * row["top1"] for row in read("ablations.json")["scale-norm"]["rows"]}
    return tops[f"{where}, α"] - tops[f"{where}, no α"]


def points(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def test_its_differences_are_those_of_the_networks():
    weights = [top1(f"{model}-float") - top1(f"{model}-bwn") for model in ("resnet18", "alexnet")]
    inputs = [top1(f"{model}-bwn") - top1(f"{model}-xnor") for model in ("resnet18", "alexnet")]
    assert "Binary weights cost {:.1f} points here and {:.1f} in AlexNet".format(*weights) in WORDS
    assert "binary inputs cost {:.1f} and {:.1f} points more".format(*inputs) in WORDS
    loss = top1("resnet18-float") - top1("resnet18-reactnet")
    assert f"is {loss:.1f} points below its float twin, in a tenth of the bytes" in WORDS
    real, react = (pretrained.entry(f"imagenette/resnet18-{scheme}").bytes for scheme in ("float", "reactnet"))
    assert react / real == pytest.approx(0.1, abs=0.005)


def test_its_figures_of_two_hundred_classes_are_those_of_the_networks():
    networks = [pretrained.entry(f"tiny-imagenet/resnet18-{scheme}") for scheme in ("float", "bwn", "reactnet", "xnor")]
    first = "the float network is right on {:.1f} %, BWN on {:.1f}, ReActNet on {:.1f} and XNOR on {:.1f} %"
    assert first.format(*(100 * network.top1 for network in networks)) in WORDS
    assert "{:.1f}, {:.1f}, {:.1f} and {:.1f} %".format(*(100 * (network.top5 or 0) for network in networks)) in WORDS


def test_its_figures_of_new_classes_are_the_record():
    tops = {row["name"]: 100 * mean(row["right"]) / row["tested"] for row in read("novel-classes.json")["networks"]}
    ten = [tops[f"imagenette/resnet18-{scheme}"] for scheme in ("reactnet", "float")]
    many = [tops[f"tiny-imagenet/resnet18-{scheme}"] for scheme in ("float", "bwn", "reactnet", "xnor")]
    assert "ReActNet's features of Imagenette reach {:.1f} % and its float twin's {:.1f} %".format(*ten) in WORDS
    reached = "the float network's reach {:.1f} %, BWN's {:.1f}, ReActNet's {:.1f} and XNOR's {:.1f} %"
    assert reached.format(*many) in WORDS


def test_what_alpha_is_worth_is_the_recorded_ablation():
    plain, residual = (points(alone(f"{kind}, norm")) for kind in ("plain", "residual"))
    assert f"it changes {plain} points (AlexNet) and {residual} (ResNet-18)" in WORDS
    assert f"it is worth {alone('residual, no norm'):.1f} points in ResNet-18" in WORDS
    tops = {row["label"]: 100 * row["top1"] for row in read("ablations.json")["scale-norm"]["rows"]}
    assert f"({tops['plain, no norm, α']:.1f} % with it, chance without)" in WORDS


def test_it_counts_the_verdicts():
    judged = [row.verdict for row in verdicts.load()]
    holds, partly, not_here = (judged.count(ruling) for ruling in verdicts.RULINGS[:3])
    assert (
        f"Of {len(judged)} claims of the paper, {holds} hold, {partly} hold in part and {not_here} do not hold" in WORDS
    )
