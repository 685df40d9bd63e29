"""The inspector's role: what it may read, and that it reads no record and changes nothing."""

import re

import pytest

from tools.command_error import CommandError
from tools.environment.inspector_role import inspector_documents, inspector_template
from tools.environment.model import load_environment
from tools.isolation.customer_specification import READ

LOCAL = load_environment("local")
ACME = LOCAL.accounts[0]
STATEMENTS = inspector_documents(LOCAL, ACME)["permissions"]["Statement"]


def actions(statements):
    return {action for statement in statements for action in statement["Action"]}


def test_every_action_reads_and_none_has_a_wildcard():
    for action in actions(STATEMENTS):
        assert re.fullmatch(r"[a-z0-9]+:(Get|List|Describe)[A-Za-z]+", action), action


def test_no_action_returns_what_a_log_group_holds():
    assert not actions(STATEMENTS) & set(READ) - {"logs:DescribeLogStreams"}
    assert "lambda:GetFunction" not in actions(STATEMENTS)  # it returns a link to the code


def test_only_settings_of_the_account_name_no_resource():
    unnamed = [each["Sid"] for each in STATEMENTS if "*" in each["Resource"]]
    assert unnamed == ["ReadTheAccountsSettings"]
    for statement in STATEMENTS:
        for resource in statement["Resource"]:
            assert resource == "*" or ":222222222222:" in resource


def test_the_trust_policy_demands_the_deployers_external_id():
    (statement,) = inspector_documents(LOCAL, ACME)["trust"]["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    external_id = LOCAL.stanzas["acme"]["deployer"]["external_id"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": external_id}}


def test_endpoints_are_read_only_where_the_stanza_creates_them():
    prod = load_environment("prod")
    with_vpc = inspector_documents(prod, prod.accounts[0])["permissions"]["Statement"]
    assert "ec2:DescribeVpcEndpoints" in actions(with_vpc)
    assert "ec2:DescribeVpcEndpoints" not in actions(STATEMENTS)


def test_the_template_creates_the_role_that_the_command_assumes():
    role = inspector_template(LOCAL, ACME)["Resources"]["InspectorRole"]["Properties"]
    assert role["RoleName"] == "bedrock-local-acme-inspector"
    assert role["Policies"][0]["PolicyDocument"]["Statement"] == STATEMENTS


def test_a_stanza_without_a_deployer_has_no_inspector():
    stanza = {name: value for name, value in LOCAL.stanzas["acme"].items() if name != "deployer"}
    LOCAL.stanzas["acme"], before = stanza, LOCAL.stanzas["acme"]
    try:
        with pytest.raises(CommandError, match=r"has no deployer\.external_id"):
            inspector_documents(LOCAL, ACME)
    finally:
        LOCAL.stanzas["acme"] = before
