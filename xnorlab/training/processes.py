"""Processes of a training: how many there are, which one speaks and writes, and that all of them train the same thing.

Lightning starts the processes of one machine; torchrun or SLURM's srun start those of several. This module reads what
they put into the environment, and imports no torch, so that the command line may ask before it trains.
"""

import os
from collections.abc import Mapping

RANKS = ("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "SLURM_PROCID")
"""Variables of torchrun, Lightning and SLURM that are 0 or absent in the first process of a training alone."""

INTERACTIVE = ("bash", "interactive")
"""Names of SLURM jobs in which Lightning takes no notice of SLURM."""


def is_first_process(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is the first of its training: the one that prints and writes files."""
    return all(environment.get(name, "0") == "0" for name in RANKS)


def started_by(environment: Mapping[str, str] = os.environ) -> tuple[str, int] | None:
    """Program that started all processes of this training, and their number; None where Lightning is to start them."""
    if "TORCHELASTIC_RUN_ID" in environment:
        return "torchrun", int(environment["WORLD_SIZE"])
    if "SLURM_NTASKS" in environment and environment.get("SLURM_JOB_NAME") not in INTERACTIVE:
        return "srun", int(environment["SLURM_NTASKS"])
    return None


def require_processes(devices: int, nodes: int, environment: Mapping[str, str] = os.environ) -> None:
    """Check that torchrun or srun has started one process per device.

    Without this check, processes that take themselves for the only one would all write the same files.

    Args:
        devices: devices per machine.
        nodes: machines.
        environment: the process's variables.

    Raises:
        ValueError: it has started another number.
    """
    started = started_by(environment)
    if started is not None and started[1] != devices * nodes:
        program, count = started
        raise ValueError(
            f"devices={devices} and nodes={nodes} make {devices * nodes} processes, but {program} has started {count}: "
            "pass its processes per machine as devices, and its machines as nodes"
        )


def command_words(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Words before the arguments of a command that is to be given again: "xnorlab", behind what started the processes.

    The options of torchrun and srun are not known here; "…" stands for them.
    """
    started = started_by(environment)
    if started is None:
        return ["xnorlab"]
    return ["torchrun", "…", "-m", "xnorlab"] if started[0] == "torchrun" else ["srun", "…", "xnorlab"]
