"""From a packed network and a lesson to a packed network of the lesson's classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xnorlab.runtime import Network
from xnorlab.runtime.network import BATCH
from xnorlab.runtime.ops import Linear
from xnorlab.teach import linear_classifier
from xnorlab.teach.cross_validation import CrossValidation, cross_validate
from xnorlab.teach.lesson import Lesson
from xnorlab.zoo import manifest


@dataclass(frozen=True)
class Taught:
    """A network that was taught new classes.

    Attributes:
        network: the packed network, with labels and preprocessing; `network.save` writes its one file.
        cross_validation: how it does on photos that it has not seen.
    """

    network: Network
    cross_validation: CrossValidation


def teach(network: Network, lesson: Lesson, name: str = "taught") -> Taught:
    """Teach a packed network the classes of a lesson: its last linear layer is replaced, all else stays.

    Args:
        network: a network of pictures whose last op is a linear layer; it is not changed.
        lesson: the photos.
        name: of the new network.

    Raises:
        ValueError: the network has no features, see `Network.features`.
    """
    return taught_from(network, lesson, both_views(network, lesson.pictures), name)


def taught_from(network: Network, lesson: Lesson, views: np.ndarray, name: str = "taught") -> Taught:
    """Teach as `teach` does, from features that are there already.

    Args:
        network: whose features they are.
        lesson: the photos.
        views: float32 (2, n, F), of the lesson's pictures, by `both_views`.
        name: of the new network.
    """
    validated = cross_validate(views, lesson.targets)
    learnt = linear_classifier.fit(views, lesson.targets)
    taught = {
        "from": network.name,
        "photos": lesson.counts,
        "cross_validated": {"accuracy": validated.accuracy, "error": validated.error},
        "classifier": {"strength": learnt.strength, "scale": learnt.scale},
    }
    return Taught(_with_classifier(network, learnt, lesson.labels, name, taught), validated)


def both_views(network: Network, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """The features of pictures as they are and mirrored.

    Args:
        network: whose features they are.
        pictures: uint8 (H, W, 3) each, of any sizes, at least one.

    Returns:
        float32 (2, n, F).
    """
    parts = []
    for start in range(0, len(pictures), BATCH):  # so that only a few mirrored pictures are there at once
        part = list(pictures[start : start + BATCH])
        mirrored = [np.ascontiguousarray(picture[:, ::-1]) for picture in part]
        parts.append(np.stack([network.features(part), network.features(mirrored)]))
    return np.concatenate(parts, axis=1)


def default_source() -> str:
    """The shipped network to take features from where none was named.

    It is one of those with most classes, whose features fit new classes best (see `novel_classes`); among them one
    with binary inputs, the best one of these.

    Raises:
        PretrainedError: no network is shipped.
    """
    shipped = manifest.entries().values()
    if not shipped:
        raise manifest.PretrainedError("there is no pretrained network; give a packed file with --from")
    order = ("float", "bwn", "xnor", "bireal", "reactnet")
    return max(shipped, key=lambda e: (len(e.labels), order.index(e.scheme) if e.scheme in order else -1, e.name)).name


def how_to_run(file: str) -> str:
    """Three lines of Python that label a photo by a packed file, without torch."""
    return (
        "from xnorlab import images, runtime\n"
        f"network = runtime.Network.open({file!r})\n"
        'print(network.predict([images.open_image("photo.jpg")])[0])'
    )


def _with_classifier(
    network: Network,
    learnt: linear_classifier.LinearClassifier,
    labels: Sequence[str],
    name: str,
    taught: dict[str, object],
) -> Network:
    """The network with another last layer, labels, name and provenance."""
    last = network.classifier
    layer = Linear(name=last.name, inputs=last.inputs, weight=learnt.weight, bias=learnt.bias)
    return Network(
        [*network.ops[:-1], layer],
        input_shape=network.input_shape,
        name=name,
        labels=labels,
        preprocessing=network.preprocessing,
        provenance={"taught": taught, "features": network.provenance},
        fixed_by=network.fixed_by,
    )
