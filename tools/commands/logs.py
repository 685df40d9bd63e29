"""`make logs`: show a tenant's records, as a table or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json_text, run, shorten, table, warn
from tools.cli.session import open_session
from tools.records.conversation_text import answer_text, prompt_text
from tools.records.event import member
from tools.records.reader import (
    RecordFilter,
    parse_time,
    read_records,
    refuse_an_empty_window,
    show_places,
)
from tools.tenants.stanza_state import warn_of_state

if TYPE_CHECKING:
    from tools.records.event import Record
    from tools.records.reader import Entry


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_account()
    arguments.add_argument(
        "--since", help="records from this time on: 2026-11-23T14:00, or 30m, 12h, 7d ago"
    )
    arguments.add_argument("--until", help="records before this time")
    arguments.add_argument("--model", help="an alias of the stanza, or a model id of Bedrock's")
    arguments.add_argument("--error", help='failed calls only: an AWS error code, or "any"')
    arguments.add_argument(
        "--unmask", action="store_true", help="read as the unmasker role, without masks"
    )
    arguments.add_json("one whole record on each line")
    return arguments


def main() -> int:
    """Print the records of one customer account, oldest first; return 1 when one of them is damaged."""
    options = parser().parse_args()
    since = parse_time(options.since) if options.since else None
    until = parse_time(options.until) if options.until else None
    refuse_an_empty_window(since, until)
    record_filter = RecordFilter(since, until, model=options.model, error=options.error)
    session = open_session(options.env, tenant=options.tenant)
    account = session.environment.only_account(options.tenant, options.account)
    warn_of_state(session.environment, account.tenant)
    show_places(session.environment, [account])
    reader = read_records(session.target, account, since, unmask=options.unmask)
    show(reader.entries(record_filter), as_json=options.json)
    damage = reader.damage()
    for sentence in damage:
        warn(sentence)
    return int(bool(damage))


def show(entries: list[Entry], *, as_json: bool) -> None:
    """Print the entries, including the start marks of calls without an end."""
    if as_json:
        for entry in entries:
            print_json_text(entry.json)
        return
    rows = table("time", "alias", "tokens", "ms", "ended", "place", "record", "prompt", "answer")
    width = max(12, (out.width - 92) // 2)  # what the other columns leave for each of the texts
    for entry in entries:
        *cells, prompt, answer = row(entry)
        rows.add_row(*cells, shorten(prompt, width), shorten(answer, width))
    out.print(rows)


def row(entry: Entry) -> tuple[str, ...]:
    """Return the cells of a record, with the prompt and the answer last."""
    record = entry.record
    answer = member(record, "output", "outputBodyJson")
    request = member(record, "input", "inputBodyJson")
    tokens = [
        _number(member(record, *path))
        for path in (("input", "inputTokenCount"), ("output", "outputTokenCount"))
    ]
    return (
        record["timestamp"].replace("T", " ")[:19],
        record["tenantBedrock"].get("alias", ""),
        "/".join(tokens),
        _number(member(answer, "metrics", "latencyMs")),
        _ending(entry),
        entry.place,
        entry.id[:13],
        prompt_text(request) or _build_error(record, "input"),
        answer_text(answer) or _build_error(record, "output"),
    )


def _ending(entry: Entry) -> str:
    """Return how a call ended: an error code, a stop reason, or else the phase."""
    if not entry.is_readable:
        return f"{entry.phase}, masked"
    if entry.phase == "start":
        return "not recorded"
    reason = member(entry.record, "output", "outputBodyJson", "stopReason")
    return entry.record.get("errorCode") or (reason if isinstance(reason, str) else entry.phase)


def _build_error(record: Record, side: str) -> str:
    """Return why a record has no body on this side, if the package could not write it."""
    error = member(record, "tenantBedrock", "buildErrors", side)
    return f"(not written: {error})" if isinstance(error, str) else ""


def _number(value: object) -> str:
    return str(value) if isinstance(value, (int, float)) else "-"


if __name__ == "__main__":
    run(main)
