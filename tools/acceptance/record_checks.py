"""The record of a call through the tenant's function: delivered, readable, encrypted and kept as the stanza says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tools.acceptance.budget import OUTPUT_TOKENS
from tools.acceptance.observation import Check, Observation, compared, unknown
from tools.acceptance.waiting import Delay, wait_for
from tools.cli.function_call import call_function
from tools.records.event import member
from tools.records.reader import Entry, RecordFilter, read_records

if TYPE_CHECKING:
    from tools.acceptance.sandbox import Sandbox

GROUP = "records"
LONGEST_WAIT = 60  # seconds
PAUSE = 2.0
_EVENTS = (
    "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"
)
_GROUPS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html"


@dataclass(frozen=True)
class RecordedCall:
    """The function's answer, its record when it could be read, and what is wrong with records of these minutes."""

    answer: dict[str, Any]
    found: Delay[Entry]
    damage: tuple[str, ...]


def function_answer(sandbox: Sandbox) -> dict[str, Any]:
    """Return the answer of the tenant's function to the acceptance's own prompt."""
    sandbox.budget.check()
    event = {
        "prompt": sandbox.prompt(),
        "model": sandbox.alias,
        "region": sandbox.region,
        "max_tokens": OUTPUT_TOKENS,
    }
    answer = call_function(sandbox.target, sandbox.account, event)
    usage = answer.get("usage", {})
    sandbox.budget.add(
        {"inputTokens": usage.get("input_tokens", 0), "outputTokens": usage.get("output_tokens", 0)}
    )
    return answer


def recorded_call(sandbox: Sandbox) -> RecordedCall:
    """Read the record of the call as the account's administrator, which needs ADMINISTRATOR= on AWS."""
    owner = sandbox.administrator
    answer = sandbox.once(function_answer)
    since = datetime.now(UTC) - timedelta(minutes=5)
    damage: list[str] = []

    def attempt() -> Entry | None:
        reader = read_records(sandbox.target, sandbox.account, since, caller=owner)
        entries = reader.entries(RecordFilter(since))
        damage[:] = reader.damage()
        return next((entry for entry in entries if entry.id == answer["record"]["id"]), None)

    found = wait_for(attempt, sandbox.clock, longest=LONGEST_WAIT, pause=PAUSE)
    return RecordedCall(answer, found, tuple(damage))


def _delivered(sandbox: Sandbox) -> Observation:
    state = sandbox.once(function_answer)["record"].get("delivery")
    return compared(state == "delivered", f"The answer says {state}.", delivery=state)


def _readable(sandbox: Sandbox) -> Observation:
    call = sandbox.once(recorded_call)
    entry = call.found.value
    if entry is None:
        return compared(agrees=False, seen=f"It could not be read within {LONGEST_WAIT} s.")
    content = sandbox.stanza.get("content", "full")
    holds = [sandbox.canary in str(member(entry.record, side)) for side in ("input", "output")]
    agrees = entry.phase == "end" and (content != "full" or holds[0])
    seen = f"Phase {entry.phase}, {entry.place}, readable {call.found.words}; content {content}."
    return compared(agrees, seen, phase=entry.phase, place=entry.place, prompt_is_there=holds[0])


def _tokens(sandbox: Sandbox) -> Observation:
    call = sandbox.once(recorded_call)
    if call.found.value is None:
        return unknown("The record could not be read.")
    record = call.found.value.record
    recorded = [
        member(record, "input", "inputTokenCount"),
        member(record, "output", "outputTokenCount"),
    ]
    usage = call.answer["usage"]
    stated = [usage["input_tokens"], usage["output_tokens"]]
    return compared(recorded == stated, f"Recorded {recorded}, stated {stated}.")


def _undamaged(sandbox: Sandbox) -> Observation:
    damage = sandbox.once(recorded_call).damage
    return compared(not damage, " ".join(damage) or "Nothing is missing or altered.")


def _log_group(sandbox: Sandbox) -> dict[str, Any]:
    name = sandbox.environment.record_log_group(sandbox.tenant)
    deployer = sandbox.target.deployer(sandbox.account)
    logs = sandbox.target.client(deployer, "logs", sandbox.account.region)
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next((group for group in groups if group["logGroupName"] == name), {})


def _retention(sandbox: Sandbox) -> Observation:
    group = sandbox.once(_log_group)
    wanted, found = sandbox.environment.retention_days(sandbox.tenant), group.get("retentionInDays")
    policy = group.get("retentionPolicyName")
    by_account = f" A policy of the account, {policy}, overrides it." if policy else ""
    seen = f"{found} days, and the stanza says {wanted}.{by_account}"
    return compared(found == wanted and not policy, seen, days=found, policy=policy)


def _encrypted(sandbox: Sandbox) -> Observation:
    key = str(sandbox.once(_log_group).get("kmsKeyId") or "")
    owner = key.split(":")[4] if key.count(":") >= 5 else "nobody"
    agrees = owner == sandbox.account.account_id
    return compared(agrees, f"The key is of {owner}.", account=owner)


def record_checks() -> list[Check]:
    """Return the checks of this group."""
    rows = [
        (
            "the record of a call is delivered",
            "The function's answer says that CloudWatch has taken its record.",
            _EVENTS,
            _delivered,
        ),
        (
            "the record of a call can be read",
            "It is of a finished call and holds the prompt, if the stanza keeps content.",
            _EVENTS,
            _readable,
        ),
        (
            "the tokens in a record",
            "They are those that the answer states.",
            _EVENTS,
            _tokens,
        ),
        (
            "no record is damaged",
            "No part is missing or altered.",
            _EVENTS,
            _undamaged,
        ),
        (
            "the retention of records",
            "CloudWatch keeps them as long as the stanza says, and no policy of the account overrides it.",
            _GROUPS,
            _retention,
        ),
        (
            "the key of records",
            "They are encrypted with a key of the customer account.",
            _GROUPS,
            _encrypted,
        ),
    ]
    return [Check(GROUP, name, expected, page, observe) for name, expected, page, observe in rows]
