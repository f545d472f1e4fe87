"""The pages Scaling factors and XNOR step by step, in a real browser: marks to click, bits by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect
from serving import wait_until_ready

pytestmark = pytest.mark.browser

REMEMBER_THE_BUTTON = """() => {
    window.said = new Set();
    const look = () => window.said.add(document.querySelector('.st-key-play button')?.innerText);
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def bit(page: Page, row: str, index: int):
    return page.locator(f".st-key-{row}-{index // 8} button").nth(index % 8)


def results(page: Page) -> list[str]:
    return page.get_by_test_id("stMetricValue").all_inner_texts()


def test_a_bit_flips_by_mouse_and_by_keyboard_and_nothing_jumps(visit):
    page = visit("/xnor-steps?n=12&word=8&x=605&w=24b")
    expect(bit(page, "x", 1)).to_have_attribute("aria-pressed", "false")
    assert results(page) == ["7", "2", "2", "2"]
    board = page.locator(".st-key-bytes")
    before = board.bounding_box()
    bit(page, "x", 1).click()
    expect(page).to_have_url(re.compile("x=607&"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("x=603&"))
    expect(bit(page, "x", 2)).to_be_focused()
    expect(page.get_by_test_id("stMetricValue")).to_have_text(["9", "6", "6", "6"])
    wait_until_ready(page)
    assert board.bounding_box() == before


def test_steps_play_to_the_end_and_stop(visit):
    page = visit("/xnor-steps?n=16&word=8&step=0")
    page.evaluate(REMEMBER_THE_BUTTON)  # a slow look from outside may miss what was there for a second
    page.locator(".st-key-play button").click()
    expect(page.get_by_text("step 5 of 5")).to_be_visible()
    expect(page.locator(".st-key-play button")).to_contain_text("Play")
    assert [said for said in page.evaluate("[...window.said]") if "Stop" in said]
    page.locator(".st-key-back button").click()
    expect(page.get_by_text("step 4 of 5")).to_be_visible()
    expect(page).to_have_url(re.compile("step=4"))


def test_real_bits_come_with_their_photo_and_filter(visit):
    page = visit("/xnor-steps")
    before = page.url
    page.get_by_role("radio", name="From a network").or_(page.get_by_role("button", name="From a network")).click()
    expect(page.get_by_text("The middle pixel of the input of conv2")).to_be_visible()
    expect(page).not_to_have_url(before)
    expect(page.get_by_text("All three give the same number")).to_be_visible()


def test_a_click_on_an_alpha_opens_that_filter(visit):
    page = visit("/scaling-factors?layer=conv4&photo=cat")
    marks = page.locator(".st-key-alphas .scatterlayer .point")
    expect(marks.first).to_be_visible()
    mark = marks.nth(31)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".hoverlayer .hovertext").first).to_be_visible()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("heading", name="Binarize a filter", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(r"layer=conv4.*filter=\d+"))


def test_alpha_off_makes_the_map_too_large_and_the_address_reopens_it(visit):
    page = visit("/scaling-factors")
    values = page.get_by_test_id("stMetricValue")
    expect(values).to_have_count(3)
    cosine, error = results(page)[:2]
    page.locator(".st-key-use_alpha label").click()
    expect(values.nth(1)).not_to_have_text(error)
    assert results(page)[0] == cosine
    expect(page).to_have_url(re.compile("use_alpha=off"))
    again = visit(page.url.removeprefix(page.url.split("/scaling-factors")[0]))
    expect(again.get_by_test_id("stMetricValue").nth(1)).to_have_text(results(page)[1])
