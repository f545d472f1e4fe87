"""What holds for every page in a browser: nothing is cut off at any width, every text can be read in both themes.

What can be clicked can be read under the pointer, with the focus and pressed, too.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_pages import PAGES
from playwright.sync_api import Page, expect
from serving import CUT_OFF, PATIENCE_MS, wait_until_ready

pytestmark = pytest.mark.browser

LOW_CONTRAST = (Path(__file__).parent / "audit.js").read_text("utf-8")
PUT_INTO_STATE = (Path(__file__).parent / "states.js").read_text("utf-8")
CLICKABLE = "button, a, summary, label, [role=radio], [role=button], [role=checkbox]"
WIDTHS = (390, 768, 1440, 1920)
LOOK_S = 1.0


def settled(find: Callable[[], Any]) -> Any:
    """What `find` finds once it finds nothing to complain about, or what is left of it when patience ends."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return found


def low_contrast(page: Page) -> dict[str, list[str]]:
    """State → every text of too little contrast in it; at rest all texts count, else those of what can be clicked."""
    found = {"rest": settled(lambda: page.evaluate(LOW_CONTRAST))}
    still = page.add_style_tag(content="* { transition: none !important }")
    for state in ("hover", "focus", "active", ""):
        page.evaluate(PUT_INTO_STATE, state)
        found[state] = page.evaluate(LOW_CONTRAST, CLICKABLE) if state else []
    still.evaluate("style => style.remove()")
    return {state: texts for state, texts in found.items() if texts}


NAMELESS = """() =>
    [...document.querySelectorAll('.stMain :is(img, button, input, select, textarea, [role=slider])')]
        .filter((e) => e.checkVisibility() && !e.closest('.js-plotly-plot, [data-testid=stDataFrame]'))
        .filter((e) => !(e.hasAttribute('alt') || e.ariaLabel || e.ariaLabelledByElements?.length || e.title
                         || e.labels?.length || e.innerText?.trim()))
        .map((e) => e.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("page_of_app", PAGES, ids=lambda p: p.title)
def test_a_page_stands_in_every_width_and_theme_and_all_on_it_has_a_name(visit, page_of_app):
    page = visit(f"/{page_of_app.path}", width=WIDTHS[0])
    main = page.get_by_test_id("stMain")
    expect(main.get_by_role("heading", level=1)).to_be_visible()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wait_until_ready(page)
        # The sidebar and the cards move for a moment after a change of width.
        too_wide = settled(lambda: main.evaluate("m => Math.max(0, m.scrollWidth - m.clientWidth)"))
        assert not too_wide, f"scrolls {too_wide} pixels sideways at {width}"
        assert page.evaluate(CUT_OFF) == [], f"cut off at {width}"
    assert low_contrast(page) == {}
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(1000)
    # The page notices the theme, and a run draws the charts anew.
    assert low_contrast(page) == {}

    page.set_viewport_size({"width": 1280, "height": 900})
    wait_until_ready(page)
    assert settled(lambda: page.evaluate(NAMELESS)) == []
    for chart in page.locator(".stPlotlyChart").all():
        assert chart.locator("[aria-label], [alt]").or_(chart.locator("xpath=self::*[@aria-label]")).count() > 0


@pytest.mark.parametrize(
    "path", ["/inside?model=tiny-imagenet%2Fresnet18&trained=xnor&layer=conv14", "/how-it-learns?part=live"]
)
def test_the_longest_choices_can_be_read_on_a_desk(visit, path):
    page = visit(path, width=1280)
    assert page.evaluate(CUT_OFF) == []
