"""A real server and browser; tests fail on a console error, an exception on the page, a request that leaves."""

import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from app_pages import PAGES
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, WebSocket, expect, sync_playwright
from serving import CHROMIUM, PATIENCE_MS, Server, serve, wait_until_ready

# Opened at an inner address, Streamlit's page first looks for its server below that address, and then at the root.
EXPECTED_404 = re.compile(rf"/({'|'.join(page.path for page in PAGES if page.path)})/_stcore/(health|host-config)$")

# A camera that films a test picture, and permission to use it.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]

MOST_IDLE_WINDOWS = 3
Theme = Literal["light", "dark"]


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """The server of this test run."""
    with serve(tmp_path_factory.mktemp("server") / "log.txt") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *CAMERA])
        yield browser
        browser.close()


class Judge:
    """Listens to what pages do and remembers everything that must not happen."""

    def __init__(self, address: str):
        self.complaints: list[str] = []
        self._local = (address, address.replace("http", "ws", 1), "data:", "blob:")

    def watch(self, page: Page) -> None:
        """Listen to `page` from now on."""
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_address)
        page.on("websocket", self._on_address)

    def leave(self, page: Page) -> None:
        """Look at `page` a last time, and listen no more."""
        self.complaints += [f"exception: {e.inner_text()}" for e in page.locator(".stException").all()]
        page.remove_listener("console", self._on_console)
        page.remove_listener("pageerror", self._on_error)
        page.remove_listener("request", self._on_address)
        page.remove_listener("websocket", self._on_address)

    def _on_error(self, error: Error) -> None:
        self.complaints.append(f"page error: {error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED_404.search(message.location.get("url", "")):
            self.complaints.append(f"console: {message.text}")

    def _on_address(self, thing: Request | WebSocket) -> None:
        if not thing.url.startswith(self._local):
            self.complaints.append(f"left the machine: {thing.url}")


class Windows:
    """Browser windows, each with storage of its own, handed from test to test.

    A window that has shown the app before opens it in half the time: the app's scripts stay compiled in it.
    """

    def __init__(self, browser: Browser):
        self._browser = browser
        self._idle: list[Page] = []

    def borrow(self, width: int, theme: Theme) -> Page:
        """A window that shows nothing, as wide as `width`."""
        page = self._idle.pop() if self._idle else self._browser.new_context(accept_downloads=True).new_page()
        page.context.set_default_timeout(PATIENCE_MS)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        return page

    def give_back(self, page: Page, keep: bool) -> None:
        """Leave the app, and forget what it stored; or close the window."""
        if not keep or len(self._idle) >= MOST_IDLE_WINDOWS:
            page.context.close()
            return
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.context.clear_cookies()
        page.mouse.move(0, 0)
        page.goto("about:blank")
        self._idle.append(page)


@pytest.fixture(scope="session")
def windows(chromium: Browser) -> Windows:
    return Windows(chromium)


@pytest.fixture
def visit(server: Server, windows: Windows, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """visit("/classify", width=390, theme="dark") → the page, ready; everything it did is judged at the end."""
    judge = Judge(server.address)
    pages: list[Page] = []

    def open_(path: str, *, width: int = 1280, theme: Theme = "light", wait: bool = True) -> Page:
        page = windows.borrow(width, theme)
        pages.append(page)
        judge.watch(page)
        page.goto(server.address + path)
        if wait:
            wait_until_ready(page)
        return page

    expect.set_options(timeout=PATIENCE_MS)
    failed = request.session.testsfailed
    yield open_
    for page in pages:
        judge.leave(page)
        windows.give_back(page, keep=request.session.testsfailed == failed)
    server.tell("watch as usual")
    assert not judge.complaints
