"""Trade-offs: every number says where it comes from, chart and table agree, nothing is timed unasked."""

import json
import statistics
from dataclasses import replace

import pytest
from manifests import enter
from page_reading import chart_of, html_of

from xnorlab.zoo import literature

PAGE = "views/trade_offs/page.py"
XNOR = "imagenette/alexnet-xnor"


def points(at) -> dict[str, tuple[float, float]]:
    traces = [t for t in chart_of(at)["data"] if "customdata" in t]
    return {k: (x, y) for t in traces for k, x, y in zip(t["customdata"], t["x"], t["y"], strict=True)}


def table_with(at, column: str):
    return next(t.value for t in at.table if column in t.value)


def test_every_shipped_network_is_a_point_at_its_bytes_and_accuracy(open_page):
    from xnorlab import pretrained

    at = open_page(PAGE, zoo_model="all")
    assert not at.exception
    shipped = pretrained.entries()
    expected = {n: (e.bytes, 100 * e.top1) for n, e in shipped.items() if n in points(at)}
    assert {n for n, e in shipped.items() if e.dataset == "imagenette"} == set(points(at))
    for name, (size, accuracy) in points(at).items():
        assert (size, accuracy) == pytest.approx(expected[name])


def test_every_chart_has_a_description_and_its_numbers_below(open_page):
    at = open_page(PAGE)
    assert all(chart.proto.alt for chart in at.get("plotly_chart"))
    recorded = bool(literature.read())  # of the literature's networks
    assert len(at.get("plotly_chart")) == 5 + recorded
    assert len(at.table) == 7 + recorded  # one under the cards, and that of the networks which fit


def test_nothing_is_timed_unasked_and_the_time_axis_says_so(open_page):
    at = open_page(PAGE, against="time")
    assert not at.exception
    assert any("not timed together on this machine yet" in info.value for info in at.info)
    assert "computed" in html_of(at)
    assert "measured here" not in html_of(at)


def test_a_measurement_moves_the_points_and_the_billion_to_measured_times(open_page, monkeypatch):
    from views.trade_offs import measured_times

    monkeypatch.setattr(measured_times, "RUNS", 2)
    at = open_page(PAGE, zoo_model="alexnet", against="time")
    at.button(key="measure-zoo").click().run()
    assert not at.exception
    seconds = {name: timing.median_s for name, timing in zoo_times(at).items()}
    assert {name: x for name, (x, _) in points(at).items()} == pytest.approx(seconds)
    assert "measured here" in html_of(at)
    assert "computed" not in html_of(at)


def zoo_times(at):
    (times,) = at.session_state["trade-offs: times"]
    return times.timings


def test_all_networks_count_as_timed_only_where_they_took_turns(app_modules, monkeypatch):
    import streamlit as st
    from shared import timing_choice
    from views.method import downloads
    from views.trade_offs import measured_times

    from xnorlab.benchmark import Timing, describe

    def times(*names: str) -> measured_times.Times:
        return measured_times.Times({name: Timing(name, (1.0, 2.0, 3.0), 1, 9.0) for name in names}, describe())

    two, one = times("a", "b"), times("c")
    monkeypatch.setattr(st, "session_state", {measured_times.TIMES: [two, one]})
    assert measured_times.newest(["a", "b", "c"]) is None
    assert measured_times.newest(["a"]) is two
    assert measured_times.newest(["c"]) is one
    records = downloads.measurements(st.session_state.items())
    assert [sorted(record["timings"]) for record in records] == [["a", "b"], ["c"]]
    for row in downloads.measurement_rows(records):
        assert json.loads(row["settings"]) == {"threads": 1, "batch": 1, "repeats": 3, "photo": timing_choice.SAMPLE}


