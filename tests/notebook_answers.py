"""Answers to the notebooks' exercises, right and wrong ones, and what turning the notebooks' controls must show."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answers:
    """Code that answers an exercise, put in place of its cell.

    Attributes:
        right: what the check must accept.
        wrong: wrong answer → a part of the hint that it must bring.
    """

    right: str
    wrong: dict[str, str]


def _function(signature: str, answer: str) -> str:
    return f"def {signature}:\n    return {answer}"


_SHARE_KEPT = _function("my_share_kept(w)", "np.abs(w).mean() ** 2 / np.square(w).mean()")
_SLOPE = """
class BiRealSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return {answer}
"""
_THRESHOLD = "my_threshold(gamma, beta, mean, variance, eps)"
_BYTES = "my_bytes(filters, channels, height, width)"
_RIGHT = "sum(row['label'] == Path(row['path']).parent.name for row in rows)"

ANSWERS: dict[str, list[Answers]] = {
    "01_binarize_a_filter": [
        Answers(
            "my_alpha, my_signs, my_error = 1.5, [1, -1, 1, 1], 5",
            {
                "my_alpha, my_signs, my_error = 2, [1, -1, 1, 1], 5": "the zero counts",
                "my_alpha, my_signs, my_error = 1.5, [1, 1, 1, 1], 5": "that of its weight",
                "my_alpha, my_signs, my_error = 1.5, [1, -1, 1, 1], 14": "n·α²",
            },
        ),
        Answers(
            f"{_SHARE_KEPT}\nmy_weights = [1, 0] * 4",
            {
                _function("my_share_kept(w)", "np.abs(w).mean()") + "\nmy_weights = [1] * 8": "mean of W²",
                f"{_SHARE_KEPT}\nmy_weights = [1] * 8": "let some be 0",
            },
        ),
        Answers(
            _function("my_common_alpha(n1, a1, n2, a2)", "(n1 * a1 + n2 * a2) / (n1 + n2)"),
            {
                _function("my_common_alpha(n1, a1, n2, a2)", "(a1 + a2) / 2"): "different numbers of weights",
                _function("my_common_alpha(n1, a1, n2, a2)", "a1"): "two parabolas",
            },
        ),
    ],
    "02_what_a_bit_costs": [
        Answers(
            _function("my_standard_error(p, n)", "100 * (p * (1 - p) / n) ** 0.5"),
            {
                _function("my_standard_error(p, n)", "(p * (1 - p) / n) ** 0.5"): "one percentage point",
                _function("my_standard_error(p, n)", "100 / n**0.5"): "p·(1 − p)",
            },
        ),
        Answers(
            _function("my_direction(a, b, error)", "0 if abs(a - b) <= 2 * error else 1 if a > b else -1"),
            {_function("my_direction(a, b, error)", "1 if a > b else -1"): "if large enough"},
        ),
        Answers("my_weights = 480", {"my_weights = 400": "32n ≥", "my_weights = 500": "fewer"}),
    ],
    "03_xnor_popcount_kernel": [
        Answers(
            _function("my_dot(a, b, n)", "n - 2 * (a ^ b).bit_count()"),
            {
                _function("my_dot(a, b, n)", "2 * (a ^ b).bit_count() - n"): "XOR counts differences",
                _function("my_dot(a, b, n)", "n - (a ^ b).bit_count()"): "takes 2 away",
            },
        ),
        Answers(
            "my_words_by_pixel, my_words_without_gaps = 18, 10",
            {
                "my_words_by_pixel, my_words_without_gaps = 9, 10": "do not fit into one word",
                "my_words_by_pixel, my_words_without_gaps = 18, 9": "585 bits",
            },
        ),
        Answers(
            "my_channels, my_limit = 26, 64",
            {
                "my_channels, my_limit = 26, 58": "x is huge",
                "my_channels, my_limit = 25, 64": "solve for c",
                "my_channels, my_limit = 27, 64": "one channel less",
            },
        ),
    ],
    "04_input_scale_K": [
        Answers(
            _function(
                "my_input_scale(x, size, padding)", "F.avg_pool2d(x.abs().mean(1, keepdim=True), size, 1, padding)"
            ),
            {
                _function(
                    "my_input_scale(x, size, padding)", "F.avg_pool2d(x.abs(), size, 1, padding)"
                ): "keepdim=True",
                _function(
                    "my_input_scale(x, size, padding)", "F.avg_pool2d(x.mean(1, keepdim=True), size, 1, padding).abs()"
                ): "before the mean",
            },
        ),
        Answers(
            "my_window, my_filter = [1, -1, 0, 0], [2, 2, 0, 0]",
            {
                "my_window, my_filter = [1, 1], [1, 1]": "four numbers",
                "my_window, my_filter = [1, 1, 1, 1], [2, 2, 0, 0]": "same half",
            },
        ),
        Answers(
            _function("my_additions(c, k)", "(c * k * k - 1, c - 1 + k * k - 1)"),
            {
                _function("my_additions(c, k)", "(c * k * k, c + k * k)"): "(a): a window",
                _function("my_additions(c, k)", "(c * k * k - 1, c + k * k)"): "(b): c numbers",
            },
        ),
    ],
    "05_train_an_xnor_net": [
        Answers(
            _SLOPE.format(answer="gradient * (2 - 2 * x.abs()).clamp(min=0)"),
            {
                _SLOPE.format(answer="(2 - 2 * x.abs()).clamp(min=0)"): "that comes in",
                _SLOPE.format(answer="gradient * (2 - 2 * x.abs())"): "clamp(min=0)",
            },
        ),
        Answers(
            _function("my_steps_to_flip(w, eta, g)", "int(w / (eta * g)) + 1"),
            {_function("my_steps_to_flip(w, eta, g)", "-int(-w // (eta * g))"): "0 itself is not"},
        ),
        Answers(
            _function("my_share_of_ones(k)", "1 - 0.5 ** (k * k)"),
            {_function("my_share_of_ones(k)", "0.5 ** (k * k)"): "all k · k signs"},
        ),
    ],
    "06_pack_and_deploy": [
        Answers(
            _function(_THRESHOLD, "mean - beta * (variance + eps) ** 0.5 / gamma"),
            {
                _function(_THRESHOLD, "mean + beta * (variance + eps) ** 0.5 / gamma"): "the other side",
                _function(_THRESHOLD, "mean - beta * (variance + eps) / gamma"): "the root of",
                _function(_THRESHOLD, "mean"): "+ β to 0",
            },
        ),
        Answers(
            _function(_BYTES, "filters * height * width * -(-channels // 64) * 8"),
            {
                _function(_BYTES, "filters * height * width * -(-channels // 64) * 64"): "a byte has eight",
                _function(_BYTES, "filters * height * width * channels // 8"): "whole words",
            },
        ),
        Answers(
            _function("my_share_right(rows)", f"{_RIGHT} / sum(row['error'] is None for row in rows)"),
            {
                _function("my_share_right(rows)", f"{_RIGHT} / len(rows)"): "whose error is not None",
                _function("my_share_right(rows)", "0.0"): "parent.name is the class",
            },
        ),
    ],
}

CONTROLS: dict[str, str] = {
    "01_binarize_a_filter": """
