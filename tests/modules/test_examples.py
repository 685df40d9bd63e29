"""Every example of a module plans, and its README shows the minimal one and all inputs and outputs."""

import re
import shutil
import zipfile

import pytest

from tests.terraform import MODULES, OFFLINE_PROVIDER, Folder, offline_provider

# A resource of every example's plan and the name it must have, by module.
RESOURCES = {
    "customer-deployer": ("module.customer_deployer.aws_iam_role.this", "terraform-deployer"),
    "customer-workload": (
        "module.customer_workload.aws_cloudwatch_log_group.records",
        "/bedrock/prod/acme/records",
    ),
    "operations-guard": ("module.operations_guard.aws_sns_topic.this", "bedrock-prod_guard"),
    "operations-role": ("module.operations_role.aws_iam_role.this", "bedrock-prod-acme"),
}
EXAMPLES = sorted(path.parent for path in MODULES.glob("*/examples/*/main.tf"))


def names(module, kind):
    """The names of the module's variables or outputs."""
    texts = (path.read_text() for path in sorted((MODULES / module).glob("*.tf")))
    return {name for text in texts for name in re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE)}


def table(module, heading):
    """The names in the first column of a README's table, in their order."""
    readme = (MODULES / module / "README.md").read_text()
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)[1]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_every_module_has_a_minimal_and_a_complete_example():
    modules = {path.parent.name for path in MODULES.glob("*/README.md")}
    assert modules == set(RESOURCES)
    assert {str(path.relative_to(MODULES)) for path in EXAMPLES} == {
        f"{module}/examples/{example}" for module in modules for example in ("complete", "minimal")
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(MODULES)))
def test_an_example_plans(tmp_path, path):
    module = path.parents[1].name
    copy = shutil.copytree(
        MODULES / module,
        tmp_path / module,
        symlinks=True,
        ignore=shutil.ignore_patterns(".terraform*"),
    )
    root = copy / "examples" / path.name
    # https://developer.hashicorp.com/terraform/language/files/override
    aliases = re.findall(r'^  alias += "(\w+)"', (root / "main.tf").read_text(), re.MULTILINE)
    providers = [OFFLINE_PROVIDER, *map(offline_provider, aliases)]
    (root / "offline_override.tf").write_text("\n".join(providers))
    for package in re.findall(r"[\w-][\w.-]*[.]zip", (root / "main.tf").read_text()):
        zipfile.ZipFile(root / package, "w").close()
    address, name = RESOURCES[module]
    assert Folder(root).init().plan().resource(address)["name"] == name


@pytest.mark.parametrize("module", RESOURCES)
def test_a_complete_example_sets_every_input(module):
    text = (MODULES / module / "examples" / "complete" / "main.tf").read_text()
    inputs = set(re.findall(r"^  (\w+) += ", text, re.MULTILINE))
    assert names(module, "variable") <= inputs


@pytest.mark.parametrize("module", RESOURCES)
def test_the_readme_shows_the_minimal_example(module):
    example = (MODULES / module / "examples" / "minimal" / "main.tf").read_text()
    blocks = re.findall(
        r"^```hcl\n(.*?)^```",
        (MODULES / module / "README.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert blocks == [example]


@pytest.mark.parametrize("module", RESOURCES)
@pytest.mark.parametrize(("heading", "kind"), [("Inputs", "variable"), ("Outputs", "output")])
def test_the_readme_lists_every_input_and_output(module, heading, kind):
    assert table(module, heading) == sorted(names(module, kind))
