"""`make demo`: the main job on a local AWS, each line the result of a real call."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tools.cli.console import CommandError, out, progress, run, table
from tools.cli.workspace import LOCAL, Workspace
from tools.commands import apply, invoke, local
from tools.demo import attacks
from tools.environment import model as environment
from tools.localaws.control import Control
from tools.paths import ROOT
from tools.records import reader as records

if TYPE_CHECKING:
    from tools.environment.model import CustomerAccount, Environment

JOBS = 2


def main() -> int:
    """Show it, and leave no process behind; 1 if anything shown is not as it should be."""
    started = time.monotonic()
    workspace = Workspace(ROOT / ".work" / "demo")
    local.down(workspace)
    shutil.rmtree(workspace.folder, ignore_errors=True)
    try:
        local.up(workspace)
        wrong = show(workspace, environment.load(LOCAL))
    finally:
        local.down(workspace)
    if wrong:
        raise CommandError("This must not be:\n" + "\n".join(f"  - {line}" for line in wrong))
    out.print(
        f"\n[bold]All of it held[/bold], in {time.monotonic() - started:.0f} s. The local AWS is gone again. Next:\n"
        "  make up && make apply ENV=local      the same, to stay; then make invoke and make logs\n"
        '  environments/dev/terraform.tfvars    your own accounts and tenants; README, "On AWS", has the steps'
    )
    return 0


def show(workspace: Workspace, env: Environment) -> list[str]:
    """Apply, call, search and attack; return what was not as it should be."""
    out.print(
        f"\n[bold]1  terraform apply[/bold]  {len(env.tenants)} tenants, {len(env.accounts)} customer accounts, "
        f"operations account {env.operations_account_id}"
    )
    if apply.apply(workspace, env, None, JOBS, say=_briefly):
        raise CommandError("The local environment could not be applied; see above.")
    canaries = {account: f"canary-{secrets.token_hex(8)}" for account in env.accounts}

    out.print(
        "\n[bold]2  One call each[/bold], through the Lambda in the customer's account and the role in ours"
    )
    wrong = calls(workspace, env, canaries)

    out.print(
        "\n[bold]3  Everything at rest in every account, searched for the canary in each prompt[/bold]  (places found)"
    )
    wrong += at_rest(Control(workspace.cloud()["url"]), env, canaries)

    out.print(
        "\n[bold]4  Attacks[/bold] by a tenant that owns its whole account, then by the operations account"
    )
    return wrong + attacked(attacks.every(workspace, env))


def calls(
    workspace: Workspace, env: Environment, canaries: dict[CustomerAccount, str]
) -> list[str]:
    """One invocation for each customer account, and its record read back by the reader role."""
    wrong = []
    shown = table(
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
        progress(f"Invoking {env.name_of(account.tenant)} in {account.account_id}")
        prompt = f"Say what you know about {canary}."
        answer = invoke.invoke(
            workspace, env, account, {"prompt": prompt, "model": _first_alias(env, account)}
        )
        record_id = answer["record"]["id"]
        found = [
            entry.record
            for entry in records.read(workspace, env, account).entries()
            if entry.id == record_id
        ]
        with_prompt = [
            record
            for record in found
            if canary in str(record.get("input")) and canary in str(record.get("output"))
        ]
        key = _key_of(workspace, env, account)
        if not with_prompt or not key:
            wrong.append(
                f"{account.tenant} {account.account_id}: no record of the call in its encrypted log group"
            )
            continue
        shown.add_row(
            account.tenant,
            account.account_id,
            answer["model"],
            f"{answer['usage']['input_tokens']}/{answer['usage']['output_tokens']}",
            str(with_prompt[-1]["output"]["outputBodyJson"]["metrics"]["latencyMs"]),
            record_id[:13],
            env.records_of(account.tenant),
            f"{key.rpartition('/')[2][:8]}…",
        )
    out.print(shown)
    return wrong


def at_rest(control: Control, env: Environment, canaries: dict[CustomerAccount, str]) -> list[str]:
    """Where each canary lies: only in its own customer account, and there it is found."""
    wrong = []
    columns = [env.operations_account_id, *(account.account_id for account in env.accounts)]
    shown = table("canary of", "operations", *columns[1:])
    for account, canary in canaries.items():
        places = control.search(canary)
        counts = [len(places.get(column, [])) for column in columns]
        cells = []
        for column, count in zip(columns, counts, strict=True):
            own = column == account.account_id
            if own and not count:
                wrong.append(
                    f"the search does not find {account.tenant}'s canary in its own account {column}"
                )
            if not own and count:
                wrong.append(
                    f"{account.tenant}'s canary lies in account {column}: {places[column]}"
                )
            cells.append(f"[green]{count}[/green]" if own == bool(count) else f"[red]{count}[/red]")
        elsewhere = set(places) - set(columns)
        if elsewhere:
            wrong.append(f"{account.tenant}'s canary lies in accounts {elsewhere}")
        shown.add_row(f"{account.tenant} {account.account_id}", *cells)
    out.print(shown)
    return wrong


def attacked(results: list[attacks.Result]) -> list[str]:
    """Print each attack with who refused it and why."""
    shown = table("attack", "refused by", "because")
    wrong = []
    for result in results:
        if not result.as_expected:
            refuser = result.refused_by or "nobody"
            wrong.append(f"{result.attack}: refused by {refuser}, or its owner was refused too")
        shown.add_row(
            result.attack,
            escape(result.refused_by) if result.refused_by else "[red]NOBODY[/red]",
            escape(result.why),
        )
    out.print(shown)
    refused = sum(1 for result in results if result.as_expected)
    out.print(
        f"{refused} of {len(results)} refused by the component whose job it is; "
        "each time the owner's own call was answered."
    )
    return wrong


def _briefly(line: str) -> None:
    """One screen has no room for whole terraform commands: say only what is being applied."""
    if " apply " in line:
        account = re.search(r"-var=account_id=(\d+)", line)
        progress(f"terraform apply in {account[1] if account else 'the operations account'}")
    elif "terraform" not in line:
        progress(line)


def _key_of(workspace: Workspace, env: Environment, account: CustomerAccount) -> str:
    """The KMS key that the account's record log group is encrypted with, as CloudWatch Logs says."""
    client = workspace.client(env, workspace.deployer(env, account), "logs")
    name = env.records_of(account.tenant)
    groups: list[dict[str, Any]] = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next(
        (group.get("kmsKeyId", "") for group in groups if group["logGroupName"] == name), ""
    )


def _first_alias(env: Environment, account: CustomerAccount) -> str:
    alias: str = next(iter(env.stanzas[account.tenant]["models"]))
    return alias


if __name__ == "__main__":
    run(main)
