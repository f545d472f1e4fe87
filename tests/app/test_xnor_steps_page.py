"""XNOR and popcount: by words, by multiplying and by the kernel the sum is the same, whatever bits are on the board."""

import random

import numpy as np
import pytest
from page_reading import array_of, chart_of, html_of

PAGE = "views/xnor_steps/page.py"


def metric(at, label: str) -> int:
    return int(next(m.value for m in at.metric if m.label == label).replace("−", "-"))


def dot(x: int, w: int, n: int) -> int:
    return sum(1 if x >> i & 1 == w >> i & 1 else -1 for i in range(n))


def pills(at, name: str, byte: int):
    return next(b for b in at.button_group if b.key == f"{name}-{byte}")


def dot_products(at, form: str) -> set[int]:
    formula = "2·popcount − n" if form == "xnor" else "n − 2·popcount"
    return {metric(at, label) for label in (formula, "float multiply-adds", "the packed kernel")}


def test_the_page_opens_at_the_result_with_64_bits_in_one_word(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert at.query_params["step"] == "3"
    assert at.get("plotly_chart")[0].proto.alt
    (value,) = dot_products(at, "xnor")
    assert value == dot(int(at.query_params["x"], 16), int(at.query_params["w"], 16), 64)


@pytest.mark.parametrize("seed", range(6))
def test_bits_products_and_kernel_agree_for_any_bits_words_and_lengths(open_page, seed):
    rng = random.Random(seed)
    n, word, form = rng.randint(1, 128), rng.choice(["8", "32", "64"]), rng.choice(["xnor", "xor"])
    x, w = rng.getrandbits(n), rng.getrandbits(n)
    at = open_page(PAGE, n=str(n), word=word, form=form, x=f"{x:x}", w=f"{w:x}")
    assert not at.exception
    assert not at.error
    assert dot_products(at, form) == {dot(x, w, n)}


def test_a_flipped_bit_moves_the_sum_by_two(open_page):
    at = open_page(PAGE, n="12", word="8", x="605", w="24b")
    before = metric(at, "2·popcount − n")
    byte = pills(at, "x", 1)
    assert byte.value == [9, 10]
    byte.set_value([9]).run()
    assert not at.exception
    assert at.query_params["x"] == "205"
    assert dot_products(at, "xnor") == {dot(0x205, 0x24B, 12)}
    assert abs(metric(at, "2·popcount − n") - before) == 2


def test_a_tail_is_masked_and_only_channels_can_be_clicked(open_page):
    at = open_page(PAGE, n="70")
    assert pills(at, "w", 8).options == [f"bit {i}" for i in range(64, 70)]
    assert not any(b.key == "w-9" for b in at.button_group)
    assert "mask: 11111100" in html_of(at)
    assert at.query_params["step"] == "7"
    at.slider(key="n").set_value(128).run()
    assert "mask:" not in html_of(at)


def test_the_kernel_s_form_needs_no_mask(open_page):
    at = open_page(PAGE, n="70", form="xor")
    assert at.query_params["step"] == "5"
    assert "mask:" not in html_of(at)
    assert "XOR: " in html_of(at)


def test_steps_uncover_one_thing_after_the_other(open_page):
    at = open_page(PAGE, n="16", word="8", step="0")
    assert html_of(at).count("not computed yet") == 2
    assert metric(at, "popcount so far") == 0
    assert next(m.value for m in at.metric if m.label == "2·popcount − n") == "…"
    said = []
    for _ in range(5):
        at.button(key="next").click().run()
        said.append(next(m.value for m in at.markdown if "**" in m.value and "Why" not in m.value))
    assert [text.split("**")[1] for text in said] == ["XNOR", "popcount", "XNOR", "popcount", "2·popcount − n"]
    assert at.button(key="next").disabled
    at.button(key="first").click().run()
    assert at.query_params["step"] == "0"


def test_playing_takes_a_step_at_a_beat_and_stops_at_the_end(open_page):
    at = open_page(PAGE, n="8", word="8", step="1")
    at.button(key="play").click().run()
    assert at.button(key="play").label == "Stop"
    assert at.query_params["step"] == "1"  # on show first, however long the page took
    for step in ("2", "3"):
        at.session_state["steps: since when the last is on show"] = -1e9
        at.run()
        assert at.query_params["step"] == step
    assert at.button(key="play").label == "Play"


def test_stop_stops_where_it_is(open_page):
    at = open_page(PAGE, n="16", word="8")
    at.button(key="play").click().run()
    assert at.query_params["step"] == "0"
    at.button(key="play").click().run()
    at.session_state["steps: since when the last is on show"] = -1e9
    at.run()
    assert at.query_params["step"] == "0"


def test_all_agree_all_differ_and_randomize_mean_what_they_say(open_page):
    at = open_page(PAGE, n="40", word="32")
    at.button(key="agree").click().run()
    assert dot_products(at, "xnor") == {40}
    at.button(key="differ").click().run()
    assert dot_products(at, "xnor") == {-40}
    before = at.query_params["x"]
    at.button(key="randomize").click().run()
    assert at.query_params["x"] != before
    assert len(dot_products(at, "xnor")) == 1


def test_the_sums_by_words_lie_on_the_line_of_the_float_sums(open_page):
    line, words = chart_of(open_page(PAGE, n="50", word="8"))["data"]
    sums = array_of(line["y"])
    assert words["x"] == [0, 8, 16, 24, 32, 40, 48, 50]
    np.testing.assert_array_equal(words["y"], [sums[x] for x in words["x"]])


def test_the_bits_of_a_network_are_its_signs(open_page):
    import torch

    import xnorlab
    from xnorlab import images, models, nn

    at = open_page(PAGE, bits="network", photo="cat", layer="conv3", filter="4", n="128")
    assert not at.exception
    model = models.load("imagenette/alexnet-xnor")
    pixels = xnorlab.load("imagenette/alexnet-xnor").preprocessing([images.open_image("app/samples/cat.jpg")])
    layer = model.features.conv3.conv
    x = nn.layer_inputs(model, torch.from_numpy(pixels).permute(0, 3, 1, 2))[layer]
    expected = {"x": x[0, :128, 3, 3], "w": layer.weight[4, :128, 1, 1]}
    for name, values in expected.items():
        assert int(at.query_params[name], 16) == sum(1 << i for i, v in enumerate(values.tolist()) if v >= 0)


def test_a_layer_gives_as_many_bits_as_it_has_channels(open_page):
    at = open_page(PAGE, bits="network", layer="conv2", n="100")
    assert not at.exception
    assert not any(b.key == "x-8" for b in at.button_group)
    assert next(t.value for t in at.table if "instructions" in t.value).iloc[0, 1] == 64
    assert at.query_params["n"] == "100"


def test_the_bits_of_a_network_can_be_edited_and_an_address_keeps_the_edit(open_page):
    at = open_page(PAGE, bits="network", photo="cat", layer="conv2")
    at.button_group(key="x-0").set_value([]).run()
    edited = at.query_params["x"]
    again = open_page(PAGE, **{key: str(value) for key, value in at.query_params.items()})
    assert again.query_params["x"] == edited
    again.slider(key="filter").set_value(3).run()
    assert again.query_params["x"] != edited


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("word", "16"),
        ("n", "0"),
        ("n", "129"),
        ("x", "0xff"),
        ("w", "g"),
        ("step", "99"),
        ("form", "nand"),
        ("bits", "moon"),
    ],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    assert f"{key}={value}" in at.info[0].value
    assert len(dot_products(at, "xnor")) == 1


def test_a_missing_network_is_told_and_the_bits_stay(pretrained_copy, open_page):
    (pretrained_copy / "imagenette" / "alexnet-xnor-latent.safetensors").unlink()
    at = open_page(PAGE, bits="network", x="5", w="3")
    assert not at.exception
    assert "git checkout" in at.warning[0].value
    assert at.query_params["x"] == "5"
