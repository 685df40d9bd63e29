"""The state bucket in the local AWS: who owns it, what protects it, and whose name it cannot have."""

import functools
import json
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.docs.pages import blocks
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.localaws.local_aws import LocalAws
from tools.paths import ROOT
from tools.terraform import state_bucket
from tools.terraform.runner import Terraform
from tools.terraform.state import operations_states, shard_key, shard_of_key
from tools.terraform.state_bucket import (
    StateBucket,
    applied_key,
    bucket_statements,
    proposed_name,
)

OPERATIONS, SQUATTER = "111111111111", "222222222222"
STATE, DIGEST = "customers/acme/222222222222.tfstate", "d" * 64
LOCATION = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}


@pytest.fixture(scope="module")
def local_aws():
    with LocalAws() as running:
        yield running


@functools.cache
def client(url, service, access_key_id, secret_access_key):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def connect(local_aws):
    """Return what connects an account's administrator with a service."""

    def as_account(account):
        keys = local_aws.control.account(account)

        def connected(service):
            return client(local_aws.url, service, keys.access_key_id, keys.secret_access_key)

        return connected

    return as_account


def handover_of(tenant):
    """A hand-over as `make apply` writes it, as far as commands read it."""
    return {
        "external_id": f"{tenant}-current-external-id",
        "guardrail": None,
        "models": {},
        "quota": {},
        "role_arn": f"arn:aws:iam::{OPERATIONS}:role/bedrock-local-{tenant}",
        "state": "active",
    }


def environment_of(name):
    """The local environment under another bucket name."""
    local = load_environment("local")
    return replace(local, backend={**local.backend, "bucket": name})


@pytest.fixture
def bucket(connect):
    return StateBucket(load_environment("local"), connect(OPERATIONS))


@pytest.fixture
def squatted(connect):
    """A bucket that another account registered and opened to the operations account."""
    name = "bedrock-local-state-111111111111"
    s3 = connect(SQUATTER)("s3")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=name, **LOCATION)
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": OPERATIONS},
        "Action": "s3:*",
        "Resource": resources,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return StateBucket(environment_of(name), connect(OPERATIONS))


