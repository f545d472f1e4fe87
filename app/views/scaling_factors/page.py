"""Scaling factors: α, the size of the weights, matters; K, the size of the inputs, often less."""

import numpy as np
import streamlit as st
from shared import address, charts, layer_values, network_choice, networks, notices, photo_choice, theme

from xnorlab import units

FILTERS_PAGE = "views/filters/page.py"


st.title("Scaling factors")
notes = st.container()
st.markdown(
    "A sign forgets two sizes: that of the weights and that of the inputs. $\\alpha$, one number per filter, restores "
    "the first; $K$, one number per output pixel, the second. Which of them does a network need?"
)

with st.container(border=True):
    photo = photo_choice.choose("pavilion")
    first, second = st.columns(2)
    third, fourth = st.columns(2)
    with first:
        family = network_choice.family()
    with st.spinner("Loading torch, once…"):
        from views.scaling_factors import absorbed, approximation, cost_of_k
        from xnorlab.figures import feature_maps
    with second:
        scheme = network_choice.scheme(approximation.binary_schemes(family), default="xnor", key="trained")
    name = networks.name(family, scheme)
    try:
        modules = layer_values.binary_layers(name)
        options = network_choice.filters_in_words({own: module.weight.shape for own, module in modules.items()})
        with third:
            layer = network_choice.layer(options)
        convolution = approximation.approximate(photo, name, layer)
    except ValueError as error:
        notices.cannot_use(error, networks.advice(family, scheme))
        address.show_notes(notes)
        address.end_page()
    count = modules[layer].weight.shape[0]
    with fourth:
        index = network_choice.filter_index(count)
    no_k = convolution.input_scale is None
    with st.container(horizontal=True, gap="medium"):
        alpha = address.toggle("α, the size of the weights", key="use_alpha", default=True)
        k = address.toggle(
            "K, the size of the inputs",
            key="use_k",
            default=False,
            disabled=no_k,
            help="K stands for the magnitude that the sign of an input drops. This network keeps its inputs real: "
            "there is nothing to give back."
            if no_k
            else None,
        )
        one_scale = address.toggle(
            "One colour scale",
            key="one_scale",
            default=True,
            help="On: a wrong size shows. Off: each map on its own scale, only its shape counts.",
        )
    k = k and not no_k

