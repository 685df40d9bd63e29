"""One version in pyproject.toml and in the files that repeat it."""

import re

import pytest

import tenant_bedrock
from tools.paths import ROOT
from tools.release import release_version, version_files


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
