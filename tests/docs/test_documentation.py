"""The documentation: its links resolve, its blocks belong to a group, and what can be checked is."""

import ast
import json
import re

import pytest

import tenant_bedrock
from tests.docs.pages import ROOT, all_pages, anchors, blocks, blocks_of, guide_pages, links
from tools.acceptance.catalogue import all_checks
from tools.bench.functions import ZIP_MEGABYTES

GROUPS = {
    ("policy", "access"): "json",
    ("run", "aws"): "sh",
    ("run", "local"): "sh",
    ("prices", "example"): "hcl",
    ("policy", "content"): "json",
    ("policy", "delegation"): "json",
    ("policy", "one-tenant"): "json",
    ("policy", "principals"): "json",
    ("policy", "regions"): "json",
    ("policy", "roles"): "json",
    ("policy", "verify"): "json",
    ("plan", "environment"): "hcl",
    ("plan", "stanza"): "hcl",
    ("plan", "tenant-file"): "hcl",
    ("plan", "workload"): "hcl",
}
UNMARKED_LANGUAGES = {"console", "json", "python", "text"}
README_LINES = 150

# Targets that no reader of the documentation needs.
INTERNAL_TARGETS = {"help"}

BLOCKS = [block for page in guide_pages() for block in blocks_of(page)]


def name_of(page):
    return str(page.relative_to(ROOT))


def broken_links(page):
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: {file.name} has no such heading"


@pytest.mark.parametrize("page", all_pages(), ids=name_of)
def test_every_relative_link_and_anchor_resolves(page):
    assert list(broken_links(page)) == []


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n[a](gone.md) [b](#one) [c](#two) `[d](code.md)` [e](https://e.example)\n"
    )
    assert [problem.partition(":")[0] for problem in broken_links(page)] == ["gone.md", "#two"]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_marked_block_belongs_to_a_known_group_and_every_other_is_shown_only(block):
    if block.action is None:
        assert block.language in UNMARKED_LANGUAGES
    else:
        assert GROUPS[block.action, block.group] == block.language


def test_no_mark_stands_apart_from_a_block():
    for page in guide_pages():
        marks = re.findall(r"<!-- (?:run|plan|policy|prices): ", page.read_text())
        assert len(marks) == sum(block.action is not None for block in blocks_of(page)), page


@pytest.mark.parametrize("group", GROUPS, ids=" ".join)
def test_every_group_has_blocks(group):
    assert blocks(*group)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "json"], ids=str)
def test_json_blocks_parse(block):
    assert json.loads(block.text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=str)
def test_python_blocks_compile_and_import_what_the_package_offers(block):
    imports = [node for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.ImportFrom)]
    names = {
        alias.name for node in imports if node.module == "tenant_bedrock" for alias in node.names
    }
    assert names
    assert all(hasattr(tenant_bedrock, name) for name in names)


def test_readme_is_one_page():
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_the_performance_page_states_the_goal_for_the_zip():
    page = (ROOT / "docs" / "explanation" / "performance.md").read_text()
    assert f"the zip has at most {ZIP_MEGABYTES} MB" in page


def test_every_make_command_is_in_the_makefile_and_every_target_is_documented():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    pages = [*guide_pages(), ROOT / "CONTRIBUTING.md"]
    text = "\n".join(page.read_text() for page in pages)
    mentions = set(re.findall(r"(?:^\s*|`|&& |\| |\$ )make ([a-z]+)\b", text, re.MULTILINE))
    assert mentions <= targets
    assert targets - mentions == INTERNAL_TARGETS


def test_every_fact_that_only_aws_can_tell_is_listed_by_name_with_what_is_relied_on():
    page = (ROOT / "docs" / "explanation" / "what-only-aws-can-tell.md").read_text()
    rows = re.findall(r"^\| (?!fact \|)([^|-][^|]*?) \| (.*) \|$", page, re.MULTILINE)
    checks = all_checks()
    assert rows == [(check.name, check.expected) for check in checks if check.only_aws]
    assert 30 < len(rows) < len(checks)
