"""Every kind of source is listed in an order of its own names, and every row of a job has its picture or its reason."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from xnorlab.classify import classify, sources
from xnorlab.classify.entries import Entry
from xnorlab.classify.pictures import sources as opened
from xnorlab.classify.storage import Storage


def listed(source: object, base: Path, column: str | None = None) -> list[Entry]:
    return list(sources.entries(str(source), column, Storage(str(base), str(source))))


def names(source: object, base: Path) -> list[str]:
    return [os.fsdecode(entry.place) for entry in listed(source, base)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.png",
        "a/2.JPG",
        "a/10.jpg",
        "a/.x.jpg",
        "a/deep/z.webp",
        "a/words.txt",
        "__MACOSX/q.jpg",
        "c d.tif",
    ):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "tree" / "up").symlink_to(tmp_path)
    return tmp_path / "tree"


def test_a_folder_is_listed_in_order_without_what_is_no_picture(tree: Path):
    expected = ["a/10.jpg", "a/2.JPG", "a/deep/z.webp", "b.png", "c d.tif"]
    assert names(tree, tree) == [str(tree / name) for name in expected]
    assert names("tree", tree.parent) == [f"tree/{name}" for name in expected]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tree/a/*.jpg", ["a/10.jpg"]),
        ("tree/**/*.[jJ][pP]*", ["a/10.jpg", "a/2.JPG"]),
        ("tree/**", []),
        ("tree/*", ["b.png", "c d.tif"]),
        ("tree/a/**/?.*", ["a/2.JPG", "a/deep/z.webp"]),
        ("no*thing/*", []),
    ],
)
def test_a_glob_takes_the_files_that_it_matches(tree: Path, pattern: str, expected: list[str]):
    assert names(pattern, tree.parent) == [f"tree/{name}" for name in expected]
    assert names(tree.parent / pattern, tree) == [str(tree / name) for name in expected]


def test_a_folder_with_a_name_like_a_pattern_is_a_folder(tmp_path: Path):
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "a[1]" / "x.png").touch()
    assert names("a[1]", tmp_path) == ["a[1]/x.png"]


def test_a_list_of_files_keeps_its_order_and_any_name(tmp_path: Path):
    odd = b"caf\xe9 \t.jpg"
    (tmp_path / "list.txt").write_bytes(b"b.jpg\r\n\n" + odd + b"\na.jpg")
    assert [entry.place for entry in listed("list.txt", tmp_path)] == [b"b.jpg", odd, b"a.jpg"]
    (tmp_path / "zip").write_bytes(b"a.jpg\nPK\0\n")
    with pytest.raises(ValueError, match=r"zip is no list of files, one on a line: line 2 holds a null byte"):
        listed("zip", tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [("no/such", "does not exist"), ("a/**/b/**/c", "at most once"), ("bad.parquet", "bad.parquet is no Parquet file")],
)
def test_what_is_no_source_is_refused(tmp_path: Path, source: str, message: str):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match=message):
        names(source, tmp_path)


def png(level: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(out, "PNG")
    return out.getvalue()


def write(file: Path, table: pa.Table) -> Path:
    pq.write_table(table, file, row_group_size=7)
    return file


def read(file: Path, base: Path, column: str | None = None, keep=slice(None)) -> list[tuple]:
    storage = Storage(str(base), str(file))
    entries = list(sources.entries(str(file), column, storage))[keep]
    return [(one.name, one.data, one.problem) for one in opened(entries, column, storage)]


def test_a_table_of_bytes_is_read_row_by_row_from_anywhere(tmp_path: Path):
    content = [png(i) for i in range(20)]
    file = write(tmp_path / "t.parquet", pa.table({"label": list(range(20)), "jpeg": content}))
    assert [data for _, data, _ in read(file, tmp_path)] == content
    assert read(file, tmp_path, keep=slice(5, 16, 3)) == [
        (f"{file}#{row // 7}:{row % 7}", content[row], "") for row in (5, 8, 11, 14)
    ]


def test_records_and_paths_beside_bytes_give_names(tmp_path: Path):
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    image = pa.array([{"bytes": png(1), "path": "x.png"}, {"bytes": None, "path": None}, None], kind)
    file = write(tmp_path / "t.parquet", pa.table({"image": image, "text": ["a", "b", "c"]}))
    problem = "its row holds no picture"
    assert read(file, tmp_path) == [
        ("x.png", png(1), ""),
        (f"{file}#0:1", None, problem),
        (f"{file}#0:2", None, problem),
    ]
    file = write(tmp_path / "u.parquet", pa.table({"image": [png(2)], "path": ["y.png"]}))
    assert read(file, tmp_path) == [("y.png", png(2), "")]


def test_a_table_of_paths_and_tables_by_a_glob(tmp_path: Path):
    write(tmp_path / "p0.parquet", pa.table({"path": ["one.jpg", None], "caption": ["", ""]}))
    write(tmp_path / "p1.parquet", pa.table({"path": ["two.jpg"]}))
    got = read(Path("p*.parquet"), tmp_path)
    assert got == [
        ("one.jpg", str(tmp_path / "one.jpg"), ""),
        ("p0.parquet#0:1", None, "its row holds no picture"),
        ("two.jpg", str(tmp_path / "two.jpg"), ""),
    ]


def test_a_choice_of_columns_is_asked_for(tmp_path: Path):
    file = write(tmp_path / "t.parquet", pa.table({"front": [png(1)], "back": [png(2)], "n": [1]}))
    with pytest.raises(ValueError, match=r"name it with --column; its columns: front \(binary\), back \(binary\), n"):
        listed(file, tmp_path)
    assert [data for _, data, _ in read(file, tmp_path, "back")] == [png(2)]
    with pytest.raises(ValueError, match=r"column='side' is none of the columns"):
        listed(file, tmp_path, "side")
    with pytest.raises(ValueError, match=r"column='n' of .* must hold bytes or texts"):
        listed(file, tmp_path, "n")


def test_a_table_that_changes_after_it_was_listed_gives_reasons(tmp_path: Path):
    file = write(tmp_path / "t.parquet", pa.table({"image": [png(i) for i in range(3)]}))
    storage = Storage(str(tmp_path), str(file))
    entries = list(sources.entries(str(file), None, storage))
    write(file, pa.table({"image": [png(9)]}))
    assert [one.problem for one in opened(entries, None, storage)][1:] == [
        "its table has fewer rows than when it was listed"
    ] * 2
    file.write_bytes(b"none")
    assert all(one.problem.startswith("its table cannot be read: ") for one in opened(entries, None, storage))


def test_a_bucket_is_listed_like_a_folder_and_its_objects_are_read(tree: Path, photos: Path):
    """Through pyarrow's file systems, as s3:// is; here the address is that of this disk."""
    (tree / "up").unlink()  # a bucket has no links
    address = f"file://{tree}"
    assert names(address, tree) == [f"file://{path}" for path in names(tree, tree)]
    storage = Storage("/", f"file://{photos}")
    entries = list(sources.entries(f"file://{photos}", None, storage))
    got = list(opened(entries, None, storage))
    assert [one.data for one in got] == [Path(one.name.removeprefix("file://")).read_bytes() for one in got]
    (gone,) = opened([Entry(f"file://{photos}/gone.jpg".encode())], None, storage)
    assert gone.problem.startswith("it cannot be fetched: ")
    with pytest.raises(FileNotFoundError, match="no-such does not exist"):
        names(f"file://{photos}/no-such", tree)


