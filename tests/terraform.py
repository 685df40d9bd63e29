"""Real Terraform for tests: a folder to plan in, and what it planned or why it refused."""

from __future__ import annotations

import atexit
import functools
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import tftest

from tests.provider import AttachedProviders
from tools.paths import ROOT
from tools.terraform.toolchain import Toolchain, ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MODULES = ROOT / "modules"
ENVIRONMENTS = ROOT / "environments"
LOCAL = "-var-file=../local/terraform.tfvars"  # seen from either root

# Dummy keys; no request leaves this machine.
# The Region comes from the environment, so that one folder plans in every partition.
OFFLINE_PROVIDER = """\
provider "aws" {
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
"""


def offline_provider(alias: str) -> str:
    """The same provider under an alias, such as that of the operations root for the Region of IAM's events."""
    return OFFLINE_PROVIDER.replace("{", f'{{\n  alias = "{alias}"', 1)


@functools.cache
def toolchain() -> Toolchain:
    """Terraform and its provider, or ToolchainError: a test fails without them."""
    return ensure_toolchain(lambda sentence: print(sentence, file=sys.stderr))


def installed_provider() -> Path:
    """The folder in which the set-up of the toolchain has run `terraform init`."""
    return toolchain().cli_config.parent / "probe"


@functools.cache
def attached_providers() -> AttachedProviders:
    """The aws providers of this test process."""
    providers = installed_provider() / ".terraform" / "providers"
    [binary] = providers.glob("*/hashicorp/aws/*/*/terraform-provider-aws*")
    attached = AttachedProviders(binary.resolve())
    atexit.register(attached.stop)
    return attached


