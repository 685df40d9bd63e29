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
from tools.isolation.certificate import Report
from tools.localaws.local_aws import LocalAws
from tools.paths import ROOT
from tools.proof.account_inputs import account_inputs
from tools.proof.folder import CertifiedPlans, read_certified
from tools.proof.planned_handover import PlannedHandover
from tools.proof.proved_apply import ProvedApply, Prover
from tools.proof.proving import show_report
from tools.proof.unchanged_accounts import count_sentence, unchanged_accounts, without
from tools.terraform.runner import Terraform
from tools.terraform.state import customer_state
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
        bucket.write_applied_digest(state.key, digest, bucket.etags(state.key)[state.key])
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
    assert capsys.readouterr().out == f"{count_sentence(len(STATES))}\n"


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "1 account is as it was applied; ALL=1 plans it too."),
        (1998, "1,998 accounts are as they were applied; ALL=1 plans them too."),
    ],
)
def test_unchanged_accounts_are_counted(count, sentence):
    assert count_sentence(count) == sentence


def test_a_certificate_names_each_unchanged_account_and_the_terminal_counts_them(tmp_path, capsys):
    labels = tuple(f"tenant{number} 222222222222" for number in range(1998))
    report = Report("local", "nothing", (), (), 0.0, datetime.now(UTC), unchanged_accounts=labels)
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
