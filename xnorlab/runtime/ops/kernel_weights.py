"""Weights that are in memory once: in the order in which their kernel reads them."""

from typing import Any, ClassVar

import numpy as np

from xnorlab.conventions import WORD_BITS, n_words


class KernelWeights:
    """Mixin of the ops whose weights only their kernel keeps.

    The order of the file is made again where somebody asks for it, as to save the network: a second copy would double
    the memory of every network, and three copies made float networks look worse than they are.
    """

    _main: ClassVar[str]
    """The field that holds the weights; the kernel has an attribute of that name."""
    _beside: ClassVar[tuple[str, ...]] = ()
    """Further fields that hold a part of them, likewise."""
    name: str

    def _leave_weights_to_kernel(self) -> None:
        for name in (self._main, *self._beside):
            object.__delattr__(self, name)

    def __getattr__(self, name: str) -> Any:
        """The weights, once the kernel has them; an instance's own attributes never come here."""
        if name in (self._main, *self._beside) and "_kernel" in self.__dict__:
            return getattr(self.__dict__["_kernel"], name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def _check_words(self, words: np.ndarray, bits: int, name: str = "words") -> None:
        """Raise unless the last axis of `words`, the field `name`, holds `bits` bits and its tail bits are 0."""
        given, rule = words.shape[-1], n_words(bits)
        if given != rule:
            raise ValueError(f"{self.name}: {name} has {given} words for {bits} bits; the rule is {rule}")
        if bits % WORD_BITS and (words[..., -1] >> np.uint64(bits % WORD_BITS)).any():
            raise ValueError(f"{self.name}: {name} has bits set beyond channel {bits - 1}")
