"""The generated reference pages are what their sources give."""

import pytest

from tools.commands.docs import pages
from tools.environment.hcl import read_hcl
from tools.paths import ENVIRONMENTS, ROOT

PAGES = pages()


def rows(name):
    return [
        [cell.strip() for cell in line.split("|")]
        for line in PAGES[name].splitlines()
        if line.startswith("| `")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name):
    content = (ROOT / "docs" / f"{name}.md").read_text()
    assert content == PAGES[name], "run `make docs`"


def test_every_key_of_the_stanza_has_a_meaning():
    assert len(rows("reference/stanza")) > 30
    assert [row for row in rows("reference/stanza") if row[4] == ""] == []


def test_every_variable_of_a_command_has_a_meaning():
    assert len(rows("reference/commands")) > 50
    assert [row for row in rows("reference/commands") if row[-2] == ""] == []


def keys_of(value):
    for name, item in value.items() if isinstance(value, dict) else ():
        yield name
        yield from keys_of(item)


def test_the_example_environment_uses_every_key():
    prod = read_hcl(ENVIRONMENTS / "prod" / "terraform.tfvars")
    keys = {row[1].strip("`").rpartition(".")[2] for row in rows("reference/stanza")}
    assert keys - set(keys_of(prod)) == set()