def environment(**variables: str) -> dict[str, str]:
    """A process environment with none of the developer's own AWS or Terraform settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))
    }
    quiet = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    return toolchain().environment({**inherited, **quiet, **variables})


class Folder:
    """A folder with Terraform files in it."""

    def __init__(self, path: Path, **variables: str) -> None:
        self.path = path
        self._test = tftest.TerraformTest(str(path), binary=toolchain().terraform)
        self._test.env = environment(**variables)
        self._has_provider = False

    def init(self, *options: str) -> Folder:
        """Run `terraform init`; a folder without providers does not need it."""
        self._has_provider = True
        self._execute("init", "-no-color", *options)
        return self

    def plan(self, *options: str, region: str = "eu-central-1", **inputs: Any) -> Plan:  # noqa: ANN401 - HCL values
        """What Terraform would do with these inputs."""
        return Plan(self.plan_json(*options, region=region, **inputs))

    def plan_json(
        self,
        *options: str,
        region: str = "eu-central-1",
        **inputs: Any,  # noqa: ANN401 - HCL values
    ) -> dict[str, Any]:
        """The same as `terraform show -json` prints it."""
        self._test.env["AWS_REGION"] = region
        file = self.path / "planned"
        self._run("plan", f"-out={file}", *options, inputs=inputs)
        show = self._execute("show", "-no-color", "-json", str(file))
        plan: dict[str, Any] = json.loads(show.out)
        return plan

    def accepts(self, *options: str, **inputs: Any) -> bool:  # noqa: ANN401 - HCL values
        """Return True if Terraform can plan these inputs; raise its error otherwise."""
        self._run("plan", *options, inputs=inputs)
        return True

    def refuses(self, *options: str, **inputs: Any) -> str:  # noqa: ANN401 - HCL values
        """Why Terraform refuses these inputs, on one line and without its frame."""
        try:
            self._run("plan", *options, inputs=inputs)
        except tftest.TerraformTestError as error:
            return " ".join(str(error.cmd_error).replace("│", " ").split())
        raise AssertionError(f"Terraform accepts {inputs}")

    def apply(self, *options: str) -> None:
        """Apply the configuration."""
        self._run("apply", "-auto-approve", *options, inputs={})

    def outputs(self) -> dict[str, Any]:
        """The values of what was applied."""
        outputs = json.loads(self._execute("output", "-no-color", "-json").out)
        return {name: output["value"] for name, output in outputs.items()}

    def _run(self, command: str, *options: str, inputs: Mapping[str, Any]) -> None:
        file = self.path / "inputs.tfvars.json"
        file.write_text(json.dumps(inputs))
        arguments = [f"-var-file={file}"] if inputs else []
        self._execute(command, "-no-color", "-input=false", *options, *arguments)

    def _execute(self, command: str, *arguments: str) -> tftest.TerraformCommandOutput:
        if self._has_provider:
            self._test.env["TF_REATTACH_PROVIDERS"] = attached_providers().address(
                self.path, self._test.env
            )
        return self._test.execute_command(command, *arguments)


def role_resources(address: str, policy: str = "", *, guarded: bool = False) -> set[str]:
    """The addresses of a role and of the resources about its policies; ``policy`` names the inline policy.

    The guard attaches policies to a ``guarded`` role, which has no list of them.
    """
    module, _, name = address.rpartition("aws_iam_role.")
    return {
        address,
        f"{module}aws_iam_role_policy.{policy or name}",
        f"{module}aws_iam_role_policies_exclusive.{name}",
        *([] if guarded else [f"{module}aws_iam_role_policy_attachments_exclusive.{name}"]),
    }


class Plan:
    """A plan as `terraform show -json` prints it."""

    def __init__(self, plan_json: dict[str, Any]) -> None:
        self.json = plan_json
        self._changes = {
            change["address"]: change["change"] for change in plan_json["resource_changes"]
        }
        root = plan_json["configuration"]["root_module"]
        self._configured = {resource["address"]: resource for resource in root.get("resources", [])}
        self.outputs = {
            name: output.get("value")
            for name, output in plan_json["planned_values"].get("outputs", {}).items()
        }

    def references(self, address: str, argument: str) -> set[str]:
        """The references in an argument whose value is not known before apply."""
        configured = self._configured[address.split("[", maxsplit=1)[0]]
        references: list[str] = configured["expressions"][argument]["references"]
        return set(references)

    @property
    def addresses(self) -> set[str]:
        """The addresses of all resources in the plan."""
        return set(self._changes)

    @property
    def changed(self) -> set[str]:
        """The addresses of resources that would be created, changed or destroyed."""
        return {
            address for address, change in self._changes.items() if change["actions"] != ["no-op"]
        }

    def variables_of(self, function: str) -> dict[str, Any]:
        """A function's environment variables, parsed from JSON."""
        variables: dict[str, str] = self.resource(function)["environment"][0]["variables"]
        return {name: json.loads(value) for name, value in variables.items()}

    def resource(self, address: str) -> dict[str, Any]:
        """The attributes that are known before apply."""
        after: dict[str, Any] = self._changes[address]["after"]
        return after

    def policy(self, address: str, attribute: str = "policy") -> dict[str, Any]:
        """A policy document; a KeyError where it is not wholly known before apply."""
        document: dict[str, Any] = json.loads(self.resource(address)[attribute])
        return document

    def granted(self, role: str) -> str:
        """The one inline policy of a role, as text; a KeyError where it is not known."""
        name, module = self.resource(role)["name"], role.rpartition("aws_iam_role.")[0]
        [text] = [
            change["after"]["policy"]
            for address, change in self._changes.items()
            if address.startswith(f"{module}aws_iam_role_policy.")
            and change["after"]["role"] == name
        ]
        return str(text)


def folder_of(path: Path, files: Iterable[Path], extra: Mapping[str, str] | None = None) -> Path:
    """``path``, holding links to ``files`` and the ``extra`` files written out."""
    path.mkdir(parents=True, exist_ok=True)
    for file in files:
        (path / file.name).symlink_to(file.resolve())
    for name, text in (extra or {}).items():
        (path / name).write_text(text)
    return path
