"""A real server of the app, whose time a test can stop, and how a browser sees that a page is ready."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 180_000  # no claim of speed: a machine of two cores that is busy with ten other things gets there, too

READY = """() => {
    const app = document.querySelector('.stApp');
    return app && app.dataset.testScriptState === 'notRunning' && app.dataset.testConnectionState === 'CONNECTED'
        && !document.querySelector('[data-testid=stSkeleton]')
        && [...document.querySelectorAll('.stPlotlyChart')].every((chart) => !chart.checkVisibility()
            || chart.querySelector('.main-svg')?.checkVisibility({ visibilityProperty: true }));
}"""

CUT_OFF = """() => [...document.querySelectorAll('.stMain [data-testid=stSelectbox] input')]
    .filter((chosen) => chosen.checkVisibility() && chosen.scrollWidth > chosen.clientWidth + 1)
    .map((chosen) => chosen.value)"""
"""In a browser: every menu's choice whose text does not fit into it."""

LOOK_MS = 50


def wait_until_ready(page: Page) -> None:
    """Return once the app has run and its charts are drawn; looking at every frame would keep the browser busy."""
    page.wait_for_function(READY, polling=LOOK_MS)


@dataclass(frozen=True)
class Server:
    """A running app at `address`."""

    address: str
    process: subprocess.Popen

    def tell(self, command: str) -> None:
        """One of app_server.COMMANDS; returns when it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == command

    def held(self) -> AbstractContextManager[None]:
        """In here nobody's measurement begins, and nobody's network trains."""
        return self._between("hold", "let go")

    def one_round(self) -> AbstractContextManager[None]:
        """In here the timing of a network stands still after its first round."""
        return self._between("one round", "all rounds")

    @contextmanager
    def _between(self, first: str, last: str) -> Iterator[None]:
        self.tell(first)
        try:
            yield
        finally:
            self.tell(last)


@contextmanager
def serve(log: Path) -> Iterator[Server]:
    """`streamlit run app`, started from the root as the README says; its output goes to `log`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = Path(__file__).with_name("app_server.py")
    command = [sys.executable, str(own), "app", "--server.port", str(port), "--server.headless", "true"]
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, text=True
        ) as process,
    ):
        try:
            address = f"http://localhost:{port}"
            _wait_until_healthy(address, process, log)
            yield Server(address, process)
        finally:
            process.terminate()
            process.wait(PATIENCE_MS / 1000)


def _wait_until_healthy(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
