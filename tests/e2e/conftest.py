"""A real server and browser; tests fail on a console error, an exception on the page, a request that leaves."""

import re
from collections.abc import Callable, Iterator

import pytest
from app_pages import PAGES
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, WebSocket, expect, sync_playwright
from serving import CHROMIUM, PATIENCE_MS, READY, Server, serve

# Opened at an inner address, Streamlit's page first looks for its server below that address, and then at the root.
EXPECTED_404 = re.compile(rf"/({'|'.join(page.path for page in PAGES if page.path)})/_stcore/(health|host-config)$")

# A camera that films a test picture, and permission to use it.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


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
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", self._on_address)
        page.on("websocket", self._on_address)

    def close(self, page: Page) -> None:
        """Look at `page` a last time and close its window."""
        self.complaints += [f"exception: {e.inner_text()}" for e in page.locator(".stException").all()]
        page.context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED_404.search(message.location.get("url", "")):
            self.complaints.append(f"console: {message.text}")

    def _on_address(self, thing: Request | WebSocket) -> None:
        if not thing.url.startswith(self._local):
            self.complaints.append(f"left the machine: {thing.url}")


@pytest.fixture
def visit(server: Server, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """visit("/classify", width=390, theme="dark") → the page, ready; everything it did is judged at the end."""
    judge = Judge(server.address)
    pages: list[Page] = []

    def open_(path: str, *, width: int = 1280, theme: str = "light", wait: bool = True) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, accept_downloads=True
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        pages.append(page)
        judge.watch(page)
        page.goto(server.address + path)
        if wait:
            page.wait_for_function(READY)
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield open_
    for page in pages:
        judge.close(page)
    assert not judge.complaints
