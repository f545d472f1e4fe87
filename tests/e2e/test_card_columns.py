"""How many cards stand beside each other, at the widths that pages have."""

import pytest
from app_pages import APP
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ROWS = """() => Object.values(Object.groupBy(document.querySelectorAll('.xl-card'), (card) => card.offsetTop))
    .map((cards) => cards.length)"""


@pytest.mark.parametrize(
    ("count", "width", "rows"),
    [(5, 820, [5]), (5, 700, [3, 2]), (5, 620, [3, 2]), (5, 358, [2, 2, 1]), (7, 1000, [4, 3]), (7, 1140, [7])],
)
def test_no_card_stands_alone_where_that_can_be_helped(count, width, rows, chromium: Browser, monkeypatch):
    monkeypatch.syspath_prepend(APP)
    from shared import cards

    page = chromium.new_page(viewport={"width": width, "height": 600})
    page.set_content(f"<body style='margin:0'>{cards.deck(cards.card('xnor', 'x') for _ in range(count))}</body>")
    assert page.evaluate(ROWS) == rows
    page.close()


def test_a_long_heading_leaves_the_parts_of_its_neighbours_beside_its_own(chromium: Browser, monkeypatch):
    monkeypatch.syspath_prepend(APP)
    from shared import cards

    page = chromium.new_page(viewport={"width": 820, "height": 600})
    schemes = ("float", "bwn", "xnor", "bnn", "binaryconnect")
    body = "<div class='xl-said'>said</div><div>x</div>"
    page.set_content(f"<body style='margin:0'>{cards.deck(cards.card(s, body, ['foot']) for s in schemes)}</body>")
    for part in (".xl-said", ".xl-foot"):
        assert len(set(page.locator(part).evaluate_all("parts => parts.map((part) => part.offsetTop)"))) == 1
    page.close()
