"""How tests are shared out among processes, and two small pretrained networks in a folder of their own."""

import os
from pathlib import Path
from typing import Any

import pytest
from manifests import enter, shipped_network, stamped, use

from xnorlab.zoo.manifest import ShippedNetwork
from xnorlab.zoo.recipe import Recipe

LABELS = ["cat", "coffee", "golf ball"]
OPTIONS = {"width": 8}

MOST_PROCESSES = 4  # each takes about 2 GB: torch, a server of the app, a browser
LONGEST_FIRST = ("test_habits.py", "e2e", "test_notebooks.py", "app", "training", "cli")  # so that all end together

# Before torch is imported. Threads that share a core with another process's wait for each other most of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many as there are cores; a file by itself runs in this process, where prints and a debugger work."""
    alone = len(config.args) == 1 and ".py" in config.args[0]
    return 0 if alone else min(os.cpu_count() or 1, MOST_PROCESSES)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file's tests stay in one process; so do all of e2e/, which share a server and a browser."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return file.partition("/test_")[0] if "/e2e/" in file else file

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the files of LONGEST_FIRST to the front; the order within a folder stays."""

    def rank(item: pytest.Item) -> int:
        first = item.path.relative_to(Path(__file__).parent).parts[0]
        return LONGEST_FIRST.index(first) if first in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def small_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like pretrained/ with test/resnet18-xnor and test/resnet18-float: 8 channels, 64 pixels, untrained."""
    import torch
    from safetensors.torch import save_file

    from xnorlab import export, models
    from xnorlab.images import Preprocessing

    folder = tmp_path_factory.mktemp("shipped")
    (folder / "test").mkdir()
    networks: list[ShippedNetwork] = []
    preprocessing = Preprocessing(resize=72, crop=64)
    for scheme in ("float", "xnor"):
        recipe = Recipe(dataset="test", model="resnet18", scheme=scheme, model_options=OPTIONS, epochs=2)
        network = shipped_network(recipe, top1=1 / 3, torch_top1=1 / 3, images=3, labels=tuple(LABELS))
        torch.manual_seed(0)
        model = models.build("resnet18", scheme, len(LABELS), **OPTIONS)
        with torch.no_grad():
            model.train()(torch.randint(-128, 128, (4, 3, 64, 64)) / 64)
        example = torch.randint(-128, 128, (1, 3, 64, 64)) / 64
        packed = export.pack(model.eval(), example, labels=LABELS, preprocessing=preprocessing, name=network.name)
        packed.save(folder / network.file)
        state = {key: value.contiguous() for key, value in model.state_dict().items() if value.is_floating_point()}
        save_file(state, folder / network.latent_file)
        networks.append(stamped(folder, network))
    enter(folder, *networks)
    return folder


@pytest.fixture
def shipped(small_networks: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`small_networks` as what is shipped."""
    use(monkeypatch, small_networks)
    return small_networks
