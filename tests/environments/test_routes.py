"""Calls by every route in the local AWS: granted ones, and ones that differ in one respect."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.terraform import MODULES, Folder, folder_of
from tools.localaws.local_aws import LocalAws

OPERATIONS = "111111111111"
CUSTOMER = "222222222222"
REGION = "eu-central-1"
GUARDRAIL = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:guardrail/abc"
HELLO = [{"role": "user", "content": [{"text": "Hello"}]}]

LITE = "amazon.nova-lite-v1:0"
PRO = "amazon.nova-pro-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"

ONE = {"nova": {"model": LITE, "regions": [REGION]}}
TRACKED = {
    "claude": {"model": HAIKU, "regions": [REGION], "track": True},
    "wide": {
        "model": PRO,
        "regions": [REGION],
        "route": "geographic",
        "profile": "eu.",
        "track": True,
    },
    "world": {"model": LITE, "regions": [REGION], "route": "global", "track": True},
}
STANZAS = {
    "on-demand": {"models": {"nova": {"model": LITE, "regions": [REGION, "eu-west-1"]}}},
    "geographic": {
        "models": {
            "nova": {"model": LITE, "regions": [REGION], "route": "geographic", "profile": "eu."}
        }
    },
    "short": {
        "models": {
            "nova": {
                "destinations": [REGION, "eu-north-1"],  # and not eu-west-1, eu-west-3
                "model": LITE,
                "profile": "eu.",
                "regions": [REGION],
                "route": "geographic",
            }
        }
    },
    "global": {"models": {"nova": {"model": LITE, "regions": [REGION], "route": "global"}}},
    "tracked": {"models": TRACKED},
    "other": {"models": TRACKED},
    "quiet": {"models": {"nova": {"model": LITE, "regions": [REGION], "streaming": False}}},
    "guarded": {"models": ONE, "guardrail": {"arn": GUARDRAIL, "version": "1"}},
    "inside": {"models": ONE, "perimeter": {"networks": ["127.0.0.0/8"]}},
    "outside": {"models": ONE, "perimeter": {"networks": ["203.0.113.0/24"]}},
    "either": {
        "models": ONE,
        "perimeter": {"networks": ["127.0.0.0/8"], "vpc_endpoints": ["vpce-0123456789abcdef0"]},
    },
    "connected": {"models": ONE, "perimeter": {"vpc_endpoints": ["vpce-0123456789abcdef0"]}},
    "stopping": {"models": ONE},
}

ROOT = f"""\
provider "aws" {{
  region = "{REGION}"
}}

module "role" {{
  source   = "{MODULES / "operations-role"}"
  for_each = jsondecode(file("stanzas.json"))

  operations = {{
    account_id  = "{OPERATIONS}"
    environment = "test"
    partition   = "aws"
    region      = "{REGION}"
  }}
  stanza = each.value
  tenant = each.key
}}

