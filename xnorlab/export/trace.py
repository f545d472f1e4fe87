"""Tracing: a model's computation as a torch.fx graph, with the values of all steps on an example."""

import inspect
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx import Node
from torch.fx.node import map_arg

from xnorlab.export import prepare
from xnorlab.export.errors import ExportError
from xnorlab.export.traced import Traced, by_place
from xnorlab.export.tracer import UNFOLLOWED, Tracer, attempt

_HOOKS = "hooks are not packed: take it off, or make a module of it"


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps a copy of every value, taken before a later step can change it in place."""

    def __init__(self, module: fx.GraphModule):
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[Node, Any] = {}

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        self.values[n] = result.clone() if isinstance(result, Tensor) else result
        return result


def trace(model: nn.Module, example: Tensor) -> Traced:
    """Trace a copy of `model`, in evaluation mode, float32, on the CPU, and run it on `example`.

    Raises:
        ExportError: the model cannot be copied or run, or torch.fx cannot follow it or follows it to another result.
    """
    x = prepare.example(example)
    with torch.no_grad():
        model = prepare.model(model)
        if Tracer(model, x).is_leaf_module(model, ""):  # a layer on its own: fx would look inside the outermost module
            model = nn.Sequential(model)
        _check_inputs(model)
        expected = attempt("the model fails on the example", lambda: model(x.clone()))
        tracer = Tracer(model, x)
        graph = attempt(UNFOLLOWED, lambda: tracer.trace(model))
        if sum(node.op == "placeholder" for node in graph.nodes) != 1:
            raise ExportError("the model must take one input", op="forward")
        module = fx.GraphModule(model, graph)
        recorder = _Recorder(module)
        attempt(UNFOLLOWED, lambda: recorder.run(x.clone()))
        _follow_in_place(module)
        traced = Traced(module, recorder.values, tracer)
        _check_hooks(traced)
        if not _equal_results(expected, {name: traced.values[node] for name, node in traced.outputs.items()}):
            raise ExportError(_why_different(model, x, expected), op="forward")
    _check_finite(traced)
    return traced


def _check_inputs(model: nn.Module) -> None:
    """Raise where a model demands more inputs than one."""
    parameters = inspect.signature(model.forward).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    demanded = [each.name for each in parameters if each.default is each.empty and each.kind in positional]
    if len(demanded) > 1:
        raise ExportError(f"the model must take one input; its forward demands {', '.join(demanded)}")


def _check_hooks(traced: Traced) -> None:
    """Raise where a module that is packed as it is gives something else because of its forward hooks."""
    for node in traced.nodes:
        module = traced.called(node) if node.op == "call_module" else None
        if module is None or not (module._forward_hooks or module._forward_pre_hooks):
            continue
        args, kwargs = map_arg((node.args, node.kwargs), lambda source: _own(traced.values[source]))
        if not _equal(module.forward(*args, **kwargs), traced.values[node]):
            raise traced.refusal(node, f"a forward hook changes what it takes or gives; {_HOOKS}", another_op=False)


def _check_finite(traced: Traced) -> None:
    """Raise where the result is not finite, at the first step that gives NaN or infinity."""
    if all(prepare.not_finite(traced.values[node]) is None for node in traced.outputs.values()):
        return
    for node in traced.nodes:
        value = traced.values[node]
        wrong = prepare.not_finite(value) if isinstance(value, Tensor) else None
        if wrong is not None:
            holds = "holds" if node.op == "get_attr" else "gives"
            raise ExportError(f"{traced.title(node)}: {holds} {wrong} on the example, in float32")


def _why_different(model: nn.Module, x: Tensor, expected: Any) -> str:
    """A sentence that says why the traced model gives another result than the model itself."""
    if model._forward_hooks or model._forward_pre_hooks:
        return f"a forward hook of the model itself changes what it takes or gives; {_HOOKS}"
    if not _equal_results(expected, by_place(model(x.clone()))):
        return "the model gives another result each time that it runs on the same input (chance, or a state it keeps)"
    return (
        "torch.fx follows the model to another result than it gives: something in its own code is hidden from torch.fx "
        "(a branch on isinstance, a context like autocast)"
    )


def _equal_results(expected: Any, results: dict[str, Any]) -> bool:
    """Whether what a model returned has the same tensors at the same places."""
    parts = by_place(expected)
    return list(parts) == list(results) and all(_equal(part, results[name]) for name, part in parts.items())


def _equal(a: Any, b: Any) -> bool:
    """Whether two results are the same tensor, value for value; NaN is NaN."""
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _follow_in_place(module: fx.GraphModule) -> None:
    """Make the steps that read a value after another step changed it in place read that step's result."""
    nodes = list(module.graph.nodes)
    for index, node in enumerate(nodes):
        changed = _overwritten(module, node)
        if changed is None:
            continue
        later = set(nodes[index + 1 :])
        for user in [user for user in changed.users if user in later]:
            user.replace_input_with(changed, node)


def _overwritten(module: fx.GraphModule, node: Node) -> Node | None:
    """The node whose value `node` overwrites, if any."""
    by_module = node.op == "call_module" and getattr(module.get_submodule(str(node.target)), "inplace", False)
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    named_so = name.endswith("_") and not name.endswith("__")  # torch's own rule
    by_call = node.op in ("call_function", "call_method") and (named_so or node.kwargs.get("inplace", False))
    return node.all_input_nodes[0] if (by_module or by_call) and node.all_input_nodes else None
