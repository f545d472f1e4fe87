"""The shipped networks of a data set with their costs, and how they, their architecture and training are written."""

from collections.abc import Iterable

from shared import cached, networks

from xnorlab import pretrained
from xnorlab.figures.style import SCHEMES, VARIANTS, look
from xnorlab.zoo import cost
from xnorlab.zoo.cost import NetworkCost


def data_sets() -> list[str]:
    """The data sets of the shipped networks, that of the default network first; none without a manifest."""
    try:
        entries = pretrained.entries()
    except pretrained.PretrainedError:
        return []
    default = networks.DEFAULT_FAMILY.partition("/")[0]
    return sorted({shipped.dataset for shipped in entries.values()}, key=lambda data: (data != default, data))


def read(data_set: str) -> tuple[list[NetworkCost], dict[str, str]]:
    """The costs of every network of `data_set`, and name → what is wrong with each one that cannot be read.

    They are ordered by model, then as schemes are always ordered.
    """
    costs, problems = [], {}
    for name, shipped in pretrained.entries().items():
        if shipped.dataset == data_set:
            try:
                look(shipped.scheme)  # refuses a scheme that no chart knows how to draw
                costs.append(cached.cost(name))
            except ValueError as error:
                problems[name] = str(error)
    order = [*SCHEMES, *VARIANTS]
    return sorted(costs, key=lambda cost: (cost.model, order.index(cost.scheme), cost.name)), problems


def labels(costs: Iterable[NetworkCost], *, with_model: bool) -> dict[str, str]:
    """Name → how each network is written among those on show.

    Args:
        costs: The networks on show.
        with_model: Whether they are of several models, so that the label must say of which.
    """
    return {cost.name: _label(cost, with_model) for cost in costs}


def _label(cost: NetworkCost, with_model: bool) -> str:
    scheme = look(cost.scheme)
    suffix = cost.name.rpartition("/")[2].removeprefix(f"{cost.model}-{cost.scheme}").strip("-")
    label = f"{model_title(cost.model)}, {scheme.short}" if with_model else scheme.label
    return f"{label} ({suffix})" if suffix else label


def model_title(model: str) -> str:
    """How a model is written."""
    return cost.MODEL_TITLES.get(model, model)


def architecture(name: str) -> str:
    """A network in words, with what tells it from its paper's."""
    return cost.architecture(pretrained.entry(name).recipe)


def epochs(name: str) -> int:
    """How often a network saw its training set, without what came before where it started from another one."""
    return pretrained.entry(name).recipe.epochs


def helped_by(name: str) -> str:
    """The networks that a network's recipe names: its teacher, and the one whose weights it began with; "" for none."""
    recipe = pretrained.entry(name).recipe
    helpers = (("taught by", recipe.teacher), ("began as", recipe.start))
    return ", ".join(f"{how} {other.rpartition('/')[2]}" for how, other in helpers if other)
