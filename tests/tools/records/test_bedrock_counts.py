"""Records comparison with Bedrock's counts: a call in neither a record nor a gap is found."""

import pytest

from tools.commands import gaps
from tools.records.bedrock_counts import Counts, compare
from tools.records.reader import Entry

PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/abc"


def _entry(record_id, phase="end", *, statuses=(200,), region="eu-central-1", tokens=(3, 5)):
    ours = {"recordId": record_id, "phase": phase}
    if phase == "start":
        ours["request"] = {"bytes": 100}
    else:
        ours["attempts"] = [{"ms": 1.0} | ({"status": s} if s else {}) for s in statuses]
    record = {"modelId": PROFILE, "region": region, "tenantBedrock": ours}
    if phase == "end":
        record["input"] = {"inputTokenCount": tokens[0]}
        record["output"] = {"outputTokenCount": tokens[1]}
    return Entry(record, "delivered")


def _compare(counted, *entries):
    return compare("claude", PROFILE, "eu-central-1", entries, Counts(calls=counted))


@pytest.mark.parametrize(
    ("counted", "entries", "unaccounted"),
    [
        (0, [], 0),
        (2, [_entry("a"), _entry("b")], 0),
        (3, [_entry("a"), _entry("b")], 1),
        (2, [_entry("a"), _entry("b", region="eu-west-1")], 1),
        (2, [_entry("a"), _entry("b", "start")], 0),
        (2, [_entry("a"), _entry("b", "incomplete", statuses=())], 0),
        (2, [_entry("a", statuses=(None, 200))], 0),
        (1, [_entry("a"), _entry("b", "error", statuses=(429, 429))], 0),
        (1, [_entry("a"), _entry("b")], 0),
    ],
    ids=[
        "nothing",
        "all recorded",
        "one is missing",
        "another Region's does not count",
        "a named gap",
        "cut off while it was out",
        "an answer that was lost on the way",
        "a throttle is no call",
        "Bedrock has not counted yet",
    ],
)
def test_a_call_that_nothing_tells_of_is_unaccounted(counted, entries, unaccounted):
    assert _compare(counted, *entries).unaccounted_calls == unaccounted


def test_tokens_are_set_side_by_side():
    comparison = _compare(2, _entry("a", tokens=(3, 5)), _entry("b", tokens=(10, 20)))

    assert (comparison.recorded.input_tokens, comparison.recorded.output_tokens) == (13, 25)


def test_each_gap_is_named(capsys):
    mark = _entry("8d7f", "start")
    mark.record["timestamp"] = "2026-11-23T12:00:00.000Z"

    gaps.show([_compare(1, mark)], [mark])

    output = capsys.readouterr().out
    assert "gap: record 8d7f, 2026-11-23T12:00:00.000Z" in output
    assert "a request of 100 bytes was sent and its end was never recorded" in output
    assert "Every call is accounted for" not in output
