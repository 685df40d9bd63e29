"""`make up`: start a local AWS that keeps running, for ENV=local and for use by hand."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tools.cli.console import err, out, progress, run
from tools.cli.local_target import LocalTarget
from tools.cli.targets import LOCAL
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.paths import WORK
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from tools.environment.model import Environment

ADMINISTRATOR, AUDITOR = "administrator", "auditor"


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--as",
        dest="identity",
        metavar="TENANT[/auditor]",
        help='whose keys are exported: "acme" for the administrator of acme\'s account, "acme/auditor" for the '
        "auditor, who may assume the reader role; by default the operator",
    )
    arguments.add_argument(
        "--account",
        help="a customer account: one of several of AS=, or alone for its administrator",
    )
    return arguments


def main() -> int:
    """Start it and print what a shell needs to use it."""
    options = parser().parse_args()
    environment = load_environment(LOCAL)
    identity, region = "deployer", environment.operations_region
    if options.identity is not None or options.account is not None:
        identity, region = _customer(environment, options.identity, options.account)
    target = LocalTarget(environment, WORK, progress)
    target.start()
    err.print(
        "  The local AWS is running. `make apply ENV=local` fills it and `make down` stops it.\n"
        "  Export this to use it with the AWS CLI, boto3 or terraform:"
    )
    keys = target.keys(identity)
    exports = {
        "AWS_ENDPOINT_URL": target.endpoint,
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        # boto3 and the AWS CLI's older versions read only the second name.
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    for name, value in exports.items():
        out.print(f"export {name}={value}")
    out.print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    cli_config = ensure_toolchain(progress).cli_config
    out.print(f"export TF_CLI_CONFIG_FILE={cli_config}")
    return 0


def _customer(
    environment: Environment, identity: str | None, account_id: str | None
) -> tuple[str, str]:
    """Return a user of a customer account and the account's Region; CommandError when there is none."""
    if identity is None:
        accounts = [item for item in environment.accounts if item.account_id == account_id]
        if not accounts:
            raise CommandError(
                f"No tenant of environments/local has the account {account_id}; write ACCOUNT= with one of "
                f"{', '.join(account.account_id for account in environment.accounts)}."
            )
        return f"{ADMINISTRATOR} {account_id}", accounts[0].region
    tenant, _, role = identity.partition("/")
    if role not in {"", ADMINISTRATOR, AUDITOR}:
        raise CommandError(
            f"AS={identity} is no user of the local AWS; write AS={tenant} for the administrator of {tenant}'s "
            f"account, or AS={tenant}/{AUDITOR}."
        )
    account = environment.only_account(tenant, account_id)
    return f"{role or ADMINISTRATOR} {account.account_id}", account.region


if __name__ == "__main__":
    run(main)
