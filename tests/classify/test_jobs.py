"""A job's list is frozen, its folder is no other job's, and a run goes on where the one before was."""

import shutil
import subprocess
import sys
from pathlib import Path

import deadly
import pandas as pd
import pytest

from xnorlab.classify import Job, JobError, Settings, classify, workers
from xnorlab.classify.classifier import Classifier


def contents(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in job.folder.glob("*.parquet")}


def test_a_run_goes_on_where_it_was_and_gives_the_rows_of_an_unbroken_one(begin, photos: Path, monkeypatch):
    whole = begin(photos, "whole")
    summary = classify(whole, workers=2)
    assert (whole.parts, summary.workers, summary.errors) == (8, 2, 2)
    assert summary.cost.pictures == whole.pictures == 61
    assert sum(whole.rows(part) for part in range(8)) == 61

    broken = begin(photos, "broken")

    class Enough(BaseException):
        pass

    def stop(progress):
        if sum(broken.finished()) >= 3:
            raise Enough

    with pytest.raises(Enough):
        classify(broken, workers=1, report=stop)
    kept = {name: (broken.folder / name).stat().st_mtime_ns for name in contents(broken)}
    assert 3 <= len(kept) < 8
    again = begin(photos, "broken")
    seen = []
    summary = classify(again, workers=2, report=seen.append)
    assert {name: (broken.folder / name).stat().st_mtime_ns for name in kept} == kept
    assert summary.cost.pictures == 61 - 8 * len(kept)
    assert (summary.rows, summary.errors) == (61, 2)
    assert (seen[0].done, seen[-1].done) == (8 * len(kept), 61)
    assert seen[-1].seconds_left == 0
    assert contents(again) == contents(whole)
    nothing = classify(again)
    assert (nothing.errors, nothing.rate, nothing.core_hours_for_a_billion) == (2, 0, None)


def test_the_list_is_frozen_and_relative_paths_keep_their_beginning(begin, photos: Path, tmp_path: Path, monkeypatch):
    shutil.copytree(photos / "a", tmp_path / "mine")
    job = begin("mine", part_rows=1000)
    shutil.copy(photos / "b" / "01.jpg", tmp_path / "mine" / "new.jpg")
    (tmp_path / "mine" / "03.jpg").unlink()
    monkeypatch.chdir("/")
    summary = classify(Job(job.folder), workers=1)
    table = pd.read_parquet(job.folder)
    assert summary.rows == len(table) == 20
    assert table.path[0] == "mine/00.jpg"
    assert table.error.dropna().tolist() == ["it does not exist."]


def test_a_list_that_was_not_finished_is_made_anew(begin, photos: Path):
    job = begin(photos)
    (job.folder / "_job" / "job.json").unlink()
    (job.folder / "_job" / "list-00000099.parquet").touch()
    assert begin(photos, part_rows=100).parts == 1
    assert not (job.folder / "_job" / "list-00000099.parquet").exists()


