"""From torch to the packed kernels: a whole model as a packed network, or its binary layers where they stand.

    network = export.pack(model, example)   # no torch any more: one file, norms in thresholds, checked against torch
    fast = export.accelerate(model)         # any module: its binary layers on the packed kernels, all else torch's
    print(export.speed_up(model, example))  # what that gains, layer by layer

`pack` takes what torch.fx can follow and the runtime has ops for; its `ExportError` names the step that it refuses, its
line in the model's code, and what can be used instead. `hints` tells what costs a model its accuracy or speed.
`accelerate` takes everything that contains a `BinaryConv2d` or `BinaryLinear` and needs torch to run.
"""

from xnorlab.export.acceleration import Accelerated, accelerate
from xnorlab.export.errors import ExportError
from xnorlab.export.hints import Hint, hints
from xnorlab.export.packing import pack
from xnorlab.export.speedup import LayerSpeedUp, SpeedUp, speed_up

__all__ = ["Accelerated", "ExportError", "Hint", "LayerSpeedUp", "SpeedUp", "accelerate", "hints", "pack", "speed_up"]
