"""Runs of the app without a browser: the real entry script, in this process, through Streamlit's AppTest."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

APP = Path(__file__).parents[2] / "app"
PATIENCE_S = 120  # a loaded machine may take this long to compile the kernels


@pytest.fixture
def app_modules(monkeypatch):
    """Makes the app's own modules importable, as `streamlit run app` does, with empty caches and no warm-up thread."""
    monkeypatch.syspath_prepend(APP)
    import background
    import streamlit as st

    background._started.set()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


_pages: dict = {}  # what st.navigation registered, learnt from the first run of all


@pytest.fixture
def open_page(app_modules) -> Callable:
    """open_page("views/classify.py", photo="cat") → that page at that address, as a visitor's first."""
    from streamlit.testing.v1 import AppTest

    def open_(page: str, **query: str) -> AppTest:
        if not _pages:
            _pages.update(
                AppTest.from_file(APP / "streamlit_app.py", default_timeout=PATIENCE_S).run()._registered_pages
            )
        at = AppTest.from_file(APP / "streamlit_app.py", default_timeout=PATIENCE_S)
        at._registered_pages = dict(_pages)
        at.switch_page(page)
        at.query_params = dict(query)
        return at.run()

    return open_


@pytest.fixture
def pretrained_copy(tmp_path, monkeypatch) -> Path:
    """A copy of the folder of shipped networks that a test may damage; xnorlab reads it instead."""
    from xnorlab import pretrained

    copy = tmp_path / "pretrained"
    shutil.copytree(pretrained.folder(), copy)
    monkeypatch.setattr(pretrained, "folder", lambda: copy)
    return copy


@pytest.fixture
def photo_bytes() -> bytes:
    """A photo-sized PNG with a name-worthy pattern."""
    rng = np.random.default_rng(3)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (180, 240, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()
