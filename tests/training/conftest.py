"""Small picture folders, and one short run that several modules look at."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from picture_files import write_pictures

from xnorlab.training.run import Result, train
from xnorlab.zoo.recipe import Recipe

CLASSES = ("ant", "bee", "cat")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, 24 training and 8 validation pictures each."""
    root = tmp_path_factory.mktemp("data") / "insects"
    for channel, name in enumerate(CLASSES):
        write_pictures(root / "train" / name, 24, channel)
        write_pictures(root / "val" / name, 8, channel)
    return root


@pytest.fixture(scope="session")
def small_recipe() -> Callable[..., Recipe]:
    """A recipe for `image_folder` that trains in seconds; keyword arguments change it."""

    def make(**changes: object) -> Recipe:
        values = {
            "dataset": "insects",
            "model": "resnet18",
            "scheme": "xnor",
            "model_options": {"width": 8, "stem": "cifar"},
            "epochs": 3,
            "batch_size": 12,
            "resize": 18,
            "eval_size": 16,
            "train_size": 16,
            "precision": "32-true",
        }
        return Recipe.from_dict(values | changes)

    return make


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def run_small(image_folder: Path, cache_folder: Path) -> Callable[..., Result]:
    """`train` on `image_folder`, on one CPU, without a bar.

    On one thread: sums over another number of threads differ in their last bits, and a second one only waits here.
    """

    def run(recipe: Recipe | None, folder: Path, **options: object) -> Result:
        fixed = {"accelerator": "cpu", "devices": 1, "cache_folder": cache_folder, "progress": False}
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return train(image_folder, recipe, folder, **(fixed | options))
        finally:
            torch.set_num_threads(threads)

    return run


@pytest.fixture(scope="session")
def finished_run(
    run_small: Callable[..., Result], small_recipe: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory
) -> Result:
    return run_small(small_recipe(), tmp_path_factory.mktemp("runs") / "unbroken")
