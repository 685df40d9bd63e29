from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from urllib3.exceptions import ProtocolError

from tests.tools.localaws.aws import ACME
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

REQUEST: dict[str, Any] = {
    "modelId": "anthropic.claude-3-5-haiku-20241022-v1:0",
    "messages": [{"role": "user", "content": [{"text": "hello"}]}],
}


@pytest.fixture
def bedrock(local_aws: LocalAws, connect: Connect) -> Any:
    return connect("bedrock-runtime", local_aws.control.account(ACME))


def test_throttles_as_often_as_scripted_and_then_answers(local_aws: LocalAws, bedrock: Any) -> None:
    throttle = Fault(
        service="bedrock-runtime",
        operation="Converse",
        code="ThrottlingException",
        status=429,
        times=2,
    )
    local_aws.control.fault(throttle)

    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            bedrock.converse(**REQUEST)
        assert refused.value.response["Error"]["Code"] == "ThrottlingException"

    assert bedrock.converse(**REQUEST)["stopReason"] == "end_turn"


def test_breaks_a_stream_with_an_exception_after_three_events(
    local_aws: LocalAws, bedrock: Any
) -> None:
    broken = {"after_events": 3, "exception": "throttlingException"}
    local_aws.control.fault(Fault(service="bedrock-runtime", stream=broken))
    stream = iter(bedrock.converse_stream(**REQUEST)["stream"])

    events = [next(iter(next(stream))) for _ in range(3)]

    assert events == ["messageStart", "contentBlockDelta", "contentBlockDelta"]
    with pytest.raises(EventStreamError, match="throttlingException"):
        next(stream)


def test_cuts_the_connection_in_the_middle_of_a_stream(local_aws: LocalAws, bedrock: Any) -> None:
    local_aws.control.fault(Fault(service="bedrock-runtime", stream={"after_events": 2}))

    with pytest.raises(ProtocolError):
        list(bedrock.converse_stream(**REQUEST)["stream"])


def test_a_stream_without_a_fault_comes_to_its_end(bedrock: Any) -> None:
    events = list(bedrock.converse_stream(**REQUEST)["stream"])

    assert "metadata" in events[-1]


def test_a_model_error_in_a_stream_names_itself(local_aws: LocalAws, bedrock: Any) -> None:
    broken = {"after_events": 1, "exception": "modelStreamErrorException"}
    local_aws.control.fault(
        Fault(service="bedrock-runtime", stream=broken, message="The model fell.")
    )

    with pytest.raises(EventStreamError, match="The model fell"):
        list(bedrock.converse_stream(**REQUEST)["stream"])
