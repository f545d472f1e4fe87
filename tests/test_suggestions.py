"""Error texts suggest the nearest known word."""

from xnorlab.suggestions import nearest, unknown


def test_a_refusal_lists_the_known_words_and_names_the_nearest():
    assert unknown("scheme", "xnr", ["float", "xnor"]) == (
        "scheme='xnr' is not one of float, xnor; did you mean 'xnor'?"
    )


def test_nothing_is_guessed_where_no_word_is_near():
    assert unknown("scheme", "photo.jpg", ["float", "xnor"]) == "scheme='photo.jpg' is not one of float, xnor"
    assert nearest(3, ["float"]) == ""
