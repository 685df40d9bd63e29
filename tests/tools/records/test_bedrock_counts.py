"""Records compared with Bedrock's counts: a call in neither a record nor a gap is found."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from tools.command_error import CommandError
from tools.commands import gaps
from tools.records import bedrock_counts
from tools.records.bedrock_counts import Counts, Window, certainties, compare, whole_periods
from tools.records.reader import Entry, RecordReader

PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/abc"
NOW = datetime.now(UTC)
SINCE = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = Window(SINCE, SINCE + timedelta(hours=1), 60)


def _entry(
    record_id,
    phase="end",
    *,
    statuses=(200,),
    region="eu-central-1",
    tokens=(3, 5),
    model=PROFILE,
    begin=None,
    milliseconds=10,
    codes=(),
    error=None,
    operation="Converse",
):
    """An entry; a status of None is an attempt without a response, and ``codes`` are the attempts' errors."""
    ours = {"recordId": record_id, "phase": phase}
    if phase == "start":
        ours["request"] = {"bytes": 100}
    else:
        attempts = [{"ms": 1.0} | ({"status": status} if status else {}) for status in statuses]
        for attempt, code in zip(attempts, codes, strict=False):
            attempt["errorCode"] = code
        ours |= {"attempts": attempts, "latencies": {"totalMs": milliseconds}}
    record = {
        "modelId": model,
        "region": region,
        "operation": operation,
        "timestamp": (begin or SINCE).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "tenantBedrock": ours,
    }
    if error:
        record["errorCode"] = error
        ours["error"] = {"type": error if error.endswith("Error") else "ClientError"}
    if phase != "start":
        record["input"] = {"inputTokenCount": tokens[0]}
    if phase == "end":
        record["output"] = {"outputTokenCount": tokens[1]}
    return Entry(record, "delivered")


def _compare(counted, *entries, window=WINDOW):
    counts = counted if isinstance(counted, Counts) else Counts(calls=counted)
    return compare("claude", PROFILE, "eu-central-1", entries, counts, window=window)


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
        (2, [_entry("a"), _entry("b", "error", statuses=(429, 429))], 1),
        (1, [_entry("a"), _entry("b")], 0),
        (2, [_entry("a"), _entry("b", "incomplete", statuses=(503,))], 0),
        (2, [_entry("a"), _entry("b", "error", statuses=(), error="ResponseParserError")], 0),
        (2, [_entry("a"), _entry("b", "error", statuses=(503,), error="ResponseParserError")], 0),
        (2, [_entry("a"), _entry("b", model="abc")], 0),
        (2, [_entry("a"), _entry("b", model=PROFILE.replace("1" * 12, "*" * 12))], 0),
        (2, [_entry("a"), _entry("b", model="abd")], 1),
        (2, [_entry("a"), _entry("b", "error", operation="ConverseStream", error="x")], 0),
        (1, [_entry("a"), _entry("b", "error", operation="ConverseStream", error="x")], 0),
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
        "a throttle explains no call",
        "Bedrock has not counted yet",
        "cut off after a failed attempt",
        "an answer that could not be parsed",
        "an answer that could not be parsed after a failed attempt",
        "the profile's id",
        "a masked ARN",
        "another profile's id",
        "a stream that broke, counted",
        "a stream that broke, not counted",
    ],
)
def test_a_call_that_nothing_explains_is_unaccounted(counted, entries, unaccounted):
    assert _compare(counted, *entries).unaccounted_calls == unaccounted