by_factors = approximation.agreements(convolution)
normed = approximation.behind_a_norm(convolution)
chosen = next(label for label, on in approximation.FACTORS.items() if on == (alpha, k))
st.subheader(f"All {count} filters of {layer}")
st.markdown(approximation.finding(by_factors))
left, right = st.columns(2, gap="large")
with left:
    st.table(
        {
            "mean over the filters": [f"**{label}**" if label == chosen else label for label in by_factors],
            "relative error": [units.percent(a.mean_error) for a in by_factors.values()],
            "cosine": [units.significant(a.mean_cosine) for a in by_factors.values()],
            "error at the best factor": [units.percent(a.mean_least_error) for a in by_factors.values()],
            "error behind a norm": [units.percent(a.mean_error) for a in normed.values()],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "One factor for a whole map stretches it and cannot turn it: so α leaves the cosine as it is. The best factor "
        "is that of each filter on this photo; α comes from the weights alone. Behind a norm: both maps with mean 0 "
        f"and variance 1, filter by filter. A box holds the middle half of the filters, a star is filter {index}."
    )
with right:
    spreads = {label: feature_maps.Spread(a.cosine.numpy(), a.error.numpy()) for label, a in by_factors.items()}
    charts.show(
        feature_maps.agreement_spread(spreads, chosen=chosen, index=index, dark=theme.dark()),
        alt=f"Relative error and cosine of the {count} filters. Means: "
        + "; ".join(
            f"{label}: error {units.percent(a.mean_error)}, cosine {units.significant(a.mean_cosine)}"
            for label, a in by_factors.items()
        ),
        table={
            "filter": np.arange(count),
            **{f"error, {label}": a.error.numpy() for label, a in by_factors.items()},
            **{f"cosine, {label}": a.cosine.numpy() for label, a in by_factors.items()},
        },
        key="agreement",
    )

st.subheader("Why a norm absorbs α")
absorbed.show(layer, normed)

st.subheader(f"Filter {index} of {layer}: {chosen}")
cosine, error = (float(part[index]) for part in (by_factors[chosen].cosine, by_factors[chosen].error))
real, approximate = convolution.real[index].numpy(), convolution.maps(alpha=alpha, k=k)[index].numpy()
left, right = st.columns([7, 6], gap="large")
with left:
    numbers = st.columns(3, wrap=False)
    numbers[0].metric("cosine", units.significant(cosine), help="1: the same picture, whatever its size.")
    numbers[1].metric("relative error", units.percent(error), help="‖true − approximate‖ / ‖true‖.")
    numbers[2].metric("α", units.significant(float(convolution.weight_scale[index])), help="mean|W|, from the weights.")
    rows, columns = (axis.ravel() for axis in np.indices(real.shape))
    charts.show(
        feature_maps.response_maps(real, approximate, one_scale=one_scale, dark=theme.dark()),
        alt=f"The true response of filter {index} of {layer} to the photo {photo.title}, its approximation by "
        f"{chosen}, and the difference. Cosine {units.significant(cosine)}, relative error {units.percent(error)}.",
        table={
            "row": rows,
            "column": columns,
            "true": real.ravel(),
            "approximate": approximate.ravel(),
            "difference": (real - approximate).ravel(),
        },
        key="responses",
    )
with right:
    if convolution.input_scale is None:
        st.markdown("**K over the photo**")
        st.info("This network's inputs stay real: no size is lost there, and K has nothing to do.")
    else:
        scale = convolution.input_scale.numpy()
        st.markdown(f"**K over the photo**, {units.significant(scale.min())} to {units.significant(scale.max())}")
        st.caption("How large the layer's inputs are under its window: K = mean|x|.")
        rows, columns = (axis.ravel() for axis in np.indices(scale.shape))
        charts.show(
            feature_maps.input_scale_over_photo(approximation.crop(photo, name), scale, dark=theme.dark()),
            alt=f"The photo {photo.title} as the network saw it, and K of {layer} laid over it, from "
            f"{units.significant(scale.min())} to {units.significant(scale.max())}.",
            table={"row": rows, "column": columns, "K": scale.ravel()},
            key="input-scale",
        )

st.subheader("What K costs")
cost_of_k.show(family)

scales = convolution.weight_scale.numpy()
link = {"from": "trained", "model": family, "scheme": scheme, "layer": layer}
st.subheader(f"α of the {count} filters of {layer}")
st.caption("Click a mark to open that filter on the page Binarize a filter.")
clicked = charts.show(
    feature_maps.filter_scales(scales, chosen=index, dark=theme.dark()),
    alt=f"α of the {count} filters of {layer}, from {units.significant(scales.min())} to "
    f"{units.significant(scales.max())}; filter {index} has {units.significant(scales[index])}.",
    table={"filter": np.arange(count), "α": scales},
    key="alphas",
    clickable=True,
)
if clicked:
    st.switch_page(FILTERS_PAGE, query_params={**link, "filter": str(int(clicked[0]))})
st.page_link(
    FILTERS_PAGE,
    label=f"Binarize filter {index}",
    icon=":material/grid_on:",
    query_params={**link, "filter": str(index)},
)

address.show_notes(notes)
st.markdown(
    "**In the paper** (XNOR-Net, section 3.2): $x * W \\approx (\\mathrm{sign}(x) \\circledast \\mathrm{sign}(W)) "
    "\\odot K\\alpha$ with $\\alpha = \\mathrm{mean}|W|$ and $K$ a box filter over the mean of $|x|$ over channels. "
    "The best factor for one product of an input and its sign is $K$; sums of many such products, whose signs go "
    "together, need not follow it. The authors report that $K$ is worth less than one point of top-1 (published), and "
    "their released code leaves it out."
)
st.caption(
    f"True: the network's latent weights on the values that reach {layer} when it looks at the photo"
    f"{approximation.place_of_inputs(scheme)}. Approximate: the same, with signs. Computed here, through torch; bias "
    "and norm behind the layer left out. Own photos are uploaded on the page Classify."
)
