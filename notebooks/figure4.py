"""Draw notebooks/figure4.png from notebooks/figure4.json: figure 4 of XNOR-Net, redone with measured points.

    xnorlab bench sweep --json > notebooks/figure4.json
    python notebooks/figure4.py

Needs plotly, and playwright with Chromium at /usr/bin/chromium, as the browser tests do.
"""

import json
from pathlib import Path

from playwright.sync_api import sync_playwright

from xnorlab.figures import performance

HERE = Path(__file__).parent
WIDTH, HEIGHT = 960, 420


def main() -> None:
    """Read the sweeps, draw them side by side and save a picture of the page."""
    sweeps = json.loads((HERE / "figure4.json").read_text(encoding="utf-8"))
    panels = [
        performance.Panel(s["axis"], s["values"], s["measured"], s["computed"], s["computed_in_words"]) for s in sweeps
    ]
    figure = performance.sweeps(panels)
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white", width=WIDTH, height=HEIGHT)
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    page = figure.to_html(include_plotlyjs=True, config={"staticPlot": True})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH + 16, "height": HEIGHT + 16}, device_scale_factor=2)
        tab.set_content(page)
        tab.locator(".plotly .main-svg").first.wait_for()
        tab.locator(".plotly").first.screenshot(path=HERE / "figure4.png")
        browser.close()


if __name__ == "__main__":
    main()
