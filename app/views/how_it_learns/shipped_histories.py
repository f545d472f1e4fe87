"""The third part of "How it learns": what happened, epoch by epoch, when the shipped networks were trained."""

import streamlit as st
from shared import address, charts, markup, network_choice, networks, notices, theme

from xnorlab import units
from xnorlab.binarize import MeanScale, TernaryBinarizer
from xnorlab.figures import learning, style
from xnorlab.nn import get_scheme
from xnorlab.zoo.history import TrainingHistory, load_history
from xnorlab.zoo.layer_names import layer_names


def show() -> None:
    """Choose a network and an epoch; see flips, latent weights, loss and accuracy."""
    left, right = st.columns([4, 8], gap="large")
    with left:
        family = network_choice.family()
    schemes = networks.schemes(family)
    with right:
        scheme = network_choice.scheme(schemes, default="xnor", control=address.pills)
    histories, problems = _load(family, schemes)
    if scheme not in histories:
        notices.cannot_use(problems[scheme], networks.advice(family, scheme))
        return
    history = histories[scheme]
    last = len(history.epochs)
    address.take_number("epoch", 0, last, last)
    left, right = st.columns([4, 8], gap="large")
    start = networks.entry(family, scheme).recipe.start
    origin = "before training" if start is None else f"as it began, trained as {start.rpartition('/')[2]}"
    epoch = right.slider(f"Epoch (0: {origin})", 0, last, key="epoch", persist_state="session")
    address.publish(epoch=epoch)

    if history.layers:
        paths = {layer: path for path, layer in layer_names(history.layers).items()}
        with left:
            layer = network_choice.layer({layer: layer for layer in paths}, key="learnt_layer")
        flips, weights = st.columns(2, gap="large")
        with flips:
            _flips(history, scheme, paths, layer, epoch)
        with weights:
            _latent_weights(history, scheme, paths[layer], layer, epoch)
    else:
        st.info(
            "Full precision has no signs, so none flip; a binary scheme has its layers shown here.",
            icon=":material/info:",
        )
    accuracy, loss = st.columns(2, gap="large")
    with accuracy:
        _curves(family, histories, epoch, quantity="accuracy", field="top1")
    with loss:
        _curves(family, histories, epoch, quantity="loss", field="loss")
    missing = [f"{style.look(s).label}: {problems[s]}" for s in schemes if s in problems]
    if missing:
        st.warning(markup.with_code("; ".join(missing)), icon=":material/inventory_2:")
    st.caption(
        "All measured during training, and read from the files shipped with the networks. Validation is drawn where it "
        "was recorded; the large marks are the finished networks on the whole validation set. Training losses count "
        "cropped pictures and, where the recipe smooths them, smoothed labels, so validation may lie below."
        + "".join(_note_on_loss(family, s) for s in histories)
    )


def _load(family: str, schemes: list[str]) -> tuple[dict[str, TrainingHistory], dict[str, ValueError]]:
    """Scheme → its history, of those that can be read, and scheme → what is wrong with each of the others."""
    histories, problems = {}, {}
    for scheme in schemes:
        try:
            histories[scheme] = load_history(networks.name(family, scheme))
        except ValueError as error:
            problems[scheme] = error
    return histories, problems


def _flips(history: TrainingHistory, scheme: str, paths: dict[str, str], layer: str, epoch: int) -> None:
    """The share of signs that flipped in each epoch: a curve per layer, that of `layer` emphasised.

    `paths` maps every layer to its path in the history.
    """
    epochs = history.curve("train_loss")[0]
    flips = {name: history.flips(path) for name, path in paths.items()}
    st.markdown("**Signs that flipped** in each epoch, layer by layer")
    charts.show(
        learning.sign_flips(
            epochs.tolist(),
            {name: shares.tolist() for name, shares in flips.items()},
            scheme=scheme,
            chosen=layer,
            along="epoch",
            at=epoch,
            dark=theme.dark(),
        ),
        alt=f"Share of the signs of {len(flips)} layers that flipped in each of {len(epochs)} epochs; in {layer} "
        f"{units.percent(float(flips[layer][0]))} in the first and {units.percent(float(flips[layer][-1]))} in "
        "the last.",
        table={"epoch": epochs.tolist()}
        | {f"{name}, %": [units.significant(100 * v) for v in shares] for name, shares in flips.items()},
        key="flips",
    )


