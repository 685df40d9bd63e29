"""`make prove`: prove, for every possible request, that no tenant can reach another.

Without options it plans the operations account, and each customer account with what the operations plan will hand
over, and keeps the plan files beside the certificate: `make apply PROOF=` applies exactly them. If a part of an
account's hand-over is known only after the operations apply, the account is named as not planned. So is each account
whose code, variables, hand-over and zip are those of its last apply, and each shard of an operations account that has
several, unless ALL=1 plans it too. PLAN= takes plans that exist already: files of `terraform show -json`, separated by
commas. STATE=1 proves what exists now, in place of what an apply would leave: what Terraform reads back, and what it
does not manage, which is read from AWS. What cannot be read is named, and the result is then at most "Proved in part".
SIGN= signs the certificate with a KMS key of the operations account.

PART= proves one part, as each job of the CI workflow does: "operations", or customer accounts as TENANT/ACCOUNT with
spaces between them. PROOF= then names the folder of the proof of PART=operations, and the accounts are planned with
what its plans will hand over; without it they are planned with the hand-overs in the state bucket. COMBINE= combines
the proofs of all parts below a folder into one with all of their plans. It refuses parts of which one is missing or
there twice, or that differ in variables, code, solvers, provider or operations plans.

ENV=all first compares the stanzas of all environments on AWS: no two of them may share an ExternalId, an account, a
role, a principal, a network or a state bucket that they do not list in shared_between_environments. Then it proves
each environment as its own ENV= does; those that your credentials do not reach are named, and the others go on.
With OFFLINE=1 it only compares the stanzas, without AWS.
"""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from tools.cli.arguments import Arguments
from tools.cli.console import print_json, progress, run, warn
from tools.cli.session import open_session, part_states
from tools.cli.targets import LOCAL
from tools.command_error import CommandError
from tools.environment.model import load_environment
from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import parse_json
from tools.live.live_state import NOT_READ, read_live_state
from tools.paths import ROOT
from tools.processes import InterruptedCommandError
from tools.proof.all_environments import ALL, compare_environments, environments_on_aws
from tools.proof.combining import combine_proofs, show_combined
from tools.proof.environment_parts import applied_states, unmanaged_accounts
from tools.proof.folder import new_folder, read_certified, write_certificate
from tools.proof.proved_apply import Prover
from tools.proof.proving import make_report, prove_case, show_report
from tools.proof.refusal_warnings import warn_of_refusals
from tools.proof.signature import signing_key
from tools.terraform.parallel import print_failures
from tools.terraform.state import OPERATIONS

