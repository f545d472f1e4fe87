"""Controls under a quick or a small hand: a slider that is dragged, keys in a row, bits on a phone, the focus, rows."""

import re

import pytest
from playwright.sync_api import Page, expect
from serving import wait_until_ready

pytestmark = pytest.mark.browser

WATCH_THE_CHART = """() => {
    window.frames_seen = 0;
    window.blank = 0;
    const look = () => {
        const drawn = [...document.querySelectorAll('.st-key-live-accuracy .main-svg')];
        window.frames_seen += 1;
        window.blank += !drawn.some((svg) => svg.checkVisibility({ visibilityProperty: true }));
        requestAnimationFrame(look);
    };
    look();
}"""
FOCUSED = """() => {
    const e = document.activeElement;
    if (e === document.body) return 'body';
    return e.closest('[class*=st-key-]')?.className.match(/st-key-([\\w-]+)/)[1] ?? e.tagName;
}"""


def test_the_error_follows_alpha_while_it_is_dragged_and_before_the_server_hears_of_it(visit):
    page = visit("/filters?from=own&own=1,0,-1,2,0,-2,1,0,-1&alpha=1.5", width=1440)
    slider, error = page.locator(".st-key-alpha input[type=range]"), page.locator(".st-key-parabola .error")
    expect(error).to_have_text("8.25")  # 12 − 2·1.5·8 + 9·1.5²
    for part in (page.locator(".st-key-alpha"), page.locator(".st-key-parabola svg")):  # side by side, unscrolled
        expect(part).to_be_in_viewport(ratio=1)
    address = page.url
    thumb = page.locator(".st-key-alpha [data-testid=stSliderThumbValue]").bounding_box()
    track = page.locator(".st-key-alpha .stSlider").bounding_box()
    assert thumb is not None
    assert track is not None
    page.mouse.move(thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] + 8)
    page.mouse.down()
    seen = set()
    for share in (0.5, 0.3, 0.1, 0.0):
        page.mouse.move(track["x"] + 10 + share * (track["width"] - 20), thumb["y"] + thumb["height"] + 8, steps=3)
        page.wait_for_timeout(100)
        alpha = float(slider.input_value())
        assert float(error.inner_text()) == pytest.approx(12 - 16 * alpha + 9 * alpha**2, rel=1e-2)
        seen.add(error.inner_text())
    assert len(seen) > 2
    assert page.url == address
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"alpha=0(\.0\d*)?(&|$)"))
    wait_until_ready(page)
    alpha = float(slider.input_value())
    assert float(error.inner_text()) == pytest.approx(12 - 16 * alpha + 9 * alpha**2, rel=1e-2)


def test_no_key_of_a_quick_row_is_lost(visit):
    page = visit("/filters")
    thumb = page.locator(".st-key-filter input[type=range]")
    thumb.focus()
    for pressed in (7, 16, 24):
        while int(thumb.input_value()) < pressed:
            before = int(thumb.input_value())
            page.keyboard.press("ArrowRight")
            assert int(thumb.input_value()) == before + 1
            page.wait_for_timeout(70)
        expect(page).to_have_url(re.compile(f"[?&]filter={pressed}&"))
        wait_until_ready(page)
        assert thumb.input_value() == str(pressed)


def test_bits_flipped_one_after_the_other_all_count(visit):
    page = visit("/xnor-steps?n=16&word=8&x=0&w=0")
    for index in (0, 1, 2, 3, 4):
        page.locator(".st-key-x-0 button").nth(index).click()
    expect(page).to_have_url(re.compile("[?&]x=1f&"))


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_a_bit_is_large_enough_for_a_finger_and_every_row_has_its_names(visit, width):
    page = visit("/xnor-steps", width=width)
    sizes = page.locator(".st-key-bytes [role=toolbar] button").evaluate_all(
        "bits => bits.map((b) => b.getBoundingClientRect()).map((box) => Math.min(box.width, box.height))"
    )
    assert len(sizes) == 128
    assert min(sizes) >= 24
    names = page.locator(".st-key-bytes .xl-row-names").evaluate_all(
        "all => all.filter((e) => e.checkVisibility()).map((e) => Math.round(e.getBoundingClientRect().y))"
    )
    rows = page.locator(".st-key-bytes [class*=st-key-byte-]").evaluate_all(
        "all => all.map((e) => Math.round(e.getBoundingClientRect().y))"
    )
    assert names == sorted(set(rows))


@pytest.mark.parametrize(
    ("path", "button", "falls_to"),
    [
        ("/xnor-steps?step=2", "last", "play|back|first"),  # disabled at the end
        ("/xnor-steps?step=1", "first", "next|play"),
        ("/filters?from=own", "preset-Spot", "preset-Spot"),
        ("/how-it-learns?part=live&width=4&pace=slow", "start", "start"),
    ],
)
def test_the_focus_of_a_key_press_does_not_fall_to_the_body(visit, path, button, falls_to):
    page = visit(path)
    page.locator(f".st-key-{button} button").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    wait_until_ready(page)
    page.wait_for_timeout(300)
    assert re.fullmatch(falls_to, page.evaluate(FOCUSED))


def test_a_link_to_another_page_takes_the_focus_to_its_title(visit):
    page = visit("/xnor-steps")
    page.get_by_role("link", name="What it is worth on this machine").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Speed lab", level=1)).to_be_focused()


def click_row(page: Page, row: int) -> None:
    """A click on the text of a row of the table of Trade-offs, from 0."""
    grid = page.locator("[class*=st-key-zoo-] [data-testid=stDataFrame]")
    grid.scroll_into_view_if_needed()
    grid.click(position={"x": 120, "y": 35 * (row + 1.5)})


@pytest.mark.parametrize("width", [1440, 390])
def test_a_click_on_a_rows_text_picks_its_network_and_brings_it_into_view(visit, width):
    page = visit("/trade-offs?zoo_model=alexnet", width=width)
    for row, network in ((2, "alexnet-bnn"), (0, "alexnet-float")):
        click_row(page, row)
        expect(page).to_have_url(re.compile(f"pick=imagenette%2F{network}"))
        expect(page.locator(".st-key-picked")).to_contain_text(network)
        expect(page.locator(".st-key-picked")).to_be_in_viewport(ratio=1)
        wait_until_ready(page)
        assert page.evaluate(FOCUSED).startswith("zoo-")


def test_live_charts_never_blank(visit, server):
    page = visit("/how-it-learns?part=live&width=4&pace=slow")
    server.tell("watch long")
    page.locator(".st-key-start button").click()
    steps = "(n) => parseInt(document.querySelector('[data-testid=stMetricValue]')?.innerText) >= n"
    page.wait_for_function(steps, arg=6)
    page.evaluate(WATCH_THE_CHART)
    page.wait_for_function(steps, arg=20)
    assert page.evaluate("window.frames_seen") > 3
    assert page.evaluate("window.blank") == 0
