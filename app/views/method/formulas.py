"""The formulas that this project rests on: where each stands in print, which code computes it, where to see it move."""

from dataclasses import dataclass, field

TOPICS = {"weights": "Weights", "inputs": "Inputs", "training": "Training", "cost": "Cost"}
PAPER = "XNOR-Net"


@dataclass(frozen=True)
class PageLink:
    """A page of this app on which a formula is at work.

    Attributes:
        page: Its file, relative to `app/`.
        label: What one sees there.
        query: Its address.
    """

    page: str
    label: str
    query: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Formula:
    """A formula with its place in print and here.

    Attributes:
        key: Its anchor on the page.
        topic: One of TOPICS.
        title: What it is about.
        latex: One or more lines.
        words: What it says, in Markdown.
        printed_in: Paper and place.
        code: "module:name" of what computes it here, the most direct one first.
        link: Where it is at work in the app.
        notebooks: Files in `notebooks/` that compute it or measure what it is about.
    """

    key: str
    topic: str
    title: str
    latex: tuple[str, ...]
    words: str
    printed_in: str
    code: tuple[str, ...]
    link: PageLink
    notebooks: tuple[str, ...] = ()


_FILTERS, _FACTORS = "views/filters/page.py", "views/scaling_factors/page.py"
_BITS, _LEARNING = "views/xnor_steps/page.py", "views/how_it_learns/page.py"
_FILTER_NOTEBOOK, _COST_NOTEBOOK = "01_binarize_a_filter.ipynb", "02_what_a_bit_costs.ipynb"
_KERNEL_NOTEBOOK, _K_NOTEBOOK = "03_xnor_popcount_kernel.ipynb", "04_input_scale_K.ipynb"
_TRAINING_NOTEBOOK, _PACKING_NOTEBOOK = "05_train_an_xnor_net.ipynb", "06_pack_and_deploy.ipynb"

