"""Text from outside is escaped for terminals and for Markdown."""

import pytest

from xnorlab.printable import in_markdown, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("golf ball, café, 猫", "golf ball, café, 猫"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("\udcff", "\\udcff"),
        ("left\u202eright\u2028", "left\\u202eright\\u2028"),
        (12, "12"),
    ],
)
def test_any_text_becomes_one_printable_line(text: object, shown: str):
    assert one_line(text) == shown
    assert one_line(text).isprintable()


def test_markdown_shows_names_letter_for_letter():
    assert in_markdown("a|b*c_d`e[f]<g>&amp;~h\n") == r"a\|b\*c\_d\`e\[f\]\<g\>\&amp;\~h\\n"
    assert in_markdown("imagenette/resnet18-float (1.5 %)") == "imagenette/resnet18-float (1.5 %)"
