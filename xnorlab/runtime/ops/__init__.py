"""Every op that a packed network may hold. `OPS` has their classes by the kind that files name.

An op is one class. What the rest of the runtime needs to know about it is said there: `Op` lists it.

To add a function of single values: a row in `FUNCTIONS` of `xnorlab/runtime/ops/activations.py`, with a function of
numpy or a loop in `xnorlab/kernels/activations.py`, and a row in `_TARGETS` of `xnorlab/export/activations.py`. To add
an op:

1. Write its class in the module of its kind (`elementwise.py`, `activations.py`, `arithmetic.py`, `norms.py`, …) and
   list it in `__all__` there: its kind, `since`, its fields with their checks, `__call__`, `to_onnx` where it has a
   counterpart in ONNX, and `append_to` (of `EpilogueOp`) where it can run in registers behind a convolution. Files,
   plans, summaries and ONNX graphs know it from then on.
2. Say in the module of its kind in `xnorlab/export` which torch modules and functions become it: one handler with
   `@packs`.
3. Only where no step of the epilogue does its arithmetic in registers: add a step in
   `xnorlab/kernels/codegen/epilogue.py`.

Then keep a file with it: a network in `tests/runtime/fixtures/make_fixtures.py`, which a test demands for every kind.
"""

from xnorlab.runtime.ops import (
    activations,
    arithmetic,
    convolutions,
    elementwise,
    joining,
    matrices,
    norms,
    packed_convolutions,
    pooling,
    reducing,
    resampling,
    ternary,
)
from xnorlab.runtime.ops.activations import *  # noqa: F403 (each module lists its ops once, in its own __all__)
from xnorlab.runtime.ops.arithmetic import *  # noqa: F403
from xnorlab.runtime.ops.base import OPS, Op, Shape
from xnorlab.runtime.ops.convolutions import *  # noqa: F403
from xnorlab.runtime.ops.elementwise import *  # noqa: F403
from xnorlab.runtime.ops.joining import *  # noqa: F403
from xnorlab.runtime.ops.matrices import *  # noqa: F403
from xnorlab.runtime.ops.norms import *  # noqa: F403
from xnorlab.runtime.ops.packed_convolutions import *  # noqa: F403
from xnorlab.runtime.ops.pooling import *  # noqa: F403
from xnorlab.runtime.ops.reducing import *  # noqa: F403
from xnorlab.runtime.ops.resampling import *  # noqa: F403
from xnorlab.runtime.ops.ternary import *  # noqa: F403

__all__ = ["OPS", "Op", "Shape"]
__all__ += activations.__all__
__all__ += arithmetic.__all__
__all__ += convolutions.__all__
__all__ += elementwise.__all__
__all__ += joining.__all__
__all__ += matrices.__all__
__all__ += norms.__all__
__all__ += packed_convolutions.__all__
__all__ += pooling.__all__
__all__ += reducing.__all__
__all__ += resampling.__all__
__all__ += ternary.__all__