if TYPE_CHECKING:
    from tools.cli.session import Session
    from tools.isolation.certificate import Report
    from tools.proof.signature import SigningKey
    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__)
    arguments.add_argument("--plan", help="files of `terraform show -json`, separated by commas")
    arguments.add_part()
    arguments.add_argument("--proof", help="the folder of the proof of PART=operations")
    arguments.add_argument("--combine", help="a folder with the folders of the proofs of all parts")
    arguments.add_argument(
        "--state", action="store_true", help="prove existing instead of planned resources"
    )
    arguments.add_all()
    arguments.add_argument(
        "--offline", action="store_true", help="with ENV=all: compare the stanzas, without AWS"
    )
    arguments.add_argument("--sign", help="a KMS key of the operations account: id, ARN or alias")
    arguments.add_json("every claim, fault and counterexample")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print what is proved and write the certificate; return 1 when anything is not proved."""
    options = parser().parse_args()
    _check(options)
    if options.env == ALL:
        return _prove_all(options)
    if options.combine is not None:
        return _combine(options)
    if options.offline:
        raise CommandError(
            f"OFFLINE=1 compares the stanzas of all environments; write ENV={ALL}, or leave it out to prove one."
        )
    if options.plan:
        report, certificate = _prove_files(options)
        failures: dict[str, str] = {}
    else:
        session = open_session(options.env)
        report, certificate, failures = _prove_environment(session, options)
    if options.json:
        path = str(certificate.relative_to(ROOT))
        print_json({**report.data(), "certificate": path})
    else:
        show_report(report, certificate)
    total = len(report.proofs) + len(failures)
    return print_failures(failures, total) or int(not report.holds)


def _check(options: Namespace) -> None:
    """Raise CommandError for options that do not go together."""
    if options.combine is not None:
        for name in ("plan", "part", "proof", "state", "all", "offline"):
            if getattr(options, name):
                raise CommandError(
                    f"COMBINE= combines proofs that are made already; leave out {name.upper()}=."
                )
    if options.part is not None and options.plan:
        raise CommandError("PLAN= names the plans itself; leave out PART=.")
    if options.proof is not None and (
        options.part is None or options.part.strip() == OPERATIONS or options.state
    ):
        raise CommandError(
            "PROOF= says what the operations account will hand over to the customer accounts in PART=; write these, "
            "and leave out STATE=1."
        )
    if options.env == ALL and (options.part is not None or options.combine is not None):
        option = "PART=" if options.part is not None else "COMBINE="
        raise CommandError(f"{option} is about one environment; write its name in ENV=.")


def _combine(options: Namespace) -> int:
    """Combine the proofs of all parts; return 1 when anything is not proved."""
    environment = load_environment(options.env)
    key = _key(open_session(options.env), options.sign) if options.sign else None
    combined, certificate = combine_proofs(environment, Path(options.combine), key)
    if options.json:
        print_json({**combined.data(), "certificate": str(certificate.relative_to(ROOT))})
    else:
        show_combined(combined, certificate)
    return int(not combined.holds)


def _prove_all(options: Namespace) -> int:
    """Compare all environments and then prove each; return 1 when anything is not proved."""
    if options.plan or (options.offline and options.sign):
        option = "PLAN=" if options.plan else "SIGN="
        raise CommandError(f"{option} is about one environment; write its name in ENV=.")
    names = environments_on_aws()
    warn(
        f"Compared: {', '.join(names)}; {LOCAL}, if there is one, is on this machine and is left out."
    )
    report = compare_environments(names, options.jobs)
    reports = {ALL: report}
    certificates = {ALL: write_certificate(new_folder(ALL), report)}
    failures: dict[str, str] = {}
    if not options.json:
        show_report(report, certificates[ALL])
    for name in () if options.offline else names:
        progress(f"Environment {name}")
        try:
            session = open_session(name)
            proved = _prove_environment(session, Namespace(**{**vars(options), "env": name}))
            reports[name], certificates[name], failed = proved
        except InterruptedCommandError:
            raise
        except (CommandError, BotoCoreError, ClientError) as error:
            failures[name] = str(error)
            continue
        failures |= {f"{name}, {label}": problem for label, problem in failed.items()}
        if not options.json:
            show_report(reports[name], certificates[name])
    if options.json:
        print_json(
            {
                "proved": all(each.holds for each in reports.values()) and not failures,
                "environments": {
                    name: {**each.data(), "certificate": str(certificates[name].relative_to(ROOT))}
                    for name, each in reports.items()
                },
                "failed": failures,
            }
        )
    total = sum(len(each.proofs) for each in reports.values()) + len(failures)
    return print_failures(failures, total) or int(not all(each.holds for each in reports.values()))


def _prove_files(options: Namespace) -> tuple[Report, Path]:
    """Prove plans that exist already as JSON; nothing in such a file tells the versions of its providers."""
    environment = load_environment(options.env)
    key = _key(open_session(options.env), options.sign) if options.sign else None
    plans = [_read_plan(Path(file)) for file in options.plan.split(",")]
    contents = [(None, plan) for plan in plans]
    report = make_report(environment, contents, state=options.state, providers={}, key=key)
    planned = {(proof.case.root, name) for proof in report.proofs for name in proof.case.tenants}
    missing = tuple(
        f"{account.tenant} {account.account_id} (no plan of it was named)"
        for account in environment.accounts
        if (f"customer account {account.account_id}", account.tenant) not in planned
    )
    report = replace(report, unplanned_accounts=missing)
    if options.state:
        report = _with_live_state(open_session(options.env), report, plans, options.jobs)
    return report, write_certificate(new_folder(environment.name), report, key)


def _prove_environment(session: Session, options: Namespace) -> tuple[Report, Path, dict[str, str]]:
    """Plan every root and prove what an apply would leave or what exists; also return what failed."""
    states, unplanned_accounts, part = _states(session, options.part, existing=options.state)
    operations = None
    if options.proof is not None:
        operations = read_certified(Path(options.proof), session.environment.name, None)
        operations.check_variables(session.environment.tfvars)
    prover = Prover(
        session,
        options.jobs,
        key=_key(session, options.sign),
        only_changed=not options.all,
        part=part,
        operations=operations,
    )
    if not options.state:
        proved = prover.prove(states, unplanned_accounts)
        for plan in proved.plans:
            warn_of_refusals(session, plan)
        return proved.report, proved.certificate, dict(proved.failures)
    plans: dict[str, PlanJson] = {}

    def read(state: State) -> PlanJson:
        plans[state.key] = session.terraform.plan_json(state)
        return plans[state.key]

    report, failures = prover.prove_existing(states, read, unplanned_accounts)
    report = _with_live_state(session, report, list(plans.values()), options.jobs)
    folder = new_folder(session.environment.name)
    return report, write_certificate(folder, report, prover.key), failures


def _with_live_state(session: Session, report: Report, plans: list[PlanJson], jobs: int) -> Report:
    """Read what Terraform does not manage, and return the report with the proofs of it."""
    started = time.perf_counter()
    live = read_live_state(session, plans, jobs)
    proofs = [prove_case(case) for case in live.cases]
    return replace(
        report,
        proofs=(*report.proofs, *proofs),
        seconds=report.seconds + time.perf_counter() - started,
        unread=(*report.unread, *(part.sentence for part in live.unread)),
        not_read=NOT_READ,
    )


def _states(
    session: Session, part: str | None, *, existing: bool
) -> tuple[list[State], tuple[str, ...], tuple[str, ...] | None]:
    """Return the states that are read, the customer accounts that are left out with the reason, and the part's labels.

    With ``existing``, tenants without a role are left out. The labels are None without a part.
    """
    environment = session.environment
    if part is not None:
        selected, unplanned_accounts = part_states(environment, part), []
    else:
        selected = applied_states(environment)
        unplanned_accounts = [*unmanaged_accounts(environment)]
    ready = selected
    if existing:
        handed_over = session.bucket.tenants_with_handover()
        ready = [
            state for state in selected if state.root == OPERATIONS or state.tenant in handed_over
        ]
    unplanned_accounts += [
        f"{state.label} (without a role yet)" for state in selected if state not in ready
    ]
    labels = None if part is None else tuple(state.label for state in selected)
    return ready, tuple(unplanned_accounts), labels


def _key(session: Session, key: str | None) -> SigningKey | None:
    """Return the key that signs the certificate; None if no signature was asked for."""
    if key is None:
        return None
    target = session.target
    kms = target.client(target.operations(), "kms", session.environment.operations_region)
    return signing_key(session.environment, kms, key)


def _read_plan(file: Path) -> PlanJson:
    try:
        return cast("PlanJson", parse_json(file.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        problem = str(error)
    except UnsupportedPolicyError:
        problem = "it is not JSON, or has an element twice in one object"
    raise CommandError(
        f"{file} is not a plan: {problem}. Make one with `terraform show -json PLAN > {file}`."
    )


if __name__ == "__main__":
    run(main)
