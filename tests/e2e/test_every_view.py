"""What holds for every page in a browser: nothing is cut off at any width, every text can be read in both themes."""

from pathlib import Path

import pytest
from app_pages import PAGES
from playwright.sync_api import expect
from serving import READY

pytestmark = pytest.mark.browser

LOW_CONTRAST = (Path(__file__).parent / "audit.js").read_text("utf-8")
REDRAWN_WITHIN_S = 20
SETTLED_WITHIN_S = 5
WIDTHS = (390, 768, 1440, 1920)


@pytest.mark.parametrize("page_of_app", PAGES, ids=lambda p: p.title)
def test_a_page_stands_in_every_width_and_theme(visit, page_of_app):
    page = visit(f"/{page_of_app.path}", width=WIDTHS[0])
    main = page.get_by_test_id("stMain")
    expect(main.get_by_role("heading", level=1)).to_be_visible()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(READY)
        for _ in range(SETTLED_WITHIN_S):  # the sidebar and the cards move for a moment after a change of width
            too_wide = main.evaluate("m => m.scrollWidth - m.clientWidth")
            if too_wide <= 0:
                break
            page.wait_for_timeout(1000)
        assert too_wide <= 0, f"scrolls sideways at {width} pixels"
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for _ in range(REDRAWN_WITHIN_S):  # the page notices the theme, and a run draws the charts anew
            page.wait_for_timeout(1000)
            low = page.evaluate(LOW_CONTRAST)
            if not low:
                break
        assert low == []


@pytest.mark.parametrize("page_of_app", PAGES, ids=lambda p: p.title)
def test_every_picture_and_control_has_a_name(visit, page_of_app):
    page = visit(f"/{page_of_app.path}")
    page.wait_for_timeout(500)
    page.wait_for_function(READY)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.stMain :is(img, button, input, select, textarea, [role=slider])')]
            .filter((e) => e.checkVisibility() && !e.closest('.js-plotly-plot, [data-testid=stDataFrame]'))
            .filter((e) => !(e.hasAttribute('alt') || e.ariaLabel || e.ariaLabelledByElements?.length || e.title
                             || e.labels?.length || e.innerText?.trim()))
            .map((e) => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    for chart in page.locator(".stPlotlyChart").all():
        assert chart.locator("[aria-label], [alt]").or_(chart.locator("xpath=self::*[@aria-label]")).count() > 0
