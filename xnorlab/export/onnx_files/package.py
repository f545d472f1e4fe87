"""The optional package onnx, asked for in one sentence where it is missing."""

from types import ModuleType


def onnx_package(what: str) -> ModuleType:
    """The package onnx; raises ModuleNotFoundError, which says that `what` needs it, where it is not installed."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ModuleNotFoundError(f"{what} needs the package onnx: pip install 'xnorlab[onnx]'", name="onnx") from None
    return onnx