def test_a_measurement_that_fails_is_a_sentence(open_page, monkeypatch):
    from views.trade_offs import measured_times

    from xnorlab.benchmark import BenchmarkError

    def failing(*_, **__):
        raise BenchmarkError("float and xnor differ")

    monkeypatch.setattr(measured_times, "interleaved", failing)
    at = open_page(PAGE)
    at.button(key="measure-zoo").click().run()
    assert not at.exception
    assert "No time is shown: float and xnor differ" in at.error[0].value


def test_what_tells_a_network_from_the_papers_and_how_it_was_trained_stand_beside_its_numbers(ship_resnet, open_page):
    ship_resnet("float")
    taught = ship_resnet("reactnet", epochs=5, teacher="imagenette/resnet18-float", start="imagenette/resnet18-first")
    at = open_page(PAGE, zoo_model="resnet18", paper="resnet18", pick=taught)
    assert not at.exception
    table = table_with(at, "epochs")
    assert list(table["epochs"]) == [2, 5]
    assert list(table["architecture"]) == ["ResNet-18, width 8 of 64"] * 2
    helped = "taught by resnet18-float, began as resnet18-first"
    assert list(table["with the help of"]) == ["–", helped]
    said = f"Not all were trained equally long: see The numbers. ReActNet: {helped}."
    assert any(said in c.value.replace("\\", "") for c in at.caption), [c.value for c in at.caption]
    (line,) = [m.value for m in at.markdown if "binary multiply" in m.value]
    assert "ResNet-18, width 8 of 64; 5 epochs" in line
    assert any("Ours: ResNet-18, width 8 of 64, trained for 2 or 5 epochs" in c.value for c in at.caption)


def test_another_data_set_is_named_with_its_classes_wherever_accuracies_stand(second_data_set, open_page):
    at = open_page(PAGE, data_set="tiny-imagenet", pick=f"{second_data_set}-xnor", says="accuracy")
    assert not at.exception
    assert set(points(at)) == {f"{second_data_set}-{scheme}" for scheme in ("float", "xnor")}
    said = " ".join(e.value for e in (*at.caption, *at.markdown))
    assert "of 100 pictures of 200 classes right" in said
    assert "whole validation set: 100 pictures of 200 classes" in said
    assert "Tiny ImageNet for one of 200" in said
    assert "Ours: ResNet-18, width 8 of 64, 3×3 stem" in said
    assert "AlexNet on Imagenette: 3,925 pictures" in said  # the ablations, whatever data set was chosen above
    assert html_of(at).count("right among 200 classes, at training") == 2
    (table,) = [t.value for t in at.table if any("published, on ImageNet" in c for c in t.value)]
    assert any("measured at training, on Tiny ImageNet" in c for c in table)


def test_the_data_set_of_the_default_network_comes_first(ship_resnet, open_page):
    ship_resnet("float", data="cifar10")
    at = open_page(PAGE)
    assert at.query_params["data_set"] == "imagenette"
    offered = next(group for group in at.get("button_group") if group.key == "data_set").options
    assert offered[:2] == ["Imagenette", "CIFAR-10"]


def test_a_pick_in_the_address_is_ringed_and_described(open_page):
    at = open_page(PAGE, pick=XNOR)
    assert not at.exception
    (ring,) = [t for t in chart_of(at)["data"] if t["name"] == "picked"]
    assert (ring["x"][0], ring["y"][0]) == points(at)[XNOR]
    assert any("real and" in m.value and "binary multiply" in m.value for m in at.markdown)
    assert at.query_params["pick"] == XNOR


@pytest.mark.parametrize("against", ["file", "resident", "operations"])
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_axes_and_scale_come_from_the_address(open_page, against, scale):
    at = open_page(PAGE, against=against, scale=scale)
    assert not at.exception
    assert chart_of(at)["layout"]["xaxis"]["type"] == scale
    assert at.query_params["against"] == against


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data_set", "mnist"),
        ("zoo_model", "vgg"),
        ("against", "money"),
        ("scale", "cubic"),
        ("pick", "nobody"),
        ("split", "pie"),
        ("paper", "vgg"),
        ("says", "x"),
    ],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    assert any(f"{key}={value}" in info.value for info in at.info)


