"""Bedrock's own counts beside the records: a call that bypassed the package is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenant_bedrock import connect
from tools.localaws.faults import Fault
from tools.records.bedrock_counts import Comparison, bedrock_counts, compare
from tools.records.reader import RecordReader


def _compared(acme: Any, profile: str) -> Comparison:
    reader = RecordReader()
    for message in acme.messages("/bedrock/local/acme/records"):
        reader.add_message(message, "delivered")
    hour = timedelta(hours=1)
    since, until = datetime.now(UTC) - hour, datetime.now(UTC) + hour
    cloudwatch = acme.client("cloudwatch", acme.operations)
    counts = bedrock_counts(cloudwatch, profile, since, until)
    return compare("claude", profile, "eu-central-1", reader.entries(), counts)


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
    assert (comparison.unaccounted_calls, comparison.gaps, comparison.doubtful_calls) == (0, (), 0)


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
    dimension = {"Name": "ModelId", "Value": tracked.rpartition("/")[2]}
    acme.client("cloudwatch", acme.operations).put_metric_data(
        Namespace="AWS/Bedrock",
        MetricData=[{"MetricName": "Invocations", "Dimensions": [dimension], "Value": 3}],
    )

    assert _compared(acme, tracked).unaccounted_calls == 3