alpha_control.value = 1.0
assert np.isclose(picked.data[3].x[0], picked.data[2].x[0], rtol=1e-5), "α is at the optimum"
layer_control.value, filter_control.value = list(weights)[-1], 3
assert np.isclose(picked.data[2].x[0], weight_scale(weights[layer_control.value])[3].item())
filter_control.value = filter_control.max
layer_control.value = list(weights)[0]
assert filter_control.max == len(weights[layer_control.value]) - 1 >= filter_control.value
""",
    "03_xnor_popcount_kernel": """
for bit, (p, q) in enumerate(zip(a[:8], b[:8])):  # make all bits equal, one by one
    assert board.layout.title.text.endswith("= 8") == (a[bit:8] == b[bit:8])
    rows_of_bits["b"][bit].value = p > 0
assert board.layout.title.text.endswith("= 2 · 8 − 8 = 8")
assert [list(row) for row in board.data[0].z] == [a[:8], a[:8], [1] * 8]

formula = speeds.data[1].x[0]
geometry["channels"].value, geometry["filters"].value, geometry["size"].value = 64, 8, 7
assert speeds.data[1].x[0] == formula, "nothing is timed before Run is pressed"
run_button.click()
assert np.isclose(speeds.data[1].x[0] + 1, cost_model.predicted_speedup(64, 9)), speeds.data[1].x
assert f"{8 * 7 * 7 * 64 * 9:,} MACs" in told.value
geometry["kernel"].value, geometry["size"].value = 4, 1
run_button.click()
assert told.value and "running" not in told.value
""",
}
"""Code that turns a notebook's controls and fails if its figures do not follow."""
