"""What a visitor does on the pages beyond the first tour: clicks a filter, flips bits, trains, times and downloads."""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser


def click_mark(page: Page, mark: Locator) -> None:
    """Click a mark of a chart where it is: plotly listens on a sheet above it."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_a_click_on_a_filters_alpha_opens_that_filter(visit):
    page = visit("/scaling-factors")
    marks = page.locator(".st-key-alphas .scatterlayer .trace").first.locator(".point")
    expect(marks.nth(7)).to_be_visible()
    click_mark(page, marks.nth(7))
    expect(page.get_by_role("heading", name="Binarize a filter", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/filters\?.*filter=\d"))
    asked = re.search(r"filter=(\d+)", page.url)
    assert asked is not None
    expect(page.locator(".st-key-filter [data-testid=stSliderThumbValue]")).to_have_text(asked[1])


def test_bits_flip_by_mouse_and_by_keyboard_and_the_steps_can_be_walked(visit):
    page = visit("/xnor-steps?word=8&n=16")
    bits = page.locator(".st-key-x-0 button")
    expect(bits).to_have_count(8)
    before = [bit.get_attribute("aria-checked") for bit in bits.all()]
    address = page.url
    bits.nth(2).click()
    expect(bits.nth(2)).not_to_have_attribute("aria-checked", before[2])
    page.wait_for_function("old => location.href !== old", arg=address)
    bits.nth(3).focus()
    page.keyboard.press("Space")
    expect(bits.nth(3)).not_to_have_attribute("aria-checked", before[3])
    page.locator(".st-key-first button").click()
    expect(page.get_by_text("step 0 of")).to_be_visible()
    page.locator(".st-key-last button").click()
    expect(page.get_by_text(re.compile(r"step (\d+) of \1"))).to_be_visible()


def test_a_network_trains_in_view_stops_and_goes_on(visit, server):
    page = visit("/how-it-learns?part=live&pace=slow")
    server.tell("watch long")
    with server.held():  # it takes no step, and so does not come to its end meanwhile
        page.locator(".st-key-start button").click()
        expect(page.locator(".st-key-stop button")).to_be_enabled()
        page.locator(".st-key-stop button").click()
        expect(page.locator(".st-key-start button")).to_have_text(re.compile("Resume"))
        page.locator(".st-key-start button").click()
        expect(page.locator(".st-key-stop button")).to_be_enabled()


def test_a_networks_timing_can_be_cancelled_and_shows_what_there_is(visit, server):
    page = visit("/network-timing?runs=101")
    with server.one_round():
        page.locator(".st-key-run-network button").click()
        expect(page.locator(".stTable").first).to_be_visible()  # rows appear as they finish
        page.locator(".st-key-cancel button").click()
    expect(page.get_by_text(re.compile(r"Stopped after \d+ of 101 runs"))).to_be_visible()
    expect(page.locator(".st-key-layers .js-plotly-plot")).to_be_visible()


def test_the_numbers_of_the_project_can_be_taken_home(visit):
    page = visit("/method")
    for kind in ("csv", "json"):
        button = page.locator(f"[class*='-{kind}'][class*=st-key-] button").first
        with page.expect_download() as download:
            button.click()
        content = Path(download.value.path()).read_text("utf-8-sig")
        assert len(list(csv.reader(content.splitlines())) if kind == "csv" else json.loads(content)) > 1


def test_axes_of_the_trade_offs_reopen_from_the_address(visit):
    page = visit("/trade-offs")
    page.locator(".st-key-scale button").last.click()
    chosen = page.locator(".st-key-scale button").last
    expect(chosen).to_have_attribute("aria-checked", "true")
    page.wait_for_function("() => location.search.includes('scale=linear')")
    again = visit(page.url.removeprefix(page.url.split("/trade-offs")[0]))
    expect(again.locator(".st-key-scale button").last).to_have_attribute("aria-checked", "true")
    expect(again.locator(".st-key-pareto .js-plotly-plot")).to_be_visible()
