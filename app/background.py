"""What is fetched behind the visitor's back once the first page stands, so that no later page waits for it."""

import threading

from xnorlab import pretrained

_started = threading.Event()


def warm() -> None:
    """Start, once a process, a thread that loads the kernels, then plotly, then torch.

    Called at the end of a run of the app: before that, the imports would only slow the first answer down.
    """
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_load, name="xnorlab-warm", daemon=True).start()


def _load() -> None:
    import numpy as np

    try:
        for name in pretrained.names():
            network = pretrained.load(name)
            network.run(np.zeros((1, *network.input_shape), np.float32))
    except ValueError:
        pass  # a missing or damaged network is reported by the page that asks for it
    import plotly.graph_objects  # noqa: F401
    import torch  # noqa: F401
