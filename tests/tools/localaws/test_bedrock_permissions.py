from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import DEFAULT_PROJECT, OPERATIONS, document, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
EU_PROFILE = f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:inference-profile/eu.{MODEL}"
EU_REGIONS = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"]
HELLO = [{"role": "user", "content": [{"text": "hello"}]}]


def model_arn(region: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{MODEL}"


def profile(local_aws: LocalAws, connect: Connect, tenant: str) -> str:
    created = connect("bedrock", local_aws.control.account(OPERATIONS)).create_inference_profile(
        inferenceProfileName=tenant,
        modelSource={"copyFrom": model_arn("eu-central-1")},
        tags=[{"key": "tenant", "value": tenant}],
    )
    return str(created["inferenceProfileArn"])


def caller(local_aws: LocalAws, connect: Connect, *statements: dict[str, Any]) -> Any:
    allowed = [{"Action": "bedrock:InvokeModel", **statement} for statement in statements]
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(DEFAULT_PROJECT, *allowed)])
    return connect("bedrock-runtime", keys)


def test_a_tag_decides_which_application_profile_may_be_used(
    local_aws: LocalAws, connect: Connect
) -> None:
    acme, globex = profile(local_aws, connect, "acme"), profile(local_aws, connect, "globex")
    bedrock = caller(
        local_aws,
        connect,
        {
            "Resource": f"arn:aws:bedrock:*:{OPERATIONS}:application-inference-profile/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/tenant": "acme"}},
        },
        {
            "Resource": model_arn("eu-central-1"),
            "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": acme}},
        },
    )

    assert bedrock.converse(modelId=acme, messages=HELLO)["stopReason"] == "end_turn"

    for refused in (globex, MODEL):
        code, _ = refusal(bedrock.converse, modelId=refused, messages=HELLO)
        assert code == "AccessDeniedException"


@pytest.mark.parametrize(("regions", "allowed"), [(EU_REGIONS, True), (EU_REGIONS[:-1], False)])
def test_a_geographic_profile_needs_its_model_in_all_its_regions(
    local_aws: LocalAws, connect: Connect, regions: list[str], allowed: bool
) -> None:
    bedrock = caller(
        local_aws,
        connect,
        {"Resource": EU_PROFILE},
        {
            "Resource": [model_arn(region) for region in regions],
            "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": EU_PROFILE}},
        },
    )

    if allowed:
        assert bedrock.converse(modelId=f"eu.{MODEL}", messages=HELLO)["usage"]
    else:
        code, message = refusal(bedrock.converse, modelId=f"eu.{MODEL}", messages=HELLO)
        assert code == "AccessDeniedException"
        assert model_arn("eu-west-3") in message


@pytest.mark.parametrize(("region", "allowed"), [("unspecified", True), ("eu-central-1", False)])
def test_a_global_profile_asks_for_an_unspecified_region(
    local_aws: LocalAws, connect: Connect, region: str, allowed: bool
) -> None:
    bedrock = caller(
        local_aws,
        connect,
        {"Resource": f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:inference-profile/global.{MODEL}"},
        {"Resource": model_arn("eu-central-1")},
        {
            "Resource": model_arn(""),
            "Condition": {"StringEquals": {"aws:RequestedRegion": region}},
        },
    )

    if allowed:
        assert bedrock.converse(modelId=f"global.{MODEL}", messages=HELLO)["usage"]
    else:
        code, _ = refusal(bedrock.converse, modelId=f"global.{MODEL}", messages=HELLO)
        assert code == "AccessDeniedException"


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        (model_arn("eu-central-1"), True),
        (model_arn("eu-west-1"), False),
        (model_arn("eu-central-1").replace("3-5-haiku", "3-5-sonnet"), False),
        (EU_PROFILE, False),
    ],
)
def test_a_count_is_authorized_on_the_model_in_the_called_region(
    local_aws: LocalAws, connect: Connect, resource: str, allowed: bool
) -> None:
    grant = {"Action": "bedrock:CountTokens", "Resource": resource}
    bedrock = caller(local_aws, connect, grant)
    conversation = {"converse": {"messages": HELLO}}

    if allowed:
        assert bedrock.count_tokens(modelId=MODEL, input=conversation)["inputTokens"] == 1
    else:
        code, message = refusal(bedrock.count_tokens, modelId=MODEL, input=conversation)
        assert code == "AccessDeniedException"
        assert "bedrock:CountTokens" in message


def test_the_right_to_invoke_is_not_one_to_count(local_aws: LocalAws, connect: Connect) -> None:
    bedrock = caller(local_aws, connect, {"Resource": "*"})

    code, _ = refusal(bedrock.count_tokens, modelId=MODEL, input={"converse": {"messages": HELLO}})
    assert code == "AccessDeniedException"


ASYNC = {
    "modelId": "amazon.nova-reel-v1:0",
    "modelInput": {"taskType": "TEXT_VIDEO"},
    "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/videos"}},
}


@pytest.mark.parametrize(
    ("resources", "allowed"),
    [
        (["foundation-model", "async-invoke"], True),
        (["foundation-model"], False),
        (["async-invoke"], False),
    ],
)
def test_an_asynchronous_invocation_needs_its_model_and_its_own_resource(
    local_aws: LocalAws, connect: Connect, resources: list[str], *, allowed: bool
) -> None:
    arns = {
        "async-invoke": f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:async-invoke/*",
        "foundation-model": "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-reel-v1:0",
    }
    bedrock = caller(local_aws, connect, *({"Resource": arns[name]} for name in resources))
    if allowed:
        assert ":async-invoke/" in bedrock.start_async_invoke(**ASYNC)["invocationArn"]
    else:
        assert refusal(bedrock.start_async_invoke, **ASYNC)[0] == "AccessDeniedException"
