"""The packed network: from pictures to logits and labels, without torch."""

import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from functools import cached_property
from typing import Any, Self

import numpy as np

from xnorlab.images.preprocessing import Preprocessing
from xnorlab.kernels.threads import thread_count
from xnorlab.runtime import file_format, graph, network_header
from xnorlab.runtime.arguments import checked_images, checked_labels, json_object
from xnorlab.runtime.batch_runner import BatchRunner
from xnorlab.runtime.file_format import PackedFileError
from xnorlab.runtime.ops import BinaryLinear, BinaryWeightLinear, Linear, TernaryWeightLinear
from xnorlab.runtime.ops.base import Op, Shape
from xnorlab.runtime.records import Answer, Prediction, softmax
from xnorlab.runtime.runnable_graph import RunnableGraph
from xnorlab.runtime.unknown import UnknownRule

BATCH = 32
"""Pictures that `Network.__call__` preprocesses and runs at once, so that memory does not grow with their number."""


class Network(RunnableGraph):
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
        super().__init__(ops, input_shape, outputs, fixed_by)
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
        if unknown is not None and len(self.output_shape) != 1:
            raise ValueError(f"unknown={unknown!r} does not fit an output of shape {self.output_shape}: no classes")
        self.unknown = unknown

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
            return cls(**network_header.arguments(header, tensors))
        except ValueError as error:
            raise PackedFileError(path, f"does not hold a valid network: {error}") from None

    def save(self, path: str | os.PathLike) -> None:
        """Write a packed file, all or nothing, with the content `to_bytes`; raises PackedFileError where that fails."""
        file_format.write(path, *network_header.of(self))

    def to_bytes(self) -> bytes:
        """The content of the packed file; the same network always gives the same bytes."""
        return file_format.to_bytes(*network_header.of(self))

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

    def _prepared(self, images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        if self.preprocessing is None:
            raise ValueError("this network has no preprocessing: give run() its inputs")
        return self.preprocessing(images)

    def __repr__(self) -> str:
        given = {name: self._shapes[op] for name, op in self.outputs.items()} or self.output_shape
        return f"<Network {self.name!r}: {len(self.ops)} ops, {self.input_shape} → {given}>"
