"""A network trained in view: it learns while the page stays responsive, stops, resumes, and is left in peace."""

import re

import pytest
from playwright.sync_api import Page, expect
from serving import wait_until_ready

pytestmark = pytest.mark.browser

ADDRESS = "/how-it-learns?part=live&width=4&pace=slow"


def step(page: Page) -> int:
    return int(page.get_by_test_id("stMetricValue").first.inner_text().split()[0])


def wait_for_step(page: Page, at_least: int) -> None:
    page.wait_for_function(
        "(n) => parseInt(document.querySelector('[data-testid=stMetricValue]')?.innerText) >= n", arg=at_least
    )


def test_a_run_starts_stops_and_resumes_where_it_stood(visit, server):
    page = visit(ADDRESS)
    server.tell("watch long")
    assert step(page) == 0
    page.locator(".st-key-start button").click()
    wait_for_step(page, 5)
    expect(page.locator(".st-key-live-accuracy .js-plotly-plot .scatterlayer .trace").first).to_be_attached()
    with server.held():  # it takes no step, and so does not come to its end meanwhile
        page.locator(".st-key-stop button").click()
        expect(page.get_by_text("Stopped. Resume continues")).to_be_visible()
    wait_until_ready(page)
    stood = step(page)
    page.wait_for_timeout(1500)
    assert step(page) == stood
    page.locator(".st-key-start button").click()
    wait_for_step(page, stood + 1)


def test_while_it_trains_another_layer_can_be_looked_at_and_another_page_opened(visit, server):
    page = visit(ADDRESS)
    server.tell("watch long")
    page.locator(".st-key-start button").click()
    wait_for_step(page, 1)
    page.locator(".st-key-live_layer button", has_text="conv3").click()
    expect(page.get_by_text("Latent weights of conv3")).to_be_visible()
    expect(page).to_have_url(re.compile("live_layer=conv3"))
    page.get_by_test_id("stSidebarNav").get_by_text("Binarize a filter", exact=True).click()
    expect(page.get_by_role("heading", name="Binarize a filter", level=1)).to_be_visible()


def test_the_address_reopens_the_settings_but_nobodys_run(visit, server):
    page = visit(ADDRESS)
    server.tell("watch long")
    page.locator(".st-key-live").get_by_text("Full precision").click()
    expect(page.locator(".st-key-live [aria-checked=true]")).to_contain_text("Full precision")
    page.locator(".st-key-start button").click()
    wait_for_step(page, 1)
    expect(page).to_have_url(re.compile("live=float"))
    again = visit(page.url[page.url.index("/how-it-learns") :])
    expect(again.locator(".st-key-live [aria-checked=true]")).to_contain_text("Full precision")
    assert step(again) == 0
