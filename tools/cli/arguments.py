"""The options that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tools.cli.console import CommandError

if TYPE_CHECKING:
    from tools.environment import model as environment


def parser(description: str | None, *, tenant: str | None = None) -> argparse.ArgumentParser:
    """A parser with --env, and with --tenant where ``tenant`` is "optional" or "required"."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument(
        "--env",
        required=True,
        metavar="ENV",
        help="a folder in environments/ that holds terraform.tfvars",
    )
    if tenant is not None:
        options.add_argument(
            "--tenant", required=tenant == "required", help="a tenant in its terraform.tfvars"
        )
    return options


def only_account(
    chosen: environment.Environment, tenant: str, account_id: str | None
) -> environment.CustomerAccount:
    """The account meant: the tenant's only one, or the one that ``account_id`` names."""
    accounts = chosen.of(tenant, account_id)
    if len(accounts) > 1:
        listed = ", ".join(account.account_id for account in accounts)
        raise CommandError(
            f'Tenant "{tenant}" has several accounts; add ACCOUNT= and one of {listed}.'
        )
    return accounts[0]


def jobs(options: argparse.ArgumentParser) -> None:
    """Add --jobs, how many customer accounts at a time."""
    options.add_argument(
        "--jobs", type=_positive, default=4, help="customer accounts at a time (default 4)"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"write a whole number of at least 1, not {text!r}")
    return int(text)
