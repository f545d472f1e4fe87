"""The packed network: from pictures to logits and labels, without torch."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from functools import cached_property
from typing import Any, Self

import numpy as np

from xnorlab.images.preprocessing import Preprocessing
from xnorlab.kernels.threads import thread_count
from xnorlab.runtime import file_format, graph
from xnorlab.runtime.arguments import (
    checked_images,
    checked_labels,
    checked_outputs,
    checked_reason,
    json_object,
    outputs_from_header,
)
from xnorlab.runtime.batch_runner import BatchRunner
from xnorlab.runtime.file_format import PackedFileError
from xnorlab.runtime.ops import BinaryLinear, BinaryWeightLinear, Linear, TernaryWeightLinear
from xnorlab.runtime.ops.base import Op, Shape
from xnorlab.runtime.plan import Step
from xnorlab.runtime.records import Answer, LayerSummary, Prediction, softmax
from xnorlab.runtime.unknown import UnknownRule

BATCH = 32
"""Pictures that `Network.__call__` preprocesses and runs at once, so that memory does not grow with their number."""

_HEADER = {"name", "labels", "preprocessing", "provenance", "input_shape", "graph"}
_OPTIONAL = {"fixed_by", "unknown", "outputs"}

Observer = Callable[[Op, np.ndarray, float], None]


class Network:
    """A graph of ops with its preprocessing and labels; what `export.pack` makes and packed files hold.

    A network's answers depend on nothing but their input, and many threads can call it at once.

    A network can be pickled, and so be handed to other processes (concurrent.futures, Dask, Ray, Spark): it travels
    as the bytes of its packed file with its thread count, and gives the same logits there, bit for bit.

    Args:
        ops: in order of execution; the last one gives the output.
        input_shape: (H, W, C) or (F,) of one input.
        name: any text.
        labels: one name per class, or None.
        preprocessing: from pictures to the input, or None.
        provenance: JSON values that say where the network comes from, or None.
        fixed_by: why it runs at the height and width of `input_shape` only; empty where other sizes are as good.
        unknown: when it refuses a picture as showing none of its classes; None for a network that never does.
        outputs: for a network of several outputs the ops that give them, by the outputs' names, in order; None for the
            last op's value alone. Such a network answers with a dictionary of arrays in place of one array.

    Attributes:
        output_shape: of one output; of the first one where there are several.
        threads: threads that the layers may use, 1 unless set.

    Raises:
        ValueError: the arguments do not fit together.
    """

    def __init__(
        self,
        ops: Sequence[Op],
        *,
        input_shape: Shape,
        name: str = "",
        labels: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        provenance: dict[str, Any] | None = None,
        fixed_by: str = "",
        unknown: UnknownRule | None = None,
        outputs: Mapping[str, str] | None = None,
    ):
        self.ops = tuple(ops)
        self.input_shape = tuple(input_shape)
        self.outputs = checked_outputs(outputs)
        self._shapes = graph.check(self.ops, self.input_shape, self.outputs.values())
        self._given = list(self.outputs.values()) or [self.ops[-1].name]
        self._free = graph.last_uses(self.ops, self.outputs.values())
        self._runner = BatchRunner(self.ops, self._given)
        self.output_shape = self._shapes[self._given[0]]
        if not isinstance(name, str):
            raise ValueError(f"name={name!r} must be text")
        self.name = name
        if self.outputs and (labels or unknown is not None):
            raise ValueError(f"labels and unknown belong to one list of classes; the outputs are {list(self.outputs)}")
        self.labels = checked_labels(() if labels is None else labels, self.output_shape)
        if preprocessing is not None and self.input_shape != (preprocessing.crop, preprocessing.crop, 3):
            raise ValueError(
                f"preprocessing makes inputs of ({preprocessing.crop}, {preprocessing.crop}, 3); "
                f"the network takes {self.input_shape}"
            )
        self.preprocessing = preprocessing
        self.provenance = json_object({} if provenance is None else provenance, "provenance")
        self.fixed_by = checked_reason(fixed_by, self.input_shape)
        if unknown is not None and len(self.output_shape) != 1:
            raise ValueError(f"unknown={unknown!r} does not fit an output of shape {self.output_shape}: no classes")
        self.unknown = unknown
        self.threads = 1

    def __copy__(self) -> Self:
        """A copy with its own thread count that shares the weights, which nobody writes to."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __deepcopy__(self, memo: dict) -> Self:
        """A copy with its own thread count and provenance that shares the weights, which nobody writes to."""
        twin = copy(self)
        twin.provenance = deepcopy(self.provenance, memo)
        return twin

    def __reduce__(self) -> tuple:
        """Pickled by the bytes of its packed file, which are opened with all of a file's checks."""
        return type(self)._unpickled, (self.to_bytes(), self.threads)

    @classmethod
    def _unpickled(cls, data: bytes, threads: int) -> Self:
        network = cls.from_bytes(data)
        network.threads = threads
        return network

    @property
    def threads(self) -> int:
        """Threads that the layers may use."""
        return self._threads

    @threads.setter
    def threads(self, value: int) -> None:
        if type(value) is not int or value < 1:
            raise ValueError(f"threads={value!r} must be an integer of at least 1")
        self._threads = value

    @classmethod
    def open(cls, path: str | os.PathLike) -> Self:
        """The network in a packed file; raises PackedFileError, naming file and reason, for anything else."""
        return cls._built(path, *file_format.read(path))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """The network in the content of a packed file, checked as `open` checks a file; raises PackedFileError."""
        return cls._built(file_format.BYTES, *file_format.from_bytes(data))

    @classmethod
    def _built(cls, path: str | os.PathLike, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> Self:
        try:
            if set(header) - _OPTIONAL != _HEADER:
                raise ValueError(f"its header must have exactly the fields {', '.join(sorted(_HEADER))}")
            preprocessing = header["preprocessing"]
            for key in ("labels", "input_shape"):
                if not isinstance(header[key], list):
                    raise ValueError(f"{key} must be a list")
            return cls(
                graph.from_header(header["graph"], tensors),
                input_shape=tuple(header["input_shape"]),
                name=header["name"],
                labels=header["labels"],
                preprocessing=None if preprocessing is None else Preprocessing.from_dict(preprocessing),
                provenance=header["provenance"],
                fixed_by=header.get("fixed_by", ""),
                unknown=UnknownRule.from_dict(header["unknown"]) if "unknown" in header else None,
                outputs=outputs_from_header(header["outputs"]) if "outputs" in header else None,
            )
        except ValueError as error:
            raise PackedFileError(path, f"does not hold a valid network: {error}") from None

    def save(self, path: str | os.PathLike) -> None:
        """Write a packed file, all or nothing, with the content `to_bytes`; raises PackedFileError where that fails."""
        file_format.write(path, *self._parts())

    def to_bytes(self) -> bytes:
        """The content of the packed file; the same network always gives the same bytes."""
        return file_format.to_bytes(*self._parts())

    def _parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The header and the tensors of the packed file."""
        records, tensors = graph.to_header(self.ops)
        header = {
            "name": self.name,
            "labels": list(self.labels),
            "preprocessing": None if self.preprocessing is None else self.preprocessing.to_dict(),
            "provenance": self.provenance,
            "input_shape": list(self.input_shape),
            "graph": records,
        }
        if self.fixed_by:  # only then: readers of version 1 cannot open a file with this field
            header["fixed_by"] = self.fixed_by
        if self.unknown is not None:  # likewise, of version 2
            header["unknown"] = self.unknown.to_dict()
        if self.outputs:
            header["outputs"] = [list(pair) for pair in self.outputs.items()]
        return header, tensors

    def __call__(self, images: np.ndarray | Sequence[np.ndarray]) -> Any:
        """The logits, float32 (N, classes), of pictures: uint8 (N, H, W, 3), or a list of (H, W, 3) of any sizes.

        A network of several outputs gives a dictionary of such arrays.
        """
        return self._as_given(self._batched(images, self._run_checked, [self._shapes[name] for name in self._given]))

    def features(self, images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """The values that the classifier, the network's last linear layer, reads for each picture.

        They describe a picture in terms that are of use beyond the network's own classes: `xnorlab.teach` puts a
        classifier of other classes on top of them.

        Args:
            images: uint8 (N, H, W, 3), or a list of (H, W, 3) of any sizes.

        Returns:
            float32 (N, F), F the number of columns of the classifier's weight. A classifier with binary inputs takes
            their signs; its features are the values before them.

        Raises:
            ValueError: the network does not end on a linear layer, or has no preprocessing.
        """
        last = self.classifier
        return self._batched(images, self._run_features, [self._shapes[last.inputs[0]]])[0]

    @property
    def classifier(self) -> Linear | BinaryWeightLinear | TernaryWeightLinear | BinaryLinear:
        """The last op, which turns features into logits; raises ValueError where it is not a linear layer."""
        last = self.ops[-1]
        if self.outputs or not isinstance(last, Linear | BinaryWeightLinear | TernaryWeightLinear | BinaryLinear):
            raise ValueError(
                f"the network {self.name!r} ends on {last.name!r} of kind {last.kind!r}; the rule for features is a "
                "last op of kind 'linear', 'binary_weight_linear', 'ternary_weight_linear' or 'binary_linear'"
            )
        return last

    @cached_property
    def _features_runner(self) -> BatchRunner:
        """Runs all but the classifier. Its one input is the last value before it: no other op has a reader left."""
        return BatchRunner(self.ops[:-1], [self.ops[-1].inputs[0]])

    def _run_features(self, x: np.ndarray) -> list[np.ndarray]:
        """The features, (N, F), of at least one preprocessed input."""
        return self._features_runner.run(x, self._checked(x), thread_count(self.threads))

    def _batched(
        self,
        images: np.ndarray | Sequence[np.ndarray],
        run: Callable[[np.ndarray], list[np.ndarray]],
        shapes: Sequence[Shape],
    ) -> list[np.ndarray]:
        """What `run` gives for pictures, BATCH of them at a time; shapes: of one picture's results."""
        images = checked_images(images)
        parts = [run(self._prepared(images[i : i + BATCH])) for i in range(0, len(images), BATCH)]
        if not parts:
            return [np.zeros((0, *shape), np.float32) for shape in shapes]
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _as_given(self, results: Sequence[np.ndarray]) -> Any:
        """The one result, or the results by the names of the outputs where there are several."""
        return dict(zip(self.outputs, results, strict=True)) if self.outputs else results[0]

    def predict(self, images: np.ndarray | Sequence[np.ndarray], top: int = 5) -> list[Answer]:
        """The `top` most probable classes of each picture, and whether the network knows what the picture shows.

        Args:
            images: uint8 (N, H, W, 3), or a list of (H, W, 3) of any sizes.
            top: classes per picture, 1 or more; all of them where there are fewer.

        Returns:
            One `Answer` per picture: a list of `Prediction`, most probable first, with `is_unknown`.

        Raises:
            ValueError: the arguments do not fit, or the network's output is no list of classes.
        """
        if type(top) is not int or top < 1:
            raise ValueError(f"top={top!r} must be an integer of at least 1")
        if self.outputs or len(self.output_shape) != 1:
            given = (
                f"outputs {', '.join(self.outputs)} are" if self.outputs else f"output of shape {self.output_shape} is"
            )
            raise ValueError(f"the network's {given} no list of classes")
        return self.answers(self(images), top)

    def answers(self, logits: np.ndarray, top: int) -> list[Answer]:
        """What `predict` returns for pictures whose logits are known: float32 (N, classes)."""
        probabilities = softmax(logits)
        # A stable sort: of equal probabilities the lower index comes first, on every machine.
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
        answers = [
            Answer(Prediction(self.labels[i] if self.labels else str(i), float(row[i]), int(i)) for i in best)
            for row, best in zip(probabilities, order, strict=True)
        ]
        if self.unknown is not None:
            for answer, score in zip(answers, self.unknown.scores(logits).tolist(), strict=True):
                answer.unknown_score, answer.is_unknown = score, score < self.unknown.threshold
        return answers

    def values(self, images: np.ndarray | Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """All values of a run, by op name, batch first; "input" holds the preprocessed pictures."""
        x = self._prepared(checked_images(images))
        values = {graph.INPUT: x}
        self.run(x, lambda op, value, seconds: values.update({op.name: value}))
        return values

    def run(self, x: np.ndarray, observe: Observer | None = None) -> Any:
        """Compute the output for preprocessed inputs.

        Args:
            x: float32 (N, H, W, C) or (N, F). H and W may differ from `input_shape` where the ops allow it and
                `fixed_by` is empty.
            observe: called after every op as observe(op, value, seconds), with its value, which nobody writes to
                later, and the time it took. With an observer each op runs alone; without one ops run together, in
                buffers that are planned once (see `timed`).

        Returns:
            float32 (N, …); for a network of several outputs a dictionary of such arrays.

        Raises:
            ValueError: the inputs do not fit.
        """
        return self._as_given(self._run_checked(x, observe))

    def _run_checked(self, x: np.ndarray, observe: Observer | None = None) -> list[np.ndarray]:
        shapes = self._checked(x)
        if len(x) == 0:
            return [np.zeros((0, *shapes[name]), np.float32) for name in self._given]
        x = np.ascontiguousarray(x)
        if observe is not None:
            return self._observed(x, observe)
        return self._runner.run(x, shapes, thread_count(self.threads))

    def timed(self, x: np.ndarray) -> tuple[Any, list[tuple[Step, float]]]:
        """Run like `run` without an observer, the parts of a batch one after the other, and time every step.

        A step does the work of one op or of several: norms, activations and sums run within the convolution ahead of
        them, and its output leaves as packed signs where the next convolution wants nothing else.

        Args:
            x: at least one input, see `run`.

        Returns:
            The output, as `run` gives it, and every step with its seconds, summed over the parts.

        Raises:
            ValueError: the inputs do not fit, or there are none.
        """
        shapes = self._checked(x)
        if len(x) == 0:
            raise ValueError("x holds no input; a run of nothing has no time")
        results, steps = self._runner.timed(np.ascontiguousarray(x), shapes, thread_count(self.threads))
        return self._as_given(results), steps

    def _checked(self, x: Any) -> dict[str, Shape]:
        """The shapes of all values for inputs x; raises ValueError where x is none."""
        own = self.input_shape
        fits = isinstance(x, np.ndarray) and x.dtype == np.float32 and x.ndim == len(own) + 1 and x.shape[-1] == own[-1]
        if not fits:
            given = f"{x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
            raise ValueError(f"x is {given}; the rule is float32 (N, {', '.join(map(str, own))})")
        if x.shape[1:] == own:
            return self._shapes
        if self.fixed_by:
            raise ValueError(
                f"x is {x.shape[1]} × {x.shape[2]}, and this network runs at {own[0]} × {own[1]} only: {self.fixed_by}"
            )
        return graph.other_shapes(self.ops, x.shape[1:], self._shapes)

    def _observed(self, x: np.ndarray, observe: Observer) -> list[np.ndarray]:
        """Run op by op, each into an array of its own."""
        values = {graph.INPUT: x}
        for op, free in zip(self.ops, self._free, strict=True):
            arrays = [values[name] for name in op.inputs]
            start = time.perf_counter()
            value = op(*arrays, threads=self.threads)
            seconds = time.perf_counter() - start
            values[op.name] = value
            for name in free:
                del values[name]
            observe(op, value, seconds)
        return [values[name] for name in self._given]

    def summary(self) -> list[LayerSummary]:
        """The figures of every op, in order of execution."""
        rows = []
        for op in self.ops:
            binary, real = op.macs(*(self._shapes[name] for name in op.inputs))
            rows.append(
                LayerSummary(
                    name=op.name,
                    kind=op.kind,
                    output_shape=self._shapes[op.name],
                    weight_bits=op.weight_bits,
                    binary_macs=binary,
                    float_macs=real,
                    weight_bytes=op.weight_bytes,
                    resident_bytes=op.resident_bytes,
                )
            )
        return rows

    def _prepared(self, images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        if self.preprocessing is None:
            raise ValueError("this network has no preprocessing: give run() its inputs")
        return self.preprocessing(images)

    def __repr__(self) -> str:
        given = {name: self._shapes[op] for name, op in self.outputs.items()} or self.output_shape
        return f"<Network {self.name!r}: {len(self.ops)} ops, {self.input_shape} → {given}>"
