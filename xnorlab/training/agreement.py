"""Check, before the first step, that all processes of a training have the same recipe, pictures and precision."""

import hashlib
import json
from typing import Any

import lightning as L
import torch
from torch import distributed

from xnorlab.training.classification import Classification


class AgreementCheck(L.Callback):
    """Compares what each process is about to train with what process 0 is, where there are several.

    Machines may hold other copies of a data set, or choose another precision under "auto". Each of their steps would
    still run, and the network would be one that no recipe describes.
    """

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare.

        Raises:
            ValueError: a process differs; all processes raise it, so that none waits for another.
        """
        if trainer.world_size == 1:
            return
        assert isinstance(pl_module, Classification)
        own = {
            "recipe": pl_module.recipe.to_dict(),
            "list of pictures": [pl_module.labels, pl_module.data],
            "precision": str(trainer.precision),
        }
        digests = torch.tensor([_digest(value) for value in own.values()], device=trainer.strategy.root_device)
        gathered = [torch.empty_like(digests) for _ in range(trainer.world_size)]
        distributed.all_gather(gathered, digests)
        for rank, theirs in enumerate(gathered):
            differ = [name for name, a, b in zip(own, gathered[0].tolist(), theirs.tolist(), strict=True) if a != b]
            if differ:
                advice = "; pass --precision" if differ == ["precision"] else ""
                raise ValueError(f"process {rank} has another {' and '.join(differ)} than process 0{advice}")


def _digest(value: Any) -> int:
    content = json.dumps(value, sort_keys=True).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:7], "big")