def _latent_weights(history: TrainingHistory, scheme: str, path: str, layer: str, epoch: int) -> None:
    """Histogram of the latent weights of `layer`, at `path` in the history, as last recorded up to `epoch`."""
    histogram, histograms = history.histogram(path, epoch), history.kept(path)
    scale, meaning = _scale(scheme, histogram.mean_abs)
    st.markdown(f"**Latent weights** of {layer} after epoch {histogram.epoch}")
    charts.show(
        learning.latent_weights(
            histogram.edges,
            histogram.counts,
            scheme=scheme,
            scale=scale,
            limit=max(h.edges[-1] for h in histograms),
            peak=learning.density_peak([(h.edges, h.counts) for h in histograms]),
            dark=theme.dark(),
        ),
        alt=f"Histogram of the {int(histogram.counts.sum()):,} latent weights of {layer} after epoch "
        f"{histogram.epoch}" + ("." if scale is None else f"; their signs stand for ±{units.significant(scale)}."),
        table={
            "from": [units.significant(v) for v in histogram.edges[:-1]],
            "to": [units.significant(v) for v in histogram.edges[1:]],
            "weights": histogram.counts.tolist(),
        },
        key="latent",
    )
    another = "" if histogram.epoch == epoch else f" Histograms were kept a dozen times; epoch {epoch} has none."
    st.caption(f"{meaning}{another}")


def _scale(scheme: str, mean_abs: float) -> tuple[float | None, str]:
    """What the signs of a layer's weights stand for, None where it runs with the weights themselves; and in words."""
    make = get_scheme(scheme).weights
    binarizer = None if make is None else make(1)
    if binarizer is None or binarizer.real_in_eval:
        return None, (
            "In training each weight's sign was drawn anew at every step, +1 with probability (W + 1) / 2; the "
            "finished network runs with these real weights. A flip is counted where the likelier sign changes."
        )
    if isinstance(binarizer, MeanScale):
        return mean_abs, f"±{units.significant(mean_abs)}: α, the mean of |W| over the layer, to a bin's width."
    if isinstance(binarizer, TernaryBinarizer):
        threshold = units.significant(binarizer.threshold_ratio * mean_abs)
        return None, f"Weights beyond ±{threshold}, to a bin's width, stand for ±α, all others for 0."
    return 1.0, "±1.00: the signs themselves, without α."


def _note_on_loss(family: str, scheme: str) -> str:
    """A sentence on why the training loss of a network that another one taught is not drawn; "" for the others."""
    recipe = networks.entry(family, scheme).recipe
    if recipe.teacher is None:
        return ""
    partly = "" if recipe.teacher_weight == 1 else "partly "
    return (
        f" {style.look(scheme).label}'s training loss is not drawn: it is {partly}the distance (KL divergence) to the "
        f"answers of {recipe.teacher.rpartition('/')[2]}, another quantity; the table has it."
    )


def _curves(family: str, histories: dict[str, TrainingHistory], epoch: int, *, quantity: str, field: str) -> None:
    """Training and validation of every network of `family` that has a history.

    Args:
        family: `<data set>/<model>`.
        histories: Scheme → its history.
        epoch: The epoch to be marked.
        quantity: "accuracy" or "loss".
        field: What the histories call it.
    """
    runs: list[learning.Run] = []
    rows = {"scheme": [], "epoch": [], f"training {quantity}": [], f"validation {quantity}": []}
    for scheme, history in histories.items():
        epochs, train = (values.tolist() for values in history.curve(f"train_{field}"))
        validated, validation = (values.tolist() for values in history.curve(f"val_{field}"))
        label = style.look(scheme).short
        comparable = quantity == "accuracy" or not _note_on_loss(family, scheme)
        runs.append(
            learning.Run(
                scheme,
                label,
                epochs if comparable else [],
                train if comparable else [],
                validated,
                validation,
                final=networks.entry(family, scheme).top1 if quantity == "accuracy" else None,
            )
        )
        at_epoch = dict(zip(validated, validation, strict=True))
        rows["scheme"] += [label] * len(epochs)
        rows["epoch"] += epochs
        rows[f"training {quantity}"] += [units.significant(v) for v in train]
        rows[f"validation {quantity}"] += [units.significant(at_epoch.get(e, float("nan"))) for e in epochs]
    dotted = ", dotted: validation" if any(run.held_out for run in runs) else "; validation was not recorded"
    st.markdown(f"**{quantity.capitalize()}**, solid: training{dotted}")
    charts.show(
        learning.training_curves(runs, of=quantity, along="epoch", at=epoch, dark=theme.dark()),
        alt=f"{quantity.capitalize()} over the epochs: "
        + "; ".join(f"{run.label} ends at {units.significant(run.train[-1])}" for run in runs if run.train),
        table=rows,
        key=f"shipped-{quantity}",
    )
