"""Which policies apply to a call, and how they add up: each refused call beside an allowed one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.aws import (
    ACME,
    DEFAULT_PROJECT,
    GLOBEX,
    OPERATIONS,
    assume,
    document,
    make_role,
    refusal,
)

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws
    from tools.localaws.sts.sessions import Credentials

MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
MODEL_ARN = f"arn:aws:bedrock:eu-central-1::foundation-model/{MODEL}"
MESSAGES = [{"role": "user", "content": [{"text": "Hello"}]}]
ALLOW_ALL = {"Action": "*", "Resource": "*"}


def user(local_aws: LocalAws, *statements: dict[str, Any], account: str = ACME) -> Credentials:
    """A user with only these permissions."""
    return local_aws.control.account(account, user="someone", policies=[document(*statements)])


def role_session(
    local_aws: LocalAws, connect: Connect, *statements: dict[str, Any], **settings: Any
) -> Credentials:
    """A session of a role with these permissions in acme's account."""
    keys = local_aws.control.account(ACME)
    role = make_role(
        connect("iam", keys), "app", {"Principal": {"AWS": ACME}}, *statements, **settings
    )
    return assume(connect("sts", keys), role)


# --- identity policies ---


def test_nothing_is_allowed_without_a_policy(local_aws: LocalAws, connect: Connect) -> None:
    logs = connect("logs", user(local_aws, {"Action": "s3:*", "Resource": "*"}))
    code, message = refusal(logs.describe_log_groups)
    assert code == "AccessDeniedException"
    assert message == (
        "User: arn:aws:iam::222222222222:user/someone is not authorized to perform: "
        "logs:DescribeLogGroups on resource: "
        "arn:aws:logs:eu-central-1:222222222222:log-group::log-stream: "
        "because no identity-based policy allows the logs:DescribeLogGroups action"
    )


def test_an_explicit_deny_wins(local_aws: LocalAws, connect: Connect) -> None:
    deny = {"Effect": "Deny", "Action": "logs:CreateLogGroup", "Resource": "*"}
    logs = connect("logs", user(local_aws, ALLOW_ALL, deny))
    logs.describe_log_groups()
    _, message = refusal(logs.create_log_group, logGroupName="g")
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_a_managed_policy_applies_once_it_is_attached(
    local_aws: LocalAws, connect: Connect
) -> None:
    iam = connect("iam", local_aws.control.account(ACME))
    logs = connect("logs", user(local_aws, {"Action": "s3:*", "Resource": "*"}))
    policy = iam.create_policy(
        PolicyName="logs",
        PolicyDocument=json.dumps(document({"Action": "logs:*", "Resource": "*"})),
    )
    assert refusal(logs.describe_log_groups)[0] == "AccessDeniedException"
    iam.attach_user_policy(UserName="someone", PolicyArn=policy["Policy"]["Arn"])
    logs.describe_log_groups()


def test_a_groups_policy_applies_to_its_members(local_aws: LocalAws, connect: Connect) -> None:
    iam = connect("iam", local_aws.control.account(ACME))
    logs = connect("logs", user(local_aws, {"Action": "s3:*", "Resource": "*"}))
    iam.create_group(GroupName="team")
    iam.put_group_policy(
        GroupName="team",
        PolicyName="logs",
        PolicyDocument=json.dumps(document({"Action": "logs:*", "Resource": "*"})),
    )
    assert refusal(logs.describe_log_groups)[0] == "AccessDeniedException"
    iam.add_user_to_group(GroupName="team", UserName="someone")
    logs.describe_log_groups()


def test_a_permissions_boundary_narrows_a_role(local_aws: LocalAws, connect: Connect) -> None:
    boundary = connect("iam", local_aws.control.account(ACME)).create_policy(
        PolicyName="boundary",
        PolicyDocument=json.dumps(document({"Action": "logs:Describe*", "Resource": "*"})),
    )
    keys = role_session(
        local_aws,
        connect,
        {"Action": "logs:*", "Resource": "*"},
        PermissionsBoundary=boundary["Policy"]["Arn"],
    )
    logs = connect("logs", keys)
    logs.describe_log_groups()
    _, message = refusal(logs.create_log_group, logGroupName="g")
    assert "because no permissions boundary allows" in message


