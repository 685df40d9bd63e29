"""Locks of states that the environment no longer counts are seen, and hold up what would run beside them."""

import json
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from tools.command_error import CommandError
from tools.commands.forget import refuse_locked_states, state_keys
from tools.commands.unlock import states_of_locks
from tools.environment.model import CustomerAccount, load_environment
from tools.readiness.operations_readiness import state_bucket
from tools.terraform.shard_states import _check_lock
from tools.terraform.state import customer_state, operations_states, state_of_key
from tools.terraform.state_bucket import StateBucket

LOCAL = load_environment("local")
ACCOUNT = next(account for account in LOCAL.accounts if account.tenant == "acme")
LOST = CustomerAccount("hooli", "999999999999", "eu-central-1")
WRITTEN = {
    "ID": "8a1b2f5e-1c4e-0d9d-6a77-0c1de8c1f0aa",
    "Operation": "OperationTypeApply",
    "Who": "deployer@build-7",
    "Created": "2026-11-26T17:01:02.123456789Z",
}
HOLDER = "deployer@build-7 since 2026-11-26 17:01:02 UTC"


@pytest.fixture
def session(monkeypatch):
    """A session with a bucket in moto, whose one shard is the only one that counts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", LOCAL.operations_account_id)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = boto3.client("s3", region_name="eu-central-1")
        bucket = StateBucket(LOCAL, lambda _: s3)
        s3.create_bucket(
            Bucket=bucket.name,
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
        yield SimpleNamespace(
            environment=LOCAL,
            bucket=bucket,
            operations_states=lambda tenant=None: operations_states(LOCAL, tenant),
            lock=lambda key: s3.put_object(
                Bucket=bucket.name, Key=f"{key}.tflock", Body=json.dumps(WRITTEN)
            ),
        )


KEYS = {
    "a shard that no longer counts": "operations-1.tfstate",
    "a tenant without a stanza": customer_state(LOST).key,
    "an account of the stanza": customer_state(ACCOUNT).key,
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_unlock_and_doctor_see_every_lock(session, key, monkeypatch):
    session.lock(key)
    states = states_of_locks(session, session.bucket.all_locks(), None)
    assert [*states] == [key]
    monkeypatch.setattr(StateBucket, "check", lambda _: None)
    locks = [check for check in state_bucket(session) if check.subject.startswith("lock")]
    assert [check.subject for check in locks] == [f"lock on {key}"]
    assert "make unlock" in locks[0].advice


def test_a_tenant_is_unlocked_in_its_own_states_only(session):
    for key in ("operations.tfstate", *KEYS.values()):
        session.lock(key)
    locks = session.bucket.all_locks()
    assert {*states_of_locks(session, locks, "hooli")} == {
        "operations.tfstate",
        customer_state(LOST).key,
    }
    assert {*states_of_locks(session, locks, None)} == {"operations.tfstate", *KEYS.values()}


def test_other_objects_of_the_bucket_are_no_states(session):
    session.lock("somebody/else.tfstate")
    assert states_of_locks(session, session.bucket.all_locks(), None) == {}


@pytest.mark.parametrize("state", [*operations_states(LOCAL), customer_state(ACCOUNT)])
def test_a_key_leads_to_the_state_that_it_is_of(state):
    assert state_of_key(LOCAL, state.key) == replace(state, targets=())


def test_a_move_between_shards_names_the_holder_and_what_to_run(session):
    _check_lock(LOCAL, session.bucket, 1)
    session.lock("operations-1.tfstate")
    with pytest.raises(CommandError, match=rf"locked by {HOLDER}.*`make unlock ENV=local`"):
        _check_lock(LOCAL, session.bucket, 1)


@pytest.mark.parametrize("key", [customer_state(LOST).key, "operations.tfstate"])
def test_a_locked_state_is_not_forgotten(session, key):
    keys = state_keys(session, "hooli", [LOST])
    refuse_locked_states(session, keys, "hooli")
    session.lock(key)
    with pytest.raises(CommandError, match=rf"{key} by {HOLDER}.*`make unlock ENV=local`"):
        refuse_locked_states(session, keys, "hooli")
