"""`make logs`: show a tenant's records, as a table or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.console import out, run, table, warn
from tools.cli.session import open_session
from tools.records.reader import RecordFilter, parse_time, read_records

if TYPE_CHECKING:
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
    session = open_session(options.env)
    account = session.environment.only_account(options.tenant, options.account)
    record_filter = RecordFilter(
        since=parse_time(options.since) if options.since else None,
        until=parse_time(options.until) if options.until else None,
        model=options.model,
        error=options.error,
    )
    reader = read_records(session.target, account, record_filter.since, unmask=options.unmask)
    show(reader.entries(record_filter), as_json=options.json)
    damage = reader.damage()
    for sentence in damage:
        warn(sentence)
    return int(bool(damage))


def show(entries: list[Entry], *, as_json: bool) -> None:
    """Print the entries, including the start marks of calls without an end."""
    if as_json:
        for entry in entries:
            out.print(json.dumps(entry.record), markup=False)
        return
    rows = table("time", "alias", "tokens", "ms", "ended", "kept", "record", "prompt", "answer")
    width = max(12, (out.width - 92) // 2)  # what the other columns leave for each of the texts
    for entry in entries:
        *cells, prompt, answer = row(entry)
        rows.add_row(*cells, _shorten(prompt, width), _shorten(answer, width))
    out.print(rows)


def row(entry: Entry) -> tuple[str, ...]:
    """Return the cells of a record, with the prompt and the answer last."""
    record = entry.record
    details = record["tenantBedrock"]
    request, response = record.get("input", {}), record.get("output", {})
    answer = response.get("outputBodyJson", {})
    messages = request.get("inputBodyJson", {}).get("messages", [])
    if entry.phase == "start":
        ending = "not recorded"
    else:
        ending = record.get("errorCode") or answer.get("stopReason", entry.phase)
    return (
        record["timestamp"].replace("T", " ")[:19],
        details.get("alias", ""),
        f"{request.get('inputTokenCount', '-')}/{response.get('outputTokenCount', '-')}",
        str(answer.get("metrics", {}).get("latencyMs", "-")),
        ending,
        entry.place,
        entry.id[:13],
        _text(messages[-1:]),
        _text([answer["output"]["message"]] if answer.get("output") else []),
    )


def _shorten(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _text(messages: list[dict[str, Any]]) -> str:
    """Return the words of a conversation, or the beginnings of the hashes in a hashed one."""
    blocks = [block for message in messages for block in message["content"]]
    return " ".join(block.get("text") or block.get("sha256", "")[:12] for block in blocks)


if __name__ == "__main__":
    run(main)