output "models" {{
  value = {{ for name, instance in module.role : name => instance.role.handover.models }}
}}
"""


def external_id(tenant):
    return f"{tenant}-".ljust(32, "x")


def client(service, url, keys, region=REGION):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        config=Config(retries={"total_max_attempts": 1}),
        **keys,
    )


def keys_of(credentials):
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def long_lived(keys):
    return {
        "aws_access_key_id": keys.access_key_id,
        "aws_secret_access_key": keys.secret_access_key,
    }


class Roles:
    """The roles that Terraform created, assumed as the tenants' execution roles would assume them."""

    def __init__(self, cloud, path):
        self.url = cloud.url
        self._control = cloud.control
        keys = cloud.control.account(OPERATIONS)
        self.owner_of_operations = keys
        self._owner = cloud.control.account(CUSTOMER, user="owner")
        self.stanzas = {
            name: {
                "accounts": {CUSTOMER: {}},
                "external_ids": {"current": external_id(name)},
                **changes,
            }
            for name, changes in STANZAS.items()
        }
        self._root = Folder(
            folder_of(path, [], {"main.tf": ROOT}),
            AWS_ACCESS_KEY_ID=keys.access_key_id,
            AWS_SECRET_ACCESS_KEY=keys.secret_access_key,
            AWS_ENDPOINT_URL=cloud.url,
        )
        self._root.init()
        self.apply()
        self._sessions = {name: self._assume(name) for name in STANZAS}

    def apply(self):
        (self._root.path / "stanzas.json").write_text(json.dumps(self.stanzas))
        self._root.apply()
        self.models = self._root.outputs()["models"]

    def writes(self):
        """Return IAM's actions that changed something, oldest first."""
        actions = [entry.action for entry in self._control.calls(service="iam")]
        return [action for action in actions if not action.startswith(("iam:Get", "iam:List"))]

    def _assume(self, tenant):
        owner = long_lived(self._owner)
        root = {"AWS": f"arn:aws:iam::{CUSTOMER}:root"}
        statement = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
        name = f"bedrock-test-{tenant}-execution"
        iam = client("iam", self.url, owner)
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": [statement]}
            ),
        )
        role = f"arn:aws:iam::{OPERATIONS}:role/bedrock-test-{tenant}"
        allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
        iam.put_role_policy(
            RoleName=name,
            PolicyName="execution",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )
        function = client("sts", self.url, owner).assume_role(
            RoleArn=f"arn:aws:iam::{CUSTOMER}:role/{name}", RoleSessionName="function"
        )
        session = client("sts", self.url, keys_of(function["Credentials"])).assume_role(
            RoleArn=role, RoleSessionName=tenant, ExternalId=external_id(tenant)
        )
        return keys_of(session["Credentials"])

    def model(self, tenant, alias="nova"):
        return self.models[tenant][alias]["model"]

    def call(self, tenant, model, *, region=REGION, stream=False, **more):
        bedrock = client("bedrock-runtime", self.url, self._sessions[tenant], region)
        converse = bedrock.converse_stream if stream else bedrock.converse
        return converse(modelId=model, messages=HELLO, **more)

    def refusal(self, tenant, model, **more):
        """Return the message of Bedrock's refusal."""
        with pytest.raises(ClientError) as error:
            self.call(tenant, model, **more)
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
        return error.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def roles(tmp_path_factory):
    with LocalAws() as cloud:
        yield Roles(cloud, tmp_path_factory.mktemp("routes") / "root")