def test_is_versioned_encrypted_closed_to_the_public_and_reached_by_tls_only(bucket, connect):
    bucket.make()
    s3, name = connect(OPERATIONS)("s3"), bucket.name
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert default["SSEAlgorithm"] == "aws:kms"
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert statements == bucket_statements("aws", name)
    assert statements[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_makes_the_bucket_once_and_then_protects_it_again(bucket, connect):
    bucket.make()
    s3, name = connect(OPERATIONS)("s3"), bucket.name
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    own = {
        "Sid": "DenyDeletes",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": f"arn:aws:s3:::{name}",
    }
    policy = {"Version": "2012-10-17", "Statement": own}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    assert bucket.make() is False
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert statements == [own, *bucket_statements("aws", name)]


def test_every_call_names_the_expected_owner(bucket, local_aws, monkeypatch):
    """S3 itself is asked: with a wrong expectation, each of the calls is refused."""
    bucket.make()
    bucket.write_handovers({"acme": handover_of("acme")})
    wrong = StateBucket(replace(bucket.environment, operations_account_id=SQUATTER), bucket.connect)
    calls = (
        wrong._exists,
        wrong._protect,
        wrong._statements,
        wrong.tenants_with_handover,
        lambda: wrong.handover("acme"),
        lambda: wrong.write_handovers({"acme": {}}),
        lambda: wrong.remove_handovers(frozenset({"acme"})),
        lambda: wrong.applied_records([STATE]),
        lambda: wrong.write_applied_record(STATE, DIGEST, "etag"),
        lambda: wrong.clear_applied_record(STATE),
    )
    for call in calls:
        before = len(local_aws.control.calls())
        with pytest.raises((CommandError, ClientError)):
            call()
        refused = local_aws.control.calls()[before]
        assert "ExpectedBucketOwner is 222222222222" in refused.reason
    assert bucket.handover("acme") == handover_of("acme")


def test_a_bucket_of_another_account_is_refused_although_its_policy_lets_us_in(
    squatted, bucket, connect
):
    bucket.make()
    bucket.check()
    assert connect(OPERATIONS)("s3").head_bucket(Bucket=squatted.name)
    for call in (
        squatted.check,
        squatted.make,
        squatted.tenants_with_handover,
        lambda: squatted.write_handovers({"acme": {}}),
        lambda: squatted.handover("acme"),
    ):
        with pytest.raises(CommandError):
            call()
    with pytest.raises(CommandError, match="another account has registered the name") as refusal:
        squatted.check()
    assert "bedrock-local-state-111111111111-eu-central-1-an" in str(refusal.value)


def test_the_documented_policy_refuses_a_bucket_of_another_account(squatted, local_aws):
    """Terraform's own calls name no owner; the condition in the identity's policy does."""
    [block] = blocks("policy", "one-tenant")
    documented = block.text.replace(
        "bedrock-prod-state-111111111111-eu-central-1-an", squatted.name
    )
    without_condition = json.loads(documented)
    for statement in without_condition["Statement"]:
        statement.pop("Condition", None)

    def s3_with(policy):
        keys = local_aws.control.account(OPERATIONS, user="deploys-acme", policies=[policy])
        return client(local_aws.url, "s3", keys.access_key_id, keys.secret_access_key)

    state = {"Bucket": squatted.name, "Key": "customers/acme/222222222222.tfstate"}
    s3_with(without_condition).put_object(Body=b"leaked", **state)
    s3 = s3_with(json.loads(documented))
    for refused in (
        lambda: s3.put_object(Body=b"leaked", **state),
        lambda: s3.get_object(**state),
        lambda: s3.list_objects_v2(Bucket=squatted.name),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()


def test_terraform_does_not_run_with_a_bucket_of_another_account(squatted, tmp_path):
    commands = []
    terraform = Terraform(squatted.environment, tmp_path, dict, commands.append, squatted)
    with pytest.raises(CommandError, match="is not reached as a bucket of the operations account"):
        terraform.provider_versions(*operations_states(squatted.environment))
    assert commands == []


@pytest.mark.parametrize(
    "name",
    [
        "bedrock-local-state",
        "bedrock-local-state-111111111111",
        "bedrock-local-state-222222222222-eu-central-1-an",
        "bedrock-local-state-111111111111-eu-west-1-an",
    ],
)
def test_a_name_that_another_account_can_register_is_not_made(connect, name, squatted):
    made = StateBucket(environment_of(name.replace("local", "fresh")), connect(OPERATIONS))
    with pytest.raises(CommandError, match="Another account could register") as refusal:
        made.make()
    assert "bedrock-local-state-111111111111-eu-central-1-an" in str(refusal.value)


def test_an_existing_bucket_keeps_a_name_without_the_suffix(connect):
    """An environment from before the suffix continues to work, under the check of the owner."""
    s3 = connect(OPERATIONS)("s3")
    s3.create_bucket(Bucket="bedrock-older-state-111111111111", **LOCATION)
    older = StateBucket(environment_of("bedrock-older-state-111111111111"), connect(OPERATIONS))
    assert older.make() is False
    older.check()


def test_a_region_without_namespaces_takes_a_name_with_the_account(connect, monkeypatch):
    monkeypatch.setattr(state_bucket, "REGIONS_WITHOUT_NAMESPACES", {"eu-central-1"})
    named = StateBucket(environment_of("bedrock-me-111111111111"), connect(OPERATIONS))
    assert named.make()
    with pytest.raises(CommandError, match="Another account could register"):
        StateBucket(environment_of("bedrock-me"), connect(OPERATIONS)).make()


def test_credentials_of_another_account_make_nothing(connect):
    fresh = environment_of("bedrock-new-state-111111111111-eu-central-1-an")
    with pytest.raises(CommandError, match="these credentials are of account 222222222222"):
        StateBucket(fresh, connect(SQUATTER)).make()
    with pytest.raises(CommandError, match="does not exist"):
        StateBucket(fresh, connect(OPERATIONS)).check()


def test_a_backend_without_the_account_of_its_credentials_is_refused(bucket):
    local = bucket.environment
    for backend in (
        {name: value for name, value in local.backend.items() if name != "allowed_account_ids"},
        {**local.backend, "allowed_account_ids": [SQUATTER]},
    ):
        with pytest.raises(CommandError, match=r'write allowed_account_ids = \["111111111111"\]'):
            StateBucket(replace(local, backend=backend), bucket.connect).check()


def test_hand_overs_are_written_listed_and_removed(bucket):
    bucket.make()
    bucket.write_handovers({name: handover_of(name) for name in ("acme", "globex")})
    assert bucket.tenants_with_handover() == {"acme", "globex"}
    bucket.remove_handovers(frozenset({"globex"}))
    assert bucket.handover("acme") == handover_of("acme")
    with pytest.raises(CommandError, match='Tenant "globex" has no hand-over yet; run `make apply'):
        bucket.handover("globex")


def applied(bucket, connect):
    """Store a state and the digest with which it was applied, and return the client for changes."""
    bucket.make()
    s3 = connect(OPERATIONS)("s3")
    s3.put_object(Bucket=bucket.name, Key=STATE, Body=b'{"serial": 1}')
    bucket.write_applied_record(STATE, DIGEST, bucket.etags(STATE)[STATE])
    return s3


def record_of(bucket, **more):
    return {"inputs_sha256": DIGEST, "state_etag": bucket.etags(STATE)[STATE], **more}


def test_the_digest_of_a_shard_is_beside_its_state_and_is_no_state(bucket, connect):
    bucket.make()
    s3 = connect(OPERATIONS)("s3")
    keys = [shard_key(0), shard_key(3)]
    for key in keys:
        s3.put_object(Bucket=bucket.name, Key=key, Body=b"{}")
        bucket.write_applied_record(key, DIGEST, bucket.etags(key)[key], "handed over")
    records = bucket.applied_records(keys)
    assert {key: record["handovers_sha256"] for key, record in records.items()} == dict.fromkeys(
        keys, "handed over"
    )
    assert [shard_of_key(key) for key in bucket.keys("operations")].count(None) == 2
    s3.put_object(Bucket=bucket.name, Key=f"{keys[1]}.tflock", Body=b"{}")
    assert set(bucket.applied_records(keys)) == {keys[0]}
    for key in bucket.keys("operations"):
        s3.delete_object(Bucket=bucket.name, Key=key)


def test_the_digest_of_what_was_applied_is_kept_beside_the_state(bucket, connect):
    applied(bucket, connect)
    other = "customers/globex/333333333333.tfstate"
    assert bucket.applied_records([STATE, other]) == {STATE: record_of(bucket)}
    assert STATE in bucket.customer_states()
    assert applied_key(STATE) not in bucket.customer_states()


@pytest.mark.parametrize(
    "change",
    [
        lambda bucket, put: bucket.clear_applied_record(STATE),
        lambda bucket, put: put(STATE, b'{"serial": 2}'),
        lambda bucket, put: put(f"{STATE}.tflock", b"{}"),
        lambda bucket, put: put(applied_key(STATE), b""),
        lambda bucket, put: put(applied_key(STATE), b"{"),
        lambda bucket, put: put(applied_key(STATE), b"[]"),
        lambda bucket, put: put(applied_key(STATE), b'{"inputs_sha256": "0"}'),
        lambda bucket, put: bucket.remove_state(STATE),
    ],
    ids=["cleared", "state written", "locked", "empty", "half", "a list", "no state", "removed"],
)
def test_nobody_knows_what_was_applied_once_the_state_may_differ(bucket, connect, change):
    s3 = applied(bucket, connect)
    assert bucket.applied_records([STATE]) == {STATE: record_of(bucket)}
    change(bucket, lambda key, body: s3.put_object(Bucket=bucket.name, Key=key, Body=body))
    assert bucket.applied_records([STATE]) == {}
    for key in bucket.keys(STATE.removesuffix(".tfstate")):
        s3.delete_object(Bucket=bucket.name, Key=key)


def test_a_state_is_removed_together_with_its_digest(bucket, connect):
    applied(bucket, connect)
    bucket.remove_state(STATE)
    assert bucket.keys(STATE.removesuffix(".tfstate")) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        json.dumps(handover_of("globex")).encode(),
        json.dumps(handover_of("acme")).replace("quota", "other").encode(),
    ],
    ids=["empty", "half", "no UTF-8", "a list", "null", "of another tenant", "without a quota"],
)
def test_another_object_in_place_of_a_hand_over_is_refused(bucket, connect, body):
    bucket.make()
    bucket.write_handovers({"acme": handover_of("acme")})
    assert bucket.handover("acme")
    connect(OPERATIONS)("s3").put_object(Bucket=bucket.name, Key="handovers/acme.json", Body=body)
    with pytest.raises(CommandError, match='is not the hand-over of tenant "acme"') as refusal:
        bucket.handover("acme")
    assert "run `make apply ENV=local` to write it again." in str(refusal.value)


