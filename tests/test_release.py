"""One version in pyproject.toml, in the files that repeat it, and in the changelog."""

import re

import pytest

import tenant_bedrock
from tools.paths import ROOT
from tools.release import release_version, version_files

# A version, and the date of its release or "Unreleased": https://keepachangelog.com/en/1.1.0/
HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d|Unreleased)$", re.MULTILINE)


def test_the_version_is_a_semantic_version():
    assert re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", release_version())


@pytest.mark.parametrize("file", version_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_that_repeats_the_version_is_up_to_date(file):
    assert file.read_text() == version_files()[file], "run `make docs`"


def test_every_module_and_the_package_repeat_the_version():
    folders = {file.parent.relative_to(ROOT).parts[:2] for file in version_files()}
    modules = {("modules", file.parent.name) for file in ROOT.glob("modules/*/README.md")}
    assert folders == modules | {("lambda", "tenant_bedrock")}


def test_the_package_has_the_version():
    assert tenant_bedrock.__version__ == release_version()


def test_the_changelog_begins_with_the_version_and_only_it_can_be_unreleased():
    releases = HEADING.findall((ROOT / "CHANGELOG.md").read_text())
    assert releases[0][0] == release_version()
    numbers = [tuple(int(part) for part in version.split(".")) for version, _ in releases]
    assert numbers == sorted(set(numbers), reverse=True)
    assert "Unreleased" not in [date for _, date in releases[1:]]


def test_every_release_after_the_first_has_upgrade_notes():
    sections = (ROOT / "CHANGELOG.md").read_text().split("\n## [")[1:]
    assert [text[:5] for text in sections[:-1] if "\n### Upgrade notes\n\n" not in text] == []