# Of each call, the fewest and the most requests that Bedrock's Invocations may contain. AWS's page says:
# accepted for processing, those that failed later included, but neither throttled nor rejected during
# validation; an older version of it says: successful.
BOUNDS = {
    # phase, operation, statuses (None: no response), errors of the attempts, error of the call
    ("end", "Converse", (200,), (), None): (1, 1),
    ("end", "ConverseStream", (200,), (), None): (1, 1),
    ("end", "Converse", (429, 200), (), None): (1, 1),
    ("end", "Converse", (503, 200), (), None): (1, 2),
    ("end", "Converse", (None, 200), ("ReadTimeoutError",), None): (1, 2),
    ("end", "Converse", (None, 200), ("EndpointConnectionError",), None): (1, 1),
    ("end", "Converse", (None, 200), ("ConnectTimeoutError",), None): (1, 1),
    ("end", "ConverseStream", (500, None, 429, 200), (), None): (1, 3),
    ("error", "Converse", (), (), "NoCredentialsError"): (0, 0),
    ("error", "Converse", (), (), "AccessDenied"): (0, 0),  # of STS
    ("error", "Converse", (), (), "ResponseParserError"): (0, 1),
    ("error", "Converse", (503,), ("ServiceUnavailableException",), "ResponseParserError"): (0, 2),
    ("error", "Converse", (503,), ("ServiceUnavailableException",), "NoCredentialsError"): (0, 1),
    ("error", "Converse", (429,), ("ThrottlingException",), "OutOfTimeError"): (0, 1),
    ("error", "Converse", (429,), ("ThrottlingException",), "ThrottlingException"): (0, 0),
    ("error", "Converse", (429,), ("ModelNotReadyException",), "ModelNotReadyException"): (0, 1),
    ("error", "Converse", (400,), ("ThrottlingException",), "ThrottlingException"): (0, 0),
    ("error", "Converse", (400,), ("ValidationException",), "ValidationException"): (0, 1),
    ("error", "Converse", (403,), ("AccessDeniedException",), "AccessDeniedException"): (0, 0),
    ("error", "Converse", (404,), ("ResourceNotFoundException",), "ResourceNotFoundException"): (
        0,
        0,
    ),
    ("error", "Converse", (408,), ("ModelTimeoutException",), "ModelTimeoutException"): (0, 1),
    ("error", "Converse", (424,), ("ModelErrorException",), "ModelErrorException"): (0, 1),
    ("error", "Converse", (500,), ("InternalServerException",), "InternalServerException"): (0, 1),
    ("error", "Converse", (503, 503), (), "ServiceUnavailableException"): (0, 2),
    ("error", "Converse", (None,), ("ReadTimeoutError",), "ReadTimeoutError"): (0, 1),
    ("error", "Converse", (None,), ("EndpointConnectionError",), "EndpointConnectionError"): (0, 0),
    ("error", "ConverseStream", (200,), (), "ThrottlingException"): (0, 1),
    ("error", "ConverseStream", (200,), (), "ResponseStreamingError"): (0, 1),
    ("error", "ConverseStream", (503, 200), (), "EventStreamError"): (0, 2),
    ("error", "ConverseStream", (400,), ("ValidationException",), "ValidationException"): (0, 1),
    ("incomplete", "Converse", (), (), None): (0, 1),
    ("incomplete", "Converse", (200,), (), None): (1, 1),  # cut off between answer and record
    ("incomplete", "Converse", (400,), (), None): (0, 1),
    ("incomplete", "Converse", (403,), (), None): (0, 0),
    ("incomplete", "Converse", (429,), (), None): (0, 1),
    ("incomplete", "Converse", (503,), (), None): (0, 2),
    ("incomplete", "Converse", (None,), (), None): (0, 2),
    ("incomplete", "Converse", (503, None), (), None): (0, 3),
    ("incomplete", "ConverseStream", (), (), None): (0, 1),
    ("incomplete", "ConverseStream", (200,), (), None): (0, 1),
    ("incomplete", "ConverseStream", (503, 200), (), None): (0, 2),
    ("start", "Converse", (), (), None): (0, 1),
    ("start", "ConverseStream", (), (), None): (0, 1),
}


@pytest.mark.parametrize(("call", "bounds"), BOUNDS.items(), ids=str)
def test_a_record_bounds_the_calls_that_bedrock_may_have_counted(call, bounds):
    phase, operation, statuses, codes, error = call
    entry = _entry("a", phase, operation=operation, statuses=statuses, codes=codes, error=error)
    fewest, most = bounds

    calls = certainties(entry)

    assert (calls.count("answered"), len(calls)) == (fewest, most)
    for counted in range(most + 3):
        comparison = _compare(counted, entry)
        assert comparison.unaccounted_calls == max(0, counted - most)
        assert comparison.most_unaccounted_calls == max(0, counted - fewest)


