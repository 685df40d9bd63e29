"""Which accounts a plan, a proof and an apply leave out, with a state bucket in the local AWS."""

import functools
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.load import PATHS, client
from tools.cli.session import Session
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.environment.tenant_shard import shard_of
from tools.isolation.certificate import Report
from tools.localaws.local_aws import LocalAws
from tools.paths import ROOT
from tools.proof.folder import CertifiedPlans, read_certified
from tools.proof.planned_handover import PlannedHandover
from tools.proof.proved_apply import ProvedApply, Prover
from tools.proof.proving import show_report
from tools.proof.saved_plan import SavedPlan
from tools.proof.state_inputs import account_inputs, shard_inputs
from tools.proof.unchanged_states import (
    count_sentence,
    handovers_of_shards,
    handovers_sha256,
    unchanged_accounts,
    unchanged_shards,
    without,
)
from tools.terraform.runner import Terraform
from tools.terraform.state import customer_state, operations_states, role_module
from tools.terraform.state_bucket import StateBucket

LOCAL = load_environment("local")
STATES = [customer_state(account) for account in LOCAL.accounts]
TENANTS = [state.tenant for state in STATES]
ACME = STATES[TENANTS.index("acme")]


def handover_of(tenant):
    """A hand-over as `make apply` writes it, as far as commands read it."""
    role = f"arn:aws:iam::{LOCAL.operations_account_id}:role/bedrock-local-{tenant}"
    values = dict.fromkeys(("external_id", "models", "quota", "state"), tenant)
    return {**values, "guardrail": None, "role_arn": role}


@pytest.fixture(scope="module")
def bucket():
    with LocalAws() as running:

        @functools.cache
        def connect(service):
            return client(running.control, LOCAL.operations_account_id, service, config=PATHS)

        made = StateBucket(LOCAL, connect)
        made.make()
        yield made


@pytest.fixture
def session(bucket, tmp_path):
    """The local environment right after an apply of everything, without a terraform that runs."""
    zip_file = tmp_path / "function.zip"
    zip_file.write_bytes(b"code")
    terraform = Terraform(
        LOCAL, tmp_path, lambda: {"TF_VAR_package_path": str(zip_file)}, print, bucket
    )
    opened = Session(LOCAL, None, terraform, bucket)
    bucket.write_handovers({tenant: handover_of(tenant) for tenant in TENANTS})
    for state in STATES:
        bucket.connect("s3").put_object(Bucket=bucket.name, Key=state.key, Body=state.key.encode())
        digest = account_inputs(opened).sha256(state, handover_of(state.tenant))
        bucket.write_applied_record(state.key, digest, bucket.etags(state.key)[state.key])
    return opened


def planned(**changes):
    """What an operations plan will hand over."""
    return {tenant: PlannedHandover(handover_of(tenant)) for tenant in TENANTS} | changes


def changed(session, handovers=None):
    """The tenants whose accounts are planned."""
    unchanged = unchanged_accounts(session, [*session.operations_states(), *STATES], handovers)
    assert not [state for state in unchanged if state not in STATES]
    return {state.tenant for state in without(STATES, unchanged)}


def test_nothing_is_planned_right_after_an_apply(session):
    assert changed(session) == set()
    assert changed(session, planned()) == set()


def test_a_changed_stanza_plans_its_account_alone(session):
    stanza = {**LOCAL.stanzas["acme"], "audit": "required"}
    environment = replace(LOCAL, stanzas={**LOCAL.stanzas, "acme": stanza})
    assert changed(replace(session, environment=environment)) == {"acme"}


def test_what_will_be_handed_over_decides_before_the_operations_apply(session):
    new = handover_of("acme") | {"state": "suspended"}
    assert changed(session, planned(acme=PlannedHandover(new))) == {"acme"}
    session.bucket.write_handovers({"acme": new})
    assert changed(session) == {"acme"}
    assert changed(session, planned()) == set()


def test_a_hand_over_that_is_known_only_later_counts_as_changed(session):
    later = PlannedHandover(handover_of("acme"), ("models.claude.model",))
    assert changed(session, planned(acme=later)) == {"acme"}
    others = {tenant: item for tenant, item in planned().items() if tenant != "acme"}
    assert changed(session, others) == {"acme"}