def test_published_values_stand_beside_ours_and_are_named_so(open_page):
    at = open_page(PAGE, says="accuracy", paper="alexnet")
    (table,) = [t.value for t in at.table if any("published, on ImageNet" in c for c in t.value)]
    published, ours = [c for c in table if c != "scheme"]
    assert "published, on ImageNet" in published
    assert "measured at training, on Imagenette" in ours
    row = dict(zip(table["scheme"], table[published], strict=True))
    assert row["Full precision"] == "56.6"
    assert row["XNOR-Net"] == "44.2"  # not an ablation of Table 3


def test_the_memory_claim_is_measured_on_the_file_and_computed_apart(open_page):
    table = table_with(open_page(PAGE), "times smaller")
    assert set(table["from"]) == {"measured here", "computed", "published"}


def test_a_missing_network_is_named_and_the_others_stay(pretrained_copy, open_page):
    (pretrained_copy / f"{XNOR}.safetensors").unlink()
    at = open_page(PAGE)
    assert not at.exception
    assert "git checkout" in at.warning[0].value
    assert XNOR not in points(at)
    assert len(points(at)) >= 4


def test_a_network_of_an_unknown_scheme_is_named_and_the_others_stay(pretrained_copy, open_page):
    from xnorlab import pretrained

    networks = pretrained.entries()
    unknown = replace(networks[XNOR], recipe=replace(networks[XNOR].recipe, scheme="quaternary"))
    enter(pretrained_copy, *networks.values(), unknown)
    at = open_page(PAGE)
    assert not at.exception
    assert "quaternary" in at.warning[0].value
    assert XNOR in points(at)


def test_without_any_network_the_page_says_what_to_do(pretrained_copy, open_page):
    (pretrained_copy / "manifest.json").write_text("{}")
    at = open_page(PAGE)
    assert not at.exception
    assert "git checkout" in at.warning[0].value


def test_every_recorded_ablation_can_be_chosen_and_says_how_to_get_it(open_page):
    from xnorlab import pretrained

    recorded = json.loads((pretrained.folder() / "ablations.json").read_text("utf-8"))
    for name, entry in recorded.items():
        at = open_page(PAGE, ablation=name)
        assert not at.exception
        offered = next(group for group in at.get("button_group") if group.key == "ablation").options
        assert len(offered) == len(recorded)
        assert not set(offered) & set(recorded), "every one has a title"
        shown = table_with(at, "against")
        seeds = [[run["top1"] for run in (row, *row.get("repeats", []))] for row in entry["rows"]]
        assert list(shown["top-1 %"]) == [f"{100 * statistics.fmean(tops):.1f}" for tops in seeds]
        said = f"means over {len(seeds[0])} seeds" if len(seeds[0]) > 1 else "one seed"
        assert any(said in caption.value for caption in at.caption)
        assert any(f"`{entry['command']}`" in caption.value for caption in at.caption)


def test_a_checkout_without_ablations_says_so(open_page, pretrained_copy):
    (pretrained_copy / "ablations.json").unlink()
    at = open_page(PAGE)
    assert not at.exception
    assert any("No ablation is recorded yet" in info.value for info in at.info)


def said(at) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption)).replace("\\", "")


def with_times(monkeypatch, seconds: dict[str, float]) -> None:
    """Networks whose name ends so are known to take so long, all others 1 ms."""
    from shared import network_times
    from shared.network_times import NetworkTime

    from xnorlab import pretrained
    from xnorlab.benchmark import Timing

    def known(name: str) -> NetworkTime:
        taken = next((time for end, time in seconds.items() if name.endswith(end)), 0.001)
        return NetworkTime(Timing(name, (taken,) * 3, 1, taken), "2030-01-02T03:04:05+00:00")

    monkeypatch.setattr(
        network_times, "_times", {entry.sha256: known(name) for name, entry in pretrained.entries().items()}
    )