def test_a_call_that_failed_before_its_request_is_no_call():
    entry = _entry("a", "error", statuses=(), error="BadRequestError")
    del entry.record["input"]

    assert certainties(entry) == []


def test_tokens_are_set_side_by_side():
    comparison = _compare(2, _entry("a", tokens=(3, 5)), _entry("b", tokens=(10, 20)))

    assert (comparison.recorded.input_tokens, comparison.recorded.output_tokens) == (13, 25)


# --- the window ---


def _ago(**age):
    return datetime.now(UTC) - timedelta(**age)


@pytest.mark.parametrize(
    ("since", "period"),
    [
        (_ago(hours=1), 60),
        (_ago(days=14, hours=22), 60),
        (_ago(days=14, hours=23, minutes=30), 300),
        (_ago(days=16), 300),
        (_ago(days=64), 3600),
        (_ago(days=454), 3600),
    ],
)
def test_the_window_is_whole_periods_of_the_data_points_that_exist(since, period):
    window = whole_periods(since, NOW)

    assert window.period == period
    assert window.since.timestamp() % period == window.until.timestamp() % period == 0
    assert timedelta() <= since - window.since < timedelta(seconds=period)
    assert timedelta() <= window.until - NOW < timedelta(seconds=period)


def test_the_window_ends_with_the_period_that_has_begun():
    for until in (datetime.now(UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)):
        window = whole_periods(_ago(hours=1), until)
        assert timedelta() <= window.until - datetime.now(UTC) <= timedelta(seconds=60)


def test_a_time_without_data_points_is_refused():
    with pytest.raises(
        CommandError, match=r"keeps Bedrock's counts for 455 days; choose a SINCE= after 20"
    ):
        whole_periods(_ago(days=456), NOW)


def _asked(window, status="Complete"):
    """The parameters with which CloudWatch is asked about a window."""
    cloudwatch = boto3.client(
        "cloudwatch", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    queries = []
    cloudwatch.meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData", lambda params, **_: queries.append(params)
    )
    with Stubber(cloudwatch) as answers:
        result = {"Id": "m0", "Timestamps": [], "Values": [], "StatusCode": status}
        answers.add_response("get_metric_data", {"MetricDataResults": [result]})
        assert bedrock_counts.bedrock_counts(cloudwatch, PROFILE, window) == Counts()
    (query,) = queries
    return query


@pytest.mark.parametrize("status", ["InternalError", "Forbidden", "Unknown"])
def test_a_count_that_cloudwatch_could_not_answer_is_not_zero(status):
    with pytest.raises(CommandError, match=rf"cannot be read: CloudWatch answers {status}"):
        _asked(WINDOW, status)


def test_a_count_may_be_answered_in_pages():
    assert _asked(WINDOW, "PartialData")


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=20), timedelta(days=70)])
def test_both_sides_are_of_the_same_time(age):
    """A call on each side of either end of the window is not compared; CloudWatch is asked for the same."""
    window = whole_periods(NOW - age, NOW - age / 2)
    second = timedelta(seconds=1)
    hour = timedelta(hours=1)
    entries = [
        _entry("before", begin=window.since - second - hour),
        _entry("first", begin=window.since),
        _entry("last", begin=window.until - second),
        _entry("after", begin=window.until),
        _entry("lost before", "start", begin=window.since - second - hour),
        _entry("lost in", "start", begin=window.until - second),
        _entry("lost after", "start", begin=window.until),
    ]

    query = _asked(window)
    comparison = _compare(2, *entries, window=window)

    assert (query["StartTime"], query["EndTime"]) == (window.since, window.until)
    assert {q["MetricStat"]["Period"] for q in query["MetricDataQueries"]} == {window.period}
    assert (comparison.recorded.calls, comparison.doubtful_calls) == (2, 0)
    assert comparison.gaps == ("lost in",)