@pytest.mark.parametrize("call", ["check", "make", "tenants_with_handover"])
def test_a_bucket_that_cannot_be_is_refused(bucket, connect, call):
    bucket.make()
    backend = bucket.environment.backend
    for change, sentence in (
        ({"bucket": None}, 'write bucket = "bedrock-local-state-111111111111-eu-central-1-an"'),
        ({"bucket": ""}, "names no bucket of S3"),
        ({"bucket": "with space"}, "names no bucket of S3"),
        ({"bucket": f"a/{bucket.name}"}, "names no bucket of S3"),
        ({"bucket": "a" * 64}, "names no bucket of S3"),
        ({"bucket": 5}, "names no bucket of S3"),
        ({"bucket": None, "region": None}, 'write (bucket|region) = "'),
    ):
        environment = replace(bucket.environment, backend={**backend, **change})
        with pytest.raises(CommandError, match=sentence):
            getattr(StateBucket(environment, connect(OPERATIONS)), call)()


def test_a_bucket_in_another_region_than_the_backend_is_refused(bucket, connect):
    bucket.make()
    bucket.check()
    for region, sentence in (
        ("eu-west-1", 'is in eu-central-1 and not in eu-west-1; write region = "eu-central-1" in'),
        (None, 'does not say where the bucket is; write region = "eu-central-1"'),
    ):
        backend = {**bucket.environment.backend, "region": region}
        moved = StateBucket(replace(bucket.environment, backend=backend), connect(OPERATIONS))
        for call in (moved.check, moved.make):
            with pytest.raises(CommandError, match=sentence):
                call()


def test_a_bucket_that_was_made_and_not_protected_is_protected_by_the_next_run(connect):
    name = "bedrock-half-state-111111111111-eu-central-1-an"
    half = StateBucket(environment_of(name), connect(OPERATIONS))
    half._create()
    s3 = connect(OPERATIONS)("s3")
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    assert half.make() is False
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert len(json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]) == 3


@pytest.mark.parametrize("region", ["eu-central-1", "ap-southeast-2", "us-gov-west-1"])
def test_the_proposed_name_fits_the_limit_of_s3(region):
    environment = SimpleNamespace(
        name="a" * 16, operations_account_id=OPERATIONS, backend={"region": region}
    )
    name = proposed_name(environment)
    assert len(name) <= 63
    assert name.endswith(f"-{OPERATIONS}-{region}-an")


def test_no_command_calls_s3_elsewhere():
    """Another S3 client could forget the expected owner."""
    clients = [
        path.relative_to(ROOT).as_posix()
        for folder in ("tools/cli", "tools/commands", "tools/terraform", "tools/environment")
        for path in (ROOT / folder).rglob("*.py")
        if '"s3"' in path.read_text()
    ]
    assert clients == ["tools/cli/targets.py", "tools/terraform/state_bucket.py"]
