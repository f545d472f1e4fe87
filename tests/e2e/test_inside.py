"""The page Inside in a real browser: layers, filters and pixels chosen by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import expect
from serving import wait_until_ready

pytestmark = pytest.mark.browser


def test_layers_filters_and_pixels_are_chosen_by_mouse_and_by_keyboard(visit):
    page = visit("/inside?layer=conv2&filter=0&channel=0&row=7&column=7")
    page.locator(".st-key-way button", has_text="conv3").click()
    expect(page).to_have_url(re.compile("layer=conv3&"))
    expect(page.get_by_role("heading", name="What enters conv3")).to_be_visible()
    wait_until_ready(page)

    page.get_by_role("button", name="filter 1", exact=True).click()
    expect(page).to_have_url(re.compile("filter=1&"))
    expect(page.get_by_role("heading", name="What filter 1 makes of it")).to_be_visible()
    wait_until_ready(page)
    expect(page.get_by_role("button", name="filter 1", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="filter 2", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("filter=2&"))
    wait_until_ready(page)

    sums = page.locator(".st-key-leaving [data-map=sums] .frame").first
    sums.scroll_into_view_if_needed()
    box = sums.bounding_box()
    assert box is not None
    sums.click(position={"x": box["width"] * 5.5 / 7, "y": box["height"] * 1.5 / 7})
    expect(page).to_have_url(re.compile("row=1&column=5"))
    expect(page.get_by_role("heading", name="Bit by bit: filter 2 at row 1, column 5")).to_be_visible()
    wait_until_ready(page)

    field = page.locator(".st-key-row input")
    field.fill("0")
    field.press("Enter")
    expect(page.get_by_text("weights lie beyond the edge of the map")).to_be_visible()
    expect(page.get_by_text("Checked just now")).to_be_visible()
    count = page.get_by_test_id("stMetricValue").first.inner_text()
    expect(page).to_have_url(re.compile("[?&]row=0&"))
    again = visit(page.url.removeprefix(page.url.split("/inside")[0]))
    expect(again.get_by_test_id("stMetricValue").first).to_have_text(count)
