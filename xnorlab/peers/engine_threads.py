"""Sessions of the other engines with a given number of threads."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Context manager in which torch computes on `threads` threads and without gradients."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


_CORES: list[Any] = []


def openvino_core() -> Any:
    """Return the one openvino.Core of the process, which is never destroyed.

    Each CPU plugin gives the main thread a stack for signal handlers, and restores the previous one when it is
    destroyed. If two plugins are destroyed in the order of their creation, the second restores the stack that the first
    has freed, and the next signal ends the process with a segmentation fault (OpenVINO 2026.4).
    """
    import openvino as ov

    if not _CORES:
        _CORES.append(ov.Core())
    return _CORES[0]


def openvino_request(model: Any, x: np.ndarray, threads: int) -> Any:
    """Make an inference request of an openvino.Model that reads the array `x` in place; float32 stays float32."""
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino_core().compile_model(model, "CPU", settings).create_infer_request()
    request.set_input_tensor(ov.Tensor(x))
    return request


def onnxruntime_session(model: bytes, threads: int) -> Any:
    """Make a session of ONNX Runtime's own CPU kernels for a serialised ONNX model."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, ["CPUExecutionProvider"])
