"""Files are replaced whole or not at all."""

import json
from pathlib import Path

import pytest

from xnorlab import atomic


def fill_the_disk(path: Path) -> None:
    with atomic.replacing(path) as partial:
        partial.write_text("half of")
        raise OSError("No space left on device")


def test_json_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "kept.json"
    atomic.write_json(path, {"α": 1})
    atomic.write_json(path, {"α": [2]}, indent=None)
    assert path.read_text(encoding="utf-8") == '{"α": [2]}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path):
    path = tmp_path / "kept.json"
    atomic.write_json(path, 1)
    with pytest.raises(OSError, match="No space left"):
        fill_the_disk(path)
    assert json.loads(path.read_text()) == 1
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(TypeError):
        atomic.write_json(path, {1, 2})
    assert json.loads(path.read_text()) == 1
