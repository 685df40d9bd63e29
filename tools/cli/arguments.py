"""The arguments of a command, with the options that several commands share."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser, ArgumentTypeError
from typing import TYPE_CHECKING, NoReturn

from tools.terraform.state import OPERATIONS

if TYPE_CHECKING:
    from argparse import Namespace


class Arguments(ArgumentParser):
    """The arguments of one command: --env, and --tenant when ``tenant`` is "optional" or "required"."""

    def __init__(self, description: str | None, *, tenant: str | None = None) -> None:
        super().__init__(description=description)
        env_help = "a folder in environments/ that contains terraform.tfvars"
        self.add_argument("--env", required=True, metavar="ENV", help=env_help)
        if tenant is not None:
            required = tenant == "required"
            self.add_argument("--tenant", required=required, help="a tenant of the environment")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in make's words instead of argparse's usage, and exit with 2."""
        sentence = re.sub(
            r"^argument --([a-z-]+): ", lambda match: f"{match[1].upper()}=: ", message
        )
        self.exit(2, f"{sentence[0].upper()}{sentence[1:]}.\n")

    def add_account(self) -> None:
        """Add --account, which selects one of a tenant's accounts."""
        account_help = "one of the tenant's accounts; needed when it has several"
        self.add_argument("--account", help=account_help)

    def add_all(self) -> None:
        """Add --all, which plans unchanged accounts and shards too."""
        all_help = "plan also the accounts and shards that are as they were applied"
        self.add_argument("--all", action="store_true", help=all_help)

    def add_jobs(self) -> None:
        """Add --jobs, the number of customer accounts to work on at a time."""
        jobs_help = "customer accounts to work on at a time (default 4)"
        self.add_argument("--jobs", type=_positive_number, default=4, help=jobs_help)

    def add_part(self) -> None:
        """Add --part, which selects the operations account or some customer accounts."""
        part_help = f'"{OPERATIONS}", or customer accounts such as "acme/222222222222"'
        self.add_argument("--part", help=part_help)

    def add_json(self, content: str) -> None:
        """Add --json, which prints ``content`` for machines."""
        self.add_argument("--json", action="store_true", help=f"print JSON: {content}")

    def written(self, options: Namespace, *, without: str) -> str:
        """Return the options as they are written after make, but not those at their defaults nor ``without``."""
        words = []
        for action in self._actions:
            value = getattr(options, action.dest, None)
            if value in (None, False, action.default) or action.dest == without:
                continue
            text = "1" if value is True else shlex.quote(str(value))
            words.append(f"{action.dest.upper()}={text}")
        return " ".join(words)


def _positive_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"write a whole number of at least 1, not {text!r}")
    return int(text)