def test_a_role_may_be_changed_only_within_the_required_boundary(
    local_aws: LocalAws, connect: Connect
) -> None:
    admin = connect("iam", local_aws.control.account(ACME))
    narrow, wide = (
        admin.create_policy(
            PolicyName=name, PolicyDocument=json.dumps(document({"Action": "*", "Resource": "*"}))
        )["Policy"]["Arn"]
        for name in ("narrow", "wide")
    )
    only = {"StringEquals": {"iam:PermissionsBoundary": narrow}}
    iam = connect("iam", user(local_aws, {"Action": "iam:*", "Resource": "*", "Condition": only}))
    trust = json.dumps(document({"Principal": {"AWS": ACME}, "Action": "sts:AssumeRole"}))
    role = {"RoleName": "app", "AssumeRolePolicyDocument": trust}
    policy = {"PolicyName": "p", "PolicyDocument": json.dumps(document(ALLOW_ALL))}

    assert refusal(iam.create_role, **role)[0] == "AccessDenied"
    assert refusal(iam.create_role, **role, PermissionsBoundary=wide)[0] == "AccessDenied"
    iam.create_role(**role, PermissionsBoundary=narrow)
    iam.put_role_policy(RoleName="app", **policy)

    admin.create_role(**{**role, "RoleName": "other"}, PermissionsBoundary=wide)
    assert refusal(iam.put_role_policy, RoleName="other", **policy)[0] == "AccessDenied"


def test_a_user_with_a_boundary_is_refused_and_not_created_without_it(
    local_aws: LocalAws, connect: Connect
) -> None:
    iam = connect("iam", local_aws.control.account(ACME))
    iam.create_user(UserName="free")
    boundary = f"arn:aws:iam::{ACME}:policy/boundary"
    code, message = refusal(iam.create_user, UserName="bound", PermissionsBoundary=boundary)
    assert code == "InvalidInput"
    assert message == (
        "The local AWS does not store a user's permissions boundary; use a role with one instead."
    )


def test_a_session_has_no_second_factor(local_aws: LocalAws, connect: Connect) -> None:
    asks = {"Action": "logs:*", "Resource": "*"}
    without = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}
    logs = connect("logs", role_session(local_aws, connect, {**asks, **without}))
    logs.describe_log_groups()
    # A request with a user's access key has no such condition key.
    assert refusal(connect("logs", user(local_aws, {**asks, **without})).describe_log_groups)


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": ACME}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": GLOBEX}}, False),
        ({"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACME}:user/someone"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACME}:user/some"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"StringEquals": {"aws:username": "someone"}}, True),
        ({"Null": {"aws:TokenIssueTime": "false"}}, False),
    ],
)
def test_conditions_see_the_request(
    local_aws: LocalAws, connect: Connect, condition: dict[str, Any], allowed: bool
) -> None:
    logs = connect("logs", user(local_aws, {**ALLOW_ALL, "Condition": condition}))
    if allowed:
        logs.describe_log_groups()
    else:
        assert refusal(logs.describe_log_groups)[0] == "AccessDeniedException"


def test_a_policy_follows_the_clock_of_the_local_aws(local_aws: LocalAws, connect: Connect) -> None:
    lease = {"DateLessThan": {"aws:CurrentTime": "2100-01-01T00:00:00Z"}}
    logs = connect("logs", user(local_aws, {**ALLOW_ALL, "Condition": lease}))
    logs.describe_log_groups()
    local_aws.control.advance_clock(100 * 366 * 86_400)
    assert refusal(logs.describe_log_groups)[0] == "AccessDeniedException"


def test_a_service_without_modelled_resources_needs_a_star(
    local_aws: LocalAws, connect: Connect
) -> None:
    exact = {"Action": "sqs:*", "Resource": f"arn:aws:sqs:eu-central-1:{ACME}:queue"}
    sqs = connect("sqs", user(local_aws, exact))
    assert refusal(sqs.create_queue, QueueName="queue")[0].startswith("AccessDenied")
    user(local_aws, {"Action": "sqs:*", "Resource": "*"})
    sqs.create_queue(QueueName="queue")


# --- bedrock ---


def test_converse_needs_invoke_model_on_that_model_in_that_region(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys = user(
        local_aws, DEFAULT_PROJECT, {"Action": "bedrock:InvokeModel", "Resource": MODEL_ARN}
    )
    bedrock = connect("bedrock-runtime", keys)
    bedrock.converse(modelId=MODEL, messages=MESSAGES)
    other = refusal(bedrock.converse, modelId="amazon.nova-pro-v1:0", messages=MESSAGES)
    assert other[0] == "AccessDeniedException"
    elsewhere = connect("bedrock-runtime", keys, region="us-east-1")
    _, message = refusal(elsewhere.converse, modelId=MODEL, messages=MESSAGES)
    assert f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}" in message


