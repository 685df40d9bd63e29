"""Divides the customer accounts among the jobs of a CI workflow's matrix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environment.model import CustomerAccount

# GitHub runs at most 256 jobs of a matrix, and one is for the operations account:
# https://docs.github.com/en/actions/reference/limits
MATRIX_JOBS = 255
# How many jobs run at a time: max-parallel of the workflows, and what GitHub's smallest plan allows an account:
# https://docs.github.com/en/actions/reference/limits
PARALLEL_JOBS = 20
# The start of a job takes minutes and an account seconds, so more jobs than run at a time only start more often. With
# this many accounts in each job, jobs last about as long as their start takes once more.
JOB_ACCOUNTS = 50


def job_count(accounts: int) -> int:
    """Return how many jobs share so many accounts."""
    return min(MATRIX_JOBS, max(min(PARALLEL_JOBS, accounts), -(-accounts // JOB_ACCOUNTS)))


def job_matrix(
    accounts: Sequence[CustomerAccount], jobs: int = MATRIX_JOBS
) -> list[dict[str, str]]:
    """Divide the accounts evenly among jobs, at most ``jobs`` of them, and keep their order.

    Raises CommandError for a name that a shell or make could interpret as a command.
    """
    names = [account.name for account in accounts]
    for name in names:
        if not re.fullmatch(r"[a-z0-9-]+/\d{12}", name):
            raise CommandError(
                f'"{name}" is not a tenant and its account; use lower-case letters, digits and hyphens in names.'
            )
    count = min(jobs, job_count(len(names)))
    shares = [
        names[index * len(names) // count : (index + 1) * len(names) // count]
        for index in range(count)
    ]
    return [
        {
            "accounts": " ".join(share),
            "name": share[0] if len(share) == 1 else f"{share[0]} to {share[-1]}",
        }
        for share in shares
    ]
