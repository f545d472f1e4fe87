"""Start: works at once, names the machine, measures only when asked."""

import dataclasses
import re

import numpy as np
import pytest
from page_reading import html_of

from xnorlab.figures.style import SCHEMES

PAGE = "views/start/page.py"


def test_the_tour_the_machine_and_one_filter_under_five_schemes_are_there_at_once(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert re.findall(r"data-scheme='(\w+)'", html_of(at)) == list(SCHEMES)
    assert len(at.get("page_link")) == 3
    assert any(" thread" in m.value for m in at.markdown)
    assert not at.metric  # nothing was measured unasked


def test_measuring_shows_computed_published_and_measured_side_by_side(open_page, monkeypatch):
    from shared import conv_timing

    from xnorlab.benchmark import ConvShape

    monkeypatch.setattr(conv_timing, "PAPER_SHAPE", ConvShape(channels=64, size=8))
    at = open_page(PAGE)
    at.button(key="measure").click().run()
    assert not at.exception
    labels = [m.label for m in at.metric]
    assert [label.rpartition(", ")[2] for label in labels] == [
        "computed",
        "published",
        "measured here",
        "measured here",
    ]
    assert at.metric[0].value == "57.6×"
    assert at.metric[1].value == "58.0×"
    assert at.title[0].value == "The authors measured 58×. Here is what it is on your CPU."
    assert any("57.6×, computed:** their formula at c = 64 channels" in m.value for m in at.markdown)
    assert any("measured here against naive loops:**" in m.value for m in at.markdown)


def bench(**times: float | tuple[float, ...]):
    """A result for the paper's layer: each contender's seconds, or those of its runs."""
    from shared import conv_timing

    from xnorlab.benchmark import ConvBench, Timing, describe

    runs = {name: taken if isinstance(taken, tuple) else (taken,) for name, taken in times.items()}
    timings = {name: Timing(name, seconds, 1, seconds[0]) for name, seconds in runs.items()}
    computes = {name: "signs" if name == "binary" else "float" for name in times}
    return ConvBench(conv_timing.PAPER_SHAPE, 1, describe(), timings, {}, computes, {}, 1e12)


@pytest.mark.parametrize(("bits", "said"), [(512, "512 signs and 16 floats"), (256, "256 signs and 8 floats")])
def test_where_a_speed_up_comes_from_is_told_from_measurement_and_processor(app_modules, monkeypatch, bits, said):
    from shared import conv_timing, speed_up_origins

    from xnorlab.kernels import cpu
    from xnorlab.kernels.codegen.processor import VectorUnit

    monkeypatch.setattr(cpu, "vector_unit", lambda: VectorUnit(bits=bits, counts=False, ternary=False))
    published, computed = speed_up_origins.in_print(conv_timing.PAPER_SHAPE)
    assert published.startswith("**58.0×, published:**")
    assert "64 · 2,304 / (2,304 + 64)" in computed
    assert computed.startswith("**62.3×, computed:**")
    library, naive = speed_up_origins.measured(bench(binary=1e-4, naive=0.08, **{"torch-nchw": 2e-3}))
    assert library.startswith("**20.0×, measured here against oneDNN:**")
    assert f"{said}, that is 32 times" in library
    assert naive.startswith("**800×, measured here against naive loops:** above the formula")
    (fast,) = speed_up_origins.measured(bench(binary=1e-4, **{"torch-nchw": 8e-3}))
    assert fast.startswith("**80.0×, measured here against oneDNN:** above the formula")
    (noisy,) = speed_up_origins.measured(bench(binary=(1e-4, 1e-4, 1e-4), **{"torch-nchw": (7e-3, 8e-3, 19e-3)}))
    assert "the runs lie far apart" in noisy
    (slow,) = speed_up_origins.measured(bench(binary=1e-4, naive=1e-3))
    assert "below the formula" in slow


def test_a_library_that_fails_is_named_and_ours_is_still_measured(open_page, monkeypatch):
    from shared import conv_timing

    from xnorlab import peers
    from xnorlab.benchmark import ConvShape, UnsupportedError

    def refusing(problem):
        raise UnsupportedError("there is no kernel")

    refused = tuple(dataclasses.replace(peer, prepare=refusing) for peer in peers.TORCH_CONVS)
    monkeypatch.setattr(peers, "TORCH_CONVS", refused)
    monkeypatch.setattr(conv_timing, "PAPER_SHAPE", ConvShape(channels=64, size=8))
    at = open_page(PAGE)
    at.button(key="measure").click().run()
    assert not at.exception
    measured = {m.label: m.value for m in at.metric}
    assert measured["oneDNN, measured here"] == "–"
    assert measured["naive loops, measured here"] != "–"
    assert sum("was not timed: there is no kernel" in w.value for w in at.warning) == 2


def test_a_noisy_measurement_is_named_so_as_in_the_speed_lab(open_page, monkeypatch):
    from shared import conv_timing, notices

    from xnorlab.benchmark import ConvShape

    monkeypatch.setattr(conv_timing, "PAPER_SHAPE", ConvShape(channels=64, size=8))
    monkeypatch.setattr(notices, "NOISY", -1.0)
    at = open_page(PAGE)
    at.button(key="measure").click().run()
    assert any("noisy machine" in w.value for w in at.warning)


def test_a_photo_of_ones_own_that_was_chosen_elsewhere_stays_chosen(open_page, photo_bytes):
    at = open_page("views/classify/page.py")
    at.file_uploader[0].upload("mine.png", photo_bytes, "image/png").run()
    at.switch_page(PAGE).run()
    assert not at.exception
    assert at.session_state["photo"].startswith("own-")


def test_scaling_repairs_the_numbers_but_not_the_picture(app_modules):
    from views.start import filter_responses

    filters = np.random.default_rng(0).normal(0.02, 0.1, (2, 3, 11, 11)).astype(np.float32)
    responses = filter_responses.responses("cat", filters, 1)
    assert list(responses) == list(SCHEMES)
    assert responses["float"].error == 0
    assert responses["bwn"].cosine == pytest.approx(responses["binaryconnect"].cosine, abs=1e-5)
    assert responses["bwn"].error < responses["binaryconnect"].error
    assert responses["xnor"].weights_in_words == responses["bwn"].weights_in_words
    assert responses["xnor"].inputs_in_words == "inputs ±1, times K"


def test_the_tour_says_how_many_things_the_networks_know(second_data_set, open_page):
    at = open_page(PAGE)
    assert any("They know 10 things (Imagenette) or 200 things (Tiny ImageNet)." in c.value for c in at.caption)
    assert any("float AlexNet on Imagenette" in c.value for c in at.caption)


def test_without_networks_the_page_still_stands_and_gives_advice(pretrained_copy, open_page):
    (pretrained_copy / "manifest.json").write_text("{}")
    at = open_page(PAGE)
    assert not at.exception
    assert "xnorlab zoo train" in at.warning[0].value
    assert len(at.get("page_link")) == 3


def test_one_thread_is_one_thread(open_page, monkeypatch):
    from xnorlab import benchmark

    here = benchmark.describe()
    monkeypatch.setattr(benchmark, "describe", lambda: dataclasses.replace(here, cores=1))
    said = " ".join(m.value for m in open_page(PAGE).markdown)
    assert "1 thread" in said
    assert "1 threads" not in said
