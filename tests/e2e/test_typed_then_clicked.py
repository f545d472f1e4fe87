"""A number typed with real keys and a click that follows at once: both count, however slow the browser and the server.

The field is left, and its number sent, when the mouse button goes down; the click is sent when it goes up. Between the
two nothing, some, or the whole of a new run may come back.
"""

import re
from collections.abc import Callable
from itertools import product

import pytest
from playwright.sync_api import Page, expect
from serving import wait_until_ready

pytestmark = pytest.mark.browser

HELD_DOWN_MS = (0, 60, 300)
TIMES_SLOWER = (1, 6)  # the browser's processor
EVERY_WAY = list(product(TIMES_SLOWER, HELD_DOWN_MS))

WATCH = """(selector) => {
    window.places = new Set();
    const look = () => {
        const box = document.querySelector(selector)?.getBoundingClientRect();
        const scrolled = document.querySelector('[data-testid=stMain]').scrollTop;
        window.places.add(box ? `${Math.round(box.x)}, ${Math.round(box.y + scrolled)}` : 'gone');
        requestAnimationFrame(look);
    };
    look();
}"""


@pytest.fixture
def type_and_click() -> Callable:
    """type_and_click(page, field, text, button, way): the text in the field, then the button, as a hasty hand does."""

    def act(page: Page, field: str, text: str, button: str, way: tuple[int, int]) -> None:
        slower, held_down_ms = way
        wait_until_ready(page)
        tools = page.context.new_cdp_session(page)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.locator(f"{field} input").click()
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
        page.locator(f"{button} button").scroll_into_view_if_needed()
        box = page.locator(f"{button} button").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        if held_down_ms:
            page.wait_for_timeout(held_down_ms)
        page.mouse.up()
        tools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        tools.detach()

    return act


@pytest.mark.parametrize("width", [1280, 390])
def test_snap_lands_on_the_optimum_of_the_weight_just_typed(visit, type_and_click, width):
    page = visit("/filters?from=own&own=1,1,1,1,1,1,1,1,1", width=width)
    page.evaluate(WATCH, ".st-key-snap button")
    for weight, way in zip(("10", "1", "5.5", "-8.2", "4.6", "2.8"), EVERY_WAY, strict=True):
        type_and_click(page, ".st-key-own-4", weight, ".st-key-snap", way)
        expect(page.get_by_text(f"α = mean|W| = {(8 + abs(float(weight))) / 9:.2f}.")).to_be_visible()
        expect(page.locator(".st-key-own-4 input")).to_have_value(f"{float(weight):g}")
    assert len(page.evaluate("[...window.places]")) == 1  # it never moved under the hand


def test_a_preset_replaces_the_weight_just_typed(visit, type_and_click):
    page = visit("/filters?from=own&own=1,1,1,1,1,1,1,1,1")
    presets = [("Spot", "1.4"), ("All zero", "0"), ("Nearly binary", "1.1")] * 2
    for (preset, middle), way in zip(presets, EVERY_WAY, strict=True):
        type_and_click(page, ".st-key-own-4", "7", f".st-key-preset-{preset.replace(' ', '-')}", way)
        expect(page.locator(".st-key-own-4 input")).to_have_value(middle)


def test_run_times_the_number_of_filters_just_typed(visit, type_and_click):
    page = visit("/speed-lab?channels=64&size=8&filters=16&repeats=5")
    page.evaluate(WATCH, ".st-key-run button")
    for filters, way in zip((17, 18, 19, 20, 21, 22), EVERY_WAY, strict=True):
        type_and_click(page, ".st-key-filters", str(filters), ".st-key-run", way)
        expect(page.get_by_role("heading", name=re.compile(f"64→{filters}@8, measured here"))).to_be_visible()
    assert len(page.evaluate("[...window.places]")) == 1


def test_a_part_of_the_page_that_measures_takes_the_number_just_typed_to_the_whole_page(visit, type_and_click):
    page = visit("/speed-lab?channels=64&size=8&filters=16&repeats=5")
    page.locator(".st-key-run button").click()
    page.locator(".st-key-ceilings button").scroll_into_view_if_needed()
    wait_until_ready(page)
    type_and_click(page, ".st-key-filters", "17", ".st-key-ceilings", (1, 0))
    expect(page.locator(".st-key-roofline .js-plotly-plot")).to_be_visible()
    expect(page.get_by_text("Settings changed, run again")).to_be_visible()
    expect(page).to_have_url(re.compile("filters=17"))


def test_start_trains_with_the_seed_just_typed_even_while_another_run_goes_on(visit, server, type_and_click):
    page = visit("/how-it-learns?part=live&width=4&pace=slow")
    server.tell("watch long")
    with server.held():
        page.locator(".st-key-start button").click()
        expect(page.locator(".st-key-stop button")).to_be_enabled()
        for seed, way in zip((1, 2, 3, 4, 5, 6), EVERY_WAY, strict=True):
            type_and_click(page, ".st-key-seed", str(seed), ".st-key-start", way)
            expect(page).to_have_url(re.compile(rf"seed={seed}(&|$)"))
            wait_until_ready(page)
            expect(page.get_by_text("Settings changed")).to_have_count(0)
            expect(page.locator(".st-key-stop button")).to_be_enabled()
