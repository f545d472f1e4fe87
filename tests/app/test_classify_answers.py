"""What Classify says of its answers: doubt, labels of one's own, crops, archives, times that nobody waits for."""

import io
import re
import zipfile

import numpy as np
import pytest
from page_reading import html_of
from PIL import Image

from xnorlab import pretrained
from xnorlab.benchmark import Timing
from xnorlab.images import Preprocessing
from xnorlab.runtime import Network, Prediction, UnknownRule

PAGE = "views/classify/page.py"
KNOWN = pretrained.entry("imagenette/alexnet-float").labels


def classification(label: str, is_unknown: bool | None = None, classes: int = 10):
    from views.classify.classifications import Classification

    rest = [Prediction(f"class {i}", 0.0, i) for i in range(1, classes)]
    return Classification((Prediction(label, 1.0, 0), *rest), is_unknown)


def png(level: int, size: tuple[int, int] = (30, 20)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (level, 90, 200 - level)).save(out, "PNG")
    return out.getvalue()


def upload(at, *files):
    at.file_uploader[0].set_value([(name, content, "application/octet-stream") for name, content in files])
    return at.run()


def verdict(at) -> str:
    return re.findall("xl-verdict[^>]*>(.*?)</div>", html_of(at))[-1]


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ([("tench", False)] * 3, "All 3 agree: tench"),
        ([("tench", None)], "tench"),
        ([("tench", False), ("tench", False), ("tench", True)], "All 3 agree: tench (1 of them in doubt)"),
        ([("tench", False), ("church", False)], "They disagree: 1 × tench, 1 × church"),
        ([("French horn", True)], "None of my ten, perhaps: it does not know it. Nearest: French horn"),
        (
            [("French horn", True), ("church", True), ("French horn", False)],
            "None of my ten, perhaps: 2 of 3 networks do not know it. Nearest: French horn, church",
        ),
    ],
)
def test_the_headline_says_when_the_networks_do_not_know(answers: list, text: str, app_modules):
    from views.classify.answer_cards import headline

    assert headline([classification(*answer) for answer in answers]) == text
    many = [classification("goldfish", True, classes=200)]
    assert headline(many).startswith("None of my 200, perhaps")


def test_a_network_that_refuses_says_so_on_its_card_and_in_the_headline(open_page, monkeypatch):
    opened = Network.open.__func__

    def refusing(cls, path):
        network = opened(cls, path)
        network.unknown = UnknownRule("logit", 1.0, 1e6 if "xnor" in str(path) else -1e6)
        return network

    monkeypatch.setattr(Network, "open", classmethod(refusing))
    from views.classify import classifications

    classifications._of_sample.cache_clear()
    at = open_page(PAGE, photo="golf-ball", schemes="float,xnor")
    assert not at.exception
    cards = dict(re.findall(r"data-scheme='([\w-]+)'>(.*?)</article>", html_of(at), re.S))
    assert "perhaps none of mine" in cards["xnor"]
    assert "perhaps none of mine" not in cards["float"]
    assert verdict(at).startswith("None of my ten, perhaps: 1 of 2 networks")
    classifications._of_sample.cache_clear()


def test_the_classes_stand_at_the_upload_box(open_page):
    said = [caption.value for caption in open_page(PAGE).caption]
    assert any("They know 10 things: tench, English springer" in text for text in said)


def test_times_of_this_process_stand_on_the_cards_when_they_are_there(open_page, monkeypatch):
    from shared import network_times
    from shared.network_times import NetworkTime

    timed = {
        pretrained.entry(f"imagenette/alexnet-{scheme}").sha256: NetworkTime(
            Timing(scheme, (0.002, 0.0021, 0.0022), 1, 0.1), "2026-11-26T10:20:30Z"
        )
        for scheme in ("float", "xnor")
    }
    monkeypatch.setattr(network_times, "_times", timed)
    at = open_page(PAGE, schemes="float,xnor")
    assert "2.10 ms</b> <span class='xl-dim'>measured here; the middle half of the runs spans" in html_of(at)
    assert any("the last at 10" in caption.value for caption in at.caption)


@pytest.mark.parametrize(
    ("height", "width", "parts"),
    [
        (300, 400, ["exactly what the networks saw"]),
        (300, 3000, ["Only the middle 7.9 % of the photo is in it; the rest was cropped away"]),
        (20, 20, ["The photo of 20 × 20 pixels was enlarged 7.2 times, which adds no detail"]),
    ],
)
def test_panoramas_and_tiny_pictures_say_what_was_done_to_them(height, width, parts, app_modules):
    from views.classify import what_was_seen

    text = what_was_seen.caption(height, width, Preprocessing())
    assert all(part in text for part in parts)
    assert ("cropped" in text, "enlarged" in text) == (width == 3000, width == 20)


