"""A packed file comes back as it was, or is refused with the file's name and a reason; it never crashes a reader."""

import json
import os
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from xnorlab.runtime import PackedFileError
from xnorlab.runtime.file_format import FORMAT_VERSION, KEY, digest, from_bytes, read, stored_bytes, to_bytes, write

HEADER = {"name": "n", "list": [1, 2.5, None, "ü"], "nested": {"a": True}}
TENSORS = {
    "half": np.float32([0.5, -0.0, 65504.0, 2.0**-24]),
    "real": np.float32([[0.1, 3e38], [1e-40, -np.inf]]),
    "words": np.uint64([0, 2**64 - 1, 12345]),
    "flags": np.array([True, False]),
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.safetensors"
    write(path, HEADER, TENSORS)
    return path


def test_header_and_tensors_come_back(file):
    header, tensors = read(file)
    assert header == HEADER
    assert set(tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].tobytes() == array.tobytes()


def test_bytes_are_the_file_without_the_file(file):
    assert to_bytes(HEADER, TENSORS) == file.read_bytes()
    header, tensors = from_bytes(file.read_bytes())
    assert header == HEADER
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].tobytes() == array.tobytes()
        assert tensors[name].flags.writeable


def test_float16_only_where_it_loses_nothing(file):
    with safe_open(file, framework="numpy") as opened:
        dtypes = {name: opened.get_slice(name).get_dtype() for name in TENSORS}
    assert dtypes == {"half": "F16", "real": "F32", "words": "U64", "flags": "BOOL"}
    assert stored_bytes(TENSORS["half"]) == 8
    assert stored_bytes(TENSORS["real"]) == 16


def test_the_same_contents_give_the_same_bytes(file, tmp_path):
    again = tmp_path / "again"
    write(again, dict(reversed(HEADER.items())), dict(reversed(TENSORS.items())))
    assert again.read_bytes() == file.read_bytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(file, tmp_path, monkeypatch):
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(PackedFileError, match="No space left"):
        write(file, {"name": "other"}, {})
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_the_file_follows_the_umask(file):
    mask = os.umask(0o022)
    os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize(
    ("header", "tensors", "reason"),
    [
        ({"digest": "x"}, {}, "digest"),
        ({"x": np.float32(1)}, {}, "JSON"),
        ({"x": float("nan")}, {}, "JSON"),
        ({}, {"d": np.zeros(2)}, "float64"),
    ],
)
def test_what_no_packed_file_can_hold_is_refused(tmp_path, header, tensors, reason):
    with pytest.raises(ValueError, match=reason):
        write(tmp_path / "x", header, tensors)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PackedFileError, match=r"no/net.*cannot be written"):
        write(tmp_path / "no" / "net", {}, {})
    with pytest.raises(PackedFileError, match="is a folder"):
        write(tmp_path, {}, {})


def refused(path, reason):
    if path.is_file() and path.stat().st_size < 2**30:
        with pytest.raises(PackedFileError, match=reason):
            from_bytes(path.read_bytes())
    with pytest.raises(PackedFileError, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == path
    assert isinstance(caught.value, ValueError)


def test_what_is_no_file(tmp_path):
    refused(tmp_path / "missing", "does not exist")
    refused(tmp_path, "is a folder")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a regular file")
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", "empty")
    with pytest.raises(PackedFileError, match="not a possible file name"):
        read("a\0b")


def test_a_name_with_control_characters_stays_on_one_line(tmp_path):
    with pytest.raises(PackedFileError) as caught:
        read(tmp_path / "a\nb\x1b")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content", [b"x", b"no safetensors at all" * 10, b"\x80\x04\x95pickle", b"\xff" * 64, b"\0" * 64]
)
def test_what_is_no_safetensors_file(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    refused(path, "not a packed network")


def test_safetensors_of_somebody_else(tmp_path):
    path = tmp_path / "x"
    save_file({"w": np.zeros(3, np.float32)}, path)
    refused(path, "not a packed network")
    save_file({"w": np.zeros(3, np.float32)}, path, {KEY: "no json"})
    refused(path, "not valid JSON")
    save_file({"w": np.zeros(3, np.float32)}, path, {KEY: "[" * 100_000})
    refused(path, "not valid JSON")
    save_file({"w": np.zeros(3, np.float32)}, path, {KEY: "[]"})
    refused(path, "not an object")
    for number in ("NaN", "1e999"):
        save_file({"w": np.zeros(3, np.float32)}, path, {KEY: f'{{"format_version": {number}}}'})
        refused(path, "not valid JSON")


def test_another_version_is_named(tmp_path):
    path = tmp_path / "x"
    save_file({}, path, {KEY: json.dumps({"format_version": FORMAT_VERSION + 1})})
    refused(path, f"version {FORMAT_VERSION + 1}.*reads 1 to {FORMAT_VERSION}")
    save_file({}, path, {KEY: json.dumps({"format_version": 0})})
    refused(path, f"version 0.*reads 1 to {FORMAT_VERSION}")
    save_file({}, path, {KEY: json.dumps({"format_version": True})})
    refused(path, "no format_version")


def test_a_file_has_the_lowest_version_that_holds_its_fields(tmp_path):
    path = tmp_path / "x"
    new_op = {**HEADER, "graph": [{"kind": "relu"}, {"kind": "concatenate"}]}
    contents = [(HEADER, 1), ({**HEADER, "fixed_by": "why"}, 2), ({**HEADER, "unknown": {}}, 3), (new_op, 4)]
    for header, version in (*contents, ({**HEADER, "outputs": []}, 4), ({**HEADER, "graph": [{"kind": "relu"}]}, 1)):
        write(path, header, {})
        with safe_open(path, framework="numpy") as opened:
            assert json.loads(opened.metadata()[KEY])["format_version"] == version
        assert read(path) == (header, {})
    for header, version in ((HEADER, 2), ({**HEADER, "fixed_by": "why"}, 1), (new_op, 1)):
        full = {**header, "format_version": version}
        save_file({}, path, {KEY: json.dumps({**full, "digest": digest(full, {})})})
        refused(path, f"is altered: its format version is {version}")


def test_a_dtype_that_no_packed_file_holds(file):
    header = json.dumps({**HEADER, "format_version": 1, "digest": ""})
    save_file({"w": np.zeros(3, np.int8)}, file, {KEY: header})
    refused(file, "unknown dtype I8")


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "x"
    with open(path, "wb") as sparse:
        sparse.truncate(2**31 + 1)
    refused(path, "more than")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short(file, share):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    refused(file, "cut short|not a packed network")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_flipped_byte_goes_unnoticed(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "flipped"
    write(path, HEADER, TENSORS)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        header, tensors = read(path)
    except PackedFileError:
        with pytest.raises(PackedFileError):
            from_bytes(content)
        return
    assert from_bytes(content)[0] == header
    # Only spelling may have changed, such as a space in the table of contents.
    assert header == HEADER
    assert {n: a.tobytes() for n, a in tensors.items()} == {n: a.tobytes() for n, a in TENSORS.items()}


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200))
def test_random_bytes_never_crash(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "random"
    # A length and an opening brace take the bytes further into the reader than pure noise would.
    path.write_bytes(len(content).to_bytes(8, "little") + b"{" + content)
    with pytest.raises(PackedFileError):
        read(path)
    with pytest.raises(PackedFileError):
        from_bytes(path.read_bytes())
