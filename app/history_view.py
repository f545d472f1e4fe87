"""The third part of "How it learns": what happened, epoch by epoch, when the shipped networks were trained."""

import address
import networks
import parts
import streamlit as st
from layer_names import layer_names

from xnorlab import histories
from xnorlab.binarize import MeanScale
from xnorlab.figures import learning, style, units
from xnorlab.histories import TrainingHistory
from xnorlab.nn import get_scheme


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
        parts.cannot_use(problems[scheme], networks.advice(family, scheme))
        return
    history = found[scheme]
    last = len(history.epochs)
    address.take_number("epoch", 0, last, last)
    first, second = st.columns([4, 8], gap="large")
    epoch = second.slider("Epoch (0: before training)", 0, last, key="epoch", persist_state="session")
    address.publish(epoch=epoch)

    if history.layers:
        names = {layer: path for path, layer in layer_names(history.layers).items()}
        address.take("learnt_layer", list(names), next(iter(names)))
        layer = first.selectbox("Layer", list(names), key="learnt_layer", persist_state="session")
        address.publish(learnt_layer=layer)
        _layer(history, scheme, names, layer, epoch)
    else:
        st.info("Full precision has no signs, so none flip: choose a binary scheme to see its layers.",
                icon=":material/info:")  # fmt: skip
    _curves(family, found, epoch)
    missing = [f"{style.look(s).label}: {problems[s]}" for s in schemes if s in problems]
    if missing:
        st.warning(parts.sentence("; ".join(missing)), icon=":material/inventory_2:")
    st.caption(
        "All measured during training, and read from the files shipped with the networks. Validation is drawn where it "
        "was recorded; the marks are the finished networks on the whole validation set. Training losses count smoothed "
        "labels and cropped pictures, so validation may lie below."
    )


def _load(family: str, schemes: list[str]) -> tuple[dict[str, TrainingHistory], dict[str, ValueError]]:
    """The histories that can be read, and what is wrong with the others."""
    found, problems = {}, {}
    for scheme in schemes:
        try:
            found[scheme] = histories.load(networks.name(family, scheme))
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
        parts.chart(
            learning.sign_flips(
                epochs.tolist(), {name: shares.tolist() for name, shares in flips.items()},
                scheme=scheme, chosen=layer, along="epoch", at=epoch, dark=parts.dark(),
            ),
            alt=f"Share of the signs of {len(flips)} layers that flipped in each of {len(epochs)} epochs; in {layer} "
            f"{units.percent(float(flips[layer][0]))} in the first and {units.percent(float(flips[layer][-1]))} in "
            "the last.",
            table={"epoch": epochs.tolist()}
            | {f"{name}, %": [units.significant(100 * v) for v in shares] for name, shares in flips.items()},
            key="flips",
        )  # fmt: skip
    histogram, kept = history.histogram(names[layer], epoch), history.kept(names[layer])
    scaled = _has_alpha(scheme)
    scale = histogram.mean_abs if scaled else 1.0
    with right:
        st.markdown(f"**Latent weights** of {layer} after epoch {histogram.epoch}")
        parts.chart(
            learning.latent_weights(
                histogram.edges, histogram.counts, scheme=scheme, scale=scale,
                limit=max(h.edges[-1] for h in kept),
                peak=learning.density_peak([(h.edges, h.counts) for h in kept]), dark=parts.dark(),
            ),
            alt=f"Histogram of the {int(histogram.counts.sum()):,} latent weights of {layer} after epoch "
            f"{histogram.epoch}; their signs stand for ±{units.significant(scale)}.",
            table={
                "from": [units.significant(v) for v in histogram.edges[:-1]],
                "to": [units.significant(v) for v in histogram.edges[1:]],
                "weights": histogram.counts.tolist(),
            },
            key="latent",
        )  # fmt: skip
        said = "α, the mean of |W| over the layer, to a bin's width" if scaled else "the signs themselves, without α"
        when = "" if histogram.epoch == epoch else f" Histograms were kept a dozen times; epoch {epoch} has none."
        st.caption(f"±{units.significant(scale)}: {said}.{when}")


def _has_alpha(scheme: str) -> bool:
    binarizer = get_scheme(scheme).weights
    return binarizer is not None and isinstance(binarizer(1), MeanScale)


def _curves(family: str, found: dict[str, TrainingHistory], epoch: int) -> None:
    left, right = st.columns(2, gap="large")
    for place, of, name in ((left, "accuracy", "top1"), (right, "loss", "loss")):
        runs, rows = [], {"scheme": [], "epoch": [], f"training {of}": [], f"validation {of}": []}
        for scheme, history in found.items():
            x, train = history.curve(f"train_{name}")
            held_out_x, held_out = history.curve(f"val_{name}")
            final = networks.entry(family, scheme)["top1"] if of == "accuracy" else None
            label = style.look(scheme).short
            runs.append(learning.Run(scheme, label, x.tolist(), train.tolist(), held_out_x.tolist(), held_out.tolist(),
                                     final=final))  # fmt: skip
            known = dict(zip(held_out_x.tolist(), held_out.tolist(), strict=True))
            rows["scheme"] += [label] * len(x)
            rows["epoch"] += x.tolist()
            rows[f"training {of}"] += [units.significant(v) for v in train]
            rows[f"validation {of}"] += [units.significant(known.get(e, float("nan"))) for e in x.tolist()]
        with place:
            st.markdown(f"**{of.capitalize()}**, solid: training, dotted: validation")
            parts.chart(
                learning.training_curves(runs, of=of, along="epoch", at=epoch, dark=parts.dark()),
                alt=f"{of.capitalize()} over the epochs: "
                + "; ".join(f"{r.label} ends at {units.significant(r.train[-1])}" for r in runs),
                table=rows,
                key=f"shipped-{of}",
            )
