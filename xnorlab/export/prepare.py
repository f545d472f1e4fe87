"""Copies of model and example to trace: in evaluation mode, float32, on the CPU."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from xnorlab.export.errors import ExportError


def example(given: Any) -> Tensor:
    """`given`, a real tensor (N, C, H, W) or (N, F), as float32 on the CPU; raises ExportError for anything else."""
    rule = "the rule is a real tensor (N, C, H, W) or (N, F)"
    if not isinstance(given, Tensor) or given.dim() not in (2, 4) or given.numel() == 0:
        described = f"shape {tuple(given.shape)}" if isinstance(given, Tensor) else type(given).__name__
        raise ExportError(f"example is {described}; {rule}")
    if given.is_complex():
        raise ExportError(f"example is {_name(given.dtype)}; {rule}")
    if given.layout != torch.strided or given.is_quantized:
        kind = "quantized" if given.is_quantized else _name(given.layout)
        raise ExportError(f"example is {kind}; the rule is a dense tensor, see Tensor.to_dense and Tensor.dequantize")
    if given.is_meta:
        raise ExportError("example is on the device 'meta', where tensors have no values; give real ones")
    return _as_float32("example", given.detach().cpu())


def model(given: Any) -> nn.Module:
    """A copy of `given` in evaluation mode, float32, on the CPU; raises ExportError where there is none.

    A copy, so that neither mode, device nor parameters of the caller's model are touched.
    """
    if not isinstance(given, nn.Module):
        raise ExportError(f"model is {type(given).__name__}; the rule is a torch.nn.Module")
    given = _unwrapped(given)
    for path, module in given.named_modules():
        _check_kind(path, module)
    for name, tensor in (*given.named_parameters(), *given.named_buffers()):
        _check_weight(name, tensor)
    made = evaluating_copy(given).to("cpu", torch.float32)
    for module in made.modules():
        for name, child in module.named_children():
            setattr(module, name, _unwrapped(child))
    return made


def evaluating_copy(given: nn.Module) -> nn.Module:
    """A copy of `given` in evaluation mode; raises ExportError where it cannot be copied."""
    try:
        return copy.deepcopy(given, _computed(given)).eval()
    except Exception as error:  # what a model holds besides tensors may be anything: locks, open files
        raise ExportError(f"the model cannot be copied: {in_a_line(error)}") from error


def _unwrapped(module: nn.Module) -> nn.Module:
    """The module that DataParallel or DistributedDataParallel spreads over devices; any other one as it is."""
    while isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        module = module.module
    return module


def not_finite(value: Tensor) -> str | None:
    """The word "NaN" or "infinity" where `value` holds such a number; None where all is finite."""
    if not value.is_floating_point() or torch.isfinite(value).all():
        return None
    return "NaN" if torch.isnan(value).any() else "infinity"


def in_a_line(error: Exception) -> str:
    """The type and the first line of an error's message."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__


def _check_kind(path: str, module: nn.Module) -> None:
    where = f"{path} ({type(module).__name__})" if path else f"the model ({type(module).__name__})"
    if isinstance(module, torch.jit.ScriptModule):
        raise ExportError(f"{where}: is compiled by torch.jit; pack the module that it was made from")
    if type(module).__name__ == "OptimizedModule":
        raise ExportError(f"{where}: is compiled by torch.compile; pack the module that it was made from")


def _check_weight(name: str, tensor: Tensor) -> None:
    if is_lazy(tensor):
        raise ExportError(f"{name}: has no values yet, as its layer is lazy; run the model once before it is packed")
    if tensor.is_meta:
        raise ExportError(f"{name}: is on the device 'meta', where tensors have no values; load the model's weights")
    if tensor.is_complex():
        raise ExportError(f"{name}: is {_name(tensor.dtype)}; only real weights can be packed")
    if tensor.is_floating_point():
        _as_float32(name, tensor.detach())


def _as_float32(name: str, tensor: Tensor) -> Tensor:
    """`tensor` as float32; raises ExportError, by `name`, unless all its values are finite and stay so."""
    wrong = not_finite(tensor)
    if wrong is not None:
        raise ExportError(f"{name} holds {wrong}")
    real = tensor.to(torch.float32)
    if not_finite(real) is not None:
        raise ExportError(f"{name} holds {tensor[~torch.isfinite(real)][0]:.3g}, more than float32 can hold")
    return real


def _computed(given: nn.Module) -> dict[int, Any]:
    """The memo for deepcopy: copies of tensors that modules keep and autograd computed, which it refuses to copy.

    Hooks keep such weights (torch.nn.utils.weight_norm, spectral_norm, prune) and compute them again in every run,
    the packed ones in the run on the example.
    """
    kept = [value for module in given.modules() for value in (*vars(module).values(), *module._buffers.values())]
    computed = (value for value in kept if isinstance(value, Tensor) and not value.is_leaf)
    return {id(value): value.detach().clone() for value in computed}


def _name(kind: torch.dtype | torch.layout) -> str:
    """The name of a dtype or a layout without "torch." ahead of it."""
    return str(kind).removeprefix("torch.")
