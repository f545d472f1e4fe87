"""Classify: every network answers any photo, every bad file gets a reason, every missing network gives advice."""

import csv
import io
import json
import re

import numpy as np
import pytest
from page_reading import array_of, chart_of, html_of
from PIL import Image

from xnorlab import pretrained
from xnorlab.figures.style import SCHEMES, VARIANTS

PAGE = "views/classify/page.py"
SHIPPED = [scheme for scheme in (*SCHEMES, *VARIANTS) if f"imagenette/alexnet-{scheme}" in pretrained.names()]


def cards(at) -> dict[str, str]:
    return dict(re.findall(r"data-scheme='([\w-]+)'>(.*?)</article>", html_of(at), re.S))


def upload(at, *files):
    at.file_uploader[0].set_value([(name, content, "application/octet-stream") for name, content in files])
    return at.run()


def test_a_sample_gets_every_networks_answer_at_once(open_page):
    at = open_page(PAGE, photo="golf-ball")
    assert not at.exception
    shown = cards(at)
    assert list(shown) == SHIPPED
    for card in shown.values():
        assert len(re.findall("<li>", card)) == 5
        assert "– ms</b> <span class='xl-dim'>being measured" in card, "answers wait for no time"
        assert re.search(r"[\d.]+ (KiB|MiB)</b> <span class='xl-dim'>packed file", card)
        assert "at training" in card


def test_an_address_chooses_photo_schemes_and_the_number_of_answers(open_page):
    at = open_page(PAGE, photo="cat", schemes="float,xnor", top="3")
    shown = cards(at)
    assert list(shown) == ["float", "xnor"]
    assert all(len(re.findall("<li>", card)) == 3 for card in shown.values())
    assert at.query_params["photo"] == "cat"


@pytest.mark.parametrize(
    ("key", "value", "instead"),
    [
        ("photo", "moon", "golf-ball"),
        ("schemes", "float,ternary", "float"),
        ("top", "99", "5"),
        ("top", "many", "5"),
        ("model", "imagenet/vgg", "imagenette/alexnet"),
        ("bring", "post", "files"),
    ],
)
def test_a_bad_value_in_the_address_falls_back_with_a_note(open_page, key, value, instead):
    at = open_page(PAGE, **{key: value})
    assert not at.exception
    (note,) = [info.value for info in at.info]
    assert f"{key}={value}" in note
    assert f"`{instead}`" in note