def test_the_share_that_is_said_is_the_share_that_is_seen(app_modules):
    from views.classify import what_was_seen

    white = np.full((144, 600, 3), 255, np.uint8)
    assert what_was_seen.seen_share(144, 600, Preprocessing()) == pytest.approx(128 * 128 / (144 * 600))
    assert Preprocessing().crop_image(white).shape == (128, 128, 3)


def test_after_a_refused_upload_the_old_answer_is_told_from_a_new_one(open_page):
    at = open_page(PAGE, photo="cat", schemes="xnor")
    upload(at, ("notes.jpg", b"no pixels"))
    assert [w.value for w in at.warning] == [
        "Nothing of what you brought could be used; these are still the answers to “Cat”."
    ]
    at.pills(key="photo").set_value("rocket").run()
    assert not at.warning


def test_labels_come_from_folders_and_are_changed_by_hand(open_page):
    at = open_page(PAGE, bring="folder", schemes="float,xnor")
    upload(at, ("mine/French_Horn/1.png", png(10)), ("mine/none/2.png", png(20)), ("mine/holiday/3.png", png(30)))
    assert not at.exception
    assert any(s.value == "How often they are right" for s in at.subheader)
    table = next(t.value for t in at.table if "network" in t.value)
    assert [text.partition(",")[0].split(" of ")[1] for text in table["named rightly"]] == ["1", "1"]
    assert at.selectbox(key="this-is").value == "not said yet", "the last photo's folder is no class"
    at.selectbox(key="this-is").set_value("church").run()
    table = next(t.value for t in at.table if "network" in t.value)
    assert [text.partition(",")[0].split(" of ")[1] for text in table["named rightly"]] == ["2", "2"]
    assert at.query_params["confusion"] == "float"
    rows = next(d.value for d in at.dataframe if "this is a …" in d.value)["this is a …"]
    assert list(rows) == ["church", "French horn", "none of these"]


def test_a_score_counts_what_is_right_and_what_is_refused(app_modules):
    from views.classify.labelled import Score, confusion, score
    from views.classify.labels import NONE

    labels = ["tench", "tench", "church", NONE, NONE]
    answers = [("tench", False), ("church", False), ("church", True), ("tench", True), ("tench", False)]
    given = [classification(*answer) for answer in answers]
    assert score(labels, given) == Score(own=3, right=2, own_refused=1, foreign=2, foreign_refused=1)
    assert score(labels[:1], [classification("tench")]) == Score(1, 1, None, 0, None)
    assert confusion(labels, given) == {
        "this is a …": ["church", "tench", NONE],
        "→ church": [0, 1, 0],
        "→ tench": [0, 1, 1],
        "→ refused": [1, 0, 1],
    }


def test_an_archive_brings_its_photos_and_their_folders(open_page):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("church/a.png", png(1))
        archive.writestr("__MACOSX/church/._a.png", b"fork")
        archive.writestr("church/b.jpg", b"no pixels")
        archive.writestr("readme.txt", b"text")
    at = upload(open_page(PAGE, schemes="xnor"), ("mine.zip", file.getvalue()))
    assert not at.exception
    assert list(at.dataframe[0].value["photo"]) == ["church/a.png"]
    assert at.selectbox(key="this-is").value == "church"
    assert len(at.error) == 1
    assert "church/b" in at.error[0].value


def test_an_archive_is_held_to_its_limits(app_modules, monkeypatch):
    from shared import photo_files

    from xnorlab.images import ImageError

    def brought(members: dict[str, bytes], name: str = "mine.zip") -> list:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        file.name = name
        file.seek(0)
        return list(photo_files.each(file))

    monkeypatch.setattr(photo_files, "_MOST_BYTES", 10_000)
    monkeypatch.setattr(photo_files, "MOST_IN_ARCHIVE", 2)
    (bomb,) = brought({"a.png": bytes(10**7)})
    assert "a.png in mine.zip is larger than the 9.77 KiB allowed." in str(bomb[1])
    many = brought({f"{i}.png": b"x" for i in range(5)})
    assert [name for name, _ in many] == ["0.png", "1.png", "mine.zip"]
    assert "holds 5 photos; the last 3 of them were not read" in str(many[-1][1])
    ((_, nothing),) = brought({"readme.txt": b"text"})
    assert "without a photo" in str(nothing)
    broken = io.BytesIO(b"PK\3\4 no archive")
    broken.name = "broken.zip"
    ((name, content),) = photo_files.each(broken)
    assert (name, content) == ("broken.zip", b"PK\3\4 no archive"), "reading it as a picture says what is wrong"
    assert not isinstance(content, ImageError)
