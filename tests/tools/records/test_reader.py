"""Reading the records back: parts are joined, copies dropped, and damage is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tenant_bedrock.delivery import EVENT_BYTES, LINE_BYTES
from tenant_bedrock.parts import split
from tools.command_error import CommandError
from tools.commands import logs
from tools.records.reader import RecordFilter, RecordReader, parse_time


def _record(record_id="r1", phase="end", text="hello", **members):
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "modelId": "anthropic.claude-x",
        "input": {"inputBodyJson": {"messages": [{"role": "user", "content": [{"text": text}]}]}},
        "tenantBedrock": {"recordId": record_id, "phase": phase, "alias": "claude"},
        **members,
    }


def _line(record, message="record.spilled"):
    return json.dumps({"level": "ERROR", "message": message, "record": record})


def _reader(*delivered, spilled=()):
    reader = RecordReader()
    for message in delivered:
        reader.add_message(
            message if isinstance(message, str) else json.dumps(message), "delivered"
        )
    for record in spilled:
        reader.add_message(_line(record), "spilled")
    return reader


def test_parts_are_joined_in_whatever_order_they_come():
    record = _record(text="long " * 500_000)
    pieces = split(record, EVENT_BYTES)
    assert len(pieces) > 2

    reader = _reader(*reversed(pieces))

    assert [entry.record for entry in reader.entries()] == [record]
    assert reader.damage() == []


def test_a_missing_part_is_reported():
    pieces = split(_record(text="long " * 500_000), EVENT_BYTES)

    reader = _reader(pieces[0], *pieces[2:])

    assert reader.entries() == []
    assert reader.damage() == [f"Record r1 (end): part 2 of {len(pieces)} is missing."]


def test_a_changed_part_is_reported():
    pieces = split(_record(text="long " * 500_000), EVENT_BYTES)

    reader = _reader(*pieces[:-1], pieces[-1].replace("long", "lung"))

    assert reader.entries() == []
    (sentence,) = reader.damage()
    assert sentence.startswith("Record r1 (end) was altered")


def test_a_masked_record_is_shown_though_it_cannot_be_checked():
    pieces = split(_record(text="long " * 500_000), EVENT_BYTES)

    reader = _reader(*(piece.replace("long long", "*********") for piece in pieces))

    assert len(reader.entries()) == reader.masked_records == 1
    assert reader.damage() == []


def test_a_spilled_copy_makes_up_for_a_missing_part():
    record = _record(text="long " * 500_000)
    pieces = split(record, EVENT_BYTES)
    lines = [json.loads(part) for part in split(record, LINE_BYTES)]

    reader = _reader(*pieces[1:], spilled=lines)

    assert [(entry.place, entry.record) for entry in reader.entries()] == [("spilled", record)]
    assert reader.damage() == []


def test_a_copy_is_dropped_and_one_that_differs_is_reported():
    assert _reader(_record(), _record(), spilled=[_record()]).damage() == []
    assert len(_reader(_record(), _record()).entries()) == 1

    (sentence,) = _reader(_record(), spilled=[_record(text="another")]).damage()
    assert sentence == "Record r1 (end) exists twice, and the two differ."


@pytest.mark.parametrize(
    ("phases", "phase"),
    [
        (["start"], "start"),
        (["end", "start"], "end"),
        (["start", "incomplete", "end"], "end"),
        (["incomplete", "start"], "incomplete"),
        (["error", "start"], "error"),
    ],
)
def test_a_call_is_shown_once_as_far_as_it_came(phases, phase):
    (entry,) = _reader(*(_record(phase=phase) for phase in phases)).entries()

    assert entry.phase == phase


def test_a_start_mark_on_stdout_names_a_gap():
    reader = RecordReader()
    reader.add_message(_line(_record(phase="start"), "record.start"), "spilled")

    (entry,) = reader.entries()
    assert "not recorded" in logs.row(entry)


def test_what_is_no_record_is_left_out_and_counted():
    reader = _reader("not JSON", "[1]", "{}", '"text"', json.dumps(_record()))

    assert len(reader.entries()) == 1
    assert reader.foreign_events == 4


@pytest.mark.parametrize(
    ("record_filter", "record_ids"),
    [
        (RecordFilter(), ["early", "late", "failed"]),
        (RecordFilter(since=datetime(2026, 11, 23, 12, tzinfo=UTC)), ["late", "failed"]),
        (RecordFilter(until=datetime(2026, 11, 23, 12, tzinfo=UTC)), ["early"]),
        (RecordFilter(model="claude"), ["early", "failed"]),
        (RecordFilter(model="amazon.nova-x"), ["late"]),
        (RecordFilter(error="any"), ["failed"]),
        (RecordFilter(error="ThrottlingException"), ["failed"]),
        (RecordFilter(error="ValidationException"), []),
    ],
)
def test_records_are_chosen_by_time_model_and_error(record_filter, record_ids):
    nova = {"recordId": "late", "phase": "end", "alias": "nova"}
    reader = _reader(
        _record("early", timestamp="2026-11-23T11:59:59.999Z"),
        _record("late", modelId="amazon.nova-x", tenantBedrock=nova),
        _record(
            "failed",
            "error",
            timestamp="2026-11-23T12:00:01.000Z",
            errorCode="ThrottlingException",
        ),
    )

    assert [entry.id for entry in reader.entries(record_filter)] == record_ids


def test_a_time_is_a_date_or_so_long_ago():
    assert parse_time("2026-11-23T14:00") == datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert parse_time("2026-11-23T14:00+02:00") == datetime(2026, 11, 23, 12, tzinfo=UTC)
    for text, ago in (("30m", {"minutes": 30}), ("12h", {"hours": 12}), ("7d", {"days": 7})):
        assert abs(datetime.now(UTC) - timedelta(**ago) - parse_time(text)) < timedelta(minutes=1)
    with pytest.raises(CommandError, match="is not a valid time; write one such as"):
        parse_time("yesterday")


def test_a_hashed_prompt_is_shown_by_the_beginning_of_its_hash():
    record = _record()
    record["input"]["inputBodyJson"]["messages"][0]["content"] = [{"sha256": "ab" * 32, "bytes": 5}]

    assert "abababababab" in logs.row(_reader(record).entries()[0])
