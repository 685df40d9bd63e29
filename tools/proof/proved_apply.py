"""Applies saved plans that were proved: plan, prove, check that nothing has changed, apply, prove what exists.

The operations account comes first, because the plans of the customer accounts need its hand-over: the one that
was written, or before that the one that its plan will write.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.cli.console import out, warn
from tools.command_error import CommandError
from tools.environment.tenant_files import current_sha256
from tools.isolation.certificate import Part
from tools.live.function_versions import delete_unused_versions
from tools.processes import PROCESSES, InterruptedCommandError
from tools.proof.folder import new_folder, plan_path, write_certificate
from tools.proof.loss_check import refused_plans
from tools.proof.planned_handover import planned_handovers, unplannable
from tools.proof.planning import make_plan
from tools.proof.proving import make_report, show_report
from tools.proof.role_check import refuse_changed_policies
from tools.proof.saved_plan import SavedPlan, sha256_of, sha256_of_json
from tools.proof.state_inputs import account_inputs, shard_inputs
from tools.proof.unbroken_calls import refuse_lost_calls
from tools.proof.unchanged_states import (
    count_sentence,
    handovers_of_shards,
    handovers_sha256,
    unchanged_accounts,
    unchanged_shards,
    without,
)
from tools.terraform.healing import heal
from tools.terraform.parallel import map_in_parallel, print_failures, run_for_each, try_each
from tools.terraform.state import OPERATIONS, operations_states
from tools.terraform.state_bucket import PARALLEL_CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tools.cli.session import Session
    from tools.isolation.certificate import Report
    from tools.proof.folder import CertifiedPlans
    from tools.proof.planned_handover import PlannedHandover
    from tools.proof.signature import SigningKey
    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State


@dataclass(frozen=True)
class ProvedPlans:
    """The plans of some states, their proof, and the folder of both."""

    folder: Path
    plans: tuple[SavedPlan, ...]
    report: Report
    certificate: Path
    failures: Mapping[str, str]  # why a state has no plan that is proved, by the state's label


@dataclass(frozen=True)
class Prover:
    """Makes and proves plans in one session, ``jobs`` states at a time."""

    session: Session
    jobs: int
    certified: CertifiedPlans | None = None  # plans of an earlier proof, used where they still fit
    key: SigningKey | None = None  # signs the certificate
    heals: bool = False  # completes what a failed apply left half made, which changes the state
    only_changed: bool = False  # leaves out accounts and shards that are as they were applied
    part: tuple[str, ...] | None = (
        None  # the labels of the states, if they are a part of the environment
    )
    operations: CertifiedPlans | None = (
        None  # says what the operations apply will hand over to the part
    )

    def prove(
        self, states: Sequence[State], unplanned_accounts: tuple[str, ...] = ()
    ) -> ProvedPlans:
        """Plan these states, prove the plans and write the certificate.

        Customer accounts among them are planned with what the operations plans will hand over that are among them or
        in an earlier proof. A plan that was made so fits only if exactly that is handed over. Without operations plans
        they are planned with what the state bucket has, and so are the tenants of unchanged shards. States that are as
        they were applied are named in the certificate.
        """
        environment = self.session.environment
        folder = new_folder(environment.name)
        operations = [state for state in states if state.root == OPERATIONS]
        customers = [state for state in states if state.root != OPERATIONS]
        is_planned = bool(operations) or self.operations is not None
        unchanged = self.unchanged(operations)
        operations = without(operations, unchanged)
        plans, failures = self._save_plans(operations, folder, {})
        planned: dict[str, PlannedHandover] = {}
        for content in (*(plan.content for plan in plans), *self._operations_plans()):
            planned |= planned_handovers(content)
        unplanned_shards = [*unchanged, *self._unplanned_shards()]
        planned |= handovers_of_shards(self.session, unplanned_shards, customers)
        reasons = unplannable(customers, planned) if is_planned else {}
        customers = [state for state in customers if state.label not in reasons]
        unchanged += self.unchanged(customers, planned) if is_planned else []
        customers = without(customers, unchanged)
        customer_plans, customer_failures = self._save_plans(customers, folder, planned)
        if is_planned:
            reasons |= self._reasons_of_new_tenants(customers, customer_failures)
        unplanned_accounts += tuple(
            f"{label} ({reason})" for label, reason in sorted(reasons.items())
        )
        unplanned_accounts += tuple(
            f"{label} (it could not be planned)" for label in sorted(customer_failures)
        )
        unread = tuple(f"The {label} could not be planned." for label in sorted(failures))
        plans, failures = [*plans, *customer_plans], {**failures, **customer_failures}
        report = make_report(
            environment,
            [(plan.state, plan.content) for plan in plans],
            state=False,
            providers=self.providers([plan.state for plan in plans]),
            unplanned_accounts=unplanned_accounts,
            unchanged=tuple(state.label for state in unchanged),
            plan_files=tuple(plan.record() for plan in plans),
            part=self._part(failures),
            key=self.key,
        )
        report = replace(report, unread=unread)
        if current_sha256(environment.tfvars) != environment.tfvars_sha256:
            raise CommandError(
                f"{environment.tfvars.name} or a tenant's file has changed since the command read it; start again."
            )
        for plan, proof in zip(plans, report.proofs, strict=True):
            if not proof.holds:
                failures[plan.state.label] = "The plan is not proved, so it is not applied."
        certificate = write_certificate(folder, report, self.key)
        return ProvedPlans(folder, tuple(plans), report, certificate, failures)

    def prove_existing(
        self,
        states: Sequence[State],
        read: Callable[[State], PlanJson],
        unplanned_accounts: tuple[str, ...] = (),
    ) -> tuple[Report, dict[str, str]]:
        """Prove what exists in these states, and return the errors of those that could not be read.

        ``read`` returns a plan of a state, which holds what Terraform found. The report names the states that could not
        be read, and does not hold then.
        """

        def existing(state: State) -> tuple[State | None, PlanJson]:
            return state, read(state)

        contents, failures = try_each(states, existing, self.jobs)
        report = make_report(
            self.session.environment,
            contents,
            state=True,
            providers=self.providers(states),
            unplanned_accounts=unplanned_accounts,
            part=self._part(failures),
            key=self.key,
        )
        unread = tuple(
            f"Nothing could be read of what exists in {label}." for label in sorted(failures)
        )
        return replace(report, unread=unread), failures

    def _part(self, failures: Mapping[str, str]) -> Part | None:
        """Return what the certificate of a part says of it; None for a proof of anything else."""
        if self.part is None:
            return None
        covered = tuple(label for label in self.part if label not in failures)
        if (operations := self.operations) is None:
            return Part(covered, {})
        states = without(operations_states(self.session.environment), self._unplanned_shards())
        return Part(covered, {state.key: operations.sha256(state) for state in states})

    def _operations_plans(self) -> Iterator[PlanJson]:
        """Yield the plans of the operations account in an earlier proof, if there is one."""
        if self.operations is None:
            return
        for state in without(operations_states(self.session.environment), self._unplanned_shards()):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "plan"
                self.operations.copy(state, file)
                yield self.session.terraform.show_json(state, file)

    def unchanged(
        self, states: Sequence[State], planned: Mapping[str, PlannedHandover] | None = None
    ) -> list[State]:
        """Return the states that are left out: as they were applied, and without a plan in the earlier proof."""
        if not self.only_changed:
            return []
        files = self.certified.files if self.certified else {}
        others = [state for state in states if state.key not in files]
        shards = unchanged_shards(self.session, others)
        return [*shards, *unchanged_accounts(self.session, others, planned)]

    def _unplanned_shards(self) -> list[State]:
        """Return the shards that the earlier proof of the operations account has left out."""
        if self.operations is None:
            return []
        states = operations_states(self.session.environment)
        return [state for state in states if state.label in self.operations.unchanged]

    def providers(self, states: Sequence[State]) -> dict[str, str]:
        """Return the versions of the providers in the roots of these states."""
        states_by_root = {state.root: state for state in states}
        return {
            provider: version
            for state in states_by_root.values()
            for provider, version in self.session.terraform.provider_versions(state).items()
        }

    def _reasons_of_new_tenants(
        self, customers: Sequence[State], failures: dict[str, str]
    ) -> dict[str, str]:
        """Return why tenants without a role could not be planned, and remove them from ``failures``.

        Such a customer may not have made its deployer yet, which stops no other tenant.
        """
        handed_over = self.session.bucket.tenants_with_handover() if failures else frozenset()
        reasons = {}
        for state in customers:
            if state.label in failures and state.tenant not in handed_over:
                warn(
                    f"{state.label} has no role yet and cannot be planned: {failures.pop(state.label)}"
                )
                reasons[state.label] = "without a role yet, and it could not be planned"
        return reasons

    def _save_plans(
        self, states: Sequence[State], folder: Path, planned: Mapping[str, PlannedHandover]
    ) -> tuple[list[SavedPlan], dict[str, str]]:
        """Write each state's plan into the folder of the proof, or copy it from an earlier proof.

        A tenant that is not in ``planned`` is planned with the hand-over in the state bucket.
        """
        terraform, bucket = self.session.terraform, self.session.bucket

        def save(state: State) -> SavedPlan:
            file = plan_path(folder, state)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.parent.chmod(0o700)  # plans hold ExternalIds
            tenant = state.tenant if state.root != OPERATIONS else None
            handover = None
            if tenant is not None:
                handover = planned[tenant].content if tenant in planned else bucket.handover(tenant)
            handover_sha256 = sha256_of_json(handover) if tenant else None
            if self.certified is not None and self._still_fits(state, handover_sha256):
                self.certified.copy(state, file)
                # Taken before the file is read, so that what is proved is what has this hash.
                sha256 = sha256_of(file)
                entry = self.certified.files[state.key]
                return SavedPlan(
                    state,
                    file,
                    terraform.show_json(state, file),
                    sha256,
                    handover_sha256,
                    entry["inputs_sha256"],
                    entry["state_etag"],
                )
            if self.heals:
                self.heal(state)
            # The first init selects the provider, whose version is one of the inputs.
            terraform.init(state)
            # Both are taken before the plan, and the inputs afterwards too, because files may change meanwhile.
            etag = bucket.etags(state.key).get(state.key)
            inputs = self._inputs_sha256(state, handover)
            plan = make_plan(self.session, state, file, handover)
            is_known = self._inputs_sha256(state, handover) == inputs
            return SavedPlan(
                state,
                file,
                plan.content,
                plan.sha256,
                handover_sha256,
                inputs if is_known else None,
                etag,
            )

        return try_each(states, save, self.jobs, done="planned")

    def _inputs_sha256(self, state: State, handover: Mapping[str, Any] | None) -> str | None:
        """Return the digest of what a state is planned with; None for one that every command plans."""
        if handover is not None:
            return account_inputs(self.session).sha256(state, handover)
        if state.targets or self.session.environment.shards == 1:
            return None
        return shard_inputs(self.session).sha256(state)

    def heal(self, state: State) -> None:
        """Let the next plan complete what a failed apply left half made, and say so."""
        for address in heal(self.session.terraform, state):
            warn(
                f"{state.label}: an apply failed while it made {address}. It is kept, and the next plan completes it."
            )

    def _still_fits(self, state: State, handover: str | None) -> bool:
        """Return whether the earlier proof has a plan of this state, made with the present hand-over.

        ``handover`` is its SHA-256. Otherwise a plan is made and proved now: the account is new, or the apply of
        the operations account has handed over something else than its plan said. Raises CommandError for a shard
        without a plan, whose changes nobody has seen.
        """
        entry = self.certified.files.get(state.key) if self.certified else None
        if entry is None and state.root == OPERATIONS:
            raise CommandError(
                f"The {state.label} was unchanged when it was proved, and is not any more, so the proof has no plan "
                "of it. Nothing of it was applied; make and prove new plans."
            )
        if entry is None:
            warn(f"{state.label} was not in the proof; it is planned and proved now.")
            return False
        if entry["handover_sha256"] != handover:
            warn(
                f"The hand-over to {state.label} is not the one that its plan was made with; it is planned and "
                "proved again."
            )
            return False
        return True


def publishes(plan: PlanJson) -> bool:
    """Return whether a plan changes a function that publishes versions, or did so before."""
    changes = (
        resource["change"]
        for resource in plan.get("resource_changes", ())
        if resource["type"] == "aws_lambda_function"
    )
    # Terraform deletes a function with all of its versions.
    return any(
        change["after"] is not None
        and any((change.get(side) or {}).get("publish") for side in ("before", "after"))
        for change in changes
    )


@dataclass(frozen=True)
class ProvedApply:
    """Applies plans that ``prover`` has proved; ``approve`` raises CommandError to stop before an apply.

    Plans that would take something away, or make calls fail until the customer's own apply, are refused,
    unless ``confirmed`` has the names of their tenants.
    """

    prover: Prover
    approve: Callable[[ProvedPlans], None] = lambda _: None
    confirmed: frozenset[str] = frozenset()

    def apply_environment(self, tenant: str | None) -> int:
        """Apply the operations account, then the customer accounts; returns 1 if any failed.

        A customer account that fails does not stop the others.
        """
        customers = self.prover.session.customer_states(tenant)
        operations = self.prover.session.operations_states(tenant)
        return self.apply_states(operations) or self.apply_states(customers)

    def apply_states(self, states: Sequence[State]) -> int:
        """Plan, prove and apply these states, and prove what exists then; returns 1 if any of it failed.

        States that are as they were applied are counted and left out, if the prover leaves them out.
        """
        if unchanged := self.prover.unchanged(states):
            out.print(count_sentence([state.label for state in unchanged]))
            states = without(states, unchanged)
        if not states:
            return 0
        proved = self.prover.prove(states)
        refused = refused_plans(self.prover.session, proved.plans, self.confirmed)
        proved = replace(proved, failures={**proved.failures, **refused})
        if proved.plans:
            show_report(proved.report, proved.certificate, rows=False)
        plans = {
            plan.state.key: plan for plan in proved.plans if plan.state.label not in proved.failures
        }
        for plan in plans.values():
            if plan.state.root == OPERATIONS:
                refuse_lost_calls(self.prover.session, plan.content, self.confirmed)
        if PROCESSES.interruption is None and any(plan.is_applyable for plan in plans.values()):
            self.approve(proved)
        applied: list[SavedPlan] = []

        def apply(state: State) -> str:
            line, plan = self._apply(plans[state.key])
            applied.append(plan)
            return line

        failed = run_for_each(
            [plan.state for plan in plans.values()], apply, self.prover.jobs, done="applied"
        )
        not_ready = print_failures(proved.failures, len(states))
        if PROCESSES.interruption is not None:
            return 1
        return self._prove_existing(applied, proved.folder) or failed or not_ready

    def _apply(self, plan: SavedPlan) -> tuple[str, SavedPlan]:
        """Apply exactly the bytes that were proved, and return a line and the plan with the ETag of the new state.

        Raises CommandError if they or the zip have changed since.
        """
        if not plan.is_applyable:
            self.prover.session.terraform.hand_over(plan.state)  # it may be missing all the same
            return "No changes.", replace(plan, handovers_sha256=self._handovers_sha256(plan.state))
        # Others may write into build/proof: what is checked is a copy that they cannot replace.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan"
            file.write_bytes(plan.file.read_bytes())
            plan.check(file)
            if plan.state.root == OPERATIONS:
                target = self.prover.session.target
                refuse_changed_policies(target.client(target.operations(), "iam"), plan.content)
            try:
                line = self.prover.session.terraform.apply_plan(plan.state, file, plan.changes)
            except InterruptedCommandError:
                raise
            except CommandError:
                # Now, because CI plans before its next apply, and such a plan would be refused.
                try:
                    self.prover.heal(plan.state)
                except CommandError as problem:
                    warn(f"{plan.state.label}: what is half made could not be kept: {problem}")
                raise
        # At once, before another command can have planned and written the state, or anybody a hand-over.
        etag = self.prover.session.bucket.etags(plan.state.key).get(plan.state.key)
        handovers = self._handovers_sha256(plan.state)
        applied = replace(plan, state_etag=etag, handovers_sha256=handovers)
        return line + self._delete_unused_versions(plan), applied

    def _handovers_sha256(self, state: State) -> str | None:
        """Return the digest of what a shard has handed over; None for a state whose digest is not stored."""
        session = self.prover.session
        if state.root != OPERATIONS or state.targets or session.environment.shards == 1:
            return None
        return handovers_sha256(session, [state])[state.key]

    def _delete_unused_versions(self, plan: SavedPlan) -> str:
        """Delete the versions that an apply left without a use; return a sentence about them, or nothing."""
        if not publishes(plan.content):
            return ""
        session = self.prover.session
        account_id, tenant = plan.state.variables["account_id"], plan.state.variables["tenant"]
        account = session.environment.only_account(tenant, account_id)
        client = session.target.client(session.target.deployer(account), "lambda")
        try:
            versions = delete_unused_versions(client, session.environment.base_name(tenant))
        except client.exceptions.ClientError as error:
            raise CommandError(
                "The apply succeeded, but an old version of the function could not be deleted, and its snapshot "
                f"costs money: {error.response['Error']['Message']}"
            ) from None
        return f" Deleted {len(versions)} old versions of the function." if versions else ""

    def _prove_existing(self, applied: list[SavedPlan], folder: Path) -> int:
        """Prove what exists in the states of these plans; returns 1 if that is not proved.

        The provider has just read all of it: what did not change when the plan was made, and the rest after
        its change. `make prove STATE=1` reads everything again.
        """
        if not applied:
            return 0
        plans = {plan.state.key: plan for plan in applied}

        def read(state: State) -> PlanJson:
            plan = plans[state.key]
            if not plan.is_applyable:
                return plan.content
            content = self.prover.session.bucket.state(state.key)
            return {**plan.content, "prior_state": content.prior_state()}

        states = [plan.state for plan in applied]
        report, failures = self.prover.prove_existing(states, read)
        proved = [plan for plan in applied if plan.state.label not in failures]
        self._record_applied(
            {
                plan.state.key: proof.holds
                for plan, proof in zip(proved, report.proofs, strict=True)
            },
            plans,
        )
        after = folder / "after-apply"
        after.mkdir()
        show_report(report, write_certificate(after, report), rows=False)
        return print_failures(failures, len(states)) or int(not report.holds)

    def _record_applied(self, holds: Mapping[str, bool], plans: Mapping[str, SavedPlan]) -> None:
        """Store with what each account or shard was applied, by the state's key, or that nobody knows."""
        session = self.prover.session
        bucket = session.bucket
        shards = [plans[key].state for key in holds if plans[key].state.root == OPERATIONS]
        # A plan of one tenant's role says nothing of the rest of its shard, and its apply has emptied the record.
        whole_shards = [state for state in shards if not state.targets or not holds[state.key]]
        if session.environment.shards == 1:  # is always planned
            whole_shards = []

        def record(key: str) -> None:
            plan = plans[key]
            if holds[key] and plan.inputs_sha256 is not None and plan.state_etag is not None:
                bucket.write_applied_record(
                    key, plan.inputs_sha256, plan.state_etag, plan.handovers_sha256
                )
            else:
                bucket.clear_applied_record(key)

        customers = [key for key in holds if plans[key].state.root != OPERATIONS]
        map_in_parallel(
            record, [*customers, *(state.key for state in whole_shards)], PARALLEL_CALLS
        )