def test_without_needs_the_most_accurate_network_is_the_one_to_use(open_page, monkeypatch):
    with_times(monkeypatch, {})
    monkeypatch.setattr("shared.network_times._times", {})
    at = open_page(PAGE)
    assert "**Use ● ResNet-18, float**: 87.3 ± 0.5 % right, 5.37 MiB. It is the most accurate of the " in said(at)
    assert "are being measured, and count as fast enough meanwhile" in said(at)
    assert at.query_params["need_top1"] == "any"


def test_needs_in_the_address_lead_to_one_network_and_the_reason(open_page, monkeypatch):
    with_times(monkeypatch, {"float": 0.003, "bwn": 0.0028, "binaryconnect": 0.0028, "reactnet": 0.0006})
    at = open_page(PAGE, need_top1="84", need_ms="2", goal="file_bytes")
    assert not at.exception
    text = said(at)
    assert 'xnorlab.load("imagenette/resnet18-reactnet")' in text
    assert "the only network with at least 84 % right, at most 2 ms" in text
    assert "beside ● ResNet-18, float, the most accurate of all, it is 2.6 ± 0.8 points less, in 9.79 % of" in text
    assert "the bytes and 20.0 % of the time" in text
    assert "at 03:04:05 UTC" in text
    (table,) = [t.value for t in at.table if "of those that fit" in t.value]
    assert list(table["of those that fit"]) == ["the most accurate", "the fastest", "the smallest"]


def test_where_none_fits_it_says_what_to_give_up(open_page, monkeypatch):
    with_times(monkeypatch, {"float": 0.003, "bwn": 0.003, "binaryconnect": 0.003, "reactnet": 0.0006})
    text = said(open_page(PAGE, need_top1="86", need_ms="1", need_kib="512"))
    assert "**None fits what you ask for: at least 86 % right, at most 1 ms, at most 512 KiB.**" in text
    assert "- **accuracy**: ★ ResNet-18, XNOR has all else; 80.9 ± 0.6 % right" in text
    assert "- **speed**: ■ ResNet-18, BC has all else" in text
    assert "- **size**: " not in text  # no network is that accurate and that fast, however large


def test_needs_that_no_network_is_near_show_the_best_for_each(open_page, monkeypatch):
    with_times(monkeypatch, {"": 0.5})
    text = said(open_page(PAGE, need_top1="88", need_ms="0.1", need_kib="256"))
    assert "to give up one need is not enough" in text
    assert "- for accuracy alone: ● ResNet-18, float" in text
    assert "- for size alone: ◆ AlexNet, BNN" in text


def test_what_fits_and_what_is_best_are_told_apart(app_modules):
    from types import SimpleNamespace

    from views.trade_offs.needs import Needs, Offer

    a = SimpleNamespace(name="a", top1=0.9, file_bytes=900)
    b = SimpleNamespace(name="b", top1=0.8, file_bytes=100)
    c = SimpleNamespace(name="c", top1=0.8, file_bytes=200)
    offer = Offer([a, b, c], {"a": 3.0, "c": 1.0})
    assert [offer.best(Needs(), goal).name for goal in ("top1", "seconds", "file_bytes")] == ["a", "c", "b"]
    assert [cost.name for cost in offer.fitting(Needs(seconds=2.0))] == ["b", "c"]  # b has no time yet
    assert offer.best(Needs(top1=0.85, file_bytes=500), "top1") is None
    assert {need: cost.name for need, cost in offer.instead(Needs(top1=0.85, file_bytes=500)).items()} == {
        "top1": "b",
        "file_bytes": "a",
    }
    assert offer.instead(Needs(top1=0.95, file_bytes=50)) == {}


