"""The package runs where only boto3 is installed, as in Lambda."""

import ast
import sys

from tools.paths import ROOT

PACKAGE = ROOT / "lambda" / "operations_guard"
# boto3's own dependencies are there with it.
ALLOWED = sys.stdlib_module_names | {
    "boto3", "botocore", "dateutil", "operations_guard", "urllib3",
}  # fmt: skip


def test_it_imports_nothing_but_boto3():
    trees = [ast.parse(file.read_text()) for file in PACKAGE.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert len(names) > 10
    assert {name.split(".")[0] for name in names} <= ALLOWED
