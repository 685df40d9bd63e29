"""`make tenant`: add a tenant's stanza to an environment, with newly minted ExternalIds."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, run, warn
from tools.command_error import CommandError
from tools.environment.edits import add_stanza, read_text, replace_file
from tools.environment.external_id import new_external_id
from tools.environment.hcl import decode_hcl, hcl_key
from tools.environment.model import load_environment
from tools.environment.tenant_files import new_file

if TYPE_CHECKING:
    from tools.environment.model import Environment

# A new tenant may call this model until its stanza says otherwise. Bedrock serves it through profiles only: these are
# the prefixes of its geographic ones by the Regions that may call them, and elsewhere the global one remains.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-anthropic-claude-haiku-4-5.html
MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILES = {
    "^eu-": "eu.",
    "^(us-(east|west)|ca-(central|west))-": "us.",
    "^ap-northeast-[13]$": "jp.",
    "^ap-southeast-[24]$": "au.",
}
ALIAS = "claude"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_NAME_LIMIT = 64
MANAGERS = ("operator", "customer")


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__)
    arguments.add_argument(
        "--name", required=True, help="the tenant's name: lower-case letters, digits and hyphens"
    )
    arguments.add_argument("--account", required=True, help="its customer account, 12 digits")
    arguments.add_argument(
        "--manager",
        choices=MANAGERS,
        default=MANAGERS[0],
        help="who applies Terraform in the account (default operator)",
    )
    return arguments


def main() -> int:
    """Write the stanza and print it."""
    options = parser().parse_args()
    environment = load_environment(options.env)
    stanza = new_stanza(environment, options.name, options.account, options.manager)
    file = new_file(environment.tfvars, options.name)
    if file is None:
        file = environment.tfvars
        text = read_text(file)
        edited = add_stanza(text, stanza)
        expected = decode_hcl(text.encode())
        expected["tenants"] |= decode_hcl(f"tenants = {{\n{stanza}}}\n".encode())["tenants"]
        replace_file(file, edited, expected)
    else:
        stanza = textwrap.dedent("".join(stanza.splitlines(keepends=True)[1:-1]))
        with file.open("x", encoding="utf-8") as new:  # never in place of another
            new.write(stanza)
    out.print(stanza)
    if _profile(environment.operations_region) is None:
        warn(
            f"{MODEL} has no profile of a geography around {environment.operations_region}, so a call may run in any "
            "commercial Region. Write another model if the data must stay in a geography."
        )
    variables = f"ENV={environment.name} TENANT={options.name}"
    steps = f"then run `make apply {variables}`"
    if options.manager == "customer":
        steps += f" and `make handover {variables}`, which writes what the customer applies"
    out.print(
        f"Added to environments/{environment.name}/{file.relative_to(environment.folder).as_posix()}. Change its "
        f"models there, commit it, {steps}."
    )
    return 0


def new_stanza(
    environment: Environment, name: str, account_id: str, manager: str = MANAGERS[0]
) -> str:
    """Return a new tenant's stanza; a deployer is for accounts that the operator manages.

    Raises CommandError for a name or account that is malformed or belongs to another tenant.
    """
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9])+", name):
        raise CommandError(
            f'"{name}" cannot be a tenant; write NAME= in 2 or more lower-case letters and digits, with '
            "single hyphens between them."
        )
    if name == environment.name:
        raise CommandError(
            f'"{name}" cannot be a tenant of the environment "{name}", because CONFIRM={name} would mean both; write '
            "another NAME=."
        )
    role_name = f"{environment.base_name(name)}-execution"
    if len(role_name) > ROLE_NAME_LIMIT:
        raise CommandError(
            f'"{name}" is too long by {len(role_name) - ROLE_NAME_LIMIT}: IAM allows the role '
            f"{role_name} {ROLE_NAME_LIMIT} characters."
        )
    if not re.fullmatch(r"[0-9]{12}", account_id):
        raise CommandError(
            f'"{account_id}" is not an account id; write ACCOUNT= with all 12 digits, including leading zeros.'
        )
    if account_id == environment.operations_account_id:
        raise CommandError(
            f"{account_id} is the operations account; write ACCOUNT= with the customer's own account."
        )
    _refuse_taken(environment, name, account_id)
    if manager == "customer":
        accounts = f'    accounts     = {{ "{account_id}" = {{ managed_by = "customer" }} }}\n'
    else:
        accounts = (
            f'    accounts     = {{ "{account_id}" = {{}} }}\n'
            f'    deployer     = {{ external_id = "{new_external_id()}" }}\n'
        )
    return (
        f"  {hcl_key(name)} = {{\n"
        f"{accounts}"
        f'    external_ids = {{ current = "{new_external_id()}" }}\n'
        "    models = {\n"
        f"      {ALIAS} = {{\n"
        f'        model   = "{MODEL}"\n'
        f'        regions = ["{environment.operations_region}"]\n'
        f"{_route(environment.operations_region)}"
        "      }\n"
        "    }\n"
        "  }\n"
    )


def _refuse_taken(environment: Environment, name: str, account_id: str) -> None:
    """Raise CommandError for the name or the account of a tenant that is there."""
    for tenant in environment.stanzas:  # also one without an account
        if tenant.lower() == name:
            raise CommandError(
                f'Tenant "{name}" is in {environment.place_of(tenant)} already; '
                "choose another NAME."
            )
    for account in environment.accounts:
        if account.account_id == account_id and account_id not in environment.shared_accounts:
            raise CommandError(
                f'Account {account_id} belongs to tenant "{account.tenant}" already; '
                "list it in accounts_with_several_tenants if it may have another."
            )


def _route(region: str) -> str:
    profile = _profile(region)
    if profile is None:
        return '        route   = "global"\n'
    return f'        route   = "geographic"\n        profile = "{profile}"\n'


def _profile(region: str) -> str | None:
    """Return the prefix of the default model's geographic profile that a Region may call."""
    prefixes = (prefix for regions, prefix in PROFILES.items() if re.match(regions, region))
    return next(prefixes, None)


if __name__ == "__main__":
    run(main)