def test_rows_are_what_predict_says(begin, photos: Path, packed: bytes):
    from xnorlab.images import open_image
    from xnorlab.runtime import Network, UnknownRule

    job = begin(photos)
    summary = classify(job, workers=1)
    table = pd.read_parquet(job.folder)
    assert (summary.rows, summary.errors, len(table)) == (61, 2, 61)
    assert list(table.columns) == ["path", "label", "probability", "top", "unknown", "error"]
    assert table.path.tolist() == names(photos, photos)
    bad = table[table.error.notna()]
    assert bad.path.tolist() == [str(photos / "b" / "07.jpg"), str(photos / "c" / "note.png")]
    assert bad[["label", "probability", "top"]].isna().all(axis=None)
    assert bad.error.iloc[1].startswith("it is not an image in a format that is read here")
    good = table[table.error.isna()]
    network = Network.from_bytes(packed)
    for row in good.itertuples():
        best = network.predict([open_image(row.path)])[0]
        assert [(one["label"], one["probability"]) for one in row.top] == [(p.label, p.probability) for p in best]
        assert (row.label, row.probability) == (best[0].label, best[0].probability)
    assert good.unknown.isna().all()
    network.unknown = UnknownRule("energy", 1.0, 0.5)
    calibrated = network.to_bytes()
    from xnorlab.classify import Job, Settings

    chosen = Settings.of(str(photos), "small", calibrated, "/", top=1)
    job = Job.begin(job.folder.parent / "calibrated", chosen, calibrated)
    classify(job, workers=1)
    table = pq.read_table(job.part_file(0))
    scores = [network.predict([open_image(row["path"])])[0].unknown_score for row in table.to_pylist()[:3]]
    assert table["unknown"].to_pylist()[:3] == scores
    assert b'"score": "energy"' in table.schema.metadata[b"xnorlab"]
    assert {len(top) for top in table["top"].to_pylist() if top} == {1}