@pytest.mark.parametrize(
    "entry",
    [
        _entry("a", begin=SINCE - timedelta(minutes=5), milliseconds=600_000),
        _entry("a", begin=WINDOW.until - timedelta(minutes=5), milliseconds=600_000),
        _entry("a", "start", begin=SINCE - timedelta(minutes=5)),
        _entry("a", begin=SINCE - timedelta(minutes=5), milliseconds=float("nan")),
        _entry("a", begin=SINCE - timedelta(minutes=5), milliseconds=1e300),
    ],
    ids=[
        "begun before",
        "ended after",
        "lost, begun before",
        "of unknown length",
        "of absurd length",
    ],
)
def test_a_call_that_is_in_the_window_in_part_is_doubtful(entry):
    """AWS does not say whether Bedrock counts a call when it begins or when it ends."""
    comparison = _compare(1, entry, window=WINDOW)

    assert (comparison.recorded.calls, comparison.doubtful_calls, comparison.gaps) == (0, 1, ())
    assert comparison.unaccounted_calls == 0
    assert _compare(2, entry, window=WINDOW).unaccounted_calls == 1


def test_a_mark_whose_id_is_masked_is_doubtful():
    """It cannot be told which record belongs to it, or whether one does."""
    comparison = _compare(1, _entry("*" * 36, "start"))

    assert (comparison.gaps, comparison.doubtful_calls, comparison.unaccounted_calls) == ((), 1, 0)


@pytest.mark.parametrize("name", ["region", "modelId"])
def test_a_record_of_which_a_mask_covers_the_region_or_model_is_of_the_profile(name):
    entry = _entry("a")
    entry.record[name] = entry.record[name][:3] + "*" * (len(entry.record[name]) - 3)

    assert _compare(1, entry).recorded.calls == 1
    assert _compare(2, entry).unaccounted_calls == 1


def test_a_record_that_masks_make_unreadable_may_be_of_any_profile():
    head = {"timestamp": "2026-11-20T12:00:00.000Z"}
    entries = [
        Entry({**head, "tenantBedrock": {"recordId": "a", "phase": phase}}, "delivered", "", False)
        for phase in ("start", "end")
    ]

    comparison = _compare(2, *entries)

    assert (comparison.doubtful_calls, comparison.unaccounted_calls) == (2, 0)
    assert _compare(3, *entries).unaccounted_calls == 1


# Calls that Bedrock rejected are free, so anybody can make many of them beside a call without a record.
REJECTED = [
    _entry(
        f"r{number}",
        "error",
        statuses=(400,),
        codes=("ValidationException",),
        error="ValidationException",
        tokens=(None, None),
    )
    for number in range(3)
]


@pytest.mark.parametrize(
    ("counted", "entries", "unaccounted"),
    [
        (Counts(3, 9_000, 9_000), REJECTED, 1),
        (Counts(3, 9_000, 0), REJECTED, 0),
        (Counts(0, 9_000, 9_000), REJECTED, 0),
        (Counts(2, 3, 5), [*REJECTED, _entry("a")], 0),
        (Counts(2, 3, 6), [*REJECTED, _entry("a")], 1),
        (Counts(2, 3, 6), [*REJECTED, _entry("a", tokens=(None, None))], 0),
        (Counts(2, 3, 6), [*REJECTED, _entry("a"), _entry("b", "start")], 0),
        (Counts(2, 3, 6), [*REJECTED, _entry("a"), _entry("b", statuses=(None, 200))], 0),
        (Counts(5, 3, 6), [*REJECTED, _entry("a")], 1),
        (Counts(6, 3, 6), [*REJECTED, _entry("a")], 2),
    ],
    ids=[
        "answers without a call",
        "no answer",
        "no call",
        "all answers recorded",
        "more than is recorded",
        "a record without tokens",
        "a gap",
        "a doubtful call",
        "one call more",
        "two calls more",
    ],
)
def test_rejected_calls_do_not_explain_an_answer(counted, entries, unaccounted):
    assert _compare(counted, *entries).unaccounted_calls == unaccounted