def test_what_dominates_the_files_is_read_from_them(open_page, app_modules):
    from types import SimpleNamespace

    from views.trade_offs import bytes_by_part

    assert "Binary layers take 66.4 to 84.8 % of a binary network's file, most of it" in said(open_page(PAGE))
    small = SimpleNamespace(parts={"binary layers": 30, "real first layer": 60}, file_bytes=100)
    assert "30.0 % of a binary network's file, not always most of it" in bytes_by_part.what_stays_real([small])
    assert bytes_by_part.what_stays_real([SimpleNamespace(parts={"real first layer": 60}, file_bytes=100)]) == ""


def test_one_ratio_of_bytes_stands_in_every_table(open_page):
    at = open_page(PAGE)
    columns = [t.value["× smaller than float32"] for t in at.table if "× smaller than float32" in t.value]
    assert len(columns) == 3
    assert list(columns[1]) == list(columns[2])
    (table,) = [t.value for t in at.table if "times smaller" in t.value]
    by_step = [float(text.removesuffix("×")) for text in table["times smaller"][:4]]
    assert by_step[0] == 31.4  # the first layers' 32 channels leave half of a word empty
    assert by_step == sorted(by_step, reverse=True)
    assert "leave some of their words of 64 bits partly empty" in said(at)
    assert "**Why not exactly 32 times?** One bit stands for 32" in said(at)


def test_that_binary_weights_save_no_time_is_said_beside_the_times(open_page, monkeypatch):
    from views.trade_offs import measured_times

    monkeypatch.setattr(measured_times, "RUNS", 2)
    at = open_page(PAGE, zoo_model="alexnet", against="time")
    assert "saves bytes rather than time" not in said(at)
    at.button(key="measure-zoo").click().run()
    assert "**Binary-Weight (BWN) saves bytes rather than time.**" in said(at)


def test_the_papers_claims_are_led_on_to(open_page):
    at = open_page(PAGE)
    assert any("claims" in link.proto.page for link in at.get("page_link"))
    assert any(s.value == "The paper's claims, and what became of them here" for s in at.subheader)


@pytest.fixture
def bench_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path))
    return tmp_path


def bench_record(network: str, decode_s: float, network_s: float) -> None:
    from xnorlab import pretrained
    from xnorlab.benchmark import describe
    from xnorlab.classify import bench_records

    machine = describe().to_dict() | {"taken": "2030-01-02T03:04:05+00:00"}
    run = {"engine": "local", "workers": 1, "draft": False, "decode_s": decode_s, "network_s": network_s}
    run["this_run"] = {"pictures": 10, "seconds": 10 * (decode_s + network_s)}
    digest = pretrained.entry(network).sha256
    record = {"network": network, "sha256": digest, "pictures": "ten photos", "machine": machine, "runs": [run]}
    bench_records.record(record)


def test_a_whole_run_says_what_it_assumes_where_no_bench_was_run(open_page, bench_cache):
    at = open_page(PAGE, run=XNOR)
    assert not at.exception
    assert f"xnorlab classify PHOTOS --network {XNOR} --out LABELS" in [code.value for code in at.code]
    assert "core-hours** for a billion pictures in the network alone, computed. No run was measured" in said(at)
    assert at.query_params["run"] == XNOR


def test_a_whole_run_takes_its_figures_from_the_bench_of_this_machine(open_page, bench_cache):
    bench_record(XNOR, 0.003, 0.0006)
    text = said(open_page(PAGE, run=XNOR))
    assert "**1,000 core-hours** for a billion pictures, measured here on 2030-01-02 03:04 UTC (ten photos)" in text
    assert "3.00 ms to read, decode and crop one, 600 µs in the network" in text
    assert "Reading and decoding are 83.3 % of it" in text
    other = said(open_page(PAGE, run="imagenette/alexnet-float"))
    assert f"measured here on 2030-01-02 03:04 UTC (ten photos) with {XNOR}. " in other
    assert "**833 core-hours** to read, decode and crop a billion pictures, 3.00 ms each" in other
    assert "core-hours are computed, and not added to what was measured" in other


