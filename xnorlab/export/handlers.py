"""The handlers of nodes: which function packs which torch module, function or tensor method."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.fx import Node

from xnorlab.export.errors import ExportError

if TYPE_CHECKING:
    from xnorlab.export.builder import Builder

Handler = Callable[..., None]
HANDLERS: dict[Any, Handler] = {}
"""The handlers of nodes by module class, by function, or by the name of a tensor method."""

TAKES_STEPS: set[Any] = set()
"""Functions and names of methods whose value changes in steps: signs, comparisons, roundings."""


def packs(*targets: Any) -> Callable[[Handler], Handler]:
    """Decorator: the function packs the nodes of these targets.

    The handler of a module gets (builder, node, module, input). That of a function or a method gets (builder, node)
    and the call's own arguments, bound by Python: values that depend on the input as nodes, all others as what they
    are.

    Args:
        targets: module classes, functions, names of tensor methods, and full names of functions of other packages.
    """

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(targets, handler))
        return handler

    return register


def dispatch(builder: "Builder", node: Node) -> None:
    """Pack a node by its handler; raises ExportError where there is none or its arguments do not fit."""
    traced = builder.traced
    value = traced.values[node]
    if isinstance(value, Tensor) and value.is_complex():
        raise ExportError("gives complex numbers; only real ones can be packed")
    args, kwargs = traced.constant((node.args, node.kwargs))
    if node.op == "call_module":
        module = traced.called(node)
        known = (cls for cls in type(module).__mro__ if cls in HANDLERS and cls.forward is type(module).forward)
        handler = HANDLERS.get(next(known, None))
        args = (module, *args)
    else:
        handler = HANDLERS.get(node.target, HANDLERS.get(_full_name(node.target)))
    if handler is None:
        raise ExportError(f"cannot be packed; what can: {_packable()}")
    if traced.arguments(node).values:
        raise ExportError(
            "takes numbers that the model computed from its input and that are no plain sizes; these cannot be packed"
        )
    try:
        bound = inspect.signature(handler).bind(builder, node, *args, **kwargs)
    except TypeError as error:
        raise ExportError(f"cannot be packed with these arguments ({error})") from None
    handler(*bound.args, **bound.kwargs)


def _full_name(function: Any) -> str:
    """The name of a function with its module's, by which handlers know those of packages that may be missing."""
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__name__', '')}"


def _packable() -> str:
    modules = sorted({target.__name__ for target in HANDLERS if isinstance(target, type)})
    functions = sorted(
        {target for target in HANDLERS if isinstance(target, str) and target.isidentifier() and target[-1] != "_"}
    )
    return f"the modules {', '.join(modules)}; the functions and methods {', '.join(functions)}; sums and shifts"
