"""Everything that the modules and roots write exists in version 6 of the aws provider, by its schema.

The provider itself is not at hand here. HashiCorp published its schema of 6.25.0 as a Python package whose classes
have an argument for each argument and each block.
"""

import ast
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hcl2
import pytest

from tests.terraform import ENVIRONMENTS, MODULES
from tools.paths import WORK

REQUIREMENT = Path(__file__).with_name("provider_6.txt")
FOLDER = WORK / "provider-6"
# What Terraform itself reads in every resource:
# https://developer.hashicorp.com/terraform/language/meta-arguments
META_ARGUMENTS = {"count", "depends_on", "for_each", "lifecycle", "provider"}
FILES = sorted(
    path
    for folder in (MODULES, ENVIRONMENTS / "operations", ENVIRONMENTS / "customer")
    for path in folder.rglob("*.tf")
    if ".terraform" not in path.parts
)


@dataclass(frozen=True)
class Schema:
    """What a block takes: its arguments, those it needs, and the schemas of the blocks in it."""

    arguments: frozenset
    required: frozenset
    blocks: dict

    def problems(self, body, where):
        """Yield what a block as hcl2 reads it has and the schema has not, and the other way round."""
        written = {}
        for name, value in body.items():
            if name == "dynamic":
                for block in value:
                    written |= {
                        key.strip('"'): content["content"] for key, content in block.items()
                    }
            elif not name.startswith("__") and name not in META_ARGUMENTS:
                written[name] = value
        for name, value in written.items():
            if name not in self.arguments:
                yield f"{where} has no {name}"
                continue
            for block in value if isinstance(value, list) else ():
                if isinstance(block, dict) and "__is_block__" in block:
                    yield from self.blocks[name].problems(block, f"{where}.{name}")
        yield from (f"{where} needs {name}" for name in sorted(self.required - written.keys()))


class Provider:
    """The schemas in the package."""

    def __init__(self, wheel):
        self._files = zipfile.ZipFile(wheel)

    def schema(self, kind, type_):
        """The schema of a resource, a data source, or the provider itself."""
        prefix = "data_aws_" if kind == "data" else ""
        module = "provider" if kind == "provider" else prefix + type_.removeprefix("aws_")
        name = "awsprovider" if kind == "provider" else module.replace("_", "")
        classes = self._classes(module)
        return schema_of(next(each for each in classes if each.lower() == name), classes)

    @cache  # noqa: B019 - one instance for the tests
    def _classes(self, module):
        text = self._files.read(f"cdktf_cdktf_provider_aws/{module}/__init__.py").decode()
        return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}


def schema_of(name, classes):
    """The schema that the arguments of a class describe."""
    [constructor] = [
        node
        for node in classes[name].body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    arguments = constructor.args
    blocks = {}
    for argument in arguments.kwonlyargs:
        names = [
            node.value
            for node in ast.walk(argument.annotation)
            if isinstance(node, ast.Constant) and node.value in classes
        ]
        if names:
            blocks[argument.arg] = schema_of(names[0], classes)
    required = {
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    }
    known = frozenset(argument.arg for argument in arguments.kwonlyargs)
    return Schema(known, frozenset(required), blocks)


@pytest.fixture(scope="module")
def provider():
    if not list(FOLDER.glob("*.whl")):
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        options = ["--require-hashes", "--only-binary=:all:", f"--dest={FOLDER}"]
        subprocess.run([*download, *options, "--requirement", REQUIREMENT], check=True)
    [wheel] = FOLDER.glob("*.whl")
    return Provider(wheel)


def problems(provider, text, where):
    read = hcl2.loads(text)
    for kind in ("resource", "data", "provider"):
        for block in read.get(kind, ()):
            [(label, named)] = block.items()
            type_ = label.strip('"')
            for body in [named] if kind == "provider" else named.values():
                yield from provider.schema(kind, type_).problems(body, f"{where}: {type_}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_version_6_knows_everything_that_a_file_writes(provider, path):
    if any(kind in path.read_text() for kind in ('resource "aws_', 'data "aws_', 'provider "aws"')):
        assert list(problems(provider, path.read_text(), path.name)) == []


CHANGES = {
    "an argument that is unknown": ("name =", "nam =", ["x: aws_iam_role has no nam"]),
    "an argument that is missing": (
        "assume_role_policy = 1",
        "",
        ["x: aws_iam_role needs assume_role_policy"],
    ),
    "an argument of a block": (
        "    policy =",
        "    text =",
        ["x: aws_iam_role.inline_policy has no text"],
    ),
    "an argument of a dynamic block": (
        "days =",
        "weeks =",
        ["x: aws_s3_bucket_lifecycle_configuration.rule.expiration has no weeks"],
    ),
}
TEXT = """\
resource "aws_iam_role" "x" {
  name = 1
  assume_role_policy = 1
  inline_policy {
    policy = 1
  }
}
resource "aws_s3_bucket_lifecycle_configuration" "x" {
  bucket = 1
  dynamic "rule" {
    for_each = []
    content {
      id = 1
      status = 1
      expiration {
        days = 1
      }
    }
  }
}
"""


@pytest.mark.parametrize("change", CHANGES)
def test_a_difference_is_seen(provider, change):
    before, after, expected = CHANGES[change]
    assert list(problems(provider, TEXT, "x")) == []
    assert list(problems(provider, TEXT.replace(before, after), "x")) == expected
