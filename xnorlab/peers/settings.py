"""How each engine is told its threads, in one place, so that all of them get the same."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Inside, torch computes on `threads` threads and without gradients."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


def openvino_request(model: Any, x: np.ndarray, threads: int) -> Any:
    """An inference request of an openvino.Model on the array x, which it reads in place; float32 stays float32."""
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = ov.Core().compile_model(model, "CPU", settings).create_infer_request()
    request.set_input_tensor(ov.Tensor(x))
    return request


def onnxruntime_session(model: bytes, threads: int) -> Any:
    """A session of ONNX Runtime's own CPU kernels for a serialised ONNX model."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, ["CPUExecutionProvider"])
