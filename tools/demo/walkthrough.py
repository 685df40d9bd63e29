"""What `make demo` shows: apply, one call for each account, a search for its words, attacks, and the guard."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from tools.cli.console import out, progress, styled, table
from tools.cli.function_call import call_function
from tools.cli.session import open_session
from tools.cli.targets import LOCAL
from tools.command_error import CommandError
from tools.demo.attacks import run_attacks
from tools.demo.guard_story import GuardStory
from tools.proof.proved_apply import ProvedApply, Prover
from tools.records.reader import read_records

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cli.local_target import LocalTarget
    from tools.cli.session import Session
    from tools.cli.targets import Target
    from tools.demo.attacks import AttackResult
    from tools.environment.model import CustomerAccount, Environment
    from tools.localaws.control import Control

JOBS = 2


def walk_through(target: LocalTarget, folder: Path) -> list[str]:
    """Show every part on the local AWS in ``folder``, and return a sentence for each problem."""
    session = open_session(LOCAL, folder=folder, progress=_brief_progress)
    environment = session.environment
    _show_heading(
        "1  terraform apply",
        f"  {len(environment.tenants)} tenants, {len(environment.accounts)} customer accounts, "
        f"operations account {environment.operations_account_id}",
    )
    if ProvedApply(Prover(session, JOBS)).apply_environment(None):
        raise CommandError("The local environment could not be applied; the errors are above.")
    canaries = {account: f"canary-{secrets.token_hex(8)}" for account in environment.accounts}

    _show_heading(
        "2  One call each",
        ", through the Lambda function in the customer account and the tenant's role in the "
        "operations account",
    )
    problems = _show_calls(session, canaries)

    _show_heading(
        "3  A search of all stored data in every account for the canary in each prompt",
        "  (places found)",
    )
    control = target.control
    problems += _show_stored_canaries(control, environment, canaries)

    _show_heading(
        "4  Attacks",
        " by a tenant that controls its whole account, then by the operations account",
    )
    problems += _show_attacks(run_attacks(target))

    _show_heading(
        "5  The guard",
        ", which enforces quotas and verifies that nothing is kept, by the clock of the local AWS",
    )
    return problems + _show_story(GuardStory(target))


def _show_heading(heading: str, explanation: str) -> None:
    out.print()
    out.print(styled((heading, "bold"), explanation))


def _show_calls(session: Session, canaries: dict[CustomerAccount, str]) -> list[str]:
    """Invoke the function of each customer account and read the record as the reader role."""
    environment, target = session.environment, session.target
    problems = []
    rows = table(
        "tenant",
        "account",
        "model",
        "tokens in/out",
        "ms",
        "record",
        "found in its log group",
        "encrypted with",
    )
    for account, canary in canaries.items():
        progress(f"Invoking {environment.base_name(account.tenant)} in {account.account_id}")
        alias = next(iter(environment.stanzas[account.tenant]["models"]))
        prompt = f"Say what you know about {canary}."
        answer = call_function(target, account, {"prompt": prompt, "model": alias})
        record_id = answer["record"]["id"]
        records = [
            entry.record
            for entry in read_records(target, account).entries()
            if entry.id == record_id
            and canary in str(entry.record.get("input"))
            and canary in str(entry.record.get("output"))
        ]
        key = _log_group_key(target, account)
        if not records or not key:
            problems.append(
                f"{account.tenant} {account.account_id}: its encrypted log group has no record of the call"
            )
            continue
        rows.add_row(
            account.tenant,
            account.account_id,
            answer["model"],
            f"{answer['usage']['input_tokens']}/{answer['usage']['output_tokens']}",
            str(records[-1]["output"]["outputBodyJson"]["metrics"]["latencyMs"]),
            record_id[:13],
            environment.record_log_group(account.tenant),
            f"{key.rpartition('/')[2][:8]}…",
        )
    out.print(rows)
    return problems


def _show_stored_canaries(
    control: Control, environment: Environment, canaries: dict[CustomerAccount, str]
) -> list[str]:
    """Show in which accounts each canary is stored, which must be its own customer account only."""
    problems = []
    columns = [
        environment.operations_account_id,
        *(account.account_id for account in environment.accounts),
    ]
    rows = table("canary of", "operations", *columns[1:])
    for account, canary in canaries.items():
        places = control.search(canary)
        cells = []
        for column in columns:
            count = len(places.get(column, []))
            expected = column == account.account_id
            if expected and not count:
                problems.append(
                    f"the search does not find {account.tenant}'s canary in its own account {column}"
                )
            if not expected and count:
                problems.append(
                    f"{account.tenant}'s canary is stored in account {column}: {places[column]}"
                )
            colour = "green" if expected == bool(count) else "red"
            cells.append(styled((str(count), colour)))
        unknown_accounts = set(places) - set(columns)
        if unknown_accounts:
            problems.append(f"{account.tenant}'s canary is stored in accounts {unknown_accounts}")
        rows.add_row(f"{account.tenant} {account.account_id}", *cells)
    out.print(rows)
    return problems


def _show_attacks(results: list[AttackResult]) -> list[str]:
    """Show who refused each attack and why."""
    rows = table("attack", "refused by", "because")
    problems = []
    for result in results:
        if not result.as_expected:
            refuser = result.refused_by or "nobody"
            problems.append(
                f"{result.attack}: refused by {refuser}, or its owner was refused as well"
            )
        rows.add_row(
            result.attack,
            result.refused_by or styled(("NOBODY", "red")),
            result.reason,
        )
    out.print(rows)
    refused = sum(1 for result in results if result.as_expected)
    out.print(
        f"{refused} of {len(results)} were refused by the component that is responsible; "
        "each time the owner's own call succeeded."
    )
    return problems


def _show_story(story: GuardStory) -> list[str]:
    """Show what happened and what followed from it."""
    rows = table("what happens", "what follows")
    problems = []
    for line in story.lines():
        progress(line.event)
        if not line.as_expected:
            problems.append(f"{line.event}: {line.result}")
        rows.add_row(line.event, line.result)
    out.print(rows)
    return problems


def _brief_progress(line: str) -> None:
    """Print only what is being applied, because whole terraform commands do not fit on one screen."""
    if " apply " in line:
        account = re.search(r"/customers/[^/ ]+/(\d+)", line)
        progress(f"terraform apply in {account[1] if account else 'the operations account'}")
    elif "terraform" not in line:
        progress(line)


def _log_group_key(target: Target, account: CustomerAccount) -> str:
    """Return the KMS key that the account's record log group is encrypted with."""
    client = target.client(target.deployer(account), "logs")
    name = target.environment.record_log_group(account.tenant)
    groups: list[dict[str, Any]] = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next(
        (group.get("kmsKeyId", "") for group in groups if group["logGroupName"] == name), ""
    )