def test_a_hand_over_that_is_missing_counts_as_changed(session):
    session.bucket.remove_handovers(frozenset({"acme"}))
    assert changed(session) == {"acme"}


def test_an_account_whose_state_was_written_is_planned(session):
    session.bucket.connect("s3").put_object(Bucket=session.bucket.name, Key=ACME.key, Body=b"{}")
    assert changed(session) == {"acme"}


def test_whatever_writes_a_state_or_removes_its_lock_lets_nobody_know_first(session, tmp_path):
    """Terraform itself fails here, as if it had been killed: it has no provider and no backend."""
    backend = {**LOCAL.backend, "allowed_account_ids": []}
    bucket = StateBucket(replace(LOCAL, backend=backend), session.bucket.connect)
    terraform = replace(session.terraform, bucket=bucket)
    with pytest.raises(CommandError, match="does not limit the account"):
        terraform._write(ACME, "apply")
    assert changed(session) == {"acme"}


def test_the_prover_leaves_out_only_what_has_no_plan_in_the_proof(session, tmp_path):
    everything = Prover(session, 1)
    assert everything.unchanged(STATES) == []
    assert Prover(session, 1, only_changed=True).unchanged(STATES) == STATES
    certified = CertifiedPlans(tmp_path, {ACME.key: {}})
    left_out = Prover(session, 1, certified, only_changed=True).unchanged(STATES)
    assert left_out == without(STATES, [ACME])


def test_an_apply_in_which_nothing_has_changed_counts_and_ends(session, capsys):
    assert ProvedApply(Prover(session, 1, only_changed=True)).apply_states(STATES) == 0
    assert capsys.readouterr().out == f"{count_sentence([state.label for state in STATES])}\n"


@pytest.mark.parametrize(
    ("shards", "accounts", "sentence"),
    [
        (0, 1, "1 account is as it was applied; ALL=1 plans it too."),
        (0, 1998, "1,998 accounts are as they were applied; ALL=1 plans them too."),
        (1, 0, "1 shard of the operations account is as it was applied; ALL=1 plans it too."),
        (
            9,
            1,
            "9 shards of the operations account and 1 account are as they were applied; ALL=1 plans them too.",
        ),
    ],
)
def test_unchanged_shards_and_accounts_are_counted(shards, accounts, sentence):
    labels = [state.label for state in operations_states(sharded(LOCAL, 10))[:shards]]
    assert count_sentence([*labels, *("acme 222222222222" for _ in range(accounts))]) == sentence


def sharded(environment, shards):
    operations = {**environment.variables["operations"], "shards": shards}
    variables = {**environment.variables, "operations": operations}
    return replace(environment, variables=variables, shards=shards)


@pytest.fixture
def shards(session):
    """The local environment with three shards, right after an apply of all of them."""
    environment = sharded(LOCAL, 3)
    opened = replace(
        session,
        environment=environment,
        terraform=replace(session.terraform, environment=environment),
    )
    states = operations_states(environment)
    for state in states:
        session.bucket.connect("s3").put_object(
            Bucket=session.bucket.name, Key=state.key, Body=state.key.encode()
        )
    store(opened, states)
    return opened


def store(session, states):
    inputs, handovers = shard_inputs(session), handovers_sha256(session, states)
    for state in states:
        etag = session.bucket.etags(state.key)[state.key]
        session.bucket.write_applied_record(
            state.key, inputs.sha256(state), etag, handovers[state.key]
        )


def planned_shards(session):
    states = operations_states(session.environment)
    return {state.shard for state in without(states, unchanged_shards(session, states))}


def with_stanza(session, tenant, **attributes):
    stanzas = {**session.environment.stanzas}
    stanzas[tenant] = {**stanzas.get(tenant, {}), **attributes}
    return replace(session, environment=replace(session.environment, stanzas=stanzas))


def test_no_shard_is_planned_right_after_its_apply(shards):
    assert planned_shards(shards) == set()


def test_a_changed_stanza_plans_its_shard_alone(shards):
    assert planned_shards(with_stanza(shards, "acme", audit="required")) == {shard_of("acme", 3)}


