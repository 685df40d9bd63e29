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

EXPORTS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--account", help="a customer account, to act as its administrator; by default the operator"
    )
    return arguments


def main() -> int:
    """Start it and print what a shell needs to use it."""
    options = parser().parse_args()
    environment = load_environment(LOCAL)
    target = LocalTarget(environment, WORK, progress)
    target.start()
    err.print(
        "  The local AWS is running. `make apply ENV=local` fills it and `make down` stops it.\n"
        "  Export this to use it with the AWS CLI, boto3 or terraform:"
    )
    variables = target.terraform_environment()
    if options.account is not None:
        variables = {**variables, **_administrator(target, environment, options.account)}
    for name in EXPORTS:
        out.print(f"export {name}={variables[name]}")
    out.print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    cli_config = ensure_toolchain(progress).cli_config
    out.print(f"export TF_CLI_CONFIG_FILE={cli_config}")
    return 0


def _administrator(
    target: LocalTarget, environment: Environment, account_id: str
) -> dict[str, str]:
    """Return the settings of a customer account's administrator; CommandError for an unknown account."""
    accounts = [account for account in environment.accounts if account.account_id == account_id]
    if not accounts:
        raise CommandError(
            f"No tenant of environments/local has the account {account_id}; write ACCOUNT= with one of "
            f"{', '.join(account.account_id for account in environment.accounts)}."
        )
    keys = target.keys(f"administrator {account_id}")
    return {
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        "AWS_REGION": accounts[0].region,
    }


if __name__ == "__main__":
    run(main)
