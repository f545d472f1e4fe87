"""The third part of "How it learns": what happened, epoch by epoch, when the shipped networks were trained."""

import streamlit as st
from shared import address, networks, widgets

from xnorlab import units
from xnorlab.binarize import MeanScale
from xnorlab.figures import learning, style
from xnorlab.nn import get_scheme
from xnorlab.zoo.history import TrainingHistory, load_history
from xnorlab.zoo.layer_names import layer_names


def show() -> None:
    """Choose a network and an epoch; see flips, latent weights, loss and accuracy."""
    families = networks.families()
    address.take("model", families, families[0])
    first, second = st.columns([4, 8], gap="large")
    family = first.selectbox("Network", families, key="model", persist_state="session", format_func=networks.title)
    schemes = networks.schemes(family)
    options = {s: networks.with_glyph(s) for s in schemes}
    with second:
        scheme = address.pills("Trained as", options, key="scheme", default="xnor" if "xnor" in options else schemes[0])
    address.publish(model=family, scheme=scheme)
    found, problems = _load(family, schemes)
    if scheme not in found:
        widgets.cannot_use(problems[scheme], networks.advice(family, scheme))
        return
    history = found[scheme]
    last = len(history.epochs)
    address.take_number("epoch", 0, last, last)
    first, second = st.columns([4, 8], gap="large")
    began = networks.entry(family, scheme).recipe.start
    origin = "before training" if began is None else f"as it began, trained as {began.rpartition('/')[2]}"
    epoch = second.slider(f"Epoch (0: {origin})", 0, last, key="epoch", persist_state="session")
    address.publish(epoch=epoch)

    if history.layers:
        names = {layer: path for path, layer in layer_names(history.layers).items()}
        address.take("learnt_layer", list(names), next(iter(names)))
        layer = first.selectbox("Layer", list(names), key="learnt_layer", persist_state="session")
        address.publish(learnt_layer=layer)
        _layer(history, scheme, names, layer, epoch)
    else:
        st.info(
            "Full precision has no signs, so none flip; of a binary scheme the layers are shown here.",
            icon=":material/info:",
        )
    _curves(family, found, epoch)
    missing = [f"{style.look(s).label}: {problems[s]}" for s in schemes if s in problems]
    if missing:
        st.warning(widgets.sentence("; ".join(missing)), icon=":material/inventory_2:")
    st.caption(
        "All measured during training, and read from the files shipped with the networks. Validation is drawn where it "
        "was recorded; the large marks are the finished networks on the whole validation set. Training losses count "
        "cropped pictures and, where the recipe smooths them, smoothed labels, so validation may lie below."
        + "".join(_other_loss(family, s) for s in found)
    )


def _load(family: str, schemes: list[str]) -> tuple[dict[str, TrainingHistory], dict[str, ValueError]]:
    """The histories that can be read, and what is wrong with the others."""
    found, problems = {}, {}
    for scheme in schemes:
        try:
            found[scheme] = load_history(networks.name(family, scheme))
        except ValueError as error:
            problems[scheme] = error
    return found, problems


def _layer(history: TrainingHistory, scheme: str, names: dict[str, str], layer: str, epoch: int) -> None:
    """Flips and weights of one layer; names: of all its layers → their paths in the history."""
    epochs = history.curve("train_loss")[0]
    flips = {name: history.flips(path) for name, path in names.items()}
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Signs that flipped** in each epoch, layer by layer")
        widgets.chart(
            learning.sign_flips(
                epochs.tolist(),
                {name: shares.tolist() for name, shares in flips.items()},
                scheme=scheme,
                chosen=layer,
                along="epoch",
                at=epoch,
                dark=widgets.dark(),
            ),
            alt=f"Share of the signs of {len(flips)} layers that flipped in each of {len(epochs)} epochs; in {layer} "
            f"{units.percent(float(flips[layer][0]))} in the first and {units.percent(float(flips[layer][-1]))} in "
            "the last.",
            table={"epoch": epochs.tolist()}
            | {f"{name}, %": [units.significant(100 * v) for v in shares] for name, shares in flips.items()},
            key="flips",
        )
    histogram, kept = history.histogram(names[layer], epoch), history.kept(names[layer])
    scale, said = _scale(scheme, histogram.mean_abs)
    with right:
        st.markdown(f"**Latent weights** of {layer} after epoch {histogram.epoch}")
        widgets.chart(
            learning.latent_weights(
                histogram.edges,
                histogram.counts,
                scheme=scheme,
                scale=scale,
                limit=max(h.edges[-1] for h in kept),
                peak=learning.density_peak([(h.edges, h.counts) for h in kept]),
                dark=widgets.dark(),
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
        when = "" if histogram.epoch == epoch else f" Histograms were kept a dozen times; epoch {epoch} has none."
        st.caption(f"{said}{when}")


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
    return 1.0, "±1.00: the signs themselves, without α."


def _other_loss(family: str, scheme: str) -> str:
    """A sentence on why the training loss of a network that another one taught is not drawn; "" for the others."""
    recipe = networks.entry(family, scheme).recipe
    if recipe.teacher is None:
        return ""
    partly = "" if recipe.teacher_weight == 1 else "partly "
    return (
        f" {style.look(scheme).label}'s training loss is not drawn: it is {partly}the distance (KL divergence) to the "
        f"answers of {recipe.teacher.rpartition('/')[2]}, another quantity; the table has it."
    )


def _curves(family: str, found: dict[str, TrainingHistory], epoch: int) -> None:
    left, right = st.columns(2, gap="large")
    for place, of, name in ((left, "accuracy", "top1"), (right, "loss", "loss")):
        runs, rows = [], {"scheme": [], "epoch": [], f"training {of}": [], f"validation {of}": []}
        for scheme, history in found.items():
            x, train = history.curve(f"train_{name}")
            held_out_x, held_out = history.curve(f"val_{name}")
            final = networks.entry(family, scheme).top1 if of == "accuracy" else None
            label = style.look(scheme).short
            drawn = slice(0 if of == "loss" and _other_loss(family, scheme) else None)
            runs.append(
                learning.Run(
                    scheme,
                    label,
                    x.tolist()[drawn],
                    train.tolist()[drawn],
                    held_out_x.tolist(),
                    held_out.tolist(),
                    final=final,
                )
            )
            known = dict(zip(held_out_x.tolist(), held_out.tolist(), strict=True))
            rows["scheme"] += [label] * len(x)
            rows["epoch"] += x.tolist()
            rows[f"training {of}"] += [units.significant(v) for v in train]
            rows[f"validation {of}"] += [units.significant(known.get(e, float("nan"))) for e in x.tolist()]
        with place:
            held_out = ", dotted: validation" if any(r.held_out for r in runs) else "; validation was not recorded"
            st.markdown(f"**{of.capitalize()}**, solid: training{held_out}")
            widgets.chart(
                learning.training_curves(runs, of=of, along="epoch", at=epoch, dark=widgets.dark()),
                alt=f"{of.capitalize()} over the epochs: "
                + "; ".join(f"{r.label} ends at {units.significant(r.train[-1])}" for r in runs if r.train),
                table=rows,
                key=f"shipped-{of}",
            )
