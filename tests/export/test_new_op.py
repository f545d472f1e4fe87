"""An elementwise op is added by a class and a handler: files, plans, summaries and ONNX need to know nothing of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from xnorlab import export
from xnorlab.export.handlers import HANDLERS, packs
from xnorlab.runtime import Network, ops
from xnorlab.runtime.fusion import groups
from xnorlab.runtime.onnx_graph import onnx_model
from xnorlab.runtime.ops.base import REAL
from xnorlab.runtime.ops.elementwise import EpilogueOp


@pytest.fixture
def threshold() -> Iterator[type[ops.Op]]:
    """Torch's threshold behind an offset, as a contributor would write it in runtime/ops and export."""
    before = dict(ops.OPS), dict(HANDLERS)

    @dataclass(frozen=True, eq=False, kw_only=True)
    class Threshold(EpilogueOp):
        kind: ClassVar[str] = "threshold"

        low: float
        offset: np.ndarray = field(metadata=REAL)

        def __call__(self, *arrays, threads=1, out=None):
            return np.clip(arrays[0] + self.offset, np.float32(self.low), np.float32(np.inf), out=out)

        def append_to(self, epilogue, *others):
            epilogue.bias(self.offset).clip(self.low, np.inf)

        def to_onnx(self, graph, inputs, rank):
            shifted = graph.node("Add", [*inputs, graph.per_channel(self.offset, rank)])
            graph.node("Clip", [shifted, graph.tensor(np.array(self.low))])

    @packs(nn.Threshold)
    def handler(builder, node, module, input):
        assert module.threshold == module.value
        offset = np.zeros(builder.traced.channels(input), np.float32)
        fields = {"low": module.threshold, "offset": offset}
        builder.later(node, input, lambda name: builder.add(Threshold, node, name, **fields), monotone=True)

    yield Threshold
    for registry, kept in zip((ops.OPS, HANDLERS), before, strict=True):
        registry.clear()
        registry.update(kept)  # pyright: ignore[reportCallIssue]


def test_a_new_op_is_packed_saved_fused_timed_and_written_as_onnx(threshold: type[ops.Op], tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Threshold(0.25, 0.25), nn.Conv2d(8, 5, 1)).eval()
    example = torch.randint(-128, 128, (2, 3, 9, 8)) / 64
    network = export.pack(model, example)
    assert [op.kind for op in network.ops] == ["conv", "threshold", "conv"]
    assert [group.following for group in groups(network.ops)] == [(network.ops[1],), ()]
    network.save(tmp_path / "new.safetensors")
    opened = Network.open(tmp_path / "new.safetensors")
    assert type(opened.ops[1]) is threshold
    x = np.ascontiguousarray(example.numpy().transpose(0, 2, 3, 1))
    one_by_one = opened.run(x, lambda op, value, seconds: None)
    np.testing.assert_array_equal(opened.run(x), one_by_one)
    with torch.no_grad():
        np.testing.assert_allclose(one_by_one, model(example).numpy().transpose(0, 2, 3, 1), atol=1e-5)
    assert [row.kind for row in opened.summary()] == ["conv", "threshold", "conv"]
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_model(opened, tuple(example.shape)), providers=["CPUExecutionProvider"])
    onnx_output = session.run(None, {"x": example.numpy()})[0]
    np.testing.assert_allclose(onnx_output.transpose(0, 2, 3, 1), one_by_one, atol=1e-5)


def test_two_ops_of_one_kind_are_refused():
    with pytest.raises(TypeError, match="two ops of kind 'relu': ReLU and Other"):

        class Other(ops.Op):  # pyright: ignore[reportUnusedClass]
            kind: ClassVar[str] = "relu"


def test_an_op_without_a_counterpart_in_onnx_is_named():
    network = Network([ops.Spread(name="q", inputs=("input",), step=(2, 2))], input_shape=(4, 4, 1))
    with pytest.raises(ValueError, match="q: spread has no counterpart in ONNX here"):
        onnx_model(network, (1, 1, 4, 4))