def test_a_new_and_a_removed_stanza_plan_their_shards(shards):
    new = next(f"new{n}" for n in range(9) if shard_of(f"new{n}", 3) != shard_of("acme", 3))
    assert planned_shards(with_stanza(shards, new, accounts={})) == {shard_of(new, 3)}
    stanzas = {name: item for name, item in LOCAL.stanzas.items() if name != "acme"}
    rest = replace(shards, environment=replace(shards.environment, stanzas=stanzas))
    # The rules of the guard, which are in the first shard, know the accounts of all stanzas.
    assert planned_shards(rest) == {0, shard_of("acme", 3)}


@pytest.mark.parametrize("name", ["accounts_with_several_tenants", "limits", "tags", "operations"])
def test_a_changed_variable_of_the_environment_plans_every_shard(shards, name):
    value = {**shards.environment.variables.get(name, {}), "administrators": ["new"]}
    variables = {**shards.environment.variables, name: value}
    changed_session = replace(shards, environment=replace(shards.environment, variables=variables))
    assert planned_shards(changed_session) == {0, 1, 2}


def test_a_hand_over_that_is_gone_or_was_written_by_others_plans_its_shard(shards):
    bucket = shards.bucket
    bucket.remove_handovers(frozenset({"acme"}))
    assert planned_shards(shards) == {shard_of("acme", 3)}
    bucket.write_handovers({"acme": handover_of("acme")})
    store(shards, operations_states(shards.environment))
    assert planned_shards(shards) == set()
    bucket.write_handovers({"acme": {**handover_of("acme"), "state": "suspended"}})
    assert planned_shards(shards) == {shard_of("acme", 3)}


def test_a_shard_whose_state_was_written_is_planned(shards):
    (state, *_) = operations_states(shards.environment)
    shards.bucket.connect("s3").put_object(Bucket=shards.bucket.name, Key=state.key, Body=b"{}")
    assert planned_shards(shards) == {0}


def test_whatever_writes_a_shard_lets_nobody_know_first(shards):
    backend = {**LOCAL.backend, "allowed_account_ids": []}
    environment = replace(shards.environment, backend=backend)
    bucket = StateBucket(environment, shards.bucket.connect)
    terraform = replace(shards.terraform, bucket=bucket)
    with pytest.raises(CommandError, match="does not limit the account"):
        terraform._write(operations_states(shards.environment)[2], "apply")
    assert planned_shards(shards) == {2}


def test_what_a_failed_command_writes_over_is_forgotten_again(shards, monkeypatch):
    """Another apply of the same shard may have stored its digest after this one has emptied it."""
    (state, *_) = operations_states(shards.environment)

    def start(*_, **__):
        store(shards, [state])
        raise CommandError("The answer to the update was lost.")

    monkeypatch.setattr(Terraform, "_start", start)
    with pytest.raises(CommandError, match="was lost"):
        shards.terraform._write(state, "apply")
    assert planned_shards(shards) == {0}


def test_what_is_written_while_there_is_one_shard_is_planned_when_there_are_several_again(shards):
    alone = sharded(shards.environment, 1)
    backend = {**LOCAL.backend, "allowed_account_ids": []}
    bucket = StateBucket(replace(alone, backend=backend), shards.bucket.connect)
    terraform = replace(shards.terraform, environment=alone, bucket=bucket)
    with pytest.raises(CommandError, match="does not limit the account"):
        terraform._write(operations_states(alone)[0], "apply")
    assert planned_shards(shards) == {0}


def applied(session, tenant):
    """The plan of a tenant's shard, applied with nothing to change; the state has the shard's roles."""
    shard = shard_of(tenant, session.environment.shards)
    tenants = [name for name in TENANTS if shard_of(name, session.environment.shards) == shard]
    role = {
        "mode": "managed",
        "type": "aws_iam_role",
        "name": "this",
        "provider": "",
        "instances": [{}],
    }
    content = {
        "version": 4,
        "resources": [{**role, "module": role_module(name)} for name in tenants],
        "outputs": {"handover": {"value": {name: handover_of(name) for name in tenants}}},
    }
    state = operations_states(session.environment)[shard]
    bucket = session.bucket
    bucket.connect("s3").put_object(Bucket=bucket.name, Key=state.key, Body=json.dumps(content))
    plan = SavedPlan(
        state,
        Path("plan"),
        {"applyable": False},
        "0",
        None,
        shard_inputs(session).sha256(state),
        bucket.etags(state.key)[state.key],
    )
    return ProvedApply(Prover(session, 1))._apply(plan)[1]