def test_streaming_needs_another_action(local_aws: LocalAws, connect: Connect) -> None:
    stream = {"Action": "bedrock:InvokeModelWithResponseStream", "Resource": MODEL_ARN}
    bedrock = connect("bedrock-runtime", user(local_aws, DEFAULT_PROJECT, stream))
    assert list(bedrock.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    assert (
        "bedrock:InvokeModel on" in refusal(bedrock.converse, modelId=MODEL, messages=MESSAGES)[1]
    )


def test_an_application_profile_needs_the_profile_and_its_model(
    local_aws: LocalAws, connect: Connect
) -> None:
    admin = connect("bedrock", local_aws.control.account(ACME))
    profile = admin.create_inference_profile(
        inferenceProfileName="acme",
        modelSource={"copyFrom": MODEL_ARN},
        tags=[{"key": "tenant", "value": "acme"}],
    )["inferenceProfileArn"]
    on_profile = {
        "Action": "bedrock:InvokeModel",
        "Resource": f"arn:aws:bedrock:eu-central-1:{ACME}:application-inference-profile/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/tenant": "acme"}},
    }
    on_model = {
        "Action": "bedrock:InvokeModel",
        "Resource": MODEL_ARN,
        "Condition": {"ArnEquals": {"bedrock:InferenceProfileArn": profile}},
    }
    bedrock = connect("bedrock-runtime", user(local_aws, DEFAULT_PROJECT, on_profile, on_model))
    bedrock.converse(modelId=profile, messages=MESSAGES)
    assert refusal(bedrock.converse, modelId=MODEL, messages=MESSAGES)[0] == "AccessDeniedException"
    user(local_aws, DEFAULT_PROJECT, on_profile)
    assert MODEL_ARN in refusal(bedrock.converse, modelId=profile, messages=MESSAGES)[1]
    user(local_aws, DEFAULT_PROJECT, on_model)
    assert profile in refusal(bedrock.converse, modelId=profile, messages=MESSAGES)[1]
    tag_of_another = {"StringEquals": {"aws:ResourceTag/tenant": "globex"}}
    user(local_aws, {**on_profile, "Condition": tag_of_another}, on_model)
    assert profile in refusal(bedrock.converse, modelId=profile, messages=MESSAGES)[1]


# --- kms ---


def test_a_key_policy_decides_before_identity_policies(
    local_aws: LocalAws, connect: Connect
) -> None:
    admin = connect("kms", local_aws.control.account(ACME))
    keys = user(local_aws, {"Action": "kms:*", "Resource": "*"})
    kms = connect("kms", keys)
    only_admin = document({"Principal": {"AWS": f"arn:aws:iam::{ACME}:user/deployer"}, **ALLOW_ALL})
    delegated = document({"Principal": {"AWS": f"arn:aws:iam::{ACME}:root"}, **ALLOW_ALL})
    closed = admin.create_key(Policy=json.dumps(only_admin))["KeyMetadata"]["KeyId"]
    opened = admin.create_key(Policy=json.dumps(delegated))["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=opened, Plaintext=b"text")
    admin.encrypt(KeyId=closed, Plaintext=b"text")
    code, message = refusal(kms.encrypt, KeyId=closed, Plaintext=b"text")
    assert code == "AccessDeniedException"
    assert "because no resource-based policy allows the kms:Encrypt action" in message


def test_a_key_of_another_account_needs_both_sides(local_aws: LocalAws, connect: Connect) -> None:
    admin = connect("kms", local_aws.control.account(ACME))
    both = [{"AWS": f"arn:aws:iam::{ACME}:root"}, {"AWS": f"arn:aws:iam::{GLOBEX}:root"}]
    shared, private = (
        admin.create_key(
            Policy=json.dumps(document(*({"Principal": who, **ALLOW_ALL} for who in principals)))
        )["KeyMetadata"]["Arn"]
        for principals in (both, both[:1])
    )
    kms = connect(
        "kms", user(local_aws, {"Action": "kms:Encrypt", "Resource": "*"}, account=GLOBEX)
    )
    kms.encrypt(KeyId=shared, Plaintext=b"text")
    assert refusal(kms.encrypt, KeyId=private, Plaintext=b"text")[0] == "AccessDeniedException"
    user(local_aws, {"Action": "kms:Decrypt", "Resource": "*"}, account=GLOBEX)
    assert refusal(kms.encrypt, KeyId=shared, Plaintext=b"text")[0] == "AccessDeniedException"


def test_a_key_policy_sees_the_encryption_context(local_aws: LocalAws, connect: Connect) -> None:
    keys = local_aws.control.account(ACME)
    pinned = {"StringEquals": {"kms:EncryptionContext:tenant": "acme"}}
    policy = document(
        {"Principal": {"AWS": f"arn:aws:iam::{ACME}:root"}, **ALLOW_ALL, "Condition": pinned}
    )
    kms = connect("kms", keys)
    key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext={"tenant": "acme"})
    other = {"EncryptionContext": {"tenant": "globex"}}
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"t", **other)[0] == "AccessDeniedException"