def test_a_folder_of_another_job_or_of_other_files_is_refused(begin, photos: Path, packed: bytes, tmp_path: Path):
    begin(photos)
    with pytest.raises(JobError, match=r"was begun with top=5, and this is top=2: give another --out"):
        begin(photos, top=2)
    with pytest.raises(JobError, match="was begun with source="):
        begin(photos / "a")
    shutil.copytree(photos / "a", tmp_path / "here")
    begin("here", "relative")
    with pytest.raises(JobError, match="was begun with base="):
        Job.begin(tmp_path / "relative", Settings.of("here", "small", packed, "/"), packed)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(JobError, match=r"must be a new folder or one of this command; it holds 'thesis.tex'"):
        begin(photos, "mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(JobError, match="holds no picture"):
        begin(tmp_path / "empty", "other")


def test_the_callers_script_is_not_run_again_in_each_process(begin, photos: Path, tmp_path: Path):
    job = begin(photos / "a", part_rows=10)
    (tmp_path / "script.py").write_text(
        "import pathlib, sys; from xnorlab.classify import Job, classify\n"
        "print(classify(Job(pathlib.Path(sys.argv[1])), workers=2).rows)  # no guard\n"
    )
    command = [sys.executable, str(tmp_path / "script.py"), str(job.folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("20\n", "")


@pytest.mark.parametrize("text", ["{}", "[", '{"format": 2}'])
def test_a_record_that_cannot_be_read_is_refused(begin, photos: Path, text: str):
    job = begin(photos)
    (job.folder / "_job" / "job.json").write_text(text)
    with pytest.raises(JobError, match=r"holds no classification|is of format 2"):
        Job(job.folder)


def test_a_picture_that_ends_its_process_twice_is_a_row_and_once_is_no_matter(
    begin, photos: Path, tmp_path: Path, monkeypatch
):
    folder = tmp_path / "mine"
    shutil.copytree(photos / "a", folder)
    (folder / "05.jpg").write_bytes(deadly.FATAL)
    (folder / "11.jpg").write_bytes(deadly.KILLS_ONCE)
    monkeypatch.setattr(workers, "_serve", deadly.serve)
    job = begin(folder, part_rows=10)
    summary = classify(job, workers=1)
    errors = pd.read_parquet(job.folder).set_index("path").error.dropna()
    assert errors[str(folder / "05.jpg")] == "it ended the process that read it (SIGKILL)"
    assert "is not an image" in errors[str(folder / "11.jpg")]
    assert (summary.rows, summary.errors, len(errors)) == (22, 2, 2)


def test_processes_that_end_without_a_picture_to_blame_end_the_run(begin, photos: Path, monkeypatch):
    monkeypatch.setattr(workers, "_serve", deadly.serve_nothing)
    with pytest.raises(JobError, match="2 processes ended before their first part: status 3"):
        classify(begin(photos), workers=1)


def test_a_part_that_cannot_be_written_ends_the_run(begin, photos: Path):
    job = begin(photos)
    with pytest.raises(OSError, match=r"part-00000000\.parquet"):
        classify(job, workers=1, report=lambda progress: job.part_file(0).mkdir(exist_ok=True))
    assert not [path for path in job.folder.iterdir() if path.name.startswith(".")]


def test_arguments_that_do_not_fit_are_refused(begin, photos: Path, packed: bytes, tmp_path: Path):
    job = begin(photos)
    for wrong, message in (
        ({"engine": "spark"}, "engine='spark' must be one of local, ray"),
        ({"workers": 0}, "workers=0 must be at least 1"),
        ({"address": "auto"}, "address='auto' is a cluster's"),
    ):
        with pytest.raises(ValueError, match=message):
            classify(job, **wrong)
    with pytest.raises(JobError, match="is a bucket's address, which --engine ray reads"):
        classify(begin(f"file://{photos}", "bucket"))


def test_a_network_without_preprocessing_is_refused(photos: Path, packed: bytes, tmp_path: Path):
    from xnorlab.runtime import Network

    network = Network.from_bytes(packed)
    network.preprocessing = None
    data = network.to_bytes()
    job = Job.begin(tmp_path / "out", Settings.of(str(photos), "small", data, "/"), data)
    with pytest.raises(JobError, match="network='small' must store its preprocessing"):
        classify(job)


def test_draft_decoding_reads_smaller_pictures_and_is_part_of_the_job(begin, photos: Path, tmp_path: Path):
    from PIL import Image

    (tmp_path / "large").mkdir()
    with Image.open(photos / "a" / "00.jpg") as image:
        image.resize((720, 960), Image.Resampling.BICUBIC).save(tmp_path / "large" / "x.jpg", quality=90)
    whole, draft = begin("large", "whole"), begin("large", "draft", draft=True)
    sides = []
    for job in (whole, draft):
        classifier = Classifier(job.network(), job.settings)
        prepare = classifier._preprocessing
        classifier._preprocessing = lambda images, prepare=prepare: sides.append(images[0].shape[:2]) or prepare(images)
        classifier.part(job.listed(0))
    assert sides == [(960, 720), (120, 90)]  # an eighth, the least that holds the network's 72 pixels
    with pytest.raises(JobError, match="was begun with draft=True, and this is draft=False"):
        begin("large", "draft")
