"""A call without a record is found by comparing the records with Bedrock's own counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands import gaps
from commands.records import Book, Choice
from tenant_bedrock import connect
from tests.cloud.faults import Fault


def _compared(acme: Any, profile: str) -> gaps.Comparison:
    book = Book()
    for message in acme.messages("/bedrock/local/acme/records"):
        book.take(message, "delivered")
    now = datetime.now(UTC)
    period = Choice(now - timedelta(hours=1), now + timedelta(hours=1))
    counts = gaps.counted(acme.client("cloudwatch", acme.operations), profile, period)
    return gaps.compare("claude", profile, "eu-central-1", book.entries(period), counts)


def test_all_that_went_through_the_package_is_accounted_for(acme: Any, tracked: str) -> None:
    chat = connect().chat("claude")
    chat.batch(["one two", "three four five"])
    list(chat.stream("six"))
    acme.control.fault(Fault("bedrock-runtime", code="InternalServerException", status=500))
    chat.invoke("a second attempt")
    acme.control.fault(Fault("bedrock-runtime", code="ValidationException"))
    with pytest.raises(Exception):  # noqa: PT011, B017 - botocore's
        chat.invoke("refused")

    compared = _compared(acme, tracked)

    assert compared.counted.calls == compared.recorded.calls == 4
    assert compared.counted == compared.recorded
    assert (compared.unaccounted, compared.gaps, compared.doubtful) == (0, (), 0)


@pytest.mark.parametrize("named_by", ["ARN", "id"])
def test_a_call_past_the_package_is_unaccounted_for(acme: Any, tracked: str, named_by: str) -> None:
    connection = connect()
    connection.chat("claude").invoke("recorded")
    bare = connection._sessions.operations.create_client(
        "bedrock-runtime", region_name="eu-central-1", endpoint_url=acme.url
    )
    bare.converse(modelId=tracked, messages=[{"role": "user", "content": [{"text": "past it"}]}])

    compared = _compared(acme, tracked)

    assert (compared.counted.calls, compared.recorded.calls) == (2, 1)
    assert compared.unaccounted == 1
    assert compared.counted.input_tokens - compared.recorded.input_tokens == 2


def test_calls_that_name_the_profile_by_its_id_are_counted_too(acme: Any, tracked: str) -> None:
    dimension = {"Name": "ModelId", "Value": tracked.rpartition("/")[2]}
    acme.client("cloudwatch", acme.operations).put_metric_data(
        Namespace="AWS/Bedrock",
        MetricData=[{"MetricName": "Invocations", "Dimensions": [dimension], "Value": 3}],
    )

    assert _compared(acme, tracked).unaccounted == 3
