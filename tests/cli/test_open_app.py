"""`xnorlab app` opens the checkout's app, or the one that the wheel carries, with Streamlit's options."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xnorlab.cli import app, open_app

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300
NETWORK = "imagenette/alexnet-xnor.safetensors"


def opened(monkeypatch, *arguments: str) -> list[str]:
    """The command line that Streamlit was started with."""
    started = []
    monkeypatch.setattr(open_app.runpy, "run_module", lambda module, run_name: started.append([module, *sys.argv[1:]]))
    monkeypatch.setattr(sys, "argv", ["xnorlab"])
    result = CliRunner().invoke(app, ["app", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (line,) = started
    return line


def test_a_checkouts_own_app_is_opened_and_options_are_passed_on(monkeypatch):
    assert opened(monkeypatch) == ["streamlit", "run", str(ROOT / "app")]
    line = opened(monkeypatch, "--port", "8600", "--server.headless", "true", "--theme.base=dark")
    assert line[3:] == ["--server.port", "8600", "--server.headless", "true", "--theme.base=dark"]


def test_without_streamlit_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(open_app, "find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["app"])
    assert result.exit_code == 2
    assert result.stderr == "xnorlab: this command needs streamlit: pip install 'xnorlab[app]'\n"


def test_without_an_app_it_says_where_it_looked(monkeypatch, tmp_path):
    monkeypatch.setattr(open_app, "PLACES", (tmp_path,))
    result = CliRunner().invoke(app, ["app"])
    assert result.exit_code == 2
    assert f"there is no app: neither {tmp_path} has a streamlit_app.py" in result.stderr


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """A wheel of this checkout with one of its networks, unpacked as an installer does."""
    pytest.importorskip("hatchling", reason="the build backend, of the extra [test]")
    source, unpacked = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("unpacked")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("xnorlab", "app"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "pretrained" / NETWORK).parent.mkdir(parents=True)
    for file in [*(ROOT / "pretrained").glob("*.json"), ROOT / "pretrained" / NETWORK]:
        shutil.copy(file, source / file.relative_to(ROOT))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source, check=True, timeout=PATIENCE_S
    )
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


def environment(unpacked: Path) -> dict[str, str]:
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(unpacked), *(p for p in others if Path(p) != ROOT and p)])}


def test_the_wheel_carries_the_whole_app(unpacked):
    def files(folder: Path) -> set[str]:
        paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return {path.as_posix() for path in paths if "__pycache__" not in path.parts}

    expected = {path for path in files(ROOT / "app") if not path.startswith("screenshots/")}
    assert "streamlit_app.py" in expected
    assert ".streamlit/config.toml" in expected
    assert files(unpacked / "xnorlab" / "_app") == expected
    assert (unpacked / "xnorlab" / "pretrained" / NETWORK).is_file()


def test_the_whole_wheel_stays_small():
    """Files of app and pretrained as they are: what lies in them hardly shrinks further."""
    carried = [path for name in ("app", "pretrained", "xnorlab") for path in (ROOT / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in carried if "__pycache__" not in path.parts) < 95e6


def test_the_wheels_app_is_served_with_its_own_settings(unpacked, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "xnorlab", "app", "--port", str(port), "--server.headless", "true"]
    log = tmp_path / "log.txt"
    with (
        log.open("w") as out,
        subprocess.Popen(command, cwd=tmp_path, env=environment(unpacked), stdout=out, stderr=out) as process,
    ):
        try:
            address = f"http://localhost:{port}/_stcore/"
            deadline = time.monotonic() + PATIENCE_S
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                try:
                    with urllib.request.urlopen(f"{address}health", timeout=5) as answer:
                        assert answer.read() == b"ok"
                    break
                except urllib.error.URLError:
                    time.sleep(0.2)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
    said = log.read_text()
    assert f"  URL: http://localhost:{port}" in said, "browser.serverAddress of the app's own config.toml"
    assert "usage statistics" not in said


def test_a_page_of_the_wheels_app_renders(unpacked, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "import xnorlab\n"
        "from xnorlab.cli.open_app import folder\n"
        "assert folder() == Path(sys.argv[1]), folder()\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from shared import photos, warm_up\n"
        "warm_up._started.set()\n"
        "at = AppTest.from_file(folder() / 'streamlit_app.py', default_timeout=300).run()\n"
        "at.switch_page('views/claims/page.py').run()\n"
        "assert not at.exception, at.exception\n"
        'assert [t.value for t in at.title] == ["The paper\'s claims"]\n'
        "assert photos.sample('cat').pixels.size\n"
        "assert xnorlab.pretrained.path('imagenette/alexnet-xnor').is_relative_to(folder().parent)\n"
    )
    command = [sys.executable, "-c", code, str(unpacked / "xnorlab" / "_app")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(unpacked), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
