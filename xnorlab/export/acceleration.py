"""`accelerate`: the binary layers of any torch module on the packed kernels, everything else as it is."""

from typing import Any

import torch
from torch import nn

from xnorlab.export import prepare
from xnorlab.export.errors import ExportError
from xnorlab.export.packed_layers import STATE, TRAINING, PackedConv2d, PackedLayer, PackedLinear
from xnorlab.nn import BinaryConv2d, BinaryLinear


class Accelerated(nn.Module):
    """A module whose binary layers run on the packed kernels, for evaluation; `accelerate` makes it.

    Attributes:
        module: the copy of the model that it calls; its methods and attributes are the model's own.
        replaced: the packed layers by their paths.
        left: the binary layers that stay torch's, by path, with the reason.
    """

    def __init__(self, module: nn.Module, replaced: dict[str, PackedLayer], left: dict[str, str]):
        super().__init__()
        super().train(False)
        self.module, self.left = module, left
        self._paths = {path: layer for path, layer in replaced.items()}

    @property
    def replaced(self) -> dict[str, PackedLayer]:
        """The packed layers by their paths."""
        return dict(self._paths)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the model returns for these arguments."""
        return self.module(*args, **kwargs)

    def train(self, mode: bool = True) -> "Accelerated":
        """Raise RuntimeError for mode=True, before anything is changed: there is nothing here to train."""
        if mode:
            raise RuntimeError(TRAINING)
        return super().train(False)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: weights are loaded into the model, which is then accelerated again."""
        raise RuntimeError(STATE)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Raise RuntimeError: weights are saved from the model."""
        raise RuntimeError(STATE)


def accelerate(model: nn.Module, *, threads: int | None = None) -> Accelerated:
    """A copy of `model` in evaluation whose binary layers run on the packed kernels; everything else stays torch's.

    It works on every module that contains `BinaryConv2d` or `BinaryLinear`, whatever its control flow: layers are
    replaced where they stand, and nothing is traced. `pack` goes further, to a network without torch, with its norms
    in thresholds, but takes only what it knows.

    Which layers: those with binary weights and binary inputs, with any scale, input scale K, bias, geometry and
    groups, and those with binary weights and real inputs. An input binarizer of one's own stays torch's; where its
    values are all −1 and +1 the kernels take them, else the layer computes as before. A layer stays torch's, with
    the reason in `left`, where its weights are real in evaluation, its inputs have more than one bit, it has forward
    hooks, its class overrides `forward`, or where torch is faster: groups of one channel, and groups with real inputs.

    Same outputs: of signs the sums are exact integers; α, K and bias follow in torch's order, each rounded as there, so
    that the layer's output is torch's bit for bit. Two exceptions lie in the order of torch's own additions, within
    1e-5 of the largest output: real inputs, and a bias without α, which torch adds inside its sums. NaN counts as −1.

    Memory order: channels-last inputs are read where they lie, without a copy. For others a layer copies in and out;
    `accelerate(model).to(memory_format=torch.channels_last)` with such inputs avoids it, as elsewhere in torch.

    Evaluation only: `train()` raises, outputs have no gradient, and an input that requires one is refused. It has no
    `state_dict` and loads none: keep the model's. Its float parameters are frozen. Several threads may call it at once,
    with inputs of any sizes. Float32 on the CPU alone. torch.compile and torch.jit are not meant for it.

    Args:
        model: contains binary layers, float32 on the CPU; it stays as it is.
        threads: that a packed layer may use; None for as many as torch uses (`torch.get_num_threads`) at each call.

    Returns:
        The module; `replaced` and `left` say what became of each layer. `speed_up` measures what each gained.

    Raises:
        ExportError: no layer can be replaced, or the model cannot be copied.
        ValueError: threads is out of range.

    >>> import torch
    >>> from xnorlab.binarize import ClippedSign, MeanScale
    >>> binary = BinaryConv2d(16, 32, 3, weight_binarizer=MeanScale(), input_binarizer=ClippedSign())
    >>> fast = accelerate(nn.Sequential(nn.BatchNorm2d(16), binary, nn.Softmax(dim=1)))
    >>> fast(torch.ones(1, 16, 8, 8)).shape
    torch.Size([1, 32, 6, 6])
    >>> list(fast.replaced)
    ['1']
    """
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ValueError(f"threads={threads!r} must be None or an integer of at least 1")
    if not isinstance(model, nn.Module):
        raise ExportError(f"model is {type(model).__name__}; the rule is a torch.nn.Module")
    for path, module in model.named_modules():
        # A part that torch.jit has compiled stays as it is; of a model that it has compiled no layer can be replaced.
        by = "torch.compile" if type(module).__name__ == "OptimizedModule" else ""
        by = "torch.jit" if module is model and isinstance(module, torch.jit.ScriptModule) else by
        if by:
            where = path or "the model"
            raise ExportError(f"{where}: is compiled by {by}; accelerate the module that it was made from")
    made = prepare.evaluating_copy(model)
    for parameter in made.parameters():
        if parameter.is_leaf:
            parameter.requires_grad_(False)
    replaced: dict[str, PackedLayer] = {}
    left: dict[str, str] = {}
    twins: dict[nn.Module, PackedLayer] = {}
    for path, layer in made.named_modules():
        if isinstance(layer, BinaryConv2d | BinaryLinear):
            try:
                twins[layer] = replaced[path] = _packed(layer, path, threads)
            except ValueError as error:  # ExportError, and what the ops' own checks raise
                left[path] = str(error)
    if not replaced:
        raise ExportError(_nothing(left))
    for parent in list(made.modules()):
        for name, child in parent._modules.items():
            if child in twins:
                parent._modules[name] = twins[child]
    return Accelerated(twins.get(made, made), replaced, left)


def _packed(layer: BinaryConv2d | BinaryLinear, path: str, threads: int | None) -> PackedLayer:
    if isinstance(layer, BinaryConv2d):
        return PackedConv2d(layer, path, threads)
    return PackedLinear(layer, path, threads)


def _nothing(left: dict[str, str]) -> str:
    if not left:
        return (
            "the model holds no BinaryConv2d or BinaryLinear of xnorlab.nn as a submodule, and nothing else has packed "
            "kernels"
        )
    path, reason = next(iter(left.items()))
    more = f", nor any other of its {len(left)} binary layers" if len(left) > 1 else ""
    return f"{path or 'the model'} cannot be replaced{more}: {reason}"
