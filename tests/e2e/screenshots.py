"""Pictures of every page for the README: `python tests/e2e/screenshots.py [PAGE…]` writes app/screenshots/<page>.png.

Light theme, 1280 × 860, few colours, so that a picture stays under 150 KB. Pages that measure are asked to first.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from serving import CHROMIUM, PATIENCE_MS, ROOT, serve, wait_until_ready

sys.path.append(str(ROOT / "tests"))
from app_pages import PAGES, AppPage

FOLDER = ROOT / "app" / "screenshots"
MOST_BYTES = 150_000
QUERIES = {"how-it-learns": "?part=shipped", "teach": "?lesson=samples"}
PRESSED = {  # button → what is there when its work is done
    "": (".st-key-measure button", "[data-testid=stMetric]"),
    "speed-lab": (".st-key-run button", ".st-key-speed-up .js-plotly-plot"),
    "teach": (".st-key-teach button", ".st-key-confusion .js-plotly-plot"),
    "network-timing": (".st-key-run-network button", ".st-key-layers .js-plotly-plot"),
}
SCROLLED = {"teach": ".st-key-teach"}  # what the picture begins below
TOP = 56  # the empty bar above every page
SETTLED_MS = 2500  # charts grow to their places


def shoot(page: Page, address: str, wanted: AppPage) -> bytes:
    """The page as PNG, after the button of PRESSED where it has one."""
    page.goto(f"{address}/{wanted.path}{QUERIES.get(wanted.path, '')}")
    wait_until_ready(page)
    if wanted.path in PRESSED:
        button, result = PRESSED[wanted.path]
        page.locator(button).first.click()
        page.locator(result).first.wait_for()
        wait_until_ready(page)
        page.mouse.move(0, 0)  # off the button, whose help would cover something
    if wanted.path in SCROLLED:
        page.locator(SCROLLED[wanted.path]).first.evaluate("e => e.scrollIntoView({ block: 'start' })")
        page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLED_MS)
    return page.screenshot(clip={"x": 0, "y": TOP, "width": 1280, "height": 860})


def small(png: bytes) -> bytes:
    """`png` with a palette of as many colours as fit into MOST_BYTES."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64, 32, 16):
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= MOST_BYTES:
            break
    return out.getvalue()


def main(names: list[str]) -> None:
    """Shoot the pages called `names`, or every page; then pictures of pages that are no more are deleted."""
    FOLDER.mkdir(exist_ok=True)
    files = {FOLDER / f"{page.path or 'start'}.png": page for page in PAGES}
    with tempfile.TemporaryDirectory() as logs, serve(Path(logs) / "log.txt") as server, sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": TOP + 860}, color_scheme="light")
        page.set_default_timeout(PATIENCE_MS)
        for file, wanted in files.items():
            if not names or file.stem in names:
                file.write_bytes(small(shoot(page, server.address, wanted)))
                sys.stdout.write(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} KB\n")
        browser.close()
    for file in set(FOLDER.glob("*.png")) - set(files):
        file.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