def test_a_bench_and_a_measured_network_add_up(bench_cache, app_modules, open_page):
    from views.trade_offs import whole_runs

    from xnorlab.classify import bench_records

    bench_record(XNOR, 0.003, 0.0006)
    known = bench_records.of_this_machine()
    text = whole_runs._figures("imagenette/alexnet-float", whole_runs.NetworkTime(0.003, "measured here"), known)
    assert text.startswith("**1,670 core-hours** for a billion pictures: 3.00 ms to read, decode and crop one")
    assert text.endswith("3.00 ms in this network, measured here. Reading and decoding are 50.0 % of it.")
    assert open_page(PAGE, zoo_model="alexnet").query_params["run"] == XNOR


def test_the_button_runs_the_bench_which_keeps_its_record(open_page, bench_cache, monkeypatch):
    from views.trade_offs import whole_runs

    monkeypatch.setattr(whole_runs, "IMAGES", 20)
    at = open_page(PAGE, run=XNOR)
    at.button(key="measure-run").click().run()
    assert not at.exception
    assert not at.error
    assert "20 drawn photos, one process" in said(at)
    assert "core-hours** for a billion pictures, measured here on " in said(at)


def test_a_bench_that_fails_is_a_sentence(open_page, bench_cache, monkeypatch):
    import subprocess

    failed = subprocess.CompletedProcess([], 2, "", "a warning\nxnorlab: the disk is full\n")
    at = open_page(PAGE, run=XNOR)
    monkeypatch.setattr(subprocess, "run", lambda *given, **options: failed)
    at.button(key="measure-run").click().run()
    assert not at.exception
    assert "No time is shown: the disk is full" in at.error[0].value


def literature_result(cpu: str, binary_s: float) -> dict:
    def engine(median_s: float) -> dict:
        return {"median_s": median_s, "quartiles_s": [median_s, median_s]}

    return {
        "machine": {"cpu": cpu, "instructions": "AVX2", "taken": "2026-01-02T03:04:05", "versions": {"torch": "2.9"}},
        "pixels": 224,
        "threads": 1,
        "networks": [
            {"network": "QuickNet", "scheme": "bnn", "times": {"xnorlab": engine(binary_s)}, "left_out": {}},
            {
                "network": "EfficientNet-B0",
                "scheme": "float",
                "times": {"onnxruntime-float": engine(0.006), "openvino-int8": engine(0.005)},
                "left_out": {},
            },
        ],
    }


def test_literature_stands_published_against_measured_and_names_its_processor(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path))
    literature.keep(literature_result("some CPU", 0.002))
    literature.keep(literature_result("other CPU", 0.008))
    at = open_page(PAGE, measured_on="some CPU, AVX2")
    assert not at.exception
    table = table_with(at, "top-1 %, published")
    assert list(table["network"]) == ["◆ QuickNet, BNN", "● EfficientNet-B0, float", "✛ EfficientNet-B0, int8"]
    assert list(table["top-1 %, published"]) == ["63.3", "77.7", "– (float32: 77.7)"]
    assert list(table["one picture, measured"]) == ["2.00 ms", "6.00 ms", "5.00 ms"]
    (said,) = [m.value for m in at.markdown if "Nothing measured here" in m.value]
    assert "1 of these 2 is a binary network" in said
    (origin,) = [c.value.replace("\\", "") for c in at.caption if "all networks in turns" in c.value]
    assert "on another machine than this one, some CPU, AVX2, on 2026-01-02" in origin
    at = open_page(PAGE, measured_on="other CPU, AVX2")
    (said,) = [m.value for m in at.markdown if "Nothing measured here" in m.value]
    assert "0 of these 1 are binary networks" in said


def test_without_a_record_of_the_literature_the_page_tells_its_command(open_page, monkeypatch):
    monkeypatch.setattr(literature, "read", lambda: ())
    at = open_page(PAGE)
    assert not at.exception
    assert any("xnorlab bench literature" in info.value for info in at.info)
