"""Who changes or uses access by hand is told on the guard's topic, with everything applied by the commands."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import client

OPERATIONS, ACME = "111111111111", "222222222222"
STANZA = f"""\
  acme = {{
    accounts     = {{ "{ACME}" = {{}} }}
    deployer     = {{ external_id = "90c5a2d5c7a94b5bb3bb0b1f2b8a2f12" }}
    external_ids = {{ current = "269170463fdc32af10a91e67a8fd77b2" }}
    models       = {{ nova = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"], track = true }} }}
    quota        = {{ tokens_per_day = 20 }}
  }}
"""
SECONDS = 61  # after which CloudTrail's events are at EventBridge
ROLE = "bedrock-local-acme"
PROMPT = "canary-prompt-5d20"


class Watched:
    """The checkout with a guard and with a trail in the operations account."""

    def __init__(self, checkout):
        self.checkout = checkout
        operations = LOCAL_ENVIRONMENT.replace("operations = {\n", "operations = {\n  guard = {}\n")
        tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"
        tfvars.write_text(f"{operations}tenants = {{\n{STANZA}}}\n")
        checkout.done("make up")
        place = {"LocationConstraint": "eu-central-1"}
        self.client("s3").create_bucket(Bucket="trail", CreateBucketConfiguration=place)
        trails = self.client("cloudtrail")
        trails.create_trail(Name="all", S3BucketName="trail", IsMultiRegionTrail=True)
        trails.start_logging(Name="all")

    def client(self, service, account=OPERATIONS):
        return client(self.checkout.control, account, service)

    def told(self):
        """Let time pass, and return what the rules said on the topic."""
        self.checkout.control.advance_clock(SECONDS)
        deliveries = self.checkout.control.post("deliver_events", {})
        assert [each["error"] for each in deliveries if each["error"]] == []
        return [json.loads(each["text"]) for each in deliveries if each["text"]]

    def invoke(self, **event):
        answer = self.client("lambda", ACME).invoke(
            FunctionName=ROLE, Payload=json.dumps({"prompt": PROMPT, **event})
        )
        return json.loads(answer["Payload"].read())


@pytest.fixture(scope="module")
def watched(checkout):
    watched = Watched(checkout)
    checkout.done("make apply ENV=local")
    return watched


def test_what_the_commands_apply_and_what_the_function_calls_is_not_told(watched):
    watched.told()  # the operations root makes its rules among others, and no event waits for them
    watched.checkout.done("make apply ENV=local ALL=1")
    assert "errorType" not in watched.invoke()
    assert watched.told() == []


def test_a_trust_that_is_widened_by_hand_is_told(watched):
    iam = watched.client("iam")
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    wider = json.loads(json.dumps(trust))
    wider["Statement"][0]["Principal"] = {"AWS": "*"}
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(wider))
    (sentence,) = watched.told()
    assert f"UpdateAssumeRolePolicy changed the role {ROLE}. The caller was IAMUser" in sentence
    assert sentence.endswith("docs/runbooks/access-rules.md#roles")
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust))
    assert len(watched.told()) == 1


def test_invocation_logging_that_is_changed_is_told(watched):
    watched.client("bedrock").delete_model_invocation_logging_configuration()
    (sentence,) = watched.told()
    assert "DeleteModelInvocationLoggingConfiguration changed whether Bedrock logs" in sentence


def test_a_refused_call_is_told_without_what_the_caller_wrote(watched):
    iam = watched.client("iam")
    grants = iam.get_role_policy(RoleName=ROLE, PolicyName="grants")["PolicyDocument"]
    nothing = {
        **grants,
        "Statement": [each for each in grants["Statement"] if "bedrock" not in str(each["Action"])],
    }
    iam.put_role_policy(RoleName=ROLE, PolicyName="grants", PolicyDocument=json.dumps(nothing))
    assert watched.invoke()["errorType"] == "ModelNotGrantedError"
    iam.put_role_policy(RoleName=ROLE, PolicyName="grants", PolicyDocument=json.dumps(grants))
    sentences = watched.told()
    refused = [sentence for sentence in sentences if "was refused" in sentence]
    assert f"role/{ROLE} was refused Converse" in refused[0]
    assert (
        len([sentence for sentence in sentences if "PutRolePolicy changed the role" in sentence])
        == 2
    )
    assert PROMPT not in "".join(sentences)


def test_what_the_guard_attaches_and_the_calls_that_it_stops_are_not_told(watched):
    while "errorType" not in (answer := watched.invoke(prompt="one two three four five six")):
        watched.checkout.control.advance_clock(300)
        watched.checkout.control.post("run_schedules", {})
    assert answer["errorType"] == "QuotaReachedError"
    assert watched.told() == []


def test_an_identity_of_the_operations_account_that_tries_a_tenants_role_is_told(watched):
    role = f"arn:aws:iam::{OPERATIONS}:role/{ROLE}"
    with pytest.raises(ClientError, match="AccessDenied"):
        watched.client("sts").assume_role(RoleArn=role, RoleSessionName="acme")
    (sentence,) = watched.told()
    assert "AssumeRole of a tenant's role was refused" in sentence


def test_rules_that_are_switched_off_and_a_trail_that_stops_are_told(watched):
    watched.client("events").disable_rule(Name="bedrock-local_guard-projects")
    watched.client("cloudtrail").stop_logging(Name="all")
    rules, trail = watched.told()
    assert "DisableRule changed the rules or the topic" in rules
    assert "StopLogging changed or stopped a trail" in trail
    watched.client("bedrock").delete_model_invocation_logging_configuration()
    assert watched.told() == []
