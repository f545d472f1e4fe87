"""The paper's claims: one card each, by their verdicts, with what they were measured on."""

import html

import pytest
from page_reading import html_of

from xnorlab import verdicts

PAGE = "views/claims/page.py"


def test_every_claim_has_a_card_with_its_evidence(open_page):
    at = open_page(PAGE)
    assert not at.exception
    shown = html_of(at)
    loaded = verdicts.load()
    assert shown.count("<article class='xl-claim'>") == len(loaded)
    for verdict in loaded:
        assert f"</span> {verdict.verdict}</p>" in shown
        assert all(html.escape(network) in shown for network in verdict.based_on)


@pytest.mark.parametrize("ruling", verdicts.RULINGS[:3])
def test_a_verdict_in_the_address_shows_its_claims_alone(open_page, ruling):
    count = sum(verdict.verdict == ruling for verdict in verdicts.load())
    at = open_page(PAGE, verdict=ruling.replace(" ", "-"))
    assert html_of(at).count("<article class='xl-claim'>") == count > 0
    offered = next(group for group in at.get("button_group") if group.key == "verdict").options
    assert any(option.startswith(f"{count} ") and option.endswith(ruling) for option in offered)


def test_without_verdicts_the_page_says_so(open_page, pretrained_copy):
    (pretrained_copy / "verdicts.json").unlink()
    at = open_page(PAGE)
    assert not at.exception
    assert "No verdicts file yet" in at.info[0].value
