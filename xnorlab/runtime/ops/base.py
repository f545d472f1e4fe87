"""The base of every op of a packed network: a named, frozen record of inputs, attributes and tensors.

Shapes here are those of one picture, without the batch: (H, W, C) for feature maps, (F,) for vectors.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from xnorlab.runtime.file_format import SINCE_OF_KIND, stored_bytes
from xnorlab.runtime.limits import MAX_GEOMETRY

Shape = tuple[int, ...]

OPS: dict[str, type["Op"]] = {}
"""The classes of all ops by the `kind` that files name. A class with a `kind` of its own enters itself."""

# Metadata of the dataclass fields that are tensors: such a field holds an array, or None where that is its default.
REAL = {"dtype": np.float32, "finite": True}
EXTENDED = {"dtype": np.float32, "finite": False}
WORDS = {"dtype": np.uint64}
INDICES = {"dtype": np.uint64}
FLAGS = {"dtype": np.bool_}


class OnnxGraph(Protocol):
    """An ONNX graph in the making, as ops see it; no ONNX package is needed to describe an op."""

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Append a node of ONNX's operator `kind`; returns the name of its output."""
        ...

    def tensor(self, value: np.ndarray) -> str:
        """Add a constant, as float32; returns its name."""
        ...

    def integers(self, *values: int) -> str:
        """Add a constant (n,), as int64; returns its name."""
        ...

    def per_channel(self, value: np.ndarray, rank: int) -> str:
        """Add a constant (C,) that fits values of `rank` axes without the batch, channels first; returns its name."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """One step of a packed network.

    Every field of a subclass is an attribute (JSON values) or, by its metadata, an array. Construction checks all
    fields and raises ValueError; `output_shape` checks the shapes that the op is given.

    A subclass with a `kind` is an op that files may hold. It overrides what is not right for it: `__call__` always;
    `since`; `_prepare` for checks; `n_inputs`; `output_shape` where it is not that of the first input; `macs`;
    `touched` where it goes over values more than once; `weight_bits`; `to_onnx` where ONNX has a counterpart.

    Attributes:
        name: unique in its network; by habit the path of the module that it came from.
        inputs: the names of the values that it reads.
    """

    kind: ClassVar[str]
    since: ClassVar[int] = 1
    """The format version of files that hold the op."""
    n_inputs: ClassVar[int | None] = 1
    """How many values it reads; None for any number from 2."""

    name: str
    inputs: tuple[str, ...]

    def __init_subclass__(cls) -> None:
        kind = cls.__dict__.get("kind")
        if kind is not None and OPS.setdefault(kind, cls) is not cls:
            raise TypeError(f"there are two ops of kind {kind!r}: {OPS[kind].__name__} and {cls.__name__}")
        if kind is not None:
            SINCE_OF_KIND[kind] = cls.since

    def __post_init__(self):
        self._check_names()
        for f in fields(self):
            if "dtype" in f.metadata:
                self._check_tensor(f)
        self._prepare()

    def _check_names(self) -> None:
        for name in (self.name, *self.inputs):
            if not isinstance(name, str) or not name.isprintable() or not 1 <= len(name) <= 200:
                raise ValueError(f"the op name {name!r} must be 1 to 200 printable characters")
        fits = len(self.inputs) >= 2 if self.n_inputs is None else len(self.inputs) == self.n_inputs
        if not fits:
            rule = "2 or more" if self.n_inputs is None else self.n_inputs
            raise ValueError(f"{self.name}: {self.kind} takes {rule} inputs, not {len(self.inputs)}")

    def _check_tensor(self, f: Field) -> None:
        value, dtype = getattr(self, f.name), np.dtype(f.metadata["dtype"])
        if value is None and f.default is None:
            return
        if not isinstance(value, np.ndarray) or value.dtype != dtype:
            given = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
            raise ValueError(f"{self.name}: {f.name} is {given}; the rule is an array of {dtype}")
        if value.size == 0:
            raise ValueError(f"{self.name}: {f.name} of shape {value.shape} holds nothing")
        if dtype == np.float32:
            bad = ~np.isfinite(value) if f.metadata["finite"] else np.isnan(value)
            if bad.any():
                raise ValueError(f"{self.name}: {f.name} holds {value[bad][0]}")
        if dtype == np.bool_ and (value.view(np.uint8) > 1).any():
            raise ValueError(f"{self.name}: {f.name} holds bytes that are no truth values")
        object.__setattr__(self, f.name, np.ascontiguousarray(value))

    def _prepare(self) -> None:
        """Check attributes against tensors and build what calls need; runs once, at construction."""

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Compute the op.

        Args:
            arrays: one per input, float32, C-contiguous, with a batch ahead of a shape that `output_shape` accepts.
            threads: that may share the work.
            out: where to write the result, none of the inputs; a new array where None.

        Returns:
            float32, of the output's shape with the batch ahead.
        """
        raise NotImplementedError

    def bound(self, arrays: tuple[np.ndarray, ...], out: np.ndarray) -> Callable[[int], object]:
        """The op on arrays that stay where they are: a function of a thread count that computes it again.

        An op overrides it where checks and preparation would take as long as the work. Arguments as in `__call__`.
        """
        return lambda threads: self(*arrays, threads=threads, out=out)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The output's shape; raises ValueError where an input shape does not fit."""
        return shapes[0]

    def macs(self, *shapes: Shape) -> tuple[int, int]:
        """The (binary, real) multiply-adds for one picture whose inputs have these shapes."""
        return 0, 0

    def touched(self, *shapes: Shape) -> int:
        """How many values it reads and writes for one picture whose inputs have these shapes, each as often as it does.

        With `macs` it tells how long an op takes, before it has run.
        """
        return sum(map(math.prod, shapes)) + math.prod(self.output_shape(*shapes))

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """Append the op's ONNX nodes, whose maps are (N, C, H, W); the last node gives the op's output.

        Args:
            graph: where to.
            inputs: names of the op's inputs in the graph.
            rank: axes of the first input without the batch, 3 for maps and 1 for vectors.

        Raises:
            ValueError: there is no counterpart.
        """
        raise ValueError(f"{self.name}: {self.kind} has no counterpart in ONNX here")

    @property
    def weight_bits(self) -> int:
        """Bits of one weight in the file: 1, 2, 16 or 32; 0 for an op without weights."""
        return 0

    def _bits_of(self, weight: np.ndarray) -> int:
        return 8 * stored_bytes(weight) // weight.size

    @property
    def weight_bytes(self) -> int:
        """Bytes of the op's tensors in a packed file."""
        return sum(stored_bytes(array) for array in self.tensors().values())

    @property
    def resident_bytes(self) -> int:
        """Bytes of the arrays that the op keeps in memory: its tensors, and what its kernel made of them so far."""
        arrays = {a.__array_interface__["data"][0]: a.nbytes for a in _arrays(vars(self), set())}
        return sum(arrays.values())

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays by field name, without those that are None."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if "dtype" in f.metadata}
        return {name: value for name, value in named.items() if value is not None}

    def attributes(self) -> dict[str, Any]:
        """The other fields but name and inputs, as JSON knows them."""
        rest = [f.name for f in fields(self) if "dtype" not in f.metadata and f.name not in ("name", "inputs")]
        values = {name: getattr(self, name) for name in rest}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_parts(
        cls, name: str, inputs: tuple[str, ...], attributes: dict[str, Any], tensors: dict[str, np.ndarray]
    ) -> Self:
        """Make an op from its `attributes` and `tensors`; raises ValueError for a missing or unknown one."""
        known = {f.name: f for f in fields(cls) if f.name not in ("name", "inputs")}
        is_tensor = {n: "dtype" in f.metadata for n, f in known.items()}
        wrong = [n for n in attributes if is_tensor.get(n, True)]
        wrong += [n for n in tensors if not is_tensor.get(n, False)]
        if wrong:
            raise ValueError(f"{name}: {cls.kind} has no {wrong[0]!r}")
        missing = [
            n
            for n, f in known.items()
            if n not in attributes and n not in tensors and not (is_tensor[n] and f.default is not MISSING)
        ]
        if missing:
            raise ValueError(f"{name}: {missing[0]!r} of {cls.kind} is missing")
        values = {n: tuple(v) if isinstance(v, list) else v for n, v in attributes.items()}
        return cls(name=name, inputs=inputs, **values, **tensors)

    def __reduce__(self) -> tuple:
        """Pickled by its parts, which are checked again; its kernel holds addresses that mean nothing elsewhere."""
        return self.from_parts, (self.name, self.inputs, self.attributes(), self.tensors())

    def _fail_shape(self, shape: Shape, rule: str) -> ValueError:
        return ValueError(f"{self.name}: the input of {self.kind} has shape {shape}; the rule is {rule}")

    def _map(self, shape: Shape, channels: int | None = None) -> tuple[int, int, int]:
        """`shape` as (H, W, C), with `channels` where given."""
        if len(shape) != 3 or (channels is not None and shape[2] != channels):
            raise self._fail_shape(shape, f"(H, W, {'C' if channels is None else channels})")
        return shape[0], shape[1], shape[2]

    def _per_channel(self, name: str, channels: int) -> None:
        """Raise unless the tensor `name` is None or (channels,)."""
        value = getattr(self, name)
        if value is not None and value.shape != (channels,):
            raise ValueError(f"{self.name}: {name} has shape {value.shape}; the rule is ({channels},)")

    def _times_scale(self, weight: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
        """`weight` (N, ...) times one factor per filter, (N,)."""
        return weight if scale is None else weight * scale.reshape(-1, *([1] * (weight.ndim - 1)))

    def _check_scaled(self, weight: np.ndarray, scale: np.ndarray | None) -> None:
        """Raise ValueError where float32 does not hold `weight` (N, ...) times one factor per filter, (N,)."""
        if scale is None:
            return
        with np.errstate(over="ignore"):
            largest = np.abs(weight).reshape(len(weight), -1).max(1) * scale
        if not np.isfinite(largest).all():
            raise ValueError(f"{self.name}: weight × scale is too large for float32")

    def _flag(self, name: str) -> None:
        if type(getattr(self, name)) is not bool:
            raise ValueError(f"{self.name}: {name}={getattr(self, name)!r} must be true or false")

    def _integer(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{self.name}: {name}={value!r} must be an integer from {low} to {high}")

    def _one_of(self, name: str, *known: str) -> None:
        if getattr(self, name) not in known:
            raise ValueError(f"{self.name}: {name}={getattr(self, name)!r} must be one of {', '.join(known)}")

    def _int_pair(self, name: str, minimum: int) -> None:
        value = getattr(self, name)
        fits = isinstance(value, tuple) and len(value) == 2
        if not fits or not all(type(v) is int and minimum <= v <= MAX_GEOMETRY for v in value):
            raise ValueError(f"{self.name}: {name}={value!r} must be two integers from {minimum} to {MAX_GEOMETRY}")


def _arrays(value: Any, seen: set[int]) -> Iterator[np.ndarray]:
    """The arrays within dictionaries, sequences and xnorlab's objects, which may hold each other; seen: their ids."""
    if isinstance(value, np.ndarray):
        yield value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for item in list(value.values()):  # a copy: another thread may be running the op
            yield from _arrays(item, seen)
    elif isinstance(value, list | tuple):
        for item in list(value):
            yield from _arrays(item, seen)
    elif type(value).__module__.startswith("xnorlab.") and hasattr(value, "__dict__"):
        yield from _arrays(vars(value), seen)
