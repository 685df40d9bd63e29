"""Each threat is covered by what exists: a test, a proved property, or a page, also one that says what remains."""

import re

import pytest

from tests.docs.pages import ROOT, links

PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| threat ")
]
_TEST = re.compile(r"\[(test_\w+)\]\(\.\./\.\./(tests/[\w/]+\.py)\)")


def missing_tests(text):
    """The tests that a text links to and that are not in their files."""
    return [
        name
        for name, file in _TEST.findall(text)
        if not re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]


def test_every_covering_test_exists():
    assert len(_TEST.findall(PAGE.read_text())) > 30
    assert missing_tests(PAGE.read_text()) == []


def test_a_test_that_does_not_exist_is_found():
    name = "test_another_owner_than_the_expected_one_is_refused"
    row = f"[{name}](../../tests/tools/localaws/test_authorization.py)"
    assert missing_tests(row) == []
    assert missing_tests(row.replace("expected", "wrong")) == [name.replace("expected", "wrong")]


def test_every_link_to_a_test_names_it():
    tests = [target for target in links(PAGE) if "/tests/" in target]
    assert len(tests) == len(_TEST.findall(PAGE.read_text()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_threat_is_covered(row):
    threat, cover = row
    assert threat.endswith(".")
    assert "](" in cover


def test_all_six_kinds_of_stride_have_threats():
    assert re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE) == [
        "Spoofing",
        "Tampering",
        "Repudiation",
        "Information disclosure",
        "Denial of service",
        "Elevation of privilege",
    ]
    assert len(ROWS) > 30
