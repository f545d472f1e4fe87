"""The page Teach it, in a real browser: two classes are taught from uploaded photos, and their file runs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from serving import wait_until_ready

from xnorlab.images import open_image
from xnorlab.runtime import Network

pytestmark = pytest.mark.browser

UPLOADER = "[data-testid=stFileUploaderDropzoneInput]"
COLOURS = {"my brick": (200, 60, 40), "my leaf": (60, 170, 60)}


def photos(folder: Path, label: str, count: int = 4) -> list[Path]:
    rng = np.random.default_rng(0)
    files = [folder / f"{label} {i}.png" for i in range(count)]
    for file in files:
        Image.fromarray(np.clip(rng.normal(COLOURS[label], 40, (90, 110, 3)), 0, 255).astype(np.uint8)).save(file)
    return files


def give(page: Page, ordinal: int, label: str, files: list[Path]) -> None:
    field = page.get_by_label(f"Name of class {ordinal}", exact=True)
    field.fill(label)
    field.press("Enter")
    wait_until_ready(page)
    page.locator(UPLOADER).nth(ordinal - 1).set_input_files(files)
    expect(page.locator(".xl-strip")).to_have_count(ordinal)
    wait_until_ready(page)


def test_a_visitor_teaches_two_classes_and_takes_the_network_along(visit, tmp_path):
    page = visit("/teach?features_of=imagenette/resnet18&compared=float,xnor")
    teach = page.locator(".st-key-teach button")
    expect(teach).to_be_disabled()
    files = {label: photos(tmp_path, label) for label in COLOURS}
    for ordinal, (label, own) in enumerate(files.items(), start=1):
        give(page, ordinal, label, own)
    expect(teach).to_be_enabled()
    teach.click()
    expect(page.locator(".xl-card .xl-answer")).to_have_count(2)
    expect(page.locator(".st-key-confusion .js-plotly-plot")).to_be_visible()
    with page.expect_download() as download:
        page.locator(".st-key-download-taught button").click()
    assert download.value.suggested_filename == "taught-xnor.safetensors"
    network = Network.open(download.value.path())
    assert network.labels == tuple(COLOURS)
    for label, own in files.items():
        assert network.predict([open_image(own[0])])[0][0].label == label
