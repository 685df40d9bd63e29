"""What is verified in the operations account: each fault beside the clean account, and each denied read."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from operations_guard import leftovers, organization_policy
from operations_guard.aws_reader import AwsReader
from operations_guard.bedrock_projects import project_lines, unknown_operations
from operations_guard.leftovers import KINDS, leftover_lines
from operations_guard.role_permissions import other_actions
from operations_guard.session_names import session_name_lines
from operations_guard.verification import verify
from operations_guard.verified_line import CANNOT_TELL, CHECKED, FAULT, OK
from tests.docs.pages import blocks
from tests.tools.live.account import OPERATIONS, Account
from tools.cli.boto3_session import boto3_session
from tools.cli.data_retention import keep_nothing
from tools.environment.model import CustomerAccount, Environment
from tools.localaws.faults import FOREVER, Fault
from tools.localaws.local_aws import LocalAws
from tools.verification.guarded_operations import guarded_account

MODEL = "amazon.nova-lite-v1:0"
HOME, NEAR = "eu-central-1", "eu-west-1"
MANAGER = "999999999999"
GRANT = {"Action": "bedrock:InvokeModel", "Resource": f"arn:aws:bedrock:{HOME}::foundation-model/*"}
ENVIRONMENT = Environment(
    name="dev",
    operations_account_id=OPERATIONS,
    operations_region=HOME,
    deployer_role_name="terraform-deployer",
    accounts=(CustomerAccount("acme", "222222222222", NEAR),),
    stanzas={
        "acme": {
            "models": {
                "nova": {"model": MODEL, "regions": [HOME, NEAR]},
            }
        }
    },
    backend={},
)
ROLE = "bedrock-dev-acme"


def document(*statements):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in statements],
        }
    )


class Operations(Account):
    """The operations account after an apply, and what is found in it."""

    def client(self, service, region=HOME):
        return self.target.client(self.target.operations(), service, region)

    def prepare(self):
        """Do what bootstrap and an apply do: no retention anywhere, and the tenant's role."""
        keep_nothing(self.target, [HOME, NEAR])
        trust = {"Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}}
        iam = self.client("iam")
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document(trust))
        self.grant(GRANT)

    def grant(self, *statements):
        self.client("iam").put_role_policy(
            RoleName=ROLE, PolicyName="grants", PolicyDocument=document(*statements)
        )

    def reader(self, without=()):
        """What reads the account; the names of some services' endpoints do not exist."""

        def connect(session, service, region):
            url = f"http://{service}.invalid" if service in without else self.cloud.url
            config = Config(retries={"total_max_attempts": 1})
            return session.client(service, region_name=region, endpoint_url=url, config=config)

        return AwsReader(boto3_session(HOME), HOME, connect)

    def verification(self):
        return verify(self.reader(), guarded_account(self.environment, None))

    def others(self):
        """The lines that are not ok, as (subject, status, found)."""
        return [
            (line.subject, line.status, line.found)
            for line in self.verification().lines
            if line.status != OK
        ]