def test_a_call_in_the_last_year_of_the_calendar_stops_nothing():
    entry = _entry("a", begin=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))

    assert _compare(0, entry, window=WINDOW).recorded.calls == 0


# --- what is printed ---


def test_each_gap_is_named(capsys):
    mark = _entry("8d7f", "start")

    gaps.show([_compare(1, mark)], [mark], WINDOW)

    output = capsys.readouterr().out
    assert "gap: record 8d7f, 2026-11-20T12:00:00.000Z" in output
    assert "a request of 100 bytes was sent and its end was never recorded" in output
    assert "Every call is accounted for" not in output


@pytest.mark.parametrize("minutes", [-50, 5])
def test_a_call_that_may_still_be_out_is_no_verdict(capsys, minutes):
    begin = datetime.now(UTC) + timedelta(minutes=minutes)
    mark = _entry("8d7f", "start", begin=begin)

    gaps.show([_compare(1, mark)], [mark], WINDOW)

    assert gaps.may_be_out(mark)
    assert not gaps.may_be_out(_entry("8d7f", "start", begin=NOW - timedelta(minutes=61)))
    output = capsys.readouterr().out
    assert "was sent less than an hour ago: it is still out, or its end is lost" in output
    assert "Every call is accounted for" not in output


def test_what_cannot_be_told_apart_is_an_interval(capsys):
    failed = _entry("a", "error", statuses=(503, 503), error="ServiceUnavailableException")

    gaps.show([_compare(3, failed, _entry("b"))], [], WINDOW)

    output = capsys.readouterr().out
    assert "0 to 2" in output
    assert "claude in eu-central-1: Bedrock may or may not have counted the failed" in output
    assert "Every call is accounted for" not in output


def test_failed_calls_that_bedrock_did_not_count_are_accounted_for(capsys):
    failed = _entry("a", "error", statuses=(503, 503), error="ServiceUnavailableException")

    gaps.show([_compare(1, failed, _entry("b"))], [], WINDOW)

    assert "Every call is accounted for." in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["[/INST]", "[red]x[/red]", "a:100:b", "\x1b[2K", "x\ny", "\u202ex"]
)
def test_what_a_mark_says_is_text(capsys, text):
    mark = _entry("8d7f", "start")
    mark.record["tenantBedrock"]["alias"] = text
    mark.record["tenantBedrock"]["recordId"] = text

    gaps.show([_compare(1, mark)], [mark], WINDOW)

    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("gap: ") for line in lines) == 1
    if text.isprintable():
        assert any(f"gap: record {text}, " in line for line in lines)


@pytest.mark.parametrize("width", [20, 60, 80, 120, 10_000])
def test_every_figure_is_whole_whatever_the_width_of_the_terminal(capsys, width, monkeypatch):
    monkeypatch.setattr(gaps.out, "width", width)
    counts = Counts(12_345, 1_234_567, 7_654_321)
    comparison = _compare(counts, _entry("a"), _entry("8d7f", "start"))

    gaps.show([comparison], [], WINDOW)

    output = capsys.readouterr().out
    assert "…" not in output
    for figure in ("12,345", "1,234,567/7,654,321", "3/5", "12,343 to 12,344"):
        assert figure in output
    if width < 120:
        assert "  unaccounted: 12,343 to 12,344" in output.splitlines()


def test_a_mark_without_a_size_or_a_model_is_named(capsys):
    reader = RecordReader()
    ours = {"recordId": "8d7f", "phase": "start"}
    reader.add_message(
        json.dumps({"timestamp": "2026-11-20T12:00:00.000Z", "tenantBedrock": ours}), "delivered"
    )

    gaps.show([], reader.entries(), WINDOW)

    assert "gap: record 8d7f, 2026-11-20T12:00:00.000Z, an unknown model" in capsys.readouterr().out
