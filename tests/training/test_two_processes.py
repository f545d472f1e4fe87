"""Training over two processes computes what one does, writes each file once, and survives being killed.

Three starts in all: by what looks like SLURM, with checks of its own (two_processes.py); by Lightning, killed; and by
torchrun, which resumes that. Each has a time after which whatever hangs is killed.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from picture_files import write_pictures
from torch import nn
from two_processes import GRADIENT_SCHEMES, LABELS, gradients, normed, plain_recipe

from xnorlab.images import open_image
from xnorlab.training.checkpoints import load_checkpoint, read_checkpoint, trained_epochs
from xnorlab.training.classification import binary_layers
from xnorlab.training.folders import open_folder
from xnorlab.training.run import train
from xnorlab.zoo.recipe import Recipe

Make = Callable[..., Recipe]
HERE = Path(__file__).parent
SECONDS = 500
EPOCHS = 6


@dataclass(frozen=True)
class Launches:
    """What the starts left.

    Attributes:
        data: 72 training and 25 validation pictures, so that one process evaluates one more than the other.
        recipe: with latent weights that are clipped.
        out: folder with the unbroken run, and what two_processes.py wrote.
        seen: what each of its two processes saw.
        killed: epochs that the killed run had trained.
        resumed: folder of the run that was killed and resumed.
        said: stderr of the killed run.
    """

    data: Path
    recipe: Recipe
    out: Path
    seen: list[dict[str, Any]]
    killed: int
    resumed: Path
    said: str


@pytest.fixture(scope="module")
def launches(small_recipe: Make, tmp_path_factory: pytest.TempPathFactory) -> Launches:
    data, out = tmp_path_factory.mktemp("data") / "insects", tmp_path_factory.mktemp("out")
    for channel, name in enumerate(LABELS):
        write_pictures(data / "train" / name, 24, channel)
        write_pictures(data / "val" / name, (9, 8, 8)[channel], channel)
    recipe = small_recipe(scheme="bnn", epochs=EPOCHS)
    script = [sys.executable, str(HERE / "two_processes.py"), str(data), str(out), json.dumps(recipe.to_dict())]
    run_all([(script, slurm(rank, port)) for port in [free_port()] for rank in range(2)], out)

    resumed = tmp_path_factory.mktemp("killed") / "run"
    train_words = ["-m", "xnorlab", "train", str(data), "--out", str(resumed), "--accelerator", "cpu", "--devices", "2"]
    train_words += ["--cache-folder", str(out / "cache")]
    said = begin_and_kill([sys.executable, *train_words, *options_of(recipe)], resumed)
    checkpoint = resumed.parent / "killed.ckpt"
    shutil.copy(resumed / "last.ckpt", checkpoint)
    torchrun = ["-m", "torch.distributed.run", "--nnodes", "1", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    endpoint = ["--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--rdzv-id", "1", "--local-addr", "127.0.0.1"]
    run_all([([sys.executable, *torchrun, *endpoint, *train_words, "--resume"], {})], out)
    killed = trained_epochs(read_checkpoint(checkpoint)[2])
    seen = [torch.load(out / f"{rank}.pt", weights_only=True) for rank in range(2)]
    return Launches(data, recipe, out, seen, killed, resumed, said)


def options_of(recipe: Recipe) -> list[str]:
    """The options of `xnorlab train` that give this recipe."""
    words = ["--model-option", "width=8", "--model-option", "stem=cifar"]
    for name in ("model", "scheme", "epochs", "batch_size", "resize", "eval_size", "train_size", "precision"):
        words += [f"--{name.replace('_', '-')}", str(getattr(recipe, name))]
    return words


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def environment(changes: dict[str, str]) -> dict[str, str]:
    ours = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]), "COLUMNS": "200"}
    return os.environ | ours | changes


def slurm(rank: int, port: int) -> dict[str, str]:
    """The variables that srun gives to one of two tasks on one machine."""
    names = {"NTASKS": 2, "NTASKS_PER_NODE": 2, "NNODES": 1, "NODEID": 0, "PROCID": rank, "LOCALID": rank, "JOB_ID": 1}
    variables = {f"SLURM_{name}": str(value) for name, value in names.items()}
    return variables | {"SLURM_JOB_NAME": "train", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def begin(words: list[str], changes: dict[str, str], said: Any) -> subprocess.Popen:
    """Start a command in a group of its own, so that it can be killed with all that it starts."""
    return subprocess.Popen(words, env=environment(changes), stdout=said, stderr=said, start_new_session=True)


def kill(process: subprocess.Popen) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def run_all(commands: list[tuple[list[str], dict[str, str]]], folder: Path) -> None:
    """Run commands beside each other to their end; fail, with what they said, where one fails or all take too long."""
    end, begun = time.monotonic() + SECONDS, []
    with open(folder / "said", "w+b") as said:
        try:
            begun = [begin(words, changes, said) for words, changes in commands]
            for process in begun:
                process.wait(max(1.0, end - time.monotonic()))
        finally:
            for process in begun:
                if process.poll() is None:
                    kill(process)
    assert [process.returncode for process in begun] == [0] * len(begun), (folder / "said").read_text()


def begin_and_kill(words: list[str], run: Path) -> str:
    """Start a training, and kill all of its processes at once when it has saved an epoch; returns what it said."""
    with open(run.parent / "said", "w+b") as said:
        process = begin(words, {}, said)
        end = time.monotonic() + SECONDS
        try:
            while not (run / "last.ckpt").exists() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
        finally:
            kill(process)
        said.seek(0)
        text = said.read().decode()
    assert (run / "last.ckpt").exists(), text
    return text


def without_times(epochs: list[dict]) -> list[dict]:
    return [{name: value for name, value in record.items() if name != "seconds"} for record in epochs]


def saved(folder: Path) -> list[dict]:
    return json.loads((folder / "history.json").read_text())["epochs"]


@pytest.mark.parametrize("scheme", GRADIENT_SCHEMES)
def test_gradients_and_norms_are_those_of_one_process(scheme: str, launches: Launches):
    one = gradients(plain_recipe(launches.recipe, scheme), 0, 1, lambda module: module)
    for seen in launches.seen:
        two = seen["gradients"][scheme]
        assert two.keys() == one.keys()
        for name in one:
            torch.testing.assert_close(
                two[name], one[name], rtol=1e-8, atol=1e-11, msg=lambda text, n=name: f"{n}: {text}"
            )


def test_a_synchronized_norm_is_batch_norm_of_the_whole_batch(launches: Launches):
    one = normed(0, 1, nn.Sequential(nn.BatchNorm2d(4).double()))
    shares = [seen["normed"] for seen in launches.seen]
    for name in ("y", "x"):
        torch.testing.assert_close(torch.cat([share[name] for share in shares]), one[name])
    for name in ("0.weight", "0.bias"):  # DistributedDataParallel takes the mean of these; here stands the sum
        torch.testing.assert_close(shares[0][name] + shares[1][name], one[name])
    for share in shares:
        for name in ("0.running_mean", "0.running_var", "0.num_batches_tracked"):
            torch.testing.assert_close(share[name], one[name])


def test_two_processes_learn_what_one_learns(launches: Launches, tmp_path: Path):
    options: dict[str, Any] = {"accelerator": "cpu", "devices": 1, "cache_folder": launches.out / "cache"}
    one = train(launches.data, launches.recipe, tmp_path, stop_after=1, progress=False, **options).epochs[0]
    two = launches.seen[0]["epochs"][0]
    assert two["rate"] == one["rate"]
    assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-3)
    assert two["train_top1"] == pytest.approx(one["train_top1"], abs=2 / 72)


def test_all_processes_record_the_same_figures(launches: Launches):
    first, second = (without_times(seen["epochs"]) for seen in launches.seen)
    assert first == second
    assert first == without_times(saved(launches.out / "run"))
    assert first[0]["hardware"].startswith("2 × 1 thread of ")


def test_every_validation_picture_counts_once(launches: Launches):
    """25 pictures: with one shown twice, or left out, the accuracy would be no multiple of 1/25."""
    model, recipe, _, _ = load_checkpoint(launches.out / "run/last.ckpt")
    split = open_folder(launches.data).val
    x = recipe.preprocessing()([open_image(picture) for picture in split.pictures])
    with torch.no_grad():
        answers = model(torch.from_numpy(x).permute(0, 3, 1, 2)).argmax(1)
    assert launches.seen[0]["epochs"][-1]["val_top1"] == pytest.approx((answers.numpy() == split.targets).mean())


def test_latent_weights_are_clipped_on_all(launches: Launches):
    model = load_checkpoint(launches.out / "run/last.ckpt")[0]
    assert max(layer.weight.abs().max().item() for _, layer in binary_layers(model)) <= 1


def test_a_killed_run_resumes_on_both(launches: Launches):
    assert 1 <= launches.killed < EPOCHS, "it was killed in the middle"
    resumed, unbroken = saved(launches.resumed), launches.seen[0]["epochs"]
    for ours, theirs in zip(without_times(resumed), without_times(unbroken), strict=True):
        assert ours.pop("val_loss") == pytest.approx(theirs.pop("val_loss"), rel=1e-5)  # other evaluation batches
        assert ours == theirs
    weights = [
        load_checkpoint(folder / "last.ckpt")[0].state_dict() for folder in (launches.resumed, launches.out / "run")
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_one_process_may_go_on_with_what_two_began(launches: Launches, tmp_path: Path):
    shutil.copy(launches.resumed.parent / "killed.ckpt", tmp_path / "last.ckpt")
    options: dict[str, Any] = {"accelerator": "cpu", "devices": 1, "cache_folder": launches.out / "cache"}
    done = launches.killed + 1
    record = train(launches.data, None, tmp_path, resume=True, stop_after=done, progress=False, **options).epochs[-1]
    expected = launches.seen[0]["epochs"][done - 1]
    assert record["rate"] == expected["rate"]
    assert record["train_loss"] == pytest.approx(expected["train_loss"], rel=0.05)


def test_the_first_process_alone_writes_and_speaks(launches: Launches):
    for run in (launches.out / "run", launches.resumed):
        left = sorted(path.name for path in run.iterdir())
        assert left == ["csv", "history.json", "last.ckpt", "recipe.json", "tensorboard"]
    assert len(list((launches.out / "run").rglob("metrics.csv"))) == 1
    assert len(list((launches.out / "run").rglob("events.out.tfevents.*"))) == 1
    said = launches.said.replace("\r", "\n")
    for words in (
        "          batch_size  12",
        "2 processes × 6 pictures = 12 per step",
        "precision 32-true on cpu",
        "epoch 1, ",
    ):
        assert said.count(words) == 1, said


def test_processes_that_do_not_agree_all_say_so(launches: Launches):
    said = {seen["disagreement"] for seen in launches.seen}
    assert said == {"process 1 has another recipe than process 0"}


def test_a_loss_that_is_no_number_on_one_process_ends_both(launches: Launches):
    for seen in launches.seen:
        assert seen["diverged"].startswith("the loss is no longer a finite number, in epoch 1, step 1")


def test_a_lost_process_ends_the_others_with_what_is_saved(launches: Launches):
    text = (launches.out / "lost.txt").read_text()
    assert text.startswith("another process of this training has ended (")
    assert f"epoch 1 of {EPOCHS} is safe in {launches.out}/lost/last.ckpt" in text
