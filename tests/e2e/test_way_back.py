"""Back, Forward and reload: one history entry per page, which brings the page back as it was left."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect
from serving import wait_until_ready

pytestmark = pytest.mark.browser

SETTLED_MS = 1000  # whatever a page still had to say to the address, it has said


def address(page: Page) -> tuple[str, dict[str, str]]:
    """The path and the parameters of the browser's address."""
    parts = urlsplit(page.url)
    return parts.path, dict(parse_qsl(parts.query))


def settle(page: Page) -> tuple[str, dict[str, str]]:
    wait_until_ready(page)
    page.wait_for_timeout(SETTLED_MS)
    return address(page)


def chosen(page: Page, key: str, words: str) -> Callable[[], None]:
    """An assertion that the pill or segment `words` is the chosen one of the control `key`."""
    mark = page.locator(f".st-key-{key} :is([aria-checked=true], [kind=pillsActive])")
    return lambda: expect(mark).to_contain_text(words)


def menu(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_text(title, exact=True).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    wait_until_ready(page)


def test_each_page_is_one_step_back_and_comes_as_it_was_left(visit):
    page = visit("/")
    length = page.evaluate("history.length")
    page.locator(".st-key-strip_photo").get_by_text("Coffee").click()
    expect(page).to_have_url(re.compile("strip_photo=coffee"))
    page.locator(".st-key-edge input").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("edge=12"))
    left = [(settle(page), chosen(page, "strip_photo", "Coffee"))]

    menu(page, "Classify")
    page.locator(".st-key-photo").get_by_text("Rocket").click()
    expect(page).to_have_url(re.compile("photo=rocket"))
    page.locator(".st-key-schemes").get_by_text("BinaryConnect").first.click()
    expect(page).to_have_url(re.compile("schemes=float%2Cbnn"))
    left.append((settle(page), chosen(page, "photo", "Rocket")))

    menu(page, "Binarize a filter")
    page.locator(".st-key-filter input").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("[?&]filter=3"))
    page.locator(".st-key-snap button").click()
    expect(page.get_by_text("The bottom of the parabola")).to_be_visible()
    snapped = page.get_by_text("The bottom of the parabola")
    left.append((settle(page), lambda: expect(snapped).to_be_visible()))

    menu(page, "Trade-offs")
    page.locator(".st-key-scale").get_by_text("Linear").click()
    expect(page).to_have_url(re.compile("scale=linear"))
    left.append((settle(page), chosen(page, "scale", "Linear")))

    assert [path for (path, _), _ in left] == ["/", "/classify", "/filters", "/trade-offs"]
    assert page.evaluate("history.length") == length + 3

    def comes_back(index: int) -> None:
        wanted, as_it_was = left[index]
        expect(page).to_have_url(re.compile(re.escape(wanted[0]) + r"(\?|$)"))
        wait_until_ready(page)
        as_it_was()
        assert settle(page) == wanted

    for index in (2, 1, 0):
        page.go_back()
        comes_back(index)
    for index in (1, 2, 3):
        page.go_forward()
        comes_back(index)
    page.go_back()
    comes_back(2)
    page.reload()
    comes_back(2)
    assert page.evaluate("history.length") == length + 3


def test_back_from_a_filter_that_a_mark_opened_comes_to_the_marks_and_nothing_is_opened_again(visit):
    page = visit("/scaling-factors?filter=2&layer=conv3")
    before = settle(page)
    page.get_by_text("Binarize filter 2").click()
    expect(page.get_by_role("heading", name="Binarize a filter", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/filters\?.*alpha="))
    assert settle(page)[1]["filter"] == "2"
    page.go_back()
    expect(page.get_by_role("heading", name="Scaling factors", level=1)).to_be_visible()
    assert settle(page) == before


def test_a_page_left_in_mid_run_writes_nothing_into_the_next_ones_address(visit):
    page = visit("/trade-offs")
    own = set(settle(page)[1])
    for _ in range(3):
        page.locator(".st-key-scale").get_by_text("Linear").click()
        page.get_by_test_id("stSidebarNav").get_by_text("Method", exact=True).click()
        expect(page.get_by_role("heading", name="Method", level=1)).to_be_visible()
        assert settle(page) == ("/method", {"topic": "all"})
        page.go_back()
        expect(page.get_by_role("heading", name="Trade-offs", level=1)).to_be_visible()
        assert set(settle(page)[1]) == own
        page.locator(".st-key-scale").get_by_text("Logarithmic").click()
