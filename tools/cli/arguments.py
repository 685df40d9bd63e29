"""The options that several commands share."""

from __future__ import annotations

import argparse


def command_parser(
    description: str | None, *, tenant: str | None = None
) -> argparse.ArgumentParser:
    """Return a parser with --env, and with --tenant when ``tenant`` is "optional" or "required"."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--env",
        required=True,
        metavar="ENV",
        help="a folder in environments/ that contains terraform.tfvars",
    )
    if tenant is not None:
        parser.add_argument(
            "--tenant", required=tenant == "required", help="a tenant in its terraform.tfvars"
        )
    return parser


def add_account(parser: argparse.ArgumentParser) -> None:
    """Add --account, which selects one of a tenant's accounts."""
    parser.add_argument(
        "--account", help="one of the tenant's accounts; needed when it has several"
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add --jobs, the number of customer accounts to work on at a time."""
    parser.add_argument(
        "--jobs",
        type=positive_number,
        default=4,
        help="customer accounts to work on at a time (default 4)",
    )


def add_json(parser: argparse.ArgumentParser, content: str) -> None:
    """Add --json, which prints ``content`` for machines."""
    parser.add_argument("--json", action="store_true", help=f"print JSON: {content}")


def positive_number(text: str) -> int:
    """Return ``text`` as a number of at least 1; argparse's own error otherwise."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"write a whole number of at least 1, not {text!r}")
    return int(text)
