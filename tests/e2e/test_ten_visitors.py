"""Ten visitors at once, some of whom reload in mid-run: nobody sees an error or another's result, times are queued."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

UPLOADER = "[data-testid=stFileUploaderDropzoneInput]"
VISITORS = 10
LAYER = "channels=64&size=14&filters=32&repeats=51"
TIMED = re.compile(r"\d (ms|µs|s) measured here")


def photo_of(visitor: int) -> dict:
    """A photo that only this visitor has."""
    pixels = np.random.default_rng(visitor).integers(0, 256, (160, 200 + visitor, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return {"name": f"visitor-{visitor}.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_ten_visitors_measure_and_upload_at_once(visit, server):
    pages = []
    for visitor in range(VISITORS):
        path = f"/speed-lab?{LAYER}&batch={1 + visitor}" if visitor % 2 else "/classify?schemes=float,xnor"
        pages.append(visit(path, wait=False))
    timing, asking = pages[1::2], pages[0::2]

    with server.held():  # the first waits as if for a measurement of somebody else; nobody is through before the last
        for page in timing:
            page.locator(".st-key-run button").click()
            expect(page.get_by_text("ahead of yours")).to_be_visible()
        expect(timing[-1].get_by_text(re.compile(r"([4-9]|\d\d) runs are ahead of yours"))).to_be_visible()
        for visitor, page in enumerate(asking):
            page.locator(UPLOADER).set_input_files([photo_of(2 * visitor)])
        for visitor, page in enumerate(asking):  # answers do not wait for anybody's measurement
            shown = page.locator(".st-key-photo-shown img")
            expect(shown).to_have_attribute("alt", f"The photo visitor-{2 * visitor}.png")
            expect(page.locator(".xl-card .xl-answer")).to_have_count(2)
        asking[0].reload()  # two lose patience while they wait
        timing[1].reload()
    began = timing[0].get_by_test_id("stProgress").or_(timing[0].get_by_role("heading", name="measured here"))
    expect(began.first).to_be_visible()
    timing[0].reload()  # and one in mid-run, who starts again
    timing[0].locator(".st-key-run button").click()

    for visitor, page in enumerate(pages):
        if page in asking[1:]:
            expect(page.locator(".st-key-photo-shown img")).to_have_attribute("alt", f"The photo visitor-{visitor}.png")
            expect(page.locator(".xl-card .xl-answer")).to_have_count(2)
            expect(page.locator(".xl-card .xl-foot").first).to_contain_text(TIMED)
        elif page is timing[1]:
            expect(page.get_by_text("for a measurement")).to_be_visible()  # nothing runs for one who left
        elif page in timing:
            own = re.compile(f"64→32@14 ×{1 + visitor}, measured here")
            expect(page.get_by_role("heading", name=own)).to_be_visible()
        else:
            expect(page.locator(".xl-card .xl-answer")).to_have_count(2)
            expect(page.get_by_text("visitor-")).to_have_count(0)
