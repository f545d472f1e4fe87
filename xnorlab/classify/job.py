"""Jobs: a folder with the settings, the list of pictures in numbered parts, and one Parquet file per finished part.

DIR/_job/job.json               the settings, the numbers of pictures and parts; written last
DIR/_job/network.safetensors    the packed network
DIR/_job/list-00000000.parquet  the first part of the list
DIR/part-00000000.parquet       its rows, once it is finished

Readers of Parquet folders, such as pandas, leave out names that begin with an underscore.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from xnorlab import atomic
from xnorlab.classify import entries, sources
from xnorlab.classify.entries import Entry
from xnorlab.classify.storage import Storage
from xnorlab.runtime import Network

HIDDEN = "_job"
FORMAT = 1
PART_ROWS = 1000
"""Pictures per part: some seconds of one core, which is what a killed run loses."""


class JobError(ValueError):
    """A job that cannot be begun or gone on with; the message says why."""


@dataclass(frozen=True)
class Settings:
    """What the rows of a job depend on.

    Attributes:
        source: a folder, a glob, a list of files, a Parquet file, or a bucket's address.
        network: name of the network, for people.
        sha256: of the network's packed file.
        base: folder that relative paths begin at.
        top: labels per picture, 1 or more.
        column: the pictures' column of Parquet files; None where there is one choice.
        draft: whether JPEGs are decoded at a fraction of their size where the network's input is small.
    """

    source: str
    network: str
    sha256: str
    base: str
    top: int = 5
    column: str | None = None
    draft: bool = False

    @classmethod
    def of(cls, source: str, network: str, data: bytes, base: str, **options: Any) -> Self:
        """Settings of a job with the packed network `data`."""
        return cls(source, network, hashlib.sha256(data).hexdigest(), base, **options)


class Job:
    """A job's folder.

    Args:
        folder: DIR.

    Attributes:
        settings: what its rows depend on.
        pictures: how many there are.
        parts: number of parts.

    Raises:
        JobError: the folder holds no job that this version can read.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            record = json.loads((folder / HIDDEN / "job.json").read_text("utf-8"))
            if record["format"] != FORMAT:
                raise JobError(f"{folder} is of format {record['format']!r}; this version of xnorlab reads {FORMAT}")
            self.settings = Settings(**record["settings"])
            self.pictures, self.parts = int(record["pictures"]), int(record["parts"])
        except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise JobError(f"{folder} holds no classification that can be gone on with: {error!r}") from None

    @classmethod
    def begin(
        cls,
        folder: Path,
        settings: Settings,
        network: bytes,
        *,
        part_rows: int = PART_ROWS,
        listed: Callable[[int], object] | None = None,
    ) -> Self:
        """Freeze the list of pictures of a new job, or open the job that was begun with equal settings.

        Args:
            folder: DIR; made where it does not exist.
            settings: what the rows depend on.
            network: the packed file.
            part_rows: pictures per part of a new job.
            listed: called with the number of pictures listed so far, once per part.

        Raises:
            JobError: `folder` holds a job with other settings or other files, or there is no picture.
        """
        hidden = folder / HIDDEN
        if (hidden / "job.json").exists():
            job = cls(folder)
            job._check_equal(settings)
            return job
        if folder.is_dir() and (other := [path.name for path in folder.iterdir() if path.name != HIDDEN]):
            raise JobError(f"out={str(folder)!r} must be a new folder or one of this command; it holds {other[0]!r}")
        if hidden.exists():
            shutil.rmtree(hidden)  # a list that was not finished
        hidden.mkdir(parents=True)
        atomic.write_bytes(hidden / "network.safetensors", network)
        found = sources.entries(settings.source, settings.column, Storage(settings.base, settings.source))
        pictures = parts = 0
        while part := list(islice(found, part_rows)):
            with atomic.replacing(_list_file(folder, parts)) as partial:
                pq.write_table(entries.table(part), partial, compression="zstd")
            pictures, parts = pictures + len(part), parts + 1
            if listed is not None:
                listed(pictures)
        if not pictures:
            raise JobError(f"source={settings.source!r} holds no picture")
        record = {"format": FORMAT, "settings": asdict(settings), "pictures": pictures, "parts": parts}
        atomic.write_json(hidden / "job.json", record)
        return cls(folder)

    def _check_equal(self, settings: Settings) -> None:
        # A relative source of another folder is another source, unless it is spelled out.
        for name in (field.name for field in fields(Settings)):
            ours, theirs = getattr(self.settings, name), getattr(settings, name)
            if ours != theirs and not (name == "base" and Path(settings.source).is_absolute()):
                raise JobError(
                    f"{self.folder} was begun with {name}={ours!r}, and this is {name}={theirs!r}: "
                    "give another --out, or go on as it was begun"
                )

    @property
    def network_file(self) -> Path:
        """The packed network."""
        return self.folder / HIDDEN / "network.safetensors"

    def network(self) -> Network:
        """The packed network, which runs on one thread."""
        return Network.open(self.network_file)

    def listed(self, part: int) -> list[Entry]:
        """Entries of one part of the list."""
        return entries.entries_of(pq.read_table(_list_file(self.folder, part)))

    def list_bytes(self, part: int) -> bytes:
        """The file of one part of the list."""
        return _list_file(self.folder, part).read_bytes()

    def part_file(self, part: int) -> Path:
        """Parquet file with the rows of a finished part."""
        return self.folder / f"part-{part:08d}.parquet"

    def finished(self) -> bytearray:
        """1 for each part that is finished, else 0, in their order."""
        done = bytearray(self.parts)
        for path in self.folder.glob("part-*.parquet"):
            number = path.stem.removeprefix("part-")
            if number.isdecimal() and int(number) < self.parts:
                done[int(number)] = 1
        return done

    def rows(self, part: int) -> int:
        """Pictures of one part of the list."""
        return pq.read_metadata(_list_file(self.folder, part)).num_rows

    def tables(self) -> Iterator[pa.Table]:
        """The rows of all finished parts, one part after the other."""
        done = self.finished()
        return (pq.read_table(self.part_file(part)) for part in range(self.parts) if done[part])


def entries_in(data: bytes) -> list[Entry]:
    """Entries of one part of the list, from the bytes of its file."""
    return entries.entries_of(pq.read_table(pa.BufferReader(data)))


def _list_file(folder: Path, part: int) -> Path:
    return folder / HIDDEN / f"list-{part:08d}.parquet"