@pytest.mark.parametrize(
    ("tenant", "alias"),
    [
        ("on-demand", "nova"),
        ("geographic", "nova"),
        ("global", "nova"),
        ("tracked", "claude"),
        ("tracked", "wide"),
        ("tracked", "world"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_granted_call_is_answered(roles, tenant, alias, stream):
    assert roles.call(tenant, roles.model(tenant, alias), stream=stream)


@pytest.mark.parametrize(
    ("tenant", "model"),
    [("on-demand", PRO), ("geographic", f"eu.{PRO}"), ("global", f"global.{PRO}")],
)
def test_another_model_is_refused(roles, tenant, model):
    assert "no identity-based policy allows" in roles.refusal(tenant, model)


def test_another_region_is_refused(roles):
    assert roles.call("on-demand", LITE, region="eu-west-1")
    assert "eu-west-3" in roles.refusal("on-demand", LITE, region="eu-west-3")


@pytest.mark.parametrize("tenant", ["geographic", "global"])
def test_a_profile_called_from_another_region_is_refused(roles, tenant):
    assert "eu-west-1" in roles.refusal(tenant, roles.model(tenant), region="eu-west-1")


def test_a_profile_that_leads_further_than_granted_is_refused(roles):
    assert f"eu-west-1::foundation-model/{LITE}" in roles.refusal("short", f"eu.{LITE}")


@pytest.mark.parametrize(
    ("tenant", "model"),
    [
        ("on-demand", f"eu.{LITE}"),
        ("on-demand", f"global.{LITE}"),
        ("geographic", LITE),
        ("geographic", f"global.{LITE}"),
        ("global", LITE),
        ("global", f"eu.{LITE}"),
        ("tracked", HAIKU),
        ("tracked", f"eu.{PRO}"),
        ("tracked", f"global.{LITE}"),
    ],
)
def test_the_same_model_by_another_route_is_refused(roles, tenant, model):
    assert "no identity-based policy allows" in roles.refusal(tenant, model)


@pytest.mark.parametrize("alias", ["claude", "wide", "world"])
def test_the_profile_of_another_tenant_is_refused(roles, alias):
    assert roles.call("other", roles.model("other", alias))
    assert "application-inference-profile" in roles.refusal("tracked", roles.model("other", alias))


@pytest.mark.parametrize("tag", ["alias", "environment", "tenant"])
def test_a_profile_with_another_tag_is_refused(roles, tag):
    """Each profile differs from the tenant's own in one tag."""
    tags = {"alias": "claude", "environment": "test", "tenant": "tracked"}
    bedrock = client("bedrock", roles.url, long_lived(roles.owner_of_operations))

    def profile(name, tags):
        profile = bedrock.create_inference_profile(
            inferenceProfileName=name,
            modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{HAIKU}"},
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        return profile["inferenceProfileArn"]

    assert roles.call("tracked", profile(f"same-{tag}", tags))
    assert roles.refusal("tracked", profile(f"other-{tag}", {**tags, tag: "another"}))


def test_a_stream_that_is_withheld_is_refused(roles):
    assert roles.call("quiet", LITE)
    assert "InvokeModelWithResponseStream" in roles.refusal("quiet", LITE, stream=True)


def test_a_call_without_its_guardrail_is_refused(roles):
    guardrail_config = {"guardrailIdentifier": GUARDRAIL, "guardrailVersion": "1"}
    assert roles.call("guarded", LITE, guardrailConfig=guardrail_config)
    assert roles.refusal("guarded", LITE)


@pytest.mark.parametrize(
    "changed",
    [{"guardrailVersion": "2"}, {"guardrailIdentifier": GUARDRAIL.replace("/abc", "/xyz")}],
    ids=["version", "guardrail"],
)
def test_a_call_with_another_guardrail_is_refused(roles, changed):
    guardrail_config = {"guardrailIdentifier": GUARDRAIL, "guardrailVersion": "1", **changed}
    assert roles.refusal("guarded", LITE, guardrailConfig=guardrail_config)


def test_a_call_from_another_network_is_refused(roles):
    assert roles.call("inside", LITE)
    assert roles.refusal("outside", LITE)


def test_a_call_past_the_endpoint_is_refused_unless_its_network_is_granted_too(roles):
    assert roles.call("either", LITE)
    assert roles.refusal("connected", LITE)


def test_a_role_from_before_the_project_was_granted_is_completed_by_one_call_to_iam(roles):
    iam = client("iam", roles.url, long_lived(roles.owner_of_operations))
    policy = {"RoleName": "bedrock-test-global", "PolicyName": "grants"}
    granted = iam.get_role_policy(**policy)["PolicyDocument"]
    other_statements = [
        each for each in granted["Statement"] if each["Sid"] != "UseTheDefaultProject"
    ]
    assert len(other_statements) == len(granted["Statement"]) - 1
    earlier = json.dumps({**granted, "Statement": other_statements})
    iam.put_role_policy(**policy, PolicyDocument=earlier)
    project = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:project/default"
    assert f"on resource: {project} " in roles.refusal("global", roles.model("global"))

    before = roles.writes()
    roles.apply()
    assert roles.writes()[len(before) :] == ["iam:PutRolePolicy"]
    assert roles.call("global", roles.model("global"))


def test_a_suspension_stops_a_session_that_is_open(roles):
    assert roles.call("stopping", LITE)
    roles.stanzas["stopping"]["state"] = "suspended"
    roles.apply()
    assert "with an explicit deny in an identity-based policy" in roles.refusal("stopping", LITE)
