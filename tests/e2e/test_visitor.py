"""What a visitor does, in a real browser."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from xnorlab import pretrained

pytestmark = pytest.mark.browser

SAMPLES = Path(__file__).parents[2] / "app" / "samples"
UPLOADER = "[data-testid=stFileUploaderDropzoneInput]"
SMALL_LAYER = "channels=64&size=8&filters=16&repeats=5"


def menu(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_text(title, exact=True).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def test_a_visitor_uploads_a_photo_and_reads_every_networks_answer(visit, tmp_path):
    photo = tmp_path / "my *best* [photo] $1$.jpg"
    photo.write_bytes((SAMPLES / "parachute.jpg").read_bytes())
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no pixels here")
    page = visit("/")
    menu(page, "Classify")
    page.locator(UPLOADER).set_input_files([photo, broken])
    expect(page.get_by_text("broken.jpg is not an image")).to_be_visible()
    chosen = page.locator(".st-key-photo [aria-checked=true], .st-key-photo [kind=pillsActive]")
    expect(chosen).to_contain_text("my *best* [photo] $1$.jpg")
    expect(page.locator(".xl-card .xl-answer")).to_have_count(
        sum(name.startswith("imagenette/alexnet-") for name in pretrained.names())
    )
    expect(page.locator(".xl-card .xl-foot").first).to_contain_text(re.compile(r"\d (ms|µs|s) measured here"))
    with page.expect_download() as download:
        page.locator(".st-key-csv button").click()
    rows = list(csv.reader(Path(download.value.path()).read_text("utf-8-sig").splitlines()))
    answers = page.locator(".xl-card .xl-answer").all_inner_texts()
    assert [row[0] for row in rows] == ["photo", photo.name]
    assert rows[1][1::2] == answers


def test_a_filter_snaps_to_its_optimum_and_the_address_reopens_it(visit):
    page = visit("/")
    menu(page, "Binarize a filter")
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    page.locator(".st-key-snap button").click()
    expect(page.get_by_text("The bottom of the parabola")).to_be_visible()
    error = page.locator(".st-key-parabola .error").inner_text()
    again = visit(page.url.removeprefix(page.url.split("/filters")[0]))
    expect(again.get_by_text("The bottom of the parabola")).to_be_visible()
    expect(again.locator(".st-key-parabola .error")).to_have_text(error)


def test_a_filter_edited_by_hand_moves_the_optimum(visit):
    page = visit("/filters?from=own&own=1,1,1,1,1,1,1,1,1")
    page.locator(".st-key-own-4 input").fill("10")
    page.locator(".st-key-own-4 input").press("Enter")
    page.locator(".st-key-snap button").click()
    expect(page.get_by_text("α = mean|W| = 2.00.")).to_be_visible()


def test_the_speed_lab_runs_and_says_when_its_result_is_old(visit):
    page = visit(f"/speed-lab?{SMALL_LAYER}")
    expect(page.get_by_text("for a measurement")).to_be_visible()
    page.locator(".st-key-run button").click()
    expect(page.get_by_text("measured speed-up")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.locator(".st-key-channels input").fill("65")
    page.locator(".st-key-channels input").press("Enter")
    expect(page.get_by_text("Settings changed, run again")).to_be_visible()


def test_the_start_page_measures_when_asked(visit):
    page = visit("/")
    expect(page.locator(".xl-card")).to_have_count(5)
    page.get_by_role("button", name="Measure it here").first.click()
    expect(page.get_by_text("naive loops, measured here")).to_be_visible()


def test_a_shot_of_the_camera_is_answered(visit):
    page = visit("/classify?bring=camera&schemes=float,xnor")
    # a click before the first frame takes no picture, and says nothing
    page.wait_for_function("() => document.querySelector('video')?.videoWidth > 0")
    page.get_by_test_id("stCameraInputButton").click()
    expect(page.get_by_text("Forget my photos")).to_be_visible()
    expect(page.locator(".st-key-photo-shown img")).to_have_attribute("alt", re.compile("camera", re.I))
    expect(page.locator(".xl-card .xl-answer")).to_have_count(2)


def test_charts_follow_a_change_of_theme(visit):
    page = visit("/filters")
    spike = page.locator(".st-key-histogram .scatterlayer path.js-line").first
    expect(spike).to_have_css("stroke", "rgb(8, 160, 84)")
    page.emulate_media(color_scheme="dark")
    expect(spike).to_have_css("stroke", "rgb(12, 233, 122)")


def test_a_bad_address_falls_back_with_a_note(visit):
    page = visit("/classify?photo=moon&top=3")
    expect(page.get_by_text("The address asks for")).to_contain_text("photo=moon")
    expect(page.locator(".xl-card").first.locator("li")).to_have_count(3)
