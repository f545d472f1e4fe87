"""Files on disks and in buckets, opened alike; buckets through pyarrow's file systems, which Ray Data uses, too."""

import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pyarrow import fs

from xnorlab.classify.entries import is_address
from xnorlab.images import SUFFIXES
from xnorlab.images.class_folders import visible


class Storage:
    """Opens the places of a job.

    Args:
        base: folder that relative paths begin at.
        source: the job's source; the options of a bucket's address, such as ?region=, are taken from it.
    """

    def __init__(self, base: str, source: str):
        self.base = base
        self.query = urlsplit(source).query if is_address(source) else ""

    def path(self, place: bytes) -> str:
        """Path of a place on a disk."""
        return os.path.join(self.base, os.fsdecode(place))

    def open(self, place: bytes) -> Any:
        """The file at a place, seekable, open for reading; raises OSError or ValueError where there is none."""
        if not is_address(place):
            return open(self.path(place), "rb")
        system, path = self._bucket(os.fsdecode(place))
        return system.open_input_file(path)

    def is_file(self, address: str) -> bool:
        """Whether an address is that of one object, and not of a folder of them; raises OSError where it is neither."""
        system, path = self._bucket(address)
        info = system.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            raise FileNotFoundError(f"{address} does not exist")
        return info.type == fs.FileType.File

    def pictures(self, address: str) -> Iterator[bytes]:
        """Addresses of the pictures in a bucket's folder and below, sorted within each folder."""
        system, path = self._bucket(address)
        scheme = address.partition("://")[0]

        def walk(folder: str) -> Iterator[bytes]:
            below = system.get_file_info(fs.FileSelector(folder, recursive=False))
            for info in sorted(below, key=lambda info: info.base_name):
                if not visible(info.base_name):
                    continue
                if info.type == fs.FileType.Directory:
                    yield from walk(info.path)
                elif os.path.splitext(info.base_name)[1].lower() in SUFFIXES:
                    yield f"{scheme}://{info.path}".encode()

        return walk(path)

    def _bucket(self, address: str) -> tuple[fs.FileSystem, str]:
        scheme, _, rest = address.partition("://")
        rest = rest.partition("?")[0] if self.query and rest.endswith(f"?{self.query}") else rest
        return _file_system(scheme, "" if scheme == "file" else rest.partition("/")[0], self.query), rest.rstrip("/")


@lru_cache(maxsize=64)
def _file_system(scheme: str, bucket: str, query: str) -> fs.FileSystem:
    """The file system of a bucket; connected once per process."""
    return fs.FileSystem.from_uri(f"{scheme}://{bucket}/{f'?{query}' if query else ''}")[0]
