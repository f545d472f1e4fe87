"""Every page opens at once, its address reopens it, its charts are described and have their numbers."""

import re

import pytest
from app_pages import APP, PAGES
from page_reading import html_of

EVERY_PAGE = pytest.mark.parametrize("page", [p.file for p in PAGES])


TIME = re.compile(r"[\d.,]+ (s|ms|µs|ns)\b|\d\d\\?:\d\d\\?:\d\d")  # Markdown's text has its colons escaped


def seen(at) -> list[str]:
    """What a visitor reads on the page, without times: two runs do not take equally long."""
    words = [str(element.value) for kind in ("title", "markdown", "caption", "metric") for element in at.get(kind)]
    charts = [chart.proto.spec for chart in at.get("plotly_chart")]
    return [TIME.sub("a time", text) for text in (*words, html_of(at), *charts)]


def test_every_page_of_the_folder_is_registered():
    assert {p.file for p in PAGES} == {
        f"views/{file.parent.name}/page.py" for file in (APP / "views").glob("*/page.py")
    }
    assert len({p.path for p in PAGES}) == len(PAGES)


@EVERY_PAGE
def test_a_page_opens_with_described_charts_and_their_numbers(page, open_page):
    at = open_page(page)
    assert not at.exception
    assert len(at.title) == 1
    charts = at.get("plotly_chart")
    assert all(chart.proto.alt.strip() for chart in charts)
    tables = [e for e in at.expander if e.label == "The numbers"]
    assert len(tables) >= len(charts)
    assert all(len(e.table) + len(e.dataframe) == 1 for e in tables)


SECOND = "tiny-imagenet/resnet18"


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("views/classify/page.py", {"model": SECOND}),
        ("views/inside/page.py", {"model": SECOND}),
        ("views/filters/page.py", {"model": SECOND}),
        ("views/scaling_factors/page.py", {"model": SECOND}),
        ("views/xnor_steps/page.py", {"bits": "network", "bits_network": SECOND}),
        ("views/how_it_learns/page.py", {"part": "shipped", "model": SECOND}),
        ("views/trade_offs/page.py", {"data_set": "tiny-imagenet"}),
        ("views/network_timing/page.py", {"timed_network": SECOND}),
    ],
)
def test_a_page_shows_the_networks_of_another_data_set(page, query, second_data_set, open_page):
    at = open_page(page, **query)
    assert not at.exception
    assert not [info.value for info in at.info if "The address asks for" in info.value]
    assert {key: at.query_params[key] for key in query} == query
    assert not at.warning
    offered = [option for kind in ("selectbox", "button_group") for e in at.get(kind) for option in e.options]
    assert any("Tiny ImageNet" in option for option in offered)


@EVERY_PAGE
def test_the_address_reopens_what_is_seen(page, open_page):
    first = open_page(page)
    again = open_page(page, **first.query_params)
    assert not again.exception
    assert not [info.value for info in again.info if "The address asks for" in info.value]
    assert again.query_params == first.query_params
    assert seen(again) == seen(first)


@EVERY_PAGE
def test_nonsense_in_the_address_falls_back_with_a_note(page, open_page):
    first = open_page(page)
    keys = list(first.query_params)
    at = open_page(page, **dict.fromkeys(keys, "ünsinn`*"))
    assert not at.exception
    notes = [info.value for info in at.info if "The address asks for" in info.value]
    assert [key for key in keys if not any(f"`{key}=" in note for note in notes)] == []
    assert at.query_params == first.query_params