@pytest.fixture
def account(monkeypatch):
    for name in ("AWS_PROFILE", "HTTPS_PROXY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with LocalAws() as cloud:
        account = Operations(cloud, monkeypatch, ENVIRONMENT)
        account.prepare()
        yield account


def test_a_clean_account_is_ok_in_every_line(account):
    verification = account.verification()
    assert [line for line in verification.lines if line.status != OK] == []
    assert {line.basis for line in verification.lines} == {CHECKED}
    assert {line.subject for line in verification.lines} == SUBJECTS
    assert len(verification.lines) == len(SUBJECTS)
    assert verification.regions == (HOME, NEAR)
    assert all(not line.advice for line in verification.lines)


def test_it_needs_the_permissions_of_the_documentation_and_no_other(account):
    [block] = blocks("policy", "verify")
    [statement] = json.loads(block.text)["Statement"]
    account.allow({"Action": statement["Action"]})
    assert account.others() == []
    asked = {f"bedrock:{kind.operation}" for kind in KINDS} | READS.keys()
    assert asked <= set(statement["Action"])


def test_the_destinations_that_aws_names_are_verified_too(account):
    model = {"model": MODEL, "regions": [HOME], "route": "geographic", "profile": "eu."}
    stanza = {"models": {"nova": {**model, "destinations": [HOME]}}}
    account.environment = replace(ENVIRONMENT, stanzas={"acme": stanza})
    verification = account.verification()
    assert {"eu-north-1", "eu-west-3"} <= set(verification.regions)
    [fault, *_] = [line for line in verification.lines if line.status == FAULT]
    assert fault.subject == "data retention"
    assert fault.found.endswith('is "inherit"')
    account.allow({"NotAction": "bedrock:GetInferenceProfile"})
    [unread] = [line for line in account.verification().lines if line.status == CANNOT_TELL]
    assert unread.subject == f"destinations of eu.{MODEL}"


def log_calls(account):
    account.client("bedrock", NEAR).put_model_invocation_logging_configuration(
        loggingConfig={
            "cloudWatchConfig": {
                "logGroupName": "calls",
                "roleArn": f"arn:aws:iam::{OPERATIONS}:role/x",
            }
        }
    )
    return "invocation logging", f"Bedrock logs every call of {NEAR} (cloudWatchConfig)"


def retain(account):
    account.client("bedrock", NEAR).put_account_data_retention(mode="default")
    return "data retention", f'the mode in {NEAR} is "default"'


def start_a_batch(account):
    arn = account.client("bedrock").create_model_invocation_job(
        jobName="batch",
        roleArn=f"arn:aws:iam::{OPERATIONS}:role/batch",
        modelId=MODEL,
        inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://a/b"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://a/c"}},
    )["jobArn"]
    return "batch inference jobs", f"1 in {HOME}: {arn}"


def start_an_invocation(account):
    arn = account.client("bedrock-runtime", NEAR).start_async_invoke(
        modelId="amazon.nova-reel-v1:0",
        modelInput={"text": "a prompt"},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://a/b"}},
    )["invocationArn"]
    return "asynchronous invocations", f"1 in {NEAR}: {arn}"


def customize(account, keep=False):
    bedrock = account.client("bedrock")
    account.client("s3").create_bucket(
        Bucket="training", CreateBucketConfiguration={"LocationConstraint": HOME}
    )
    arn = bedrock.create_model_customization_job(
        jobName="job",
        customModelName="own",
        roleArn=f"arn:aws:iam::{OPERATIONS}:role/customize",
        baseModelIdentifier=MODEL,
        trainingDataConfig={"s3Uri": "s3://training/data"},
        outputDataConfig={"s3Uri": "s3://training/out"},
        hyperParameters={"epochCount": "1"},
    )["jobArn"]
    if not keep:
        bedrock.delete_custom_model(modelIdentifier="own")
    return "model customization jobs", f"1 in {HOME}: {arn}"


def evaluate(account):
    arn = account.client("bedrock").create_evaluation_job(
        jobName="evaluation",
        roleArn=f"arn:aws:iam::{OPERATIONS}:role/evaluate",
        evaluationConfig={
            "automated": {
                "datasetMetricConfigs": [
                    {"taskType": "Summarization", "dataset": {"name": "own"}, "metricNames": ["x"]}
                ]
            }
        },
        inferenceConfig={"models": [{"bedrockModel": {"modelIdentifier": MODEL}}]},
        outputDataConfig={"s3Uri": "s3://a/b"},
    )["jobArn"]
    return "evaluation jobs", f"1 in {HOME}: {arn}"


def make_an_agent(account):
    agent = account.client("bedrock-agent").create_agent(agentName="agent")["agent"]
    return "agents", f"1 in {HOME}: {agent['agentId']}"


def make_a_knowledge_base(account):
    made = account.client("bedrock-agent").create_knowledge_base(
        name="base",
        roleArn=f"arn:aws:iam::{OPERATIONS}:role/base",
        knowledgeBaseConfiguration={"type": "VECTOR"},
        storageConfiguration={"type": "OPENSEARCH_SERVERLESS"},
    )["knowledgeBase"]
    return "knowledge bases", f"1 in {HOME}: {made['knowledgeBaseId']}"


def write_a_prompt(account):
    arn = account.client("bedrock-agent").create_prompt(name="prompt")["arn"]
    return "prompts", f"1 in {HOME}: {arn}"


def make_a_flow(account):
    role = f"arn:aws:iam::{OPERATIONS}:role/flow"
    arn = account.client("bedrock-agent").create_flow(name="flow", executionRoleArn=role)["arn"]
    return "flows", f"1 in {HOME}: {arn}"


def store_a_session(account):
    arn = account.client("bedrock-agent-runtime").create_session()["sessionArn"]
    return "stored sessions", f"1 in {HOME}: {arn}"


def grant_a_setting(account):
    account.grant(GRANT, {"Action": "bedrock:Put*", "Resource": "*"})
    return "permissions of tenants' roles", f"inline policy grants of {ROLE} allows bedrock:Put*"


def attach_a_policy(account):
    iam = account.client("iam")
    text = document(
        {"Action": "logs:PutLogEvents", "Resource": f"arn:aws:logs:{HOME}:{OPERATIONS}:*"}
    )
    arn = iam.create_policy(PolicyName="logs", PolicyDocument=text)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    return (
        "permissions of tenants' roles",
        f"managed policy {arn} of {ROLE} allows logs:PutLogEvents",
    )


FAULTS = [
    log_calls,
    retain,
    start_a_batch,
    start_an_invocation,
    customize,
    evaluate,
    make_an_agent,
    make_a_knowledge_base,
    write_a_prompt,
    make_a_flow,
    store_a_session,
    grant_a_setting,
    attach_a_policy,
]


def test_each_fault_is_a_line_and_takes_no_other_away(account):
    expected = [change(account) for change in FAULTS]
    lines = account.verification().lines
    assert sorted((line.subject, line.found) for line in lines if line.status == FAULT) == sorted(
        expected
    )
    assert [line for line in lines if line.status == CANNOT_TELL] == []
    assert {line.subject for line in lines} == SUBJECTS
    assert all(line.advice for line in lines if line.status == FAULT)
    # The Regions without a fault keep their line.
    clean = {line.subject: line.found for line in lines if line.status == OK}
    assert clean["batch inference jobs"].endswith(f"in {NEAR}")
    assert clean["invocation logging"] == f"off in {HOME}"


def test_an_imported_model_and_its_job_are_two_lines(account):
    account.client("bedrock").create_model_import_job(
        jobName="job",
        importedModelName="own",
        roleArn=f"arn:aws:iam::{OPERATIONS}:role/import",
        modelDataSource={"s3DataSource": {"s3Uri": "s3://a/b"}},
    )
    assert {subject for subject, *_ in account.others()} == {"imported models", "model import jobs"}


def test_a_custom_model_and_a_prompt_optimization_are_found(account):
    bedrock = account.client("bedrock")
    customize(account, keep=True)
    bedrock.create_advanced_prompt_optimization_job(
        jobName="job",
        inputConfig={"s3Uri": "s3://a/b"},
        outputConfig={"s3Uri": "s3://a/c"},
        modelConfigurations=[{"modelId": MODEL}],
    )
    assert {subject for subject, *_ in account.others()} == {
        "custom models",
        "model customization jobs",
        "prompt optimization jobs",
    }


def test_a_job_that_nobody_can_delete_is_named_for_ninety_days(account):
    start_a_batch(account)
    now = datetime.now(UTC)
    for days, expected in ((leftovers.DAYS - 1, FAULT), (leftovers.DAYS + 1, OK)):
        lines = leftover_lines(account.reader(), [HOME], now + timedelta(days=days))
        assert (
            next(line.status for line in lines if line.subject == "batch inference jobs")
            == expected
        )


# --- session names ---


def assume(account, name):
    customer = account.cloud.control.account("222222222222", "function")
    session = boto3_session(
        NEAR,
        keys={"AccessKeyId": customer.access_key_id, "SecretAccessKey": customer.secret_access_key},
    )
    sts = account.target.client(session, "sts", NEAR)
    arn = f"arn:aws:iam::{OPERATIONS}:role/{ROLE}"
    sts.assume_role(RoleArn=arn, RoleSessionName=name)


def test_a_session_with_the_tenants_name_is_ok_and_another_name_is_not_repeated(account):
    assume(account, "acme")
    assert account.others() == []
    assume(account, "alice@customer.example")
    [(subject, status, found)] = account.others()
    assert (subject, status) == ("session names in CloudTrail", FAULT)
    assert found.startswith(f"a session of arn:aws:iam::{OPERATIONS}:role/{ROLE} at ")
    assert "alice" not in found


def test_events_of_yesterday_are_not_read(account):
    assume(account, "alice@customer.example")
    guarded = guarded_account(ENVIRONMENT, None)
    tomorrow = datetime.now(UTC) + timedelta(hours=25)
    assert [line.status for line in session_name_lines(account.reader(), guarded, tomorrow)] == [OK]


# --- roles ---


@pytest.mark.parametrize(
    ("statement", "others"),
    [
        ({"Action": "bedrock:InvokeModel"}, []),
        ({"Action": ["bedrock:invokemodel", "Bedrock:CountTokens"]}, []),
        ({"Action": "bedrock:InvokeModel*"}, ["bedrock:InvokeModel*"]),
        ({"Action": ["bedrock:ApplyGuardrail", "iam:PassRole"]}, ["iam:PassRole"]),
        ({"NotAction": "iam:*"}, ["all actions but some"]),
        ({"Effect": "Deny", "Action": "*"}, []),
    ],
)
def test_a_statement_allows_calls_only_if_it_names_them_one_by_one(statement, others):
    assert other_actions({"Statement": {"Effect": "Allow", **statement}}) == others
    assert other_actions({"Statement": [{"Effect": "Allow", **statement}]}) == others


USAGE = f"arn:aws:ssm:{HOME}:{OPERATIONS}:parameter/bedrock/dev/usage"


@pytest.mark.parametrize(
    ("action", "resource", "others"),
    [
        ("ssm:GetParameter", f"{USAGE}/acme", []),
        ("ssm:GetParameter", [f"{USAGE}/acme"], []),
        ("ssm:GetParameter", f"{USAGE}/*", ["ssm:GetParameter"]),
        ("ssm:GetParameter", [f"{USAGE}/acme", "*"], ["ssm:GetParameter"]),
        ("ssm:GetParameter", [], ["ssm:GetParameter"]),
        ("ssm:GetParameters", f"{USAGE}/acme", ["ssm:GetParameters"]),
    ],
)
def test_a_tenant_may_read_only_what_it_has_used(action, resource, others):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    assert other_actions({"Statement": statement}) == others


# --- reads that are denied, and Regions out of reach ---

READS = {
    "bedrock:GetModelInvocationLoggingConfiguration": "invocation logging",
    "bedrock:GetAccountDataRetention": "data retention",
    "cloudtrail:LookupEvents": "session names in CloudTrail",
    "iam:GetAccountAuthorizationDetails": "permissions of tenants' roles",
    "organizations:DescribeOrganization": "service control policy",
    **{f"bedrock:{kind.operation}": kind.subject for kind in KINDS},
}
SUBJECTS = set(READS.values())


@pytest.mark.parametrize("denied", [[action] for action in list(READS)[:6]] + [list(READS)])
def test_a_denied_read_cannot_be_told_and_takes_no_other_line_away(account, denied):
    account.allow({"NotAction": denied})
    lines = account.verification().lines
    unread = [line for line in lines if line.status == CANNOT_TELL]
    assert {line.subject for line in unread} == {READS[action] for action in denied}
    assert {line.subject for line in lines if line.status == OK} == SUBJECTS - {
        READS[action] for action in denied
    }
    for action in denied:
        found = [line.found for line in unread if line.subject == READS[action]]
        assert all("AccessDenied" in text for text in found)


def test_a_region_that_denies_everything_leaves_the_others_their_line(account):
    account.allow({"Action": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": HOME}}})
    lines = [line for line in account.verification().lines if line.subject == "invocation logging"]
    assert [(line.status, NEAR in line.found) for line in lines] == [
        (OK, False),
        (CANNOT_TELL, True),
    ]


def test_a_region_that_is_not_enabled_is_one_line(account):
    code, operation = "UnrecognizedClientException", "GetAccountDataRetention"
    fault = Fault(
        "bedrock", operation, code=code, message="Not enabled.", status=403, times=FOREVER
    )
    account.cloud.control.fault(fault)
    lines = account.verification().lines
    assert [(line.subject, line.found) for line in lines if line.status != OK] == [
        (f"everything in {region}", f"{code}: Not enabled") for region in (HOME, NEAR)
    ]
    assert {line.subject for line in lines if line.status == OK} == {
        "session names in CloudTrail",
        "permissions of tenants' roles",
        "service control policy",
    }


OF_AGENTS = {"agents", "flows", "stored sessions"}
AGENTS = ["bedrock-agent", "bedrock-agent-runtime"]


@pytest.mark.parametrize(
    ("services", "status"),
    [(AGENTS, OK), (["bedrock", "bedrock-runtime", *AGENTS], CANNOT_TELL)],
)
def test_agents_are_none_only_where_bedrock_alone_has_an_endpoint(
    account, monkeypatch, services, status
):
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    lines = leftover_lines(account.reader(without=services), [HOME])
    assert {line.status for line in lines if line.subject in OF_AGENTS} == {status}


# --- the organization ---


SCP = organization_policy.POLICY.read_text()


class Organization:
    """An organization with one member account, in an organizational unit."""

    def __init__(self, account):
        self.account = account
        self.client = self.session(MANAGER)
        self.client.create_organization(FeatureSet="ALL")
        [root] = self.client.list_roots()["Roots"]
        self.root = root["Id"]
        self.client.enable_policy_type(RootId=self.root, PolicyType="SERVICE_CONTROL_POLICY")
        unit = self.client.create_organizational_unit(ParentId=self.root, Name="bedrock")
        self.unit = unit["OrganizationalUnit"]["Id"]
        made = self.client.create_account(Email="a@b.example", AccountName="operations")
        self.member = made["CreateAccountStatus"]["AccountId"]
        self.client.move_account(
            AccountId=self.member, SourceParentId=self.root, DestinationParentId=self.unit
        )

    def session(self, account_id):
        keys = self.account.cloud.control.account(account_id)
        named = {"AccessKeyId": keys.access_key_id, "SecretAccessKey": keys.secret_access_key}
        session = boto3_session("us-east-1", keys=named)
        return self.account.target.client(session, "organizations")

    def attach(self, text, target):
        policy = self.client.create_policy(
            Name=f"policy-{target}", Description="-", Content=text, Type="SERVICE_CONTROL_POLICY"
        )
        self.client.attach_policy(PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=target)

    def delegate(self):
        """Let the member read policies, as docs/how-to/organization-policies.md says."""
        [block] = blocks("policy", "delegation")
        self.client.put_resource_policy(Content=block.text.replace(OPERATIONS, self.member))

    def lines(self, account_id=None):
        account_id = account_id or self.member
        client = self.session(account_id)
        reader = AwsReader(boto3_session(HOME), HOME, lambda *_: client)
        guarded = replace(guarded_account(ENVIRONMENT, None), account=account_id)
        return [
            (line.status, line.found)
            for line in organization_policy.organization_lines(reader, guarded)
        ]


@pytest.fixture
def organization(account):
    return Organization(account)


@pytest.mark.parametrize("place", ["member", "unit", "root"])
def test_the_policy_is_found_wherever_it_is_attached(organization, place):
    organization.delegate()
    sids = [statement["Sid"] for statement in json.loads(SCP)["Statement"]]
    assert organization.lines() == [
        (FAULT, f"no SCP of the account has the statement {sid}") for sid in sids
    ]
    text = json.loads(SCP)
    text["Statement"][0]["Action"].reverse()  # the order does not matter, and neither do Sids
    text["Statement"][1]["Sid"] = "Renamed"
    organization.attach(json.dumps(text), getattr(organization, place))
    assert [status for status, _ in organization.lines()] == [OK]


def test_a_policy_that_denies_less_is_a_fault(organization):
    organization.delegate()
    text = json.loads(SCP)
    text["Statement"][0]["Action"].remove("bedrock:PutModelInvocationLoggingConfiguration")
    organization.attach(json.dumps(text), organization.member)
    assert organization.lines() == [
        (FAULT, "no SCP of the account has the statement BedrockKeepsNoContent")
    ]


def test_a_member_that_may_not_read_policies_cannot_tell(organization):
    organization.attach(SCP, organization.member)
    [(status, found)] = organization.lines()
    assert status == CANNOT_TELL
    assert "organizations:ListPoliciesForTarget" in found


def test_the_management_account_is_a_fault(organization):
    [(status, found)] = organization.lines(MANAGER)
    assert (status, found.partition(" do not")[0]) == (FAULT, "SCPs")


# --- what a newer botocore can ask ---

# A part of the models of botocore 1.44.8.
MODELS = {
    "operations": {
        name: {
            "name": name,
            "http": {"method": "GET", "requestUri": path, "responseCode": 200},
            "input": {"shape": f"{name}Request"},
            "output": {"shape": f"{name}Response"},
        }
        for name, path in (
            ("ListProjects", "/projects"),
            ("GetAccountDataRetentionStorage", "/v1/data_retention/storage/{modelProvider}"),
            ("ListTrustedAccessPrograms", "/trusted-access-programs"),
        )
    },
    "shapes": {
        "ListProjectsRequest": {"type": "structure", "members": {}},
        "ListProjectsResponse": {
            "type": "structure",
            "members": {"projectSummaries": {"shape": "GuardTestList"}},
        },
        "ListTrustedAccessProgramsRequest": {"type": "structure", "members": {}},
        "ListTrustedAccessProgramsResponse": {
            "type": "structure",
            "members": {"programSummaries": {"shape": "GuardTestList"}},
        },
        "GetAccountDataRetentionStorageRequest": {
            "type": "structure",
            "members": {
                "modelProvider": {
                    "shape": "GuardTestText",
                    "location": "uri",
                    "locationName": "modelProvider",
                }
            },
        },
        "GetAccountDataRetentionStorageResponse": {
            "type": "structure",
            "members": {"storageDestination": {"shape": "GuardTestText"}},
        },
        "GuardTestList": {"type": "list", "member": {"shape": "GuardTestItem"}},
        "GuardTestItem": {
            "type": "structure",
            "members": {
                **{
                    name: {"shape": "GuardTestText"}
                    for name in ("arn", "status", "name", "programId", "optIn")
                },
                "dataRetention": {"shape": "GuardTestMode"},
            },
        },
        "GuardTestMode": {"type": "structure", "members": {"mode": {"shape": "GuardTestText"}}},
        "GuardTestText": {"type": "string"},
    },
}
DEFAULT = {"arn": f"arn:aws:bedrock:{HOME}:{OPERATIONS}:project/default", "status": "active"}
OTHER = {**DEFAULT, "arn": f"arn:aws:bedrock:{HOME}:{OPERATIONS}:project/proj_1"}
CLEAN = {"/projects": {"projectSummaries": [DEFAULT]}, "/trusted-access-programs": {}}
STORAGE = "/v1/data_retention/storage/anthropic"


def asked(monkeypatch, tmp_path, answers):
    """The lines of a botocore with these operations, where AWS answers so; 404 for what has no answer."""
    folder = tmp_path / "bedrock" / "2023-04-20"
    folder.mkdir(parents=True)
    extras = {"version": 1.0, "merge": MODELS}
    (folder / "service-2.sdk-extras.json").write_text(json.dumps(extras))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    keys = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "secret"}
    session = boto3_session(HOME, keys=keys)

    def answer(request, **_):
        path = request.url.partition(".com")[2]
        found = answers.get(path)
        body = json.dumps(found or {"message": "There is none."}).encode()
        headers = {} if found is not None else {"x-amzn-errortype": "ResourceNotFoundException"}
        response = AWSResponse(request.url, 200 if found is not None else 404, headers, None)
        response._content = body
        return response

    def connect(session, service, region):
        client = session.client(service, region_name=region)
        client.meta.events.register("before-send", answer)
        return client

    reader = AwsReader(session, HOME, connect)
    assert list(unknown_operations(reader)) == []
    return [(line.subject, line.status, line.found) for line in project_lines(reader, [HOME])]


def test_what_an_older_botocore_does_not_know_is_a_line_and_takes_no_other_away(
    account, monkeypatch, tmp_path
):
    """The function has the boto3 of Lambda's runtime, which may be older than this one."""
    loader = botocore.session.get_session().get_component("data_loader")
    model = loader.load_service_model("bedrock", "service-2")
    unknown = {
        "data retention": "GetAccountDataRetention",
        "prompt optimization jobs": "ListAdvancedPromptOptimizationJobs",
    }
    known = {k: v for k, v in model["operations"].items() if k not in unknown.values()}
    folder = tmp_path / "bedrock" / "2023-04-20"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({**model, "operations": known}))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    others = account.others()
    assert {(subject, status) for subject, status, _ in others} == {
        (subject, CANNOT_TELL) for subject in unknown
    }
    for subject, _, found in others:
        assert f"botocore {botocore.__version__} does not know bedrock:{unknown[subject]}" in found


def test_projects_storage_and_programs_are_asked_for_where_botocore_can(monkeypatch, tmp_path):
    assert asked(monkeypatch, tmp_path, CLEAN) == [
        ("projects", OK, f"only the default one in {HOME}"),
        ("storage of retained data", OK, f"none in {HOME}"),
        ("trusted-access programs", OK, f"not enrolled in {HOME}"),
    ]


@pytest.mark.parametrize(
    ("answers", "subject", "found"),
    [
        (
            {"/projects": {"projectSummaries": [DEFAULT, OTHER]}},
            "projects",
            f"the project {OTHER['arn']} exists, and its data retention can be changed",
        ),
        (
            {
                "/projects": {
                    "projectSummaries": [{**DEFAULT, "dataRetention": {"mode": "default"}}]
                }
            },
            "projects",
            f'the project {DEFAULT["arn"]} has data retention of its own, "default"',
        ),
        (
            {STORAGE: {"storageDestination": "amazon_managed"}},
            "storage of retained data",
            f"data that Bedrock retains for anthropic in {HOME} has a storage (amazon_managed)",
        ),
        (
            {
                "/trusted-access-programs": {
                    "programSummaries": [{"name": "early", "status": "enabled"}]
                }
            },
            "trusted-access programs",
            f"{HOME} is enrolled in the trusted-access program early",
        ),
    ],
)
def test_what_they_show_is_a_fault(monkeypatch, tmp_path, answers, subject, found):
    lines = asked(monkeypatch, tmp_path, {**CLEAN, **answers})
    assert [line for line in lines if line[1] != OK] == [(subject, FAULT, found)]


def test_an_archived_project_is_no_fault(monkeypatch, tmp_path):
    archived = {"projectSummaries": [DEFAULT, {**OTHER, "status": "archived"}]}
    lines = asked(monkeypatch, tmp_path, {**CLEAN, "/projects": archived})
    assert {status for _, status, _ in lines} == {OK}


def test_every_operation_of_a_leftover_lists_what_is_read_of_it():
    session = botocore.session.get_session()
    for kind in KINDS:
        operation = session.get_service_model(kind.service).operation_model(kind.operation)
        members = operation.output_shape.members[kind.member].member.members
        assert {kind.name, kind.began} - {""} <= members.keys(), kind.subject
