import re
import zipfile

from tests.terraform import MODULES, OFFLINE_PROVIDER, Folder, folder_of


def example(name, tmp_path):
    """The module call that a module's README shows, as a root of its own."""
    readme = (MODULES / name / "README.md").read_text()
    call = re.search(r"```hcl\n(.*?)```", readme, re.DOTALL)[1]
    call = re.sub(r'source = ".*"', f'source = "{MODULES / name}"', call)
    files = {"main.tf": call, "provider.tf": OFFLINE_PROVIDER}
    return Folder(folder_of(tmp_path / "example", [], files)).init()


def test_the_example_of_operations_role_plans(tmp_path):
    planned = example("operations-role", tmp_path).plan()
    assert (
        planned.resource("module.operations_role.aws_iam_role.this")["name"] == "bedrock-prod-acme"
    )


def test_the_example_of_customer_workload_plans(tmp_path):
    root = example("customer-workload", tmp_path)
    zipfile.ZipFile(root.path / "tenant-bedrock-arm64-py3.13.zip", "w").close()
    function = root.plan().resource("module.customer_workload.aws_lambda_function.this[0]")
    assert function["function_name"] == "bedrock-prod-acme"
