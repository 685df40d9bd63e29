"""`make tenant`: add a tenant's stanza, with a freshly minted ExternalId, to an environment."""

from __future__ import annotations

import re
import secrets
import subprocess

from tools.cli import arguments
from tools.cli.console import CommandError, out, run
from tools.cli.workspace import Workspace
from tools.environment import model as environment
from tools.environment.edits import inserted

# What a new tenant may call until its stanza says otherwise: a model that is called on demand, without
# an inference profile, in many Regions: https://docs.aws.amazon.com/bedrock/latest/userguide/models-regions.html
MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
ALIAS = "claude"


def main() -> int:
    """Write the stanza and show it."""
    options = arguments.parser(__doc__)
    options.add_argument(
        "--name", required=True, help="the tenant's name: lower-case letters, digits and hyphens"
    )
    options.add_argument("--account", required=True, help="its customer account, 12 digits")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    stanza = mint(env, chosen.name, chosen.account)
    tfvars = env.folder / "terraform.tfvars"
    tfvars.write_text(inserted(tfvars.read_text(), stanza))
    subprocess.run(
        [Workspace().toolchain().terraform, "fmt", tfvars], check=True, capture_output=True
    )
    out.print(stanza, markup=False)
    out.print(
        f"Added to environments/{env.name}/terraform.tfvars. Change its models there, commit it, "
        f"then `make apply ENV={env.name} TENANT={chosen.name}`."
    )
    return 0


def mint(env: environment.Environment, name: str, account_id: str) -> str:
    """A new tenant's stanza.

    Raises CommandError for a name or account that is taken or malformed.
    """
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9])+", name):
        raise CommandError(
            f'"{name}" cannot be a tenant; write NAME= in lower-case letters, digits and hyphens.'
        )
    longest = f"{env.name_of(name)}-execution"
    if (
        len(longest) > 64
    ):  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        raise CommandError(
            f'"{name}" is too long by {len(longest) - 64}; IAM allows {longest} 64 characters.'
        )
    if not re.fullmatch(r"[0-9]{12}", account_id):
        raise CommandError(
            f'"{account_id}" is not an account id; write ACCOUNT= and all 12 digits, leading zeros too.'
        )
    if account_id == env.operations_account_id:
        raise CommandError(
            f"{account_id} is the operations account; write ACCOUNT= and the customer's own."
        )
    for account in env.accounts:
        if account.tenant.lower() == name:
            raise CommandError(
                f'Tenant "{name}" is in environments/{env.name}/terraform.tfvars already; choose another NAME.'
            )
        if account.account_id == account_id:
            raise CommandError(
                f'Account {account_id} belongs to tenant "{account.tenant}" already; a customer account has one tenant.'
            )
    return (
        f"  {name} = {{\n"
        f'    accounts     = {{ "{account_id}" = {{}} }}\n'
        f'    external_ids = {{ current = "{external_id()}" }}\n'
        "    models = {\n"
        f'      {ALIAS} = {{ model = "{MODEL}", regions = ["{env.operations_region}"] }}\n'
        "    }\n"
        "  }\n"
    )


def external_id() -> str:
    """A new ExternalId: ours to choose, never the customer's, and unique by its 128 random bits.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    return secrets.token_hex(16)


if __name__ == "__main__":
    run(main)
