"""Method: every formula leads to its code, its notebook and its page; what is downloaded can be read again."""

import csv
import io
import json

import pytest
from app_pages import APP

PAGE = "views/method/page.py"
ROOT = APP.parent


def buttons(at) -> list[str]:
    return [b.proto.label for b in at.get("download_button")]


def rows_of(rows) -> list[dict[str, str]]:
    """`rows` as they are read back from the CSV file that the page offers."""
    from shared import csv_file

    return list(csv.DictReader(io.StringIO(csv_file.encoded(rows).decode("utf-8-sig"))))


def test_every_formula_has_its_code_its_source_and_a_page(open_page):
    from views.method import formulas

    at = open_page(PAGE)
    assert not at.exception
    assert [s.value for s in at.subheader][:-1] == [f.title for f in formulas.FORMULAS]
    assert len(at.latex) == sum(len(f.latex) for f in formulas.FORMULAS)
    assert len(at.code) == sum(len(f.code) for f in formulas.FORMULAS)
    text = " ".join(m.value for m in at.markdown)
    assert all(f.printed_in in text for f in formulas.FORMULAS)


def test_code_is_named_by_the_file_and_line_where_it_stands(app_modules):
    from views.method import code_listing, formulas

    for reference in {r for f in formulas.FORMULAS for r in f.code}:
        code = code_listing.read(reference)
        lines = (ROOT / code.path).read_text(encoding="utf-8").splitlines(keepends=True)
        assert "".join(lines[code.line - 1 :]).startswith(code.text)
        assert reference.partition(":")[2] in code.text


def test_notebooks_and_pages_that_are_named_exist(app_modules):
    from views.method import formulas

    for formula in formulas.FORMULAS:
        assert all((ROOT / "notebooks" / notebook).is_file() for notebook in formula.notebooks)
        assert (APP / formula.link.page).is_file()
        assert formula.topic in formulas.TOPICS


def test_every_notebook_is_named_beside_a_formula(open_page):
    text = " ".join(m.value for m in open_page(PAGE).markdown)
    notebooks = [path.name for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert notebooks
    assert [name for name in notebooks if f"`notebooks/{name}`" not in text] == []


def test_the_addresses_of_formulas_are_understood_by_their_pages(open_page):
    from views.method import formulas

    for link in {f.link.page: f.link for f in formulas.FORMULAS if f.link.query}.values():
        at = open_page(link.page, **link.query)
        assert not at.exception
        assert not [info for info in at.info if "The address asks for" in info.value]
        assert {key: at.query_params[key] for key in link.query} == link.query


@pytest.mark.parametrize("topic", ["weights", "inputs", "training", "cost"])
def test_a_topic_shows_its_formulas_alone(open_page, topic):
    from views.method import formulas

    at = open_page(PAGE, topic=topic)
    assert [s.value for s in at.subheader][:-1] == [f.title for f in formulas.FORMULAS if f.topic == topic]


def test_a_bad_topic_in_the_address_falls_back_with_a_note(open_page):
    at = open_page(PAGE, topic="poetry")
    assert not at.exception
    assert "topic=poetry" in at.info[0].value


def test_the_manifest_goes_out_as_it_is(app_modules):
    from views.method import downloads

    from xnorlab import pretrained
    from xnorlab.zoo import manifest

    rows = rows_of(downloads.manifest_rows())
    assert {row["name"]: (float(row["top1"]), int(row["classes"])) for row in rows} == {
        name: (shipped.top1, len(shipped.labels)) for name, shipped in pretrained.entries().items()
    }
    document = json.loads(downloads.as_json(manifest.to_dict(pretrained.entries())))
    assert document == json.loads((pretrained.folder() / "manifest.json").read_text("utf-8"))


def test_the_machine_names_processor_path_and_versions(app_modules):
    from views.method import downloads

    from xnorlab.benchmark import describe

    machine, now = json.loads(downloads.as_json(downloads.machine())), describe()
    assert (machine["cpu"], machine["instructions"], machine["versions"]) == (now.cpu, now.instructions, now.versions)
    rows = {row["property"]: row["value"] for row in rows_of(downloads.machine_rows(machine))}
    assert rows["cpu"] == now.cpu
    assert rows["version of numpy"] == now.versions["numpy"]


def test_measurements_of_the_session_go_out_with_settings_and_machine(app_modules):
    from views.method import downloads

    from xnorlab.benchmark import ConvShape, bench_conv

    bench = bench_conv(ConvShape(channels=64, size=4, filters=2), repeats=2, naive=False)
    (result,) = downloads.measurements([("lab: result", ("settings", bench)), ("other", 3), ("text", "x")])
    assert result == {"measured": "lab: result", **bench.to_dict()}
    rows = rows_of(downloads.measurement_rows([result]))
    assert {row["contestant"]: float(row["median_s"]) for row in rows} == {
        name: timing.median_s for name, timing in bench.timings.items()
    }
    assert json.loads(rows[0]["settings"])["shape"]["channels"] == 64
    assert rows[0]["cpu"] == bench.machine.cpu


def test_who_was_not_timed_goes_out_with_the_reason(app_modules):
    import dataclasses

    from views.method import downloads

    from xnorlab.benchmark import ConvShape, UnsupportedError, bench_conv
    from xnorlab.peers import TORCH_CONVS

    def refusing(problem):
        raise UnsupportedError("there is no kernel")

    peers = [dataclasses.replace(TORCH_CONVS[0], prepare=refusing)]
    bench = bench_conv(ConvShape(channels=64, size=4, filters=2), repeats=1, naive=False, peers=peers)
    (result,) = downloads.measurements([("lab: result", bench)])
    rows = rows_of(downloads.measurement_rows([result]))
    assert {row["contestant"]: row["not_timed_because"] for row in rows} == {
        "binary": "",
        "pack": "",
        "conv": "",
        "torch-nchw": "there is no kernel",
    }
    assert (rows[-1]["median_s"], rows[-1]["runs"], rows[-1]["cpu"]) == ("", "0", bench.machine.cpu)


def test_a_networks_timing_goes_out_under_the_names_of_its_schemes(open_page):
    from views.method import downloads

    at = open_page("views/network_timing/page.py", first="bwn", second="xnor", runs="5")
    at.button(key="run-network").click().run()
    (result,) = downloads.measurements([("network timing: result", at.session_state["network timing: result"])])
    assert set(result["timings"]) == {"bwn", "xnor"}
    assert [row["contestant"] for row in rows_of(downloads.measurement_rows([result]))] == ["bwn", "xnor"]
    assert json.loads(downloads.as_json(result)) == result
    assert len(result["layers"]) == len(result["layer_medians_s"]["xnor"]["first layer"]) == 6


def test_without_a_measurement_the_page_says_so_and_with_one_it_offers_it(open_page, monkeypatch):
    from views.trade_offs import measured_times

    at = open_page(PAGE)
    assert any("Nothing was measured" in c.value for c in at.caption)
    assert buttons(at) == ["CSV", "JSON"] * 2
    monkeypatch.setattr(measured_times, "RUNS", 1)
    at.switch_page("views/trade_offs/page.py").run()
    at.button(key="measure-zoo").click().run()
    at.switch_page(PAGE).run()
    assert not at.exception
    assert buttons(at) == ["CSV", "JSON"] * 3


def test_without_a_manifest_the_rest_stays(pretrained_copy, open_page):
    (pretrained_copy / "manifest.json").write_text("no JSON")
    at = open_page(PAGE)
    assert not at.exception
    assert "not valid JSON" in at.warning[0].value
    assert buttons(at) == ["CSV", "JSON"]
