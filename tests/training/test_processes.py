"""Processes of a training by what their environment says: which one speaks, and whether there are as many as asked."""

import pytest

from xnorlab.training.devices import devices_per_node
from xnorlab.training.processes import command_words, is_first_process, require_processes, started_by

TORCHRUN = {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "4"}
SLURM = {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "train"}


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"}, True),
        ({"RANK": "2", "LOCAL_RANK": "0", "GROUP_RANK": "1"}, False),
        ({"LOCAL_RANK": "1"}, False),
        ({"SLURM_PROCID": "0"}, True),
        ({"SLURM_PROCID": "3", "SLURM_LOCALID": "0"}, False),
        ({"NODE_RANK": "1"}, False),
    ],
)
def test_one_process_is_the_first(environment: dict[str, str], first: bool):
    assert is_first_process(environment) == first


@pytest.mark.parametrize(
    ("environment", "started", "words"),
    [
        ({}, None, "xnorlab"),
        (TORCHRUN, ("torchrun", 4), "torchrun … -m xnorlab"),
        (SLURM, ("srun", 4), "srun … xnorlab"),
        (SLURM | {"SLURM_JOB_NAME": "interactive"}, None, "xnorlab"),
    ],
)
def test_what_started_the_processes_is_known(environment: dict[str, str], started: object, words: str):
    assert started_by(environment) == started
    assert " ".join(command_words(environment)) == words


@pytest.mark.parametrize("environment", [TORCHRUN, SLURM])
def test_as_many_processes_as_devices(environment: dict[str, str]):
    require_processes(2, 2, environment)
    with pytest.raises(ValueError, match=r"devices=1 and nodes=1 make 1 processes, but \w+ has started 4: pass"):
        require_processes(1, 1, environment)
    require_processes(8, 1, {})


def test_auto_is_one_cpu_or_all_gpus(monkeypatch: pytest.MonkeyPatch):
    assert devices_per_node("cpu", "auto") == 1
    assert devices_per_node("cpu", 3) == 3
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert devices_per_node("auto", "auto") == 4
