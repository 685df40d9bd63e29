"""The generated reference pages are what their sources give."""

import pytest

from tools.documentation.commands_page import commands_page
from tools.documentation.stanza_page import stanza_page
from tools.paths import ROOT

PAGES = {"commands": commands_page, "stanza": stanza_page}


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name):
    written = (ROOT / "docs" / "reference" / f"{name}.md").read_text()
    assert written == PAGES[name](), "run `make docs`"


def test_every_key_of_the_stanza_has_a_meaning():
    rows = [line for line in stanza_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    assert [row for row in rows if row.split("|")[4].strip() == ""] == []


def test_every_variable_of_a_command_has_a_meaning():
    rows = [line for line in commands_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert [row for row in rows if row.split("|")[3].strip() == ""] == []
