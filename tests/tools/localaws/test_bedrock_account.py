from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.tools.localaws.aws import ACME, OPERATIONS, make_role
from tools.localaws.control import ControlError
from tools.localaws.faults import Fault

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
REGION = "eu-central-1"
MODEL_ARN = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"


class Account:
    """An account's administrator."""

    def __init__(self, local_aws: LocalAws, connect: Connect, account: str) -> None:
        self._keys = local_aws.control.account(account)
        self._connect = connect

    def client(self, service: str, region: str = REGION) -> Any:
        return self._connect(service, self._keys, region)

    def ask(self, text: str, model: str = MODEL) -> Any:
        return self.client("bedrock-runtime").converse(
            modelId=model, messages=[{"role": "user", "content": [{"text": text}]}]
        )

    def profile(self, copy_from: str = MODEL_ARN, **more: Any) -> str:
        created = self.client("bedrock").create_inference_profile(
            inferenceProfileName="acme-claude", modelSource={"copyFrom": copy_from}, **more
        )
        return str(created["inferenceProfileArn"])

    def metric(self, name: str, model: str) -> float:
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Bedrock",
            MetricName=name,
            Dimensions=[{"Name": "ModelId", "Value": model}],
            StartTime=datetime.now(UTC) - timedelta(hours=1),
            EndTime=datetime.now(UTC) + timedelta(hours=1),
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))


@pytest.fixture
def operations(local_aws: LocalAws, connect: Connect) -> Account:
    return Account(local_aws, connect, OPERATIONS)


def test_counts_tokens_by_the_model_id_that_was_passed(
    local_aws: LocalAws, operations: Account
) -> None:
    answer = operations.ask("one two three", f"eu.{MODEL}")

    assert operations.metric("Invocations", f"eu.{MODEL}") == 1
    assert operations.metric("InputTokenCount", f"eu.{MODEL}") == 3
    output_tokens = operations.metric("OutputTokenCount", f"eu.{MODEL}")
    assert output_tokens == answer["usage"]["outputTokens"]
    assert operations.metric("InputTokenCount", "amazon.nova-lite-v1:0") == 0


def test_counts_a_throttle_as_neither_invocation_nor_error(
    local_aws: LocalAws, operations: Account
) -> None:
    model = "amazon.nova-pro-v1:0"
    local_aws.control.fault(
        Fault(service="bedrock-runtime", code="ThrottlingException", status=429)
    )

    with pytest.raises(ClientError):
        operations.ask("hello", model)

    assert operations.metric("InvocationThrottles", model) == 1
    assert operations.metric("Invocations", model) == 0
    assert operations.metric("InvocationClientErrors", model) == 0


def test_an_account_stores_no_prompt_until_it_configures_a_log(
    local_aws: LocalAws, operations: Account
) -> None:
    bedrock = operations.client("bedrock")
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()

    operations.ask("canary-without-log")

    assert local_aws.control.search("canary-without-log") == {}


def test_an_account_that_configures_a_log_stores_prompt_and_answer(
    local_aws: LocalAws, operations: Account
) -> None:
    write = {
        "Sid": "Deliver",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:{REGION}:{OPERATIONS}:log-group:/invocations:log-stream:*",
    }
    trust = {"Sid": "BedrockMayDeliver", "Principal": {"Service": "bedrock.amazonaws.com"}}
    role = make_role(operations.client("iam"), "logging", trust, write)
    operations.client("logs").create_log_group(logGroupName="/invocations")
    bedrock = operations.client("bedrock")
    bedrock.put_model_invocation_logging_configuration(
        loggingConfig={
            "cloudWatchConfig": {
                "logGroupName": "/invocations",
                "roleArn": role,
            },
            "textDataDeliveryEnabled": True,
        }
    )

    operations.ask("canary-with-log")

    assert list(local_aws.control.search("canary-with-log")) == [OPERATIONS]
    bedrock.delete_model_invocation_logging_configuration()
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()


def test_data_retention_is_inherited_until_it_is_set_in_that_region(
    local_aws: LocalAws, operations: Account
) -> None:
    bedrock = operations.client("bedrock")
    elsewhere = operations.client("bedrock", "eu-west-1")

    bedrock.put_account_data_retention(mode="none")

    assert bedrock.get_account_data_retention()["mode"] == "none"
    assert elsewhere.get_account_data_retention()["mode"] == "inherit"


