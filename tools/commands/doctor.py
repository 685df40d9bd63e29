"""`make doctor`: check what the other commands need, and list the customers whose deployer role is old or missing.

It checks Terraform and its provider, your credentials, the protection of the state bucket, the locks on states, the
hand-over of each tenant with a role, and the deployer of each customer account. Nothing is changed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run, table
from tools.cli.session import open_session
from tools.command_error import CommandError
from tools.live.deployer_reading import read_deployer
from tools.terraform.deployer_role import deployer_roles
from tools.terraform.state import state_of_key
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cli.session import Session


@dataclass(frozen=True)
class Check:
    """One thing that was checked: its state in words, and what to do about it, which is empty when all is well."""

    subject: str
    state: str
    advice: str = ""


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="optional")
    arguments.add_json("every check, with its subject, state and advice")
    return arguments


def main() -> int:
    """Print the checks and return 1 if any of them has an advice."""
    options = parser().parse_args()
    session = open_session(options.env)
    checks = [_toolchain(), _credentials(session)]
    if not checks[-1].advice:  # nothing else can be read without them
        checks += _state_bucket(session)
        checks += _handovers(session, options.tenant)
        checks += _deployers(session, options.tenant)
    if options.json:
        print_json([asdict(check) for check in checks])
    else:
        rows = table("what", "state", "what to do")
        for check in checks:
            rows.add_row(check.subject, check.state, check.advice or "-")
        out.print(rows)
    return int(any(check.advice for check in checks))


def _toolchain() -> Check:
    try:
        toolchain = ensure_toolchain(progress)
    except CommandError as error:
        return Check("Terraform and its provider", "not found", str(error))
    return Check("Terraform and its provider", toolchain.terraform)


def _credentials(session: Session) -> Check:
    subject = "credentials"
    try:
        session.target.operations()
    except CommandError as error:
        return Check(subject, "of another account", str(error))
    except (BotoCoreError, ClientError) as error:
        advice = (
            f"Set up credentials of the operations account {session.environment.operations_account_id}, then run "
            "this command again."
        )
        return Check(subject, f"not usable: {error}", advice)
    return Check(subject, f"of account {session.environment.operations_account_id}")


def _state_bucket(session: Session) -> Iterator[Check]:
    bucket, subject = session.bucket, "state bucket"
    try:
        bucket.check()
        shortcomings = bucket.shortcomings()
        locks = [
            lock
            for lock in bucket.all_locks()
            if state_of_key(session.environment, lock.key) is not None
        ]
    except CommandError as error:
        yield Check(subject, "not usable", str(error))
        return
    name = session.environment.name
    repair = f"Run `make bootstrap ENV={name}`, which sets its protection again."
    if shortcomings:
        yield Check(subject, ". ".join(shortcomings), repair)
    else:
        yield Check(subject, f"{bucket.name} is protected")
    for lock in locks:
        advice = (
            f"Wait until that command ends. If it has ended already, run `make unlock ENV={name}`."
        )
        yield Check(f"lock on {lock.key}", f"held by {lock}", advice)


def _handovers(session: Session, tenant: str | None) -> Iterator[Check]:
    environment = session.environment
    tenants = dict.fromkeys(account.tenant for account in environment.accounts_of(tenant))
    try:
        handed_over = session.bucket.tenants_with_handover()
    except CommandError as error:
        yield Check("hand-overs", "not readable", str(error))
        return
    iam = session.target.client(session.target.operations(), "iam")
    for name in tenants:
        try:
            has_role = _exists(iam, environment.base_name(name))
        except ClientError as error:
            reason = error.response["Error"]["Message"]
            advice = "Allow iam:GetRole on the tenants' roles to these credentials."
            yield Check(f"{name} role", f"not readable: {reason}", advice)
            continue
        apply = f"Run `make apply ENV={environment.name} TENANT={name}`."
        if name in handed_over and has_role:
            yield Check(f"{name} hand-over", "present")
        elif has_role:
            yield Check(f"{name} hand-over", "missing, although the tenant has a role", apply)
        elif name in handed_over:
            yield Check(f"{name} hand-over", "present, although the tenant has no role", apply)
        else:
            yield Check(f"{name} hand-over", "not applied yet", apply)


def _exists(iam: Any, role: str) -> bool:  # noqa: ANN401 - boto3's client
    try:
        iam.get_role(RoleName=role)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def _deployers(session: Session, tenant: str | None) -> Iterator[Check]:
    environment = session.environment
    for account in environment.accounts_of(tenant):
        if environment.is_self_managed(account):
            yield Check(f"{account.name} deployer", "the customer applies the module itself")
    accounts = environment.deployed_accounts(tenant)
    for account, role in deployer_roles(environment, accounts, progress).items():
        reading = read_deployer(session.target, account, role)
        advice = (
            f"Send the customer what `make deployer ENV={environment.name} TENANT={account.tenant} "
            f"ACCOUNT={account.account_id}` prints."
        )
        state = f"{reading}. {reading.problem}" if reading.problem else str(reading)
        yield Check(f"{account.name} deployer", state, advice if reading.problem else "")


if __name__ == "__main__":
    run(main)
