"""Recipes for ImageNet (ILSVRC 2012) with the numbers of their papers. None of them was trained to its end here.

`xnorlab train IMAGENET --recipe imagenet/resnet18-xnor` takes one, for a folder `train/<wnid>` and `val/<wnid>`.

What differs from the papers in all of them: training crops are cut from the central 256-pixel square of a picture
(see `Recipe.crop_area`), not from its whole; latent binary weights and norms do not decay; colours are not
jittered; the last epoch's weights are kept, none is picked by its accuracy.
"""

from dataclasses import dataclass
from typing import Any

from xnorlab.paper.published import PUBLISHED_ACCURACY, PublishedAccuracy
from xnorlab.zoo.recipe import Recipe, recipe_for

DATASET = "imagenet"
TRAINING_PICTURES, VALIDATION_PICTURES, CLASSES = 1_281_167, 50_000, 1000

_RESULTS = {"alexnet": "AlexNet", "resnet18": "ResNet-18"}
_XNOR_CODE = "the code of the XNOR-Net authors (github.com/allenai/XNOR-Net: train.lua, opts.lua, README)"
_XNOR_PAPER = "Rastegari et al. 2016, XNOR-Net, section 4.2"

_PLAIN: dict[str, Any] = {"warmup": 0.0, "label_smoothing": 0.0, "crop_ratio": (1.0, 1.0)}
_FIXED_CROP = {"crop_area": (0.7656, 0.7656)}  # (224 / 256)²: a 224-pixel window of the 256-pixel square
_RESNET_CROP = {"crop_area": (0.2178, 0.7656)}  # (224 / 480)² to (224 / 256)²: a short side of 256 to 480 pixels


@dataclass(frozen=True)
class PaperRecipe:
    """Recipe for ImageNet, and where its numbers come from.

    Attributes:
        recipe: how to train.
        source: the publication, or the authors' code, that gives its numbers.
        differs: what is done otherwise here than there; empty where only what the module names differs.
    """

    recipe: Recipe
    source: str
    differs: str = ""

    @property
    def published(self) -> PublishedAccuracy | None:
        """Accuracy that the paper prints for this network; it was not measured here."""
        network = _RESULTS[self.recipe.model]
        rows = [row for row in PUBLISHED_ACCURACY if (row.network, row.data) == (network, "ImageNet")]
        return next((row for row in rows if row.scheme == self.recipe.scheme), None)


def _alexnet(scheme: str, **changes: Any) -> Recipe:
    """55 epochs; rates 1, 1/2, 1/10, 1/20 and 1/100 of the first, from epochs 1, 19, 30, 44 and 53 on."""
    schedule = "19:0.5 30:0.1 44:0.05 53:0.01"
    shared = {"epochs": 55, "schedule": schedule, "weight_decay": 5e-4, **_PLAIN, **_FIXED_CROP}
    return recipe_for(DATASET, "alexnet", scheme, **shared, **changes)


def _resnet(scheme: str, **changes: Any) -> Recipe:
    return recipe_for(DATASET, "resnet18", scheme, **(_PLAIN | _RESNET_CROP | changes))


def _recipes() -> list[PaperRecipe]:
    sgd: dict[str, Any] = {"optimizer": "sgd", "batch_size": 128, "peak_rate": 0.01}
    adam: dict[str, Any] = {"optimizer": "adam", "batch_size": 800, "peak_rate": 0.001}
    decay = "there, the decay ends with epoch 29; the paper itself says 16 epochs of batches of 512"
    alexnets = [PaperRecipe(_alexnet(scheme, **sgd), _XNOR_CODE, decay) for scheme in ("float", "binaryconnect", "bwn")]
    alexnets += [PaperRecipe(_alexnet(scheme, **adam), _XNOR_CODE, decay) for scheme in ("bnn", "xnor")]

    steps: dict[str, Any] = {"epochs": 58, "batch_size": 256, "schedule": "30:0.01 40:0.0001", "weight_decay": 1e-4}
    no_decay_named = "the paper names no weight decay; 1e-4 is that of He et al. 2016"
    resnets = [
        PaperRecipe(_resnet(scheme, optimizer="sgd", peak_rate=0.1, **steps), _XNOR_PAPER, no_decay_named)
        for scheme in ("float", "bwn")
    ]
    xnor = _resnet("xnor", optimizer="adam", peak_rate=0.001, **steps)
    xnor_differs = (
        f"{no_decay_named}; its rate of 0.1 is for SGD, and 0.001 is where the authors' code begins with Adam"
    )
    resnets.append(PaperRecipe(xnor, _XNOR_PAPER, xnor_differs))

    bireal = _resnet(
        "bireal",
        epochs=20,
        batch_size=128,
        optimizer="sgd",
        peak_rate=0.01,
        schedule="11:0.1 16:0.01",
        weight_decay=0.0,
        start=f"{DATASET}/resnet18-float",
        **_FIXED_CROP,
    )
    resnets.append(
        PaperRecipe(
            bireal,
            "Liu et al. 2018, Bi-Real Net, section 4.1",
            "there, the float network is tuned with leaky-clip and clip in the place of its ReLUs before it is the "
            "start, and the norms are trained for one epoch more behind the last",
        )
    )

    taught: dict[str, Any] = {
        "epochs": 128,
        "batch_size": 512,
        "optimizer": "adam",
        "peak_rate": 2.5e-3,
        "schedule": "linear",
        "crop_area": (0.08, 1.0),
        "crop_ratio": (3 / 4, 4 / 3),
        "teacher": f"{DATASET}/resnet18-float",
        "teacher_weight": 1.0,
    }
    first = _resnet("reactnet-stage-1", weight_decay=1e-5, **taught)
    second = _resnet("reactnet", weight_decay=0.0, start=first.name, **taught)
    source = (
        "Liu et al. 2020, ReActNet, section 5.1, with the numbers for ResNet-18 of the authors' code "
        "(github.com/liuzechun/ReActNet: resnet/1_step1/run.sh, resnet/2_step2/run.sh)"
    )
    teacher = "there, the teacher is a ResNet-34; here it is the ResNet-18 in full precision"
    return [*alexnets, *resnets, PaperRecipe(first, source, teacher), PaperRecipe(second, source, teacher)]


IMAGENET_RECIPES: dict[str, PaperRecipe] = {paper.recipe.name: paper for paper in _recipes()}
"""By name, each network behind those that it learns from."""
