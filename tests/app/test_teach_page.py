"""Teach it: photos become classes within limits, networks learn them, and the page says what a bit cost on them."""

import io
import zipfile

import numpy as np
import pytest
from page_reading import chart_of, html_of
from PIL import Image

from xnorlab.runtime import Network

PAGE = "views/teach/page.py"
FAST = {"features_of": "imagenette/resnet18", "compared": "float,xnor"}
COLOURS = {"brick": (200, 60, 40), "leaf": (60, 170, 60)}


def coloured(label: str, count: int, seed: int = 0) -> list[tuple[str, bytes]]:
    rng = np.random.default_rng(seed)
    files = []
    for i in range(count):
        out = io.BytesIO()
        pixels = np.clip(rng.normal(COLOURS[label], 40, (90, 110, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(out, "PNG")
        files.append((f"{i}.png", out.getvalue()))
    return files


def upload(at, number: int, files):
    at.file_uploader[number].set_value([(name, content, "image/png") for name, content in files])
    return at.run()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def captions(at) -> str:
    return " ".join(caption.value for caption in at.caption)


@pytest.fixture
def two_classes(open_page):
    """The page with a class of six and one of five photos."""
    at = open_page(PAGE, **FAST)
    for number, (label, count) in enumerate({"brick": 6, "leaf": 5}.items()):
        at.text_input(key=f"class-name-{number}").set_value(label).run()
        upload(at, number, coloured(label, count))
    return at


def test_the_empty_page_invites_and_teaches_nothing(open_page):
    at = open_page(PAGE)
    assert not at.exception
    assert at.button(key="teach").disabled
    assert "Give at least 2 classes a name and 3 photos each" in captions(at)
    assert len(at.file_uploader) == 2
    assert at.query_params["lesson"] == "own"


def test_two_classes_are_taught_under_each_scheme_and_their_file_runs(two_classes, monkeypatch):
    import streamlit as st

    files: list[bytes] = []
    monkeypatch.setattr(st, "download_button", lambda label, data, *rest, **options: files.append(data))
    at = two_classes
    assert not at.button(key="teach").disabled
    assert "11 photos, 2 networks" in captions(at)
    at.button(key="teach").click().run()
    assert not at.exception
    shown = html_of(at)
    assert shown.count("photos right when they were left out") == 2
    assert "of 11" in shown
    assert "Chance is 50 %" in captions(at)
    assert any("What a bit costs on these classes" in m.value and "XNOR-Net: " in m.value for m in at.markdown)
    counts = [annotation["text"] for annotation in chart_of(at)["layout"]["annotations"]]
    assert sum(map(int, counts)) == 11
    assert "runtime.Network.open('taught-xnor.safetensors')" in at.code[0].value
    network = Network.from_bytes(files[-1])
    assert network.labels == ("brick", "leaf")
    ((_, content),) = coloured("leaf", 1, seed=9)
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    assert network.predict([pixels])[0][0].label == "leaf"
    assert at.query_params["closer"] == "xnor"
    at.pills(key="closer").set_value("float").run()
    assert "taught-float.safetensors" in at.code[0].value


def test_what_was_taught_is_told_from_what_is_chosen_now_and_stays_over_a_page_switch(two_classes):
    at = two_classes
    at.button(key="teach").click().run()
    assert not [info for info in at.info if "teach again" in info.value]
    at.text_input(key="class-name-1").set_value("hedge").run()
    assert [info for info in at.info if "teach again" in info.value]
    at.switch_page("views/method/page.py").run()
    at.switch_page(PAGE).run()
    assert not at.exception
    assert at.text_input(key="class-name-1").value == "hedge"
    assert "photos right when they were left out" in html_of(at)
    at.button(key="forget-classes").click().run()
    assert at.button(key="teach").disabled


@pytest.mark.parametrize(
    ("names", "counts", "sentence"),
    [
        (("brick", "leaf"), (3, 2), "leaf has 2 photos; the least is 3"),
        (("brick", ""), (3, 3), "A class with 3 photos has no name yet"),
        (("Brick", "brick"), (3, 3), "Two classes are called brick"),
        (("brick", "leaf"), (3, 0), "Give at least 2 classes"),
    ],
)
def test_the_page_says_what_is_missing_and_teaches_only_then(open_page, names, counts, sentence):
    at = open_page(PAGE)
    for number, (name, count) in enumerate(zip(names, counts, strict=True)):
        at.text_input(key=f"class-name-{number}").set_value(name).run()
        if count:
            upload(at, number, coloured(list(COLOURS)[number], count))
    assert not at.exception
    assert at.button(key="teach").disabled
    assert sentence in captions(at).replace("\\", "")


def test_a_photo_in_two_classes_is_named_instead_of_learnt(two_classes):
    at = upload(two_classes, 1, coloured("brick", 1))
    at.button(key="teach").click().run()
    assert not at.exception
    assert "a photo shows one class" in at.error[0].value.replace("\\", "")


def test_files_that_cannot_be_read_and_too_many_are_named(open_page, monkeypatch):
    from views.teach import class_photos

    monkeypatch.setattr(class_photos, "MOST_PHOTOS", 4)
    at = open_page(PAGE)
    upload(at, 0, [("notes.jpg", b"no pixels"), *coloured("brick", 5)])
    reasons = " ".join(error.value for error in at.error).replace("\\", "")
    assert "notes.jpg is not an image" in reasons
    assert "4.png was left out: the class has 4 photos already, the limit" in reasons
    assert "4 photos" in html_of(at)


def test_classes_are_added_and_removed_up_to_the_limit(open_page):
    at = open_page(PAGE)
    assert not [button for button in at.button if button.label.startswith("Remove")]
    for _ in range(8):
        at.button(key="add-class").click().run()
    assert len(at.text_input) == 10
    assert at.button(key="add-class").disabled
    at.button(key="remove-class-3").click().run()
    assert len(at.text_input) == 9


@pytest.mark.parametrize("source", ["folder", "zip"])
def test_a_folder_and_a_zip_bring_classes_with_their_names(open_page, source):
    files = {f"mine/{label}/{name}": data for label in COLOURS for name, data in coloured(label, 3)}
    at = open_page(PAGE, collect=source)
    if source == "zip":
        (file,) = at.file_uploader
        file.set_value([("mine.zip", zipped({**files, "mine/.DS_Store": b"-", "mine/x.png": b"-"}), "application/zip")])
        at.run()
        assert "mine/x.png lies in no folder" in at.error[0].value.replace("\\", "")
    else:
        upload(at, 0, list(files.items()))
    assert not at.exception
    assert [field.value for field in at.text_input] == ["brick", "leaf"]
    assert not at.button(key="teach").disabled


def test_a_shot_of_the_camera_goes_to_the_chosen_class(open_page, photo_bytes, monkeypatch):
    import streamlit as st

    shots = [io.BytesIO(photo_bytes)]
    monkeypatch.setattr(st, "camera_input", lambda *_, **__: shots.pop() if shots else None)
    at = open_page(PAGE, collect="camera")
    assert not at.exception
    assert "1 photo" in html_of(at)
    assert at.selectbox(key="camera-class").options == ["class 1", "class 2"]


def test_a_shot_is_answered_by_every_taught_network(two_classes, monkeypatch):
    import streamlit as st

    ((_, content),) = coloured("brick", 1, seed=7)
    monkeypatch.setattr(st, "camera_input", lambda *_, **__: io.BytesIO(content))
    at = two_classes
    at.button(key="teach").click().run()
    at.toggle(key="live_camera").set_value(True).run()
    assert not at.exception
    assert html_of(at).count("<div class='xl-answer'>brick</div>") == 2


def test_the_samples_are_an_easy_lesson_that_is_called_so(open_page):
    at = open_page(PAGE, lesson="samples", compared="xnor", features_of="imagenette/resnet18")
    assert "an easy lesson" in captions(at)
    at.button(key="teach").click().run()
    assert not at.exception
    assert "of 48" in html_of(at)
    assert "Chance is 17 %" in captions(at)


def test_a_network_that_is_missing_is_named_and_the_others_learn(pretrained_copy, open_page):
    (pretrained_copy / "imagenette" / "resnet18-float.safetensors").unlink()
    at = open_page(PAGE, lesson="samples", **FAST)
    at.button(key="teach").click().run()
    assert not at.exception
    assert "is missing" in at.warning[0].value
    assert html_of(at).count("photos right when they were left out") == 1


def test_hostile_zips_are_refused_within_limits(app_modules, monkeypatch):
    from views.teach import archives

    named, sentences = archives.from_zip(io.BytesIO(b"PK\x03\x04 no zip"), "odd.zip")
    assert not named
    assert "odd.zip is not a zip that can be opened" in sentences[0]
    monkeypatch.setattr(archives, "MOST_BYTES_OF_A_PHOTO", 1000)
    named, sentences = archives.from_zip(io.BytesIO(zipped({"a/1.png": bytes(50_000)})), "bomb.zip")
    assert not named
    assert sentences == ["a/1.png and what follows is over the limit of 1000 B."]
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    named, sentences = archives.from_zip(io.BytesIO(zipped({f"a/{i}.png": b"-" for i in range(3)})), "many.zip")
    assert sentences == ["many.zip holds 3 files, more than the 2 allowed."]
    assert archives.from_zip(io.BytesIO(zipped({"notes.txt": b"-"})), "no.zip") == ([], ["no.zip holds no photo."])
    damaged = bytearray(zipped({"a/1.png": bytes(range(200))}))
    damaged[40:60] = bytes(20)
    named, sentences = archives.from_zip(io.BytesIO(bytes(damaged)), "cut.zip")
    assert not named
    assert "a/1.png cannot be unpacked" in sentences[0]


@pytest.mark.parametrize(
    ("paths", "classes"),
    [
        (["pets/cat/1.jpg", "pets/dog/deep/2.jpg"], ["cat", "dog"]),
        (["cat/1.jpg", "dog/2.jpg"], ["cat", "dog"]),
        (["holiday/1.jpg", "holiday/2.jpg"], ["holiday", "holiday"]),
        (["a/b/cat/1.jpg", "a/b/dog/1.jpg"], ["cat", "dog"]),
        (["windows\\cat\\1.jpg", "windows\\dog\\1.jpg"], ["cat", "dog"]),
        (["../../cat/1.jpg", "../../dog/1.jpg"], ["cat", "dog"]),
    ],
)
def test_a_class_is_the_outermost_folder_that_not_all_photos_lie_in(app_modules, paths, classes):
    from views.teach import archives

    named, sentences = archives.by_folder([(path, b"") for path in paths])
    assert [label for label, _, _ in named] == classes
    assert not sentences


def test_the_best_family_is_shipped_under_most_schemes_and_then_knows_most_classes(ship_resnet, open_page):
    from shared import networks

    for scheme in ("float", "xnor", "reactnet"):
        ship_resnet(scheme, data="tiny-imagenet", labels=[f"thing {i}" for i in range(200)], stem="tiny")
    assert networks.best_family(("float", "xnor", "reactnet")) == "tiny-imagenet/resnet18"
    assert networks.best_family(("bwn",)) == "imagenette/alexnet"