@pytest.mark.parametrize("others_write", [False, True])
def test_a_hand_over_that_others_write_while_what_exists_is_proved_plans_its_shard(
    shards, others_write
):
    plan = applied(shards, "acme")
    if others_write:
        shards.bucket.write_handovers({"acme": {**handover_of("acme"), "state": "suspended"}})
    key = plan.state.key
    ProvedApply(Prover(shards, 1))._record_applied({key: True}, {key: plan})
    assert planned_shards(shards) == ({plan.state.shard} if others_write else set())


def test_a_shard_that_was_unchanged_when_it_was_proved_is_not_applied_after_a_change(
    shards, capsys
):
    """Nobody has seen its plan. A customer account is planned and proved then, which the approval includes."""
    states = operations_states(shards.environment)
    proved = Prover(shards, 1, only_changed=True).prove([*states, *STATES])
    certified = read_certified(proved.folder, "local", None)
    apply = ProvedApply(Prover(shards, 1, certified, only_changed=True))
    assert apply.apply_environment(None) == 0
    shards.bucket.clear_applied_record(states[1].key)
    assert apply.apply_environment(None) == 1
    printed = capsys.readouterr()
    assert "was unchanged when it was proved, and is not any more" in printed.out + printed.err


def test_the_only_shard_and_one_tenants_role_are_always_planned(shards, session):
    of_acme = operations_states(shards.environment, "acme")
    assert unchanged_shards(shards, of_acme) == []
    states = operations_states(LOCAL)
    store(session, states)
    assert unchanged_shards(session, states) == []


def test_what_unchanged_shards_have_handed_over_is_known_to_the_plans_of_their_tenants(shards):
    state = operations_states(shards.environment)[shard_of("acme", 3)]
    known = handovers_of_shards(shards, [state], STATES)
    assert known["acme"] == PlannedHandover(handover_of("acme"))
    assert {shard_of(tenant, 3) for tenant in known} == {state.shard}
    shards.bucket.remove_handovers(frozenset({"acme"}))
    assert "acme" not in handovers_of_shards(shards, [state], STATES)


def test_a_proof_of_an_environment_in_which_nothing_has_changed_can_be_applied(shards, tmp_path):
    proved = Prover(shards, 1, only_changed=True).prove(
        [*operations_states(shards.environment), *STATES]
    )
    assert proved.failures == {}
    assert proved.report.verdict == "Nothing to prove"
    assert len(proved.report.unchanged) == 3 + len(STATES)
    certified = read_certified(proved.folder, "local", None)
    assert ProvedApply(Prover(shards, 1, certified, only_changed=True)).apply_environment(None) == 0


def test_a_certificate_names_each_unchanged_account_and_the_terminal_counts_them(tmp_path, capsys):
    labels = tuple(f"tenant{number} 222222222222" for number in range(1998))
    report = Report("local", "nothing", (), (), 0.0, datetime.now(UTC), unchanged=labels)
    assert [label for label in labels if label not in report.certificate()] == []
    assert "because their code, variables, hand-over and zip are those of their last apply" in (
        report.certificate()
    )
    show_report(report, ROOT / "build" / "certificate.md")
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("as they were applied") == 1
    assert "tenant7" not in printed.out + printed.err
    plan_file = {"state": ACME.key, "sha256": "0", "handover_sha256": None, "changes": "none"}
    data = {**report.data(), "proved": True, "plan_files": [plan_file]}
    Path(tmp_path, "certificate.json").write_text(json.dumps(data))
    certified = read_certified(tmp_path, "local", None)
    assert certified.unchanged == set(labels)
    # A certificate of an earlier version says nothing of the inputs, so the apply stores no digest.
    assert certified.files[ACME.key]["inputs_sha256"] is None