def test_a_model_is_active_and_may_be_used_until_the_control_api_says_otherwise(
    local_aws: LocalAws, operations: Account
) -> None:
    bedrock, model = operations.client("bedrock"), "amazon.nova-lite-v1:0"
    arn = f"arn:aws:bedrock:{REGION}::foundation-model/{model}"

    def lifecycle(identifier: str) -> Any:
        details = bedrock.get_foundation_model(modelIdentifier=identifier)["modelDetails"]
        assert (details["modelId"], details["modelArn"]) == (model, arn)
        return details["modelLifecycle"]

    assert lifecycle(model) == lifecycle(arn) == {"status": "ACTIVE"}
    end = {"status": "LEGACY", "endOfLifeTime": "2026-12-31T00:00:00Z"}
    settings = {"lifecycle": end, "availability": {"authorizationStatus": "NOT_AUTHORIZED"}}
    local_aws.control.post("foundation_model", {"model": model, "region": REGION, **settings})
    assert lifecycle(model) == {**end, "endOfLifeTime": datetime(2026, 12, 31, tzinfo=UTC)}
    availability = bedrock.get_foundation_model_availability(modelId=model)
    assert availability["authorizationStatus"] == "NOT_AUTHORIZED"
    assert availability["agreementAvailability"] == {"status": "AVAILABLE"}
    elsewhere = operations.client("bedrock", "eu-west-1")
    details = elsewhere.get_foundation_model(modelIdentifier=model)["modelDetails"]
    assert details["modelLifecycle"] == {"status": "ACTIVE"}
    with pytest.raises(ControlError, match="has no colour"):
        local_aws.control.post("foundation_model", {"model": model, "colour": "red"})


def test_a_model_that_is_gone_and_one_that_never_was_are_not_described(
    local_aws: LocalAws, operations: Account
) -> None:
    bedrock = operations.client("bedrock")
    local_aws.control.post("foundation_model", {"model": MODEL, "is_gone": True})
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_foundation_model(modelIdentifier=MODEL)
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.get_foundation_model(modelIdentifier="acme.model-v1:0")
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.get_foundation_model(modelIdentifier=MODEL_ARN.replace(REGION, "eu-west-1"))


def test_the_models_details_need_a_permission_on_the_model(
    local_aws: LocalAws, connect: Connect
) -> None:
    allowed = {
        "Sid": "Read",
        "Effect": "Allow",
        "Action": ["bedrock:GetFoundationModel", "bedrock:GetInferenceProfile"],
        "Resource": [
            MODEL_ARN,
            f"arn:aws:bedrock:{REGION}:{OPERATIONS}:inference-profile/eu.{MODEL}",
        ],
    }
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    keys = local_aws.control.account(OPERATIONS, policies=[policy])
    bedrock = connect("bedrock", keys)

    assert bedrock.get_foundation_model(modelIdentifier=MODEL)["modelDetails"]["modelId"] == MODEL
    assert bedrock.get_inference_profile(inferenceProfileIdentifier=f"eu.{MODEL}")["models"]
    for refused in (
        lambda: bedrock.get_foundation_model(modelIdentifier="amazon.nova-lite-v1:0"),
        lambda: bedrock.get_foundation_model_availability(modelId=MODEL),
        lambda: bedrock.get_inference_profile(
            inferenceProfileIdentifier="eu.amazon.nova-lite-v1:0"
        ),
    ):
        with pytest.raises(ClientError) as error:
            refused()
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_an_application_profile_runs_its_model_and_carries_tags(
    local_aws: LocalAws, operations: Account
) -> None:
    bedrock = operations.client("bedrock")
    arn = bedrock.create_inference_profile(
        inferenceProfileName="acme-claude",
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"},
        tags=[{"key": "tenant", "value": "acme"}],
    )["inferenceProfileArn"]

    answer = operations.ask("hello", arn)

    assert f"stand-in for {MODEL}," in answer["output"]["message"]["content"][0]["text"]
    assert operations.metric("Invocations", arn) == 1
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [
        {"key": "tenant", "value": "acme"}
    ]
    bedrock.untag_resource(resourceARN=arn, tagKeys=["tenant"])
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == []


def test_a_profile_of_a_geography_runs_in_each_of_its_regions(
    local_aws: LocalAws, operations: Account
) -> None:
    bedrock = operations.client("bedrock")
    source = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:inference-profile/eu.{MODEL}"

    arn = operations.profile(source)

    profile = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
    assert [model["modelArn"].split(":")[3] for model in profile["models"]] == [
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-3",
    ]
    assert profile["type"] == "APPLICATION"


def test_a_deleted_profile_is_gone_and_can_no_longer_be_called(
    local_aws: LocalAws, operations: Account
) -> None:
    bedrock = operations.client("bedrock")
    arn = bedrock.create_inference_profile(
        inferenceProfileName="short-lived",
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"},
    )["inferenceProfileArn"]
    operations.ask("hello", arn)

    bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)

    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
    with pytest.raises(ClientError) as refused:
        operations.ask("hello", arn)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_profile_of_another_account_is_refused(
    local_aws: LocalAws, connect: Connect, operations: Account
) -> None:
    bedrock = operations.client("bedrock")
    arn = bedrock.create_inference_profile(
        inferenceProfileName="ours",
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"},
    )["inferenceProfileArn"]
    operations.ask("hello", arn)

    with pytest.raises(ClientError) as refused:
        Account(local_aws, connect, ACME).ask("hello", arn)

    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
