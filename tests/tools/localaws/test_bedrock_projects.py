"""An inference call is authorized on its model and on its project.

The clients add the project to their requests themselves, because the botocore of requirements-dev.txt does
not know the parameter yet: botocore 1.44.8 sends it in the body of Converse and in a header of InvokeModel.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import GLOBEX, OPERATIONS, document, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

NOVA = "amazon.nova-lite-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "hello"}]}]
CONVERSE: dict[str, Any] = {"modelId": NOVA, "messages": MESSAGES}
INVOKE = {"modelId": NOVA, "body": json.dumps({"messages": MESSAGES})}
MODEL = f"arn:aws:bedrock:eu-central-1::foundation-model/{NOVA}"
DEFAULT = f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:project/default"
NAMED = f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:project/proj_1234"
ABROAD = f"arn:aws:bedrock:us-east-1:{OPERATIONS}:project/default"
FOREIGN = f"arn:aws:bedrock:eu-central-1:{GLOBEX}:project/default"


def caller(
    local_aws: LocalAws,
    connect: Connect,
    *resources: str,
    action: str = "bedrock:InvokeModel",
    **condition: object,
) -> Any:
    """A client of a user that may take the action on the resources."""
    statement = {"Action": action, "Resource": resources, **condition}
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(statement)])
    return connect("bedrock-runtime", keys)


def name_project(client: Any, project: object) -> None:
    """Let the client's next calls name a project."""

    def add(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith("/invoke"):
            params["headers"]["X-Amzn-Bedrock-ProjectIdentifier"] = project
        else:
            body = {**json.loads(params["body"]), "projectIdentifier": project}
            params["body"] = json.dumps(body).encode()

    client.meta.events.register_last("before-call.bedrock-runtime", add)


def test_a_call_needs_its_model_and_the_default_project(
    local_aws: LocalAws, connect: Connect
) -> None:
    assert caller(local_aws, connect, MODEL, DEFAULT).converse(**CONVERSE)["usage"]
    for granted, missing in (([MODEL], DEFAULT), ([DEFAULT], MODEL), ([MODEL, ABROAD], DEFAULT)):
        code, message = refusal(caller(local_aws, connect, *granted).converse, **CONVERSE)
        assert code == "AccessDeniedException"
        assert message == (
            f"User: arn:aws:iam::{OPERATIONS}:user/tenant is not authorized to perform: "
            f"bedrock:InvokeModel on resource: {missing} because no identity-based policy allows the "
            "bedrock:InvokeModel action"
        )


def test_a_stream_needs_its_own_action_on_the_project(
    local_aws: LocalAws, connect: Connect
) -> None:
    stream = "bedrock:InvokeModelWithResponseStream"
    client = caller(local_aws, connect, MODEL, DEFAULT, action=stream)
    assert list(client.converse_stream(**CONVERSE)["stream"])
    statements = (
        {"Action": stream, "Resource": MODEL},
        {"Action": "bedrock:InvokeModel", "Resource": DEFAULT},
    )
    local_aws.control.account(OPERATIONS, "tenant", [document(*statements)])
    code, message = refusal(client.converse_stream, **CONVERSE)
    assert (code, f"{stream} on resource: {DEFAULT}" in message) == ("AccessDeniedException", True)


def test_a_count_needs_no_project(local_aws: LocalAws, connect: Connect) -> None:
    model = "anthropic.claude-3-5-haiku-20241022-v1:0"
    arn = f"arn:aws:bedrock:eu-central-1::foundation-model/{model}"
    client = caller(local_aws, connect, arn, action="bedrock:CountTokens")
    conversation = {"converse": {"messages": MESSAGES}}
    assert client.count_tokens(modelId=model, input=conversation)["inputTokens"] == 1


@pytest.mark.parametrize("project", ["default", DEFAULT, None])
def test_the_default_project_may_be_named(
    local_aws: LocalAws, connect: Connect, project: str | None
) -> None:
    client = caller(local_aws, connect, MODEL, DEFAULT)
    if project is not None:
        name_project(client, project)
    assert client.converse(**CONVERSE)["usage"]
    assert client.invoke_model(**INVOKE)["body"]


@pytest.mark.parametrize(
    ("project", "authorized_on"),
    [("proj_1234", NAMED), (NAMED, NAMED), (ABROAD, ABROAD), (FOREIGN, FOREIGN)],
)
def test_a_call_that_names_another_project_is_authorized_on_that_one(
    local_aws: LocalAws, connect: Connect, project: str, authorized_on: str
) -> None:
    client = caller(local_aws, connect, MODEL, DEFAULT)
    name_project(client, project)
    for call, parameters in ((client.converse, CONVERSE), (client.invoke_model, INVOKE)):
        code, message = refusal(call, **parameters)
        assert (code, f"on resource: {authorized_on} " in message) == (
            "AccessDeniedException",
            True,
        )


@pytest.mark.parametrize(
    ("project", "code"),
    [
        (NAMED, "ResourceNotFoundException"),  # granted here, and the local AWS has none
        (ABROAD, "ResourceNotFoundException"),
        (FOREIGN, "AccessDeniedException"),  # no policy of the other account allows it
        ("", "ValidationException"),
        ("a b", "ValidationException"),
        (f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:projects/x", "ValidationException"),
    ],
)
def test_no_project_but_the_default_one_answers(
    local_aws: LocalAws, connect: Connect, project: str, code: str
) -> None:
    client = caller(local_aws, connect, "*")
    name_project(client, project)
    assert refusal(client.converse, **CONVERSE)[0] == code
    assert refusal(client.invoke_model, **INVOKE)[0] == code


@pytest.mark.parametrize("project", [None, 5, ["default"]])
def test_a_project_is_a_text(local_aws: LocalAws, connect: Connect, project: object) -> None:
    client = caller(local_aws, connect, MODEL, DEFAULT)
    name_project(client, project)
    if project is None:  # JSON's null is a member that is left out
        assert client.converse(**CONVERSE)["usage"]
    else:
        assert refusal(client.converse, **CONVERSE)[0] == "ValidationException"


def test_a_body_that_is_no_json_is_refused(local_aws: LocalAws, connect: Connect) -> None:
    client = caller(local_aws, connect, MODEL, DEFAULT)

    def replace(params: dict[str, Any], **_: object) -> None:
        params["body"] = b"{"

    client.meta.events.register_last("before-call.bedrock-runtime", replace)
    assert refusal(client.converse, **CONVERSE)[0] == "SerializationException"


@pytest.mark.parametrize(
    "key", ["bedrock:GuardrailIdentifier", "bedrock:ModelArn", "bedrock:ProjectArn"]
)
def test_a_key_that_no_page_promises_for_a_project_refuses(
    local_aws: LocalAws, connect: Connect, key: str
) -> None:
    guardrail = f"arn:aws:bedrock:eu-central-1:{OPERATIONS}:guardrail/abc"
    call = {
        **CONVERSE,
        "guardrailConfig": {"guardrailIdentifier": guardrail, "guardrailVersion": "1"},
    }
    free = {"Action": "bedrock:*", "Resource": [MODEL, guardrail]}
    project = {"Action": "bedrock:InvokeModel", "Resource": DEFAULT}
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(free, project)])
    client = connect("bedrock-runtime", keys)
    assert client.converse(**call)["usage"]
    tested = {**project, "Condition": {"StringLike": {key: "*"}}}
    local_aws.control.account(OPERATIONS, "tenant", [document(free, tested)])
    assert f"on resource: {DEFAULT} " in refusal(client.converse, **call)[1]


def test_the_trail_names_the_model_and_the_policy_that_allows_it(
    local_aws: LocalAws, connect: Connect
) -> None:
    statements = (
        {"Sid": "CallNova", "Action": "bedrock:InvokeModel", "Resource": MODEL},
        {"Sid": "UseTheDefaultProject", "Action": "bedrock:InvokeModel", "Resource": DEFAULT},
    )
    keys = local_aws.control.account(OPERATIONS, "tenant", [document(*statements)])
    connect("bedrock-runtime", keys).converse(**CONVERSE)
    [entry] = local_aws.control.calls(action="bedrock:InvokeModel")
    assert (entry.resource, entry.allowed) == (MODEL, True)
    assert "statement CallNova allows" in entry.reason
