"""Bedrock's own counts beside the records: a call that bypassed the package is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenant_bedrock import connect
from tools.localaws.faults import Fault
from tools.records.bedrock_counts import Comparison, bedrock_counts, compare, whole_periods
from tools.records.reader import RecordReader


def _compared(acme: Any, profile: str) -> Comparison:
    reader = RecordReader()
    for message in acme.messages("/bedrock/local/acme/records"):
        reader.add_message(message, "delivered")
    hour = timedelta(hours=1)
    # The counts of calls that have just ended are in the minute that is not over yet.
    window = whole_periods(datetime.now(UTC) - hour, datetime.now(UTC) + hour)
    cloudwatch = acme.client("cloudwatch", acme.operations)
    counts = bedrock_counts(cloudwatch, profile, window)
    return compare("claude", profile, "eu-central-1", reader.entries(), counts, window=window)


def test_every_call_through_the_package_is_accounted_for(acme: Any, tracked: str) -> None:
    chat = connect().chat("claude")
    chat.batch(["one two", "three four five"])
    list(chat.stream("six"))
    acme.control.fault(Fault("bedrock-runtime", code="InternalServerException", status=500))
    chat.invoke("a second attempt")
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))
    with pytest.raises(Exception):  # noqa: PT011, B017 - botocore's
        chat.invoke("refused")

    comparison = _compared(acme, tracked)

    assert comparison.counted.calls == comparison.recorded.calls == 4
    assert comparison.counted == comparison.recorded
    assert (comparison.unaccounted_calls, comparison.most_unaccounted_calls) == (0, 0)
    assert (comparison.gaps, comparison.doubtful_calls, comparison.failed_calls) == ((), 0, 2)


@pytest.mark.parametrize("naming", ["ARN", "id"])
def test_a_call_without_the_package_is_unaccounted_for(
    acme: Any, tracked: str, naming: str
) -> None:
    connection = connect()
    connection.chat("claude").invoke("recorded")
    bare = connection._sessions.operations.create_client(
        "bedrock-runtime", region_name="eu-central-1", endpoint_url=acme.url
    )
    bare.converse(modelId=tracked, messages=[{"role": "user", "content": [{"text": "past it"}]}])

    comparison = _compared(acme, tracked)

    assert (comparison.counted.calls, comparison.recorded.calls) == (2, 1)
    assert comparison.unaccounted_calls == 1
    assert comparison.counted.input_tokens - comparison.recorded.input_tokens == 2


def test_calls_that_name_the_profile_by_its_id_are_counted_too(acme: Any, tracked: str) -> None:
    counts = {
        "account": "111111111111",
        "region": "eu-central-1",
        "model_id": tracked.rpartition("/")[2],
        "values": {"Invocations": 3},
    }
    acme.control.post("bedrock_counts", counts)

    assert _compared(acme, tracked).unaccounted_calls == 3


@pytest.mark.parametrize(
    ("fault", "call", "counted", "bounds"),
    [
        (Fault("bedrock-runtime", drop="after", times=1), "invoke", 2, (1, 2)),
        (Fault("bedrock-runtime", drop="before", times=1), "invoke", 1, (1, 2)),
        (
            Fault("bedrock-runtime", code="ServiceUnavailableException", status=503),
            "invoke",
            1,
            (1, 2),
        ),
        (Fault("bedrock-runtime", code="ThrottlingException", status=429), "invoke", 1, (1, 1)),
        (
            Fault(
                "bedrock-runtime", stream={"after_events": 2, "exception": "throttlingException"}
            ),
            "stream",
            0,
            (0, 1),
        ),
        (Fault("bedrock-runtime", stream={"after_events": 2}), "stream", 0, (0, 1)),
    ],
    ids=[
        "answer lost",
        "connection lost",
        "503",
        "throttled",
        "stream ends with an error",
        "stream is cut",
    ],
)
def test_bedrocks_count_is_within_the_bounds_of_the_records(
    acme: Any, tracked: str, *, fault: Fault, call: str, counted: int, bounds: tuple[int, int]
) -> None:
    chat = connect().chat("claude")
    acme.control.fault(fault)
    if call == "stream":
        with pytest.raises(Exception):  # noqa: PT011, B017 - botocore's or LangChain's
            list(chat.stream("one two three four five six seven"))
    else:
        chat.invoke("hello")

    comparison = _compared(acme, tracked)

    fewest, most = bounds
    undecided = comparison.failed_calls + comparison.doubtful_calls
    assert comparison.counted.calls == counted
    assert (comparison.recorded.calls, comparison.recorded.calls + undecided) == (fewest, most)
    assert comparison.unaccounted_calls == 0