def test_bad_files_are_refused_one_by_one_and_the_others_are_answered(open_page, photo_bytes):
    at = open_page(PAGE)
    upload(
        at,
        ("notes.jpg", b"these are not pixels"),
        ("empty.png", b""),
        ("cut.png", photo_bytes[: len(photo_bytes) // 2]),
        ("a *strange* [name] $x$ <b>.png", photo_bytes),
    )
    assert not at.exception
    reasons = " ".join(error.value for error in at.error)
    assert len(at.error) == 3
    assert "not an image" in reasons
    assert "0 bytes" in reasons.replace("\\", "")
    assert "cut short" in reasons
    assert list(cards(at)) == SHIPPED
    assert list(at.dataframe[0].value["photo"]) == ["a *strange* [name] $x$ <b>.png"]


def test_an_upload_stays_over_a_page_switch_and_can_be_forgotten(open_page, photo_bytes):
    at = open_page(PAGE)
    upload(at, ("mine.png", photo_bytes))
    at.switch_page("views/filters/page.py").run()
    at.switch_page(PAGE).run()
    assert list(at.dataframe[0].value["photo"]) == ["mine.png"]
    at.button(key="forget").click().run()
    assert not at.exception
    assert "mine.png" not in list(at.dataframe[0].value["photo"])


def test_uploads_are_bounded_and_the_oldest_leave_first(open_page, monkeypatch):
    from shared import photos

    monkeypatch.setattr(photos, "MAX_BYTES", 3 * 20 * 20 * 3)
    at = open_page(PAGE)
    files = []
    for level in range(5):
        out = io.BytesIO()
        Image.new("RGB", (20, 20), (40 * level, 0, 0)).save(out, "PNG")
        files.append((f"{level}.png", out.getvalue()))
    upload(at, *files)
    assert list(at.dataframe[0].value["photo"]) == ["2.png", "3.png", "4.png"]
    assert "oldest 2 photos" in at.warning[0].value


def test_a_folder_brings_its_photos_and_many_are_chosen_from_a_list(open_page):
    at = open_page(PAGE, bring="folder", schemes="xnor")
    files = []
    for level in range(20):
        out = io.BytesIO()
        Image.new("RGB", (20, 20), (12 * level, 0, 0)).save(out, "PNG")
        files.append((f"holiday/{level}.png", out.getvalue()))
    upload(at, *files)
    assert not at.exception
    assert list(at.dataframe[0].value["photo"]) == [name for name, _ in files]
    assert len(at.selectbox(key="photo").options) == 26
    assert at.query_params["bring"] == "folder"
    assert any("for each photo:" in caption.value for caption in at.caption)


def test_of_a_folder_with_many_bad_files_only_a_few_reasons_are_shown(open_page):
    at = upload(open_page(PAGE, bring="folder"), *((f"{i}.jpg", b"no pixels") for i in range(40)))
    assert not at.exception
    assert len(at.error) == 7
    assert "34 more files" in at.error[-1].value


def test_a_shot_of_the_camera_is_answered_like_any_photo(open_page, photo_bytes, monkeypatch):
    import streamlit as st

    class Shot(io.BytesIO):
        name = "camera_input.jpg"

    shots = [Shot(photo_bytes)]
    monkeypatch.setattr(st, "camera_input", lambda *_, **__: shots.pop() if shots else None)
    at = open_page(PAGE, bring="camera")
    assert not at.exception
    assert list(at.dataframe[0].value["photo"]) == ["camera_input.jpg"]
    assert list(cards(at)) == SHIPPED


def test_exif_rotation_and_cmyk_are_converted_and_said(open_page):
    out = io.BytesIO()
    picture = Image.new("CMYK", (60, 40), (0, 200, 200, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(out, "JPEG", exif=exif)
    at = upload(open_page(PAGE), ("phone.jpg", out.getvalue()))
    assert not at.exception
    captions = " ".join(caption.value for caption in at.caption)
    assert "CMYK" in captions
    assert "rotated" in captions


def test_without_a_scheme_the_page_says_what_to_do(open_page):
    at = open_page(PAGE)
    at.pills(key="schemes").set_value([]).run()
    assert not at.exception
    assert "Choose at least one scheme" in at.info[0].value


def test_a_missing_network_says_how_to_get_it_and_the_others_answer(pretrained_copy, open_page):
    (pretrained_copy / "imagenette" / "alexnet-bwn.safetensors").unlink()
    shown = cards(open_page(PAGE, photo="cat"))
    assert "not available" in shown["bwn"]
    assert "<code>git checkout -- pretrained</code>" in shown["bwn"]
    assert all("packed file" in card for scheme, card in shown.items() if scheme != "bwn")


def test_a_damaged_network_is_named_and_the_others_answer(pretrained_copy, open_page):
    file = pretrained_copy / "imagenette" / "alexnet-xnor.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    shown = cards(open_page(PAGE, photo="cat"))
    assert "sha256" in shown["xnor"]
    assert sum("packed file" in card for card in shown.values()) == len(SHIPPED) - 1


def test_without_any_network_every_card_gives_advice(pretrained_copy, open_page):
    (pretrained_copy / "manifest.json").write_text("{}")
    at = open_page(PAGE)
    assert not at.exception
    shown = cards(at)
    assert list(shown) == list(SCHEMES)
    for scheme, card in shown.items():
        assert f"<code>xnorlab zoo train --data DATA --only imagenette/alexnet-{scheme}</code>" in card


def test_the_chart_has_a_mark_for_every_scheme_on_show(open_page):
    at = open_page(PAGE, photo="cat", schemes="float,bnn")
    names = [trace["name"] for trace in chart_of(at)["data"] if trace.get("mode") == "markers"]
    assert names == [SCHEMES["float"].label, SCHEMES["bnn"].label]
    assert at.get("plotly_chart")[0].proto.alt


def test_the_csv_has_one_row_per_photo_and_defuses_formulas(app_modules):
    from shared import csv_file
    from shared.photos import Photo
    from views.classify import all_photos
    from views.classify.classifications import Classification

    from xnorlab.runtime import Prediction

    photo = Photo("own", "=1+1", np.zeros((1, 1, 3), np.uint8))
    answer = Classification((Prediction("church", 0.75, 1), Prediction("tench", 0.25, 0)))
    doubtful = Classification(answer.predictions, is_unknown=True)
    written = csv_file.encoded(all_photos.rows([photo], {"xnor": [answer]}))
    rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"))))
    assert rows == [["photo", "xnor label", "xnor probability"], ["'=1+1", "church", "0.7500"]]
    assert all_photos.rows([photo], {"xnor": [doubtful]})[0]["xnor unknown"] == "yes"


def test_networks_of_many_classes_show_the_likeliest_and_tell_how_many_they_know(second_data_set, open_page):
    at = open_page(PAGE, model=second_data_set)
    assert not at.exception
    shown = cards(at)
    assert list(shown) == ["float", "xnor"]
    assert all("right among 200 classes, at training" in card for card in shown.values())
    drawn = [trace for trace in chart_of(at)["data"] if trace.get("mode") == "markers"]
    assert [len(trace["y"]) for trace in drawn] == [12, 12]
    firsts = {re.findall(r"xl-answer'>(.*?)<", card)[0] for card in shown.values()}
    assert firsts <= set(drawn[0]["y"])
    best = np.max([array_of(trace["x"]) for trace in drawn], axis=0)
    assert list(best) == sorted(best, reverse=True)
    numbers = next(e for e in at.expander if e.label == "The numbers").dataframe[0].value
    assert len(numbers) == len(set(numbers["class"])) == 200
    assert [label for label in numbers["class"] if label in drawn[0]["y"]] == list(drawn[0]["y"])
    said = " ".join(caption.value for caption in at.caption)
    assert "12 of 200 classes" in said
    assert "know 200 things only" in said
    assert "64 × 64 pixels" in said


def test_every_data_set_is_offered_with_the_number_and_the_names_of_its_classes(second_data_set, open_page):
    at = open_page(PAGE)
    assert at.query_params["model"] == "imagenette/alexnet"
    assert at.selectbox(key="model").options == [
        "AlexNet on Imagenette: 10 things",
        "ResNet-18 on Tiny ImageNet: 200 things",
    ]
    popovers = [p.proto.popover.label for p in at.get("popover")]
    assert [label for label in popovers if "things" in label] == ["Imagenette: 10 things", "Tiny ImageNet: 200 things"]
    ten, many = (re.findall("<li>(.*?)</li>", part) for part in re.findall("<ul class='xl-names'.*?</ul>", html_of(at)))
    assert ten == sorted(pretrained.entry("imagenette/alexnet-float").labels, key=str.casefold)
    assert len(many) == 200


def test_a_csv_names_the_networks_with_their_data_set(second_data_set, open_page, monkeypatch):
    from shared import csv_file

    written = []
    monkeypatch.setattr(csv_file, "encoded", lambda rows: written.append(rows) or b"")
    open_page(PAGE, model=second_data_set)
    names = [column.removesuffix(" label") for column in written[-1][0] if column.endswith(" label")]
    assert names == ["tiny-imagenet/resnet18-float", "tiny-imagenet/resnet18-xnor"]


def test_a_folder_takes_along_whatever_ending_can_be_read(open_page):
    from xnorlab.images import SUFFIXES

    assert set(open_page(PAGE, bring="folder").file_uploader[0].proto.type) == SUFFIXES


def test_a_family_is_asked_under_what_is_shipped_of_it_and_counted(ship_resnet, open_page):
    for scheme in ("xnor", "reactnet", "binaryconnect-stochastic"):
        ship_resnet(scheme)
    at = open_page(PAGE, schemes="float,xnor")
    at.selectbox(key="model").set_value("imagenette/resnet18").run()
    assert not at.exception
    assert not at.info
    assert list(cards(at)) == ["xnor"]
    assert any("three networks" in m.value for m in at.markdown)
    assert at.query_params["schemes"] == "xnor"


def test_another_model_keeps_the_chosen_schemes_that_it_has_and_shows_all_where_all_were_chosen(ship_resnet, open_page):
    for scheme in ("float", "xnor", "reactnet"):
        ship_resnet(scheme)
    at = open_page(PAGE, schemes="bnn,xnor")
    at.selectbox(key="model").set_value("imagenette/resnet18").run()
    assert list(cards(at)) == ["xnor"]
    at.button_group(key="schemes").set_value(["float", "xnor", "reactnet"]).run()
    at.selectbox(key="model").set_value("imagenette/alexnet").run()
    assert not at.exception
    assert list(cards(at))[:5] == list(SCHEMES)
    at.button_group(key="schemes").set_value(["bnn"]).run()
    at.selectbox(key="model").set_value("imagenette/resnet18").run()
    assert list(cards(at)) == ["float", "xnor", "reactnet"]  # none of them was chosen


def test_an_address_that_asks_for_what_is_not_shipped_shows_the_rest_with_a_note(ship_resnet, open_page):
    ship_resnet("xnor")
    at = open_page(PAGE, model="imagenette/resnet18", schemes="float,xnor")
    assert not at.exception
    assert list(cards(at)) == ["xnor"]
    assert "schemes=float,xnor" in at.info[0].value
    assert any("one network: ResNet-18 on Imagenette" in m.value for m in at.markdown)


def test_a_network_that_was_refused_once_is_not_waited_for_again(pretrained_copy, open_page):
    from shared import cached

    (pretrained_copy / "imagenette" / "alexnet-bwn.safetensors").unlink()
    open_page(PAGE)
    assert cached.is_warm("imagenette/alexnet-bwn")


def test_what_binary_weights_do_for_the_time_follows_from_the_times(open_page, monkeypatch):
    from shared import network_times

    from xnorlab.benchmark import Timing

    seconds = {"imagenette/alexnet-float": 0.003, "imagenette/alexnet-bwn": 0.006}
    times = {n: network_times.NetworkTime(Timing(n, (s,) * 3, 1, s), "2026-11-26T10:00:00") for n, s in seconds.items()}
    monkeypatch.setattr(network_times, "known", lambda names: {name: times[name] for name in names if name in times})
    at = open_page(PAGE, photo="cat", schemes="float,bwn")
    (said,) = [m.value for m in at.markdown if "saves bytes rather than time" in m.value]
    assert "only 0.500×" in said


@pytest.mark.parametrize("selection", [{"rows": [3], "cells": []}, {"rows": [], "cells": [(3, "photo")]}])
def test_a_click_on_a_row_or_its_text_opens_its_photo(app_modules, monkeypatch, selection):
    import streamlit as st
    from views.classify import all_photos

    state = {"photo": "golf-ball", all_photos.TABLE: {"selection": selection}}
    monkeypatch.setattr(st, "session_state", state)
    all_photos._choose_photo(["golf-ball", "parachute", "pavilion", "cat"])
    assert state["photo"] == "cat"
    assert state[all_photos._ROWS_CHOSEN] == 1


def test_no_answer_is_cut_off_in_the_table_of_all_photos(open_page):
    at = open_page(PAGE, schemes="float,xnor")
    table = at.dataframe[0]
    columns = json.loads(table.proto.columns)
    for name in ("float", "XNOR"):
        longest = max(map(len, table.value[name]))
        assert columns[name]["width"] >= 6.2 * longest + 16, name


def test_the_kinds_of_networks_are_those_on_offer(open_page, second_data_set, ship_resnet):
    def intro() -> str:
        at = open_page(PAGE, model=second_data_set)
        assert not at.exception
        return next(m.value for m in at.markdown if m.value.startswith("One photo"))

    assert intro() == "One photo, two networks of the same shape: real weights, binary everything."
    for scheme in ("bwn", "reactnet"):
        ship_resnet(scheme, data="tiny-imagenet", labels=[f"thing {i}" for i in range(200)], stem="tiny")
    assert intro() == "One photo, four networks of the same shape: real weights, binary weights, binary everything."


def test_every_kind_is_known_to_be_one(app_modules):
    from shared.networks import KINDS

    from xnorlab.nn import SCHEMES as ALL

    real_inputs = {name for name in (*SCHEMES, *VARIANTS) if ALL[name].inputs is None}
    assert set(KINDS) == real_inputs
