"""A packed network of the visitor's own in a real browser: brought, followed, lost with the session."""

import re

import pytest
from playwright.sync_api import expect
from serving import wait_until_ready

from xnorlab import pretrained

pytestmark = pytest.mark.browser


def test_a_packed_file_joins_the_page_and_a_reload_says_that_it_is_gone(visit):
    page = visit("/inside")
    page.get_by_role("button", name="A network of your own").click()
    uploader = page.locator("input[type=file]")
    uploader.set_input_files({"name": "notes.safetensors", "mimeType": "text/plain", "buffer": b"no network"})
    expect(page.get_by_text("notes.safetensors is not a packed network")).to_be_visible()
    wait_until_ready(page)
    if not uploader.count():
        page.get_by_role("button", name="A network of your own").click()
    uploader.set_input_files(pretrained.path("imagenette/alexnet-xnor"))
    expect(page).to_have_url(re.compile("model=yours-"))
    expect(page.get_by_text("Checked just now")).to_be_visible()
    expect(page.get_by_text("A packed file holds no float twin")).to_be_visible()
    page.reload()
    expect(page.get_by_text("The network of this address was a visitor's own")).to_be_visible()
    expect(page).to_have_url(re.compile("model=imagenette%2Falexnet&"))
