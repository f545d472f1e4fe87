"""A worker process that some pictures end, as a fault in a decoder's C code would."""

import os
import signal
from pathlib import Path

from xnorlab.classify import classifier, workers
from xnorlab.images import open_image

FATAL = b"ends whoever reads it"
KILLS_ONCE = b"ends the first that reads it"

_serve = workers._serve


def serve(pipe, state, folder) -> None:
    """`workers._serve`, in whose process reading a picture of that content is the last thing that is done."""

    def deadly(source, **options):
        data = Path(source).read_bytes() if Path(source).is_file() else b""
        if data == KILLS_ONCE:
            Path(source).write_bytes(b"harmless")
        if data in (FATAL, KILLS_ONCE):
            os.kill(os.getpid(), signal.SIGKILL)
        return open_image(source, **options)

    classifier.open_image = deadly
    _serve(pipe, state, folder)


def serve_nothing(pipe, state, folder) -> None:
    """A process that ends before it is ready."""
    os._exit(3)
