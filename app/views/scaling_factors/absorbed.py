"""Why a norm absorbs α: derived, seen in the errors of this layer, and measured in accuracies with and without norm."""

from collections.abc import Mapping

import streamlit as st
from shared import ablation_chart

from xnorlab import pretrained, units
from xnorlab.nn import Agreement
from xnorlab.verdicts.evidence import Evidence

ABLATION = "scale-norm"


def show(layer: str, behind_a_norm: Mapping[str, Agreement]) -> None:
    """Draw the derivation with this layer's errors, and the ablation beside it.

    Args:
        layer: Whose filters the errors are of.
        behind_a_norm: Factors → the agreement of their maps with the true ones, both after a norm.
    """
    left, right = st.columns([5, 6], gap="large")
    with left:
        st.markdown(
            "BatchNorm subtracts the mean μ of a filter's sums and divides by their deviation σ, before its own factor "
            "γ and shift β. A factor α > 0 on the sums is a factor on both:"
        )
        st.latex(
            r"\begin{aligned} \mathrm{BN}(\alpha x) &= \gamma\,\frac{\alpha x - \alpha\mu}{\sqrt{\alpha^2\sigma^2 + "
            r"\varepsilon}} + \beta \\ &= \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon/\alpha^2}} + \beta "
            r"\;\approx\; \mathrm{BN}(x) \end{aligned}"
        )
        st.markdown(
            f"Only the tiny ε feels α. So α repairs the *numbers* of a layer, and a norm right behind the convolution "
            f"repairs them anyway. {errors(layer, behind_a_norm)}"
        )
    with right:
        try:
            evidence = Evidence.read(pretrained.folder())
        except ValueError:
            evidence = None
        if evidence is None or ABLATION not in evidence.ablations:
            st.info(
                f"The ablation is not recorded: `xnorlab ablate run {ABLATION}` trains it.", icon=":material/science:"
            )
            return
        ablation_chart.show(evidence, ABLATION, key="absorbed")
        st.markdown(worth(evidence))


def errors(layer: str, behind_a_norm: Mapping[str, Agreement]) -> str:
    """What α and K change behind a norm in this layer, a sentence or two."""
    plain, alpha = (units.percent(behind_a_norm[label].mean_error) for label in ("signs only", "α"))
    same = f"the same {alpha}" if alpha == plain else f"{plain} and {alpha}"
    text = f"In {layer} above, the error behind a norm is {same} without α and with it."
    if "K" in behind_a_norm:
        text += (
            f" K differs from pixel to pixel, which no norm absorbs: with it the error is "
            f"{units.percent(behind_a_norm['K'].mean_error)}."
        )
    return text


def worth(evidence: Evidence) -> str:
    """What α is worth with and without a norm, as trained, in a sentence."""
    gains = {
        where: {
            "with": evidence.ablated(ABLATION, f"{where}, norm, α", f"{where}, norm, no α"),
            "without": evidence.ablated(ABLATION, f"{where}, no norm, α", f"{where}, no norm, no α"),
        }
        for where in ("plain", "residual")
    }
    said = [
        f"{gap['with'].difference} points with a norm behind the convolution and {gap['without'].difference} without "
        f"one ({gap['without'].network}: “{where}” above)"
        for where, gap in gains.items()
        if gap["with"] is not None and gap["without"] is not None
    ]
    return f"**As trained, α is worth** {'; '.join(said)}." if said else ""
