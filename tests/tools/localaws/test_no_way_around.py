"""Attempts to bypass a refusal, each beside the call that is allowed."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from tests.tools.localaws.aws import ACME, GLOBEX, OPERATIONS, assume, make_role, refusal
from tests.tools.localaws.small_functions import TRUST_LAMBDA, zipped

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

HANDLER = "def handler(event, context):\n    return 'answered'\n"


def deploy(local_aws: LocalAws, connect: Connect, name: str, source: str = HANDLER) -> Any:
    """Deploy a function in acme's account, and return a client of its administrator."""
    keys = local_aws.control.account(ACME)
    role = make_role(connect("iam", keys), f"{name}-role", TRUST_LAMBDA)
    functions = connect("lambda", keys)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="module.handler",
        Role=role,
        Code={"ZipFile": zipped(module=source)},
    )
    return functions


@pytest.mark.parametrize(
    "spelled",
    [
        f"{ACME}:victim",
        f"{ACME}:function:victim",
        f"arn:aws:lambda:eu-central-1:{ACME}:function:victim",
    ],
)
def test_every_form_of_a_functions_name_leads_to_its_account(
    local_aws: LocalAws, connect: Connect, spelled: str
) -> None:
    owner = deploy(local_aws, connect, "victim")
    assert json.load(owner.invoke(FunctionName=spelled)["Payload"]) == "answered"
    outsider = connect("lambda", local_aws.control.account(OPERATIONS))
    assert refusal(outsider.invoke, FunctionName=spelled)[0] == "AccessDeniedException"


def test_a_function_cannot_be_invoked_as_the_alias_of_another(
    local_aws: LocalAws, connect: Connect
) -> None:
    deploy(local_aws, connect, "victim")
    permitted_arn = "arn:aws:lambda:eu-central-1:222222222222:function:mine"
    may = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": permitted_arn}
    policy = {"Version": "2012-10-17", "Statement": [may]}
    narrow = connect("lambda", local_aws.control.account(ACME, user="narrow", policies=[policy]))
    assert refusal(narrow.invoke, FunctionName="mine")[0] == "ResourceNotFoundException"
    assert refusal(narrow.invoke, FunctionName="victim:mine")[0] == "AccessDeniedException"


def test_a_call_cannot_differ_between_url_and_body(
    local_aws: LocalAws,
) -> None:
    keys = local_aws.control.account(ACME)

    def sent(address: str, body: str) -> int:
        request = AWSRequest(
            "POST",
            f"{local_aws.url}/{address}",
            data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        credentials = BotocoreCredentials(keys.access_key_id, keys.secret_access_key)
        SigV4Auth(credentials, "iam", "us-east-1").add_auth(request)
        connection = http.client.HTTPConnection(urlsplit(local_aws.url).netloc)
        connection.request("POST", f"/{address}", body, dict(request.headers))
        return connection.getresponse().status

    signed_call = urlencode({"Action": "GetUser", "Version": "2010-05-08", "UserName": "deployer"})
    other = urlencode({"Action": "ListUsers", "Version": "2010-05-08"})
    assert sent("", signed_call) == 200
    assert sent(f"?{signed_call}", other) == 400


def test_a_query_cannot_select_its_groups_in_two_ways(
    local_aws: LocalAws, connect: Connect
) -> None:
    logs = connect("logs", local_aws.control.account(ACME))
    logs.create_log_group(logGroupName="open")
    logs.create_log_group(logGroupName="secret")
    query = {"startTime": 0, "endTime": 1, "queryString": "fields @message"}
    logs.start_query(logGroupNames=["open"], **query)
    both = {"logGroupNames": ["open"], "logGroupName": "secret"}
    assert refusal(logs.start_query, **both, **query)[0] == "InvalidParameterException"


def test_a_region_cannot_read_groups_of_another(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(ACME)
    connect("logs", keys, "eu-west-1").create_log_group(logGroupName="records")
    arn = f"arn:aws:logs:eu-west-1:{ACME}:log-group:records"
    connect("logs", keys, "eu-west-1").filter_log_events(logGroupIdentifier=arn)
    elsewhere = connect("logs", keys, "eu-central-1")
    refused = refusal(elsewhere.filter_log_events, logGroupIdentifier=arn)
    assert refused[0] == "ResourceNotFoundException"


@pytest.fixture
def chain(local_aws: LocalAws, connect: Connect) -> Any:
    """STS clients of a session in globex's account that may pass a tag or an identity on to acme's role."""
    anyone = {"Principal": {"AWS": f"arn:aws:iam::{GLOBEX}:root"}}
    may = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    make_role(connect("iam", local_aws.control.account(ACME)), "last", anyone)
    keys = local_aws.control.account(GLOBEX)
    first = make_role(
        connect("iam", keys), "first", {**anyone, "Action": may}, {"Action": may, "Resource": "*"}
    )

    def start(**parameters: Any) -> Any:
        return connect("sts", assume(connect("sts", keys), first, **parameters))

    return start


def test_session_tags_are_not_passed_to_a_role_that_does_not_allow_them(chain: Any) -> None:
    last = f"arn:aws:iam::{ACME}:role/last"
    assume(chain(), last)
    tagged = chain(Tags=[{"Key": "leak", "Value": "words"}], TransitiveTagKeys=["leak"])
    refused = refusal(tagged.assume_role, RoleArn=last, RoleSessionName="acme")
    assert "sts:TagSession" in refused[1]


def test_a_source_identity_is_not_passed_to_a_role_that_does_not_allow_it(chain: Any) -> None:
    last = f"arn:aws:iam::{ACME}:role/last"
    refused = refusal(
        chain(SourceIdentity="alice").assume_role, RoleArn=last, RoleSessionName="acme"
    )
    assert "sts:SetSourceIdentity" in refused[1]


def test_a_functions_code_is_distinguished_from_lambda_itself(
    local_aws: LocalAws, connect: Connect
) -> None:
    leak = (
        "import os\ndef handler(event, context):\n    return [os.environ['AWS_' + name]"
        " for name in ('ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN')]\n"
    )
    functions = deploy(local_aws, connect, "leak", leak)
    iam = connect("iam", local_aws.control.account(ACME))
    lambda_only = {"Null": {"lambda:SourceFunctionArn": "true"}}
    statement = {"Effect": "Allow", "Action": "ec2:DescribeSubnets", "Resource": "*"}

    def allow(statement: dict[str, Any]) -> None:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="leak-role", PolicyName="p", PolicyDocument=policy)

    key_values = json.load(functions.invoke(FunctionName="leak")["Payload"])
    keys = type(local_aws.control.account(ACME))(*key_values)
    allow(statement)
    connect("ec2", keys).describe_subnets()
    allow({**statement, "Condition": lambda_only})
    assert refusal(connect("ec2", keys).describe_subnets)[0] == "UnauthorizedOperation"