def test_re_encrypting_needs_both_keys(local_aws: LocalAws, connect: Connect) -> None:
    admin = connect("kms", local_aws.control.account(ACME))
    old, new = (admin.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    blob = admin.encrypt(KeyId=old, Plaintext=b"text")["CiphertextBlob"]
    leave = {"Action": "kms:ReEncryptFrom", "Resource": old}
    enter = {"Action": "kms:ReEncryptTo", "Resource": new}
    kms = connect("kms", user(local_aws, leave, enter))
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=new)
    user(local_aws, leave)
    _, message = refusal(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=new)
    assert f"kms:ReEncryptTo on resource: {new}" in message


# --- s3 ---


@pytest.fixture
def bucket(local_aws: LocalAws, connect: Connect) -> Any:
    """S3 as the owner of ``state``, which holds one object."""
    s3 = connect("s3", local_aws.control.account(OPERATIONS))
    s3.create_bucket(
        Bucket="state", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_object(Bucket="state", Key="operations.tfstate", Body=b"{}")
    return s3


def test_an_object_of_another_account_needs_a_bucket_policy(
    local_aws: LocalAws, connect: Connect, bucket: Any
) -> None:
    s3 = connect("s3", local_aws.control.account(ACME))
    state_object = {"Bucket": "state", "Key": "operations.tfstate"}
    assert refusal(s3.get_object, **state_object)[0] == "AccessDenied"
    statement = {
        "Principal": {"AWS": ACME},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::state/operations.tfstate",
    }
    bucket.put_bucket_policy(Bucket="state", Policy=json.dumps(document(statement)))
    assert s3.get_object(**state_object)["Body"].read() == b"{}"
    assert refusal(s3.put_object, Body=b"", **state_object)[0] == "AccessDenied"


def test_a_bucket_policy_can_deny_the_owner_account(connect: Connect, bucket: Any) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": "arn:aws:s3:::state/*",
    }
    bucket.put_bucket_policy(Bucket="state", Policy=json.dumps(document(deny)))
    bucket.get_object(Bucket="state", Key="operations.tfstate")
    refused = refusal(bucket.delete_object, Bucket="state", Key="operations.tfstate")
    assert refused[1].endswith("with an explicit deny in a resource-based policy")


def test_a_permission_can_be_limited_to_a_key_prefix(
    local_aws: LocalAws, connect: Connect, bucket: Any
) -> None:
    mine = {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::state/mine/*"}
    s3 = connect("s3", user(local_aws, mine, account=OPERATIONS))
    s3.put_object(Bucket="state", Key="mine/k", Body=b"")
    assert refusal(s3.put_object, Bucket="state", Key="k", Body=b"")[0] == "AccessDenied"


def test_another_owner_than_the_expected_one_is_refused(
    local_aws: LocalAws, connect: Connect, bucket: Any
) -> None:
    state_object = {"Bucket": "state", "Key": "operations.tfstate"}
    bucket.get_object(ExpectedBucketOwner=OPERATIONS, **state_object)
    bucket.head_bucket(Bucket="state", ExpectedBucketOwner=OPERATIONS)
    assert refusal(bucket.get_object, ExpectedBucketOwner=ACME, **state_object)[0] == "AccessDenied"
    assert refusal(bucket.head_bucket, Bucket="state", ExpectedBucketOwner=ACME)[0] == "403"
    copy = {"Bucket": "state", "Key": "copy", "CopySource": "state/operations.tfstate"}
    bucket.copy_object(ExpectedSourceBucketOwner=OPERATIONS, **copy)
    refused = refusal(bucket.copy_object, ExpectedSourceBucketOwner=ACME, **copy)
    assert refused[0] == "AccessDenied"
    assert local_aws.control.calls(allowed=False)[-1].refused_by == "s3"


def test_a_name_in_an_accounts_own_namespace_is_for_that_account(
    local_aws: LocalAws, connect: Connect, bucket: Any
) -> None:
    name = f"state-{OPERATIONS}-eu-central-1-an"
    create = {
        "Bucket": name,
        "CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"},
    }
    outsider = connect("s3", local_aws.control.account(ACME))
    regional = {**create, "BucketNamespace": "account-regional"}
    assert refusal(outsider.create_bucket, **create)[0] == "MissingNamespaceHeader"
    assert refusal(outsider.create_bucket, **regional)[0] == "InvalidNamespaceHeader"
    assert refusal(bucket.create_bucket, **create)[0] == "MissingNamespaceHeader"
    bucket.create_bucket(**regional)


def test_a_condition_of_a_bucket_policy_counts(connect: Connect, bucket: Any) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::state/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    bucket.put_bucket_policy(Bucket="state", Policy=json.dumps(document(deny)))
    bucket.put_object(Bucket="state", Key="k", Body=b"")


def test_a_call_without_resources_still_needs_permission(
    local_aws: LocalAws, connect: Connect, bucket: Any
) -> None:
    nothing = {"Bucket": "state", "Delete": {"Objects": []}}
    s3 = connect("s3", user(local_aws, {"Action": "sqs:*", "Resource": "*"}, account=OPERATIONS))
    assert refusal(s3.delete_objects, **nothing)[0] == "AccessDenied"
    assert refusal(bucket.delete_objects, **nothing)[0] == "MalformedXML"


def test_a_state_lock_can_be_acquired_once(bucket: Any) -> None:
    lock = {"Bucket": "state", "Key": "operations.tfstate.tflock", "IfNoneMatch": "*"}
    bucket.put_object(Body=b"first", **lock)
    assert refusal(bucket.put_object, Body=b"second", **lock)[0] == "PreconditionFailed"


# --- lambda, iam ---


def test_a_role_is_passed_to_a_function_only_with_permission(
    local_aws: LocalAws, connect: Connect
) -> None:
    trust = {"Principal": {"Service": "lambda.amazonaws.com"}}
    role = make_role(connect("iam", local_aws.control.account(ACME)), "app", trust)
    create = {"Action": "lambda:*", "Resource": "*"}
    pass_role = {
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    }
    parameters = {
        "FunctionName": "f",
        "Runtime": "python3.13",
        "Handler": "m.h",
        "Role": role,
        "Code": {"ZipFile": b"PK\x05\x06" + b"\0" * 18},
    }
    functions = connect("lambda", user(local_aws, create))
    assert (
        f"iam:PassRole on resource: {role}" in refusal(functions.create_function, **parameters)[1]
    )
    user(local_aws, create, pass_role)
    functions.create_function(**parameters)


def test_a_roles_path_is_part_of_its_resource(local_aws: LocalAws, connect: Connect) -> None:
    below = {"Action": "iam:CreateRole", "Resource": f"arn:aws:iam::{ACME}:role/tenants/*"}
    iam = connect("iam", user(local_aws, below))
    trust = json.dumps(document({"Principal": {"AWS": ACME}, "Action": "sts:AssumeRole"}))
    iam.create_role(RoleName="a", Path="/tenants/", AssumeRolePolicyDocument=trust)
    refused = refusal(iam.create_role, RoleName="a2", AssumeRolePolicyDocument=trust)
    assert refused[0] == "AccessDenied"


# --- errors in each protocol ---


@pytest.mark.parametrize(
    ("service", "operation", "refused"),
    [
        ("iam", "list_roles", ("AccessDenied", 403)),
        ("ec2", "describe_vpcs", ("UnauthorizedOperation", 403)),
        ("logs", "describe_log_groups", ("AccessDeniedException", 400)),
        ("kms", "list_keys", ("AccessDeniedException", 400)),
        ("lambda", "list_functions", ("AccessDeniedException", 403)),
        ("s3", "list_buckets", ("AccessDenied", 403)),
        ("bedrock", "list_inference_profiles", ("AccessDeniedException", 403)),
    ],
)
def test_refuses_with_the_error_of_the_service(
    local_aws: LocalAws, connect: Connect, service: str, operation: str, refused: tuple[str, int]
) -> None:
    nothing = user(local_aws, {"Action": "sqs:*", "Resource": "*"})
    code, _ = refusal(getattr(connect(service, nothing), operation))
    assert (code, local_aws.control.calls(allowed=False)[-1].status) == refused
