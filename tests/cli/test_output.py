"""Tables keep their lines, whatever characters names from outside hold; notes are printed once."""

import logging

import pytest

from xnorlab.cli.output import markdown_table, notes_on_stderr, print_table


def test_a_table_has_a_line_a_row(capsys: pytest.CaptureFixture[str]):
    print_table("a\ntitle", ["x\n"], [["one\ntwo"], ["\x1b[2Jthree"]], footer=["\ttotal"])
    out = capsys.readouterr().out
    assert [line.strip() for line in out.splitlines() if line.strip(" ─")] == [
        "a\\ntitle",
        "x\\n",
        "one\\ntwo",
        "\\x1b[2Jthree",
        "\\ttotal",
    ]


def test_a_markdown_table_has_its_columns():
    assert markdown_table(["name", "top-1 %"], [["a|b\nc", "91.2 ± 0.5"]]).splitlines() == [
        "| name | top-1 % |",
        "| --- | --- |",
        r"| a\|b\\nc | 91.2 ± 0.5 |",
    ]


def test_what_the_library_logs_is_printed_once_and_only_within_a_command(capsys: pytest.CaptureFixture[str]):
    log = logging.getLogger("xnorlab.training.cache")
    with notes_on_stderr():
        for line in ("left out:\nbee.png", "left out:\nbee.png", "ant.png"):
            log.warning(line)
        log.info("a detail")
    assert capsys.readouterr().err.splitlines() == ["xnorlab: left out:\\nbee.png", "xnorlab: ant.png"]
