"""`make logs`: a tenant's records, read by the only role that may, as a table or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools.cli import arguments
from tools.cli.console import out, run, table, warn
from tools.cli.workspace import Workspace
from tools.environment import model as environment
from tools.records import reader as records

if TYPE_CHECKING:
    from tools.records.reader import Entry


def main() -> int:
    """Print the records of one customer account, oldest first; 1 when one of them is damaged."""
    options = arguments.parser(__doc__, tenant="required")
    options.add_argument("--account", help="one of the tenant's accounts, when it has several")
    options.add_argument("--since", help="from this time on: 2026-11-23T14:00, or 30m, 12h, 7d ago")
    options.add_argument("--until", help="before this time")
    options.add_argument("--model", help="one alias of the stanza, or one of Bedrock's model ids")
    options.add_argument("--error", help="failed calls only: AWS's error code, or any")
    options.add_argument(
        "--unmask", action="store_true", help="what is masked too, as the role that may see it"
    )
    options.add_argument("--json", action="store_true", help="one whole record a line")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    account = arguments.only_account(env, chosen.tenant, chosen.account)
    wanted = records.Choice(
        since=records.moment(chosen.since) if chosen.since else None,
        until=records.moment(chosen.until) if chosen.until else None,
        model=chosen.model,
        error=chosen.error,
    )
    book = records.read(Workspace(), env, account, wanted.since, unmask=chosen.unmask)
    show(book.entries(wanted), as_json=chosen.json)
    damage = book.damage()
    for sentence in damage:
        warn(sentence)
    return int(bool(damage))


def show(entries: list[Entry], *, as_json: bool) -> None:
    """Print the entries; a call with a mark and no end is among them."""
    if as_json:
        for entry in entries:
            out.print(json.dumps(entry.record), markup=False)
        return
    shown = table("time", "alias", "tokens", "ms", "ended", "kept", "record", "prompt", "answer")
    room = max(12, (out.width - 92) // 2)  # what the other columns leave for each text
    for entry in entries:
        *facts, prompt, answer = row(entry)
        shown.add_row(*facts, _cut(prompt, room), _cut(answer, room))
    out.print(shown)


def row(entry: Entry) -> tuple[str, ...]:
    """A record as a row of the table, the prompt and the answer last."""
    record = entry.record
    ours, asked, answered = (
        record["tenantBedrock"],
        record.get("input", {}),
        record.get("output", {}),
    )
    body = answered.get("outputBodyJson", {})
    messages = asked.get("inputBodyJson", {}).get("messages", [])
    return (
        record["timestamp"].replace("T", " ")[:19],
        ours.get("alias", ""),
        f"{asked.get('inputTokenCount', '-')}/{answered.get('outputTokenCount', '-')}",
        str(body.get("metrics", {}).get("latencyMs", "-")),
        "not recorded"
        if entry.phase == "start"
        else record.get("errorCode") or body.get("stopReason", entry.phase),
        entry.kept,
        entry.id[:13],
        _text(messages[-1:]),
        _text([body["output"]["message"]] if body.get("output") else []),
    )


def _cut(text: str, room: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= room else f"{line[: room - 1]}…"


def _text(messages: list[dict[str, Any]]) -> str:
    """The words of a conversation; of a hashed one, the beginnings of its hashes."""
    blocks = [block for message in messages for block in message["content"]]
    return " ".join(block.get("text") or block.get("sha256", "")[:12] for block in blocks)


if __name__ == "__main__":
    run(main)
