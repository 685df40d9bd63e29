"""The account's guardrail, with the configuration of docs/how-to/enforce-a-guardrail.md."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.docs.pages import blocks_of
from tests.tools.localaws.aws import DEFAULT_PROJECT, GLOBEX, OPERATIONS, document, refusal
from tools.paths import ROOT

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

PAGE = ROOT / "docs" / "how-to" / "enforce-a-guardrail.md"
BLOCKS = {block.language: block.text for block in blocks_of(PAGE)}
SETTINGS = json.loads(BLOCKS["json"])
COMMANDS = BLOCKS["text"]
ARN = SETTINGS["guardrailIdentifier"]
MODEL = "amazon.nova-lite-v1:0"
CALL = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "hello"}]}]}


@pytest.fixture
def bedrock(local_aws: LocalAws, connect: Connect) -> Any:
    """Bedrock's control plane as an administrator of the operations account."""
    return connect("bedrock", local_aws.control.account(OPERATIONS))


def tenant(
    local_aws: LocalAws, connect: Connect, *, applies: bool, account: str = OPERATIONS
) -> Any:
    model = {
        "Action": "bedrock:InvokeModel",
        "Resource": f"arn:aws:bedrock:*::foundation-model/{MODEL}",
    }
    guardrail = {"Action": "bedrock:ApplyGuardrail", "Resource": ARN}
    statements = [DEFAULT_PROJECT, model, *([guardrail] if applies else [])]
    keys = local_aws.control.account(account, f"tenant-{applies}", [document(*statements)])
    return connect("bedrock-runtime", keys)


def test_the_pages_commands_are_operations_of_bedrock() -> None:
    operations = re.findall(r"^aws bedrock ([a-z-]+) ", COMMANDS, re.MULTILINE)
    client = boto3.client("bedrock", region_name="eu-central-1")
    names = {name.replace("_", "-") for name in client.meta.method_to_api_mapping}
    assert len(operations) == 2
    assert set(operations) <= names


def test_the_page_enforces_comprehensive_guarding_on_all_models(bedrock: Any) -> None:
    bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig=SETTINGS)
    [listed] = bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"]
    assert listed["guardrailArn"] == ARN
    assert listed["selectiveContentGuarding"] == {
        "messages": "COMPREHENSIVE",
        "system": "COMPREHENSIVE",
    }
    assert "modelEnforcement" not in listed


def test_a_caller_without_permission_for_the_enforced_guardrail_is_refused(
    local_aws: LocalAws, connect: Connect, bedrock: Any
) -> None:
    allowed, other = (tenant(local_aws, connect, applies=applies) for applies in (True, False))
    foreign = tenant(local_aws, connect, applies=False, account=GLOBEX)
    assert other.converse(**CALL)["usage"]
    made = bedrock.put_enforced_guardrail_configuration(guardrailInferenceConfig=SETTINGS)
    code, message = refusal(other.converse, **CALL)
    assert (code, "bedrock:ApplyGuardrail" in message) == ("AccessDeniedException", True)
    assert allowed.converse(**CALL)["usage"]
    assert foreign.converse(**CALL)["usage"]  # the configuration is the operations account's
    bedrock.delete_enforced_guardrail_configuration(configId=made["configId"])
    assert other.converse(**CALL)["usage"]


def test_refuses_a_draft(bedrock: Any) -> None:
    draft = {**SETTINGS, "guardrailVersion": "DRAFT"}
    code, _ = refusal(bedrock.put_enforced_guardrail_configuration, guardrailInferenceConfig=draft)
    assert code == "ValidationException"
