"""The tracer: follows a model's code, and takes sizes that decide a branch from an example."""

import operator
from collections.abc import Callable, Iterator
from typing import Any, cast

from torch import Tensor, fx, nn
from torch.fx import Node
from torch.fx.node import map_arg

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.export import advice, prepare, source_lines
from xnorlab.export.errors import ExportError
from xnorlab.nn import BinaryConv2d, BinaryLinear, Shift

_LEAVES = (BinaryConv2d, BinaryLinear, ClippedSign, BiRealSign, RSign, KBit, Shift)
UNFOLLOWED = "torch.fx cannot follow the model"


class _Value(fx.Proxy):
    """A value under tracing, which may be written to where a mask says: y[x < 0] = −1."""

    def __setitem__(self, mask: Any, value: Any) -> None:
        if not isinstance(mask, fx.Proxy):
            raise NotImplementedError("assigns to a part of a tensor; only one that a mask chooses can be followed")
        self.node = self.tracer.create_proxy("call_method", "masked_fill", (self, mask, value), {}).node


class Tracer(fx.Tracer):
    """Follows a model; where the model decides by a size or counts parts, it takes them from an example.

    Args:
        model: to follow.
        example: that the model is run on, as far as needed.

    Attributes:
        decisions: nodes whose truth value decided a branch.
        counted: nodes that were taken apart into as many parts as they have on the example.
    """

    def __init__(self, model: nn.Module, example: Tensor):
        super().__init__()
        self._model, self._example = model, example
        self._known: dict[Node, Any] = {}
        self._computing = False
        self.decisions: list[Node] = []
        self.counted: list[Node] = []

    def proxy(self, node: Node) -> fx.Proxy:
        """The value of a node, as the model's code sees it."""
        return _Value(node, self)

    def to_bool(self, obj: fx.Proxy) -> bool:
        """Whether a size that decides a branch is true on the example; numbers of the input decide nothing here."""
        value = self._value(obj.node)
        if isinstance(value, Tensor):
            return super().to_bool(obj)
        self.decisions.append(obj.node)
        return bool(value)

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """The parts of a size or of several values, as many as on the example."""
        value = self._value(obj.node)
        if not isinstance(value, tuple | list):
            return super().iter(obj)
        self.counted.append(obj.node)
        return iter([cast(Any, obj)[i] for i in range(len(value))])

    def _value(self, node: Node) -> Any:
        """The value of a node on the example, computed with those that it needs."""
        needed, left = {node}, [node]
        while left:
            new = [part for part in left.pop().all_input_nodes if part not in needed]
            needed.update(new)
            left += new
        self._computing = True
        try:
            for each in self.graph.nodes:
                if each in needed and each not in self._known:
                    self._known[each] = self._computed(each)
        finally:
            self._computing = False
        return self._known[node]

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Follow a module's call; while values are computed it is an ordinary call."""
        return forward(*args, **kwargs) if self._computing else super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Follow the reading of a parameter; while values are computed it is an ordinary one."""
        return attr_val if self._computing else super().getattr(attr, attr_val, parameter_proxy_cache)

    def _computed(self, node: Node) -> Any:
        if node.op == "placeholder":
            return self._example.clone()
        if node.op == "get_attr":
            return operator.attrgetter(str(node.target))(self._model)
        args, kwargs = map_arg((node.args, node.kwargs), self._known.__getitem__)
        called = self._model.get_submodule(str(node.target)) if node.op == "call_module" else None
        return run(node, called, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether the module is packed whole: layers of xnorlab are, unless a subclass computes something else."""
        is_own = any(isinstance(m, leaf) and type(m).forward is leaf.forward for leaf in _LEAVES)
        return is_own or super().is_leaf_module(m, module_qualified_name)

    def create_node(self, *args: Any, **kwargs: Any) -> Node:
        """A node that knows the line of the model's code that calls for it."""
        node = super().create_node(*args, **kwargs)
        node.meta["source"] = source_lines.calling(begun_in=attempt.__name__)
        return node


def run(node: Node, called: nn.Module | None, args: Any, kwargs: Any) -> Any:
    """Compute a node for these arguments; called: the module that it calls."""
    if called is not None:
        return called(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    return node.target(*args, **kwargs)  # pyright: ignore[reportCallIssue]


def attempt(failure: str, step: Callable[[], Any]) -> Any:
    """What a step gives that runs the model's own code; an ExportError, which begins with `failure`, where it fails."""
    try:
        return step()
    except Exception as error:  # the model's own code may raise anything
        own_code = {"op": "forward", "advice": advice.FORWARD} if failure == UNFOLLOWED else {}
        reason = f"{failure}: {prepare.in_a_line(error)}"
        raise ExportError(reason, source=source_lines.failing(error), **own_code) from error