FORMULAS = (
    Formula(
        "sign",
        "weights",
        "The sign",
        (r"\operatorname{sign}(x) = \begin{cases} +1 & x \ge 0 \\ -1 & x < 0 \end{cases}",),
        "One bit of each weight and of each input stays. Zero, and −0.0 too, counts as +1: the paper leaves it open, "
        "training, kernels and files here all follow this one rule.",
        f"{PAPER}, section 3.1: B = sign(W); the rule for 0 is ours",
        ("xnorlab.binarize.sign:sign", "xnorlab.kernels.packing:pack_signs"),
        PageLink(_FILTERS, "Edit a 3×3 by hand and see its signs", {"from": "own"}),
        (_FILTER_NOTEBOOK,),
    ),
    Formula(
        "optimum",
        "weights",
        "The best binary filter",
        (
            r"J = \lVert W - \alpha B \rVert^2, \quad B \in \{-1, +1\}^n",
            r"J = \lVert W \rVert^2 - 2\,\alpha\, W^{\mathsf T} B + n\,\alpha^2",
            r"\phantom{J} \ge \lVert W \rVert^2 - 2\,\alpha\, \lVert W \rVert_1 + n\,\alpha^2",
        ),
        r"For any $\alpha > 0$ the error is least where $W^{\mathsf T}B$ is greatest: at $B = \operatorname{sign}(W)$. "
        r"What is left is a parabola in $\alpha$.",
        f"{PAPER}, section 3.1, equations 2 to 5",
        ("xnorlab.binarize.weight_scale:approximation_error",),
        PageLink(_FILTERS, "Slide α along the parabola of a trained filter", {"from": "trained"}),
        (_FILTER_NOTEBOOK,),
    ),
    Formula(
        "alpha",
        "weights",
        "α, one number per filter",
        (
            r"\alpha^{*} = \frac{W^{\mathsf T}\operatorname{sign}(W)}{n} = \frac{\lVert W \rVert_1}{n}",
            r"\phantom{\alpha^{*}} = \operatorname{mean}\lvert W \rvert",
        ),
        "The bottom of that parabola. BinaryConnect and BNN do without it; BWN and XNOR-Net keep it for every filter.",
        f"{PAPER}, section 3.1, equation 6",
        ("xnorlab.binarize.weight_scale:weight_scale", "xnorlab.binarize.weight_scale:MeanScale"),
        PageLink(_FACTORS, "α of every filter of a layer"),
        (_FILTER_NOTEBOOK,),
    ),
    Formula(
        "ternary",
        "weights",
        "Ternary weights, and what lives on in 1-bit language models",
        (
            r"\widetilde W = \gamma\,\operatorname{RoundClip}\Bigl(\frac{W}{\gamma}, -1, 1\Bigr)",
            r"\gamma = \operatorname{mean}\lvert W \rvert",
            r"\text{TWN:}\quad \widetilde W_i = \alpha \operatorname{sign}(W_i)\,\mathbb 1[\lvert W_i \rvert > \Delta]",
            r"\Delta = 0.7 \operatorname{mean}\lvert W \rvert",
        ),
        "BitNet and BitNet b1.58 keep what XNOR-Net does to weights: γ is its α, latent real weights stand behind a "
        "straight-through gradient, and both ends of the network stay real. They do not keep α per filter (γ is one "
        "per matrix), nor signs as inputs: theirs are 8-bit integers, scaled by their largest magnitude, so that no "
        "XNOR and count is left, and b1.58 adds the 0. Here both formulas are schemes with real inputs, two bits per "
        "weight and one scale per filter.",
        "Ma et al. 2024 (BitNet b1.58, arXiv 2402.17764), section 2; Wang et al. 2023 (BitNet, arXiv 2310.11453), "
        "section 2; Li, Zhang, Liu 2016 (Ternary Weight Networks, arXiv 1605.04711), section 2",
        ("xnorlab.binarize.ternary:AbsMeanTernary", "xnorlab.binarize.ternary:ThresholdTernary"),
        PageLink("views/trade_offs/page.py", "TWN's accuracy among those that papers print"),
        (_COST_NOTEBOOK,),
    ),
    Formula(
        "k",
        "inputs",
        "K, one number per output pixel",
        (
            r"A = \frac{1}{c}\sum_{i=1}^{c} \lvert X_{:,:,i} \rvert",
            r"K = A * k, \quad k_{ij} = \frac{1}{w\,h}",
            r"X * W \approx \bigl(\operatorname{sign}(X) \circledast \operatorname{sign}(W)\bigr) \odot K\,\alpha",
        ),
        "K restores the size of the inputs under each window. The paper finds that leaving it out costs less than one "
        "point, and the authors' code leaves it out; here it is exact, and off unless a scheme says so.",
        f"{PAPER}, section 3.2, equation 11 and figure 2",
        ("xnorlab.binarize.input_scale:input_scale",),
        PageLink(_FACTORS, "K over a photo, with and without", {"use_k": "on"}),
        (_K_NOTEBOOK,),
    ),
    Formula(
        "xnor",
        "inputs",
        "A dot product from XOR and popcount",
        (
            r"x \cdot w = 2\,\operatorname{popcount}\bigl(\operatorname{xnor}(x, w)\bigr) - n",
            r"x \cdot w = n - 2\,\operatorname{popcount}\bigl(\operatorname{xor}(x, w)\bigr)",
        ),
        "For vectors of ±1 as bits. The form with XOR needs no mask: unused bits of a word are 0 on both sides and "
        "never differ. 64 multiply-adds are one XOR, one count, one add.",
        f"{PAPER}, section 3.2, “Binary Dot Product” and “Binary Convolution”",
        ("xnorlab.kernels.xnor_conv:XnorConv2d", "xnorlab.paper.dot_product:pack_pair"),
        PageLink(_BITS, "Flip bits and watch the three sums agree"),
        (_KERNEL_NOTEBOOK,),
    ),
    Formula(
        "kbit",
        "inputs",
        "k bits instead of one",
        (
            r"q_k(x) = 2\left(\frac{1}{m}\operatorname{round}\Bigl(m\,\frac{x + 1}{2}\Bigr) - \frac{1}{2}\right)",
            r"m = 2^k - 1, \quad x \in [-1, 1]",
        ),
        "The step from binary to k-bit activations: $2^k$ even levels. One bit is the sign.",
        f"{PAPER}, section 3.2, “k-bit Quantization”",
        ("xnorlab.binarize.sign:quantize",),
        PageLink(_LEARNING, "Flat forward, sloped backward", {"part": "trick"}),
    ),
    Formula(
        "order",
        "inputs",
        "The order within a block",
        (r"\text{norm} \to \text{sign} \to \text{conv} \to \text{pool}",),
        "B-A-C-P in the paper, instead of C-B-A-P, where the convolution comes first. A norm before the sign centres "
        "what is about to lose everything but its sign; pooling after the convolution sees real sums, where a maximum "
        "over signs would be mostly +1.",
        f"{PAPER}, section 3.2, “Training XNOR-Networks”, and Table 3b",
        ("xnorlab.nn.blocks:conv_block",),
        PageLink("views/claims/page.py", "The claim and its verdict here"),
        (_TRAINING_NOTEBOOK, _COST_NOTEBOOK),
    ),
    Formula(
        "ste",
        "training",
        "A slope for the sign",
        (
            r"\frac{\partial \operatorname{sign}(x)}{\partial x} \;:=\; \mathbb 1\bigl[\lvert x \rvert \le 1\bigr]",
            r"\text{Bi-Real Net:}\quad \max\bigl(0,\; 2 - 2\,\lvert x \rvert\bigr)",
        ),
        "The true derivative is 0 wherever it exists. Training goes straight through instead, and only where the value "
        "is not beyond ±1 already.",
        f"Hubara et al. 2016, equation 4; {PAPER}, section 3.1; Liu et al. 2018 (Bi-Real Net), section 3.3",
        ("xnorlab.binarize.sign:sign_clipped", "xnorlab.binarize.sign:sign_bireal"),
        PageLink(_LEARNING, "Forward and backward curves side by side", {"part": "trick"}),
        (_TRAINING_NOTEBOOK,),
    ),
    Formula(
        "gradient",
        "training",
        "The gradient through α",
        (
            r"\frac{\partial C}{\partial W_i} = \frac{\operatorname{sign}(W_i)}{n} \sum_j g_j \operatorname{sign}(W_j)",
            r"\qquad\quad + \alpha\, g_i\, \mathbb 1\bigl[\lvert W_i \rvert \le 1\bigr], \quad "
            r"g = \frac{\partial C}{\partial \widetilde W}",
        ),
        r"The exact derivative for $\widetilde W = \alpha \operatorname{sign}(W)$: through α every weight of the "
        r"filter feels every other. The paper prints the element-wise short form "
        r"$g_i \left(\tfrac{1}{n} + \alpha\, \tfrac{\partial \operatorname{sign}}{\partial W_i}\right)$.",
        f"{PAPER}, section 3.1, “Training Binary-Weights-Networks”; the sum over j is ours",
        ("xnorlab.binarize.weight_scale:exact_gradient",),
        PageLink(_LEARNING, "Train a small network and watch signs flip", {"part": "live"}),
        (_FILTER_NOTEBOOK, _TRAINING_NOTEBOOK),
    ),
    Formula(
        "speedup",
        "cost",
        "The speed-up on paper",
        (r"S = \frac{c\,N_W N_I}{\frac{1}{64}\,c\,N_W N_I + N_I} = \frac{64\,c\,N_W}{c\,N_W + 64}",),
        "Real multiply-adds over binary ones, of which one instruction does 64, plus one multiplication per output. It "
        "counts no memory, no packing, and not that a CPU multiplies many floats in one instruction, too.",
        f"{PAPER}, section 4.1",
        ("xnorlab.paper.cost_model:predicted_speedup", "xnorlab.paper.cost_model:predicted_speedup_in_words"),
        PageLink("views/speed_lab/page.py", "The formula beside what this machine does"),
        (_KERNEL_NOTEBOOK,),
    ),
    Formula(
        "memory",
        "cost",
        "The memory",
        (r"\frac{32\,n}{n + 32} \;\approx\; 32",),
        r"For a filter of $n$ weights and its $\alpha$: one bit for 32, and one float for all of them. In a real file "
        "thresholds, the real first and last layer and the header count as well.",
        f"{PAPER}, sections 1 and 4.1, figure 4a (double precision there)",
        ("xnorlab.zoo.cost:float32_bytes", "xnorlab.zoo.cost:memory_parts"),
        PageLink("views/trade_offs/page.py", "The bytes of every shipped file by part", {"split": "bytes"}),
        (_FILTER_NOTEBOOK, _COST_NOTEBOOK, _PACKING_NOTEBOOK),
    ),
    Formula(
        "amdahl",
        "cost",
        "What stays real sets a limit",
        (r"\text{speed-up} \;\le\; \dfrac{\vphantom{\Big|} T_{\text{float}}}{t_{\text{first layer}}}",),
        "The first layer stays real under every scheme. However fast the rest becomes, a network cannot take less "
        "time than that layer.",
        "Amdahl 1967; the first and last layer stay real in XNOR-Net, section 4",
        ("xnorlab.zoo.cost:amdahl_limit",),
        PageLink("views/network_timing/page.py", "The limit of a network on this machine"),
        (_PACKING_NOTEBOOK,),
    ),
)
