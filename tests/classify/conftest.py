"""Folders of small photos, some of them unreadable, and a small network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xnorlab.classify import Job, Settings


@pytest.fixture(scope="session")
def packed(small_networks: Path) -> bytes:
    """A packed network for 64 pixels and 3 classes."""
    return (small_networks / "test/resnet18-xnor.safetensors").read_bytes()


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 photos in three folders; one is cut short, one is a text; what is hidden or no picture lies beside them."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(60):
        path = folder / "abc"[i % 3] / f"{i:02}.jpg"
        path.parent.mkdir(exist_ok=True)
        small = rng.integers(0, 256, (12, 9, 3), np.uint8)
        Image.fromarray(small).resize((90, 120)).save(path, quality=90)
    cut = folder / "b" / "07.jpg"
    cut.write_bytes(cut.read_bytes()[:700])
    (folder / "c" / "note.png").write_text("no picture")
    (folder / "c" / "readme.txt").write_text("no name of a picture")
    (folder / ".hidden").mkdir()
    Image.new("RGB", (9, 9)).save(folder / ".hidden" / "x.png")
    return folder


@pytest.fixture
def begin(packed: bytes, tmp_path: Path) -> Callable[..., Job]:
    """begin(source, out="out", part_rows=8, **settings) → a job whose relative paths begin at tmp_path."""

    def begin(source: object, out: str = "out", part_rows: int = 8, **settings: object) -> Job:
        chosen = Settings.of(str(source), "small", packed, str(tmp_path), **settings)
        return Job.begin(tmp_path / out, chosen, packed, part_rows=part_rows)

    return begin
