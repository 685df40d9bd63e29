"""Read all accounts of an environment, as cases that the prover decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from operations_guard.aws_reader import AwsReader, NotReadError
from tools.command_error import CommandError
from tools.isolation import plan_reader
from tools.isolation.claims import Case, Claim, named_external_ids, without_secrets
from tools.isolation.customer_specification import Workload
from tools.isolation.operations_specification import Environment, Tenant
from tools.isolation.plan_fault import Fault
from tools.live.answers import AccountReader, Unread, clients_of
from tools.live.customer_account import CustomerReading
from tools.live.operations_account import OperationsAccount
from tools.live.record_reading import RecordReading
from tools.terraform.parallel import map_in_parallel
from tools.terraform.state import role_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import boto3

    from tools.cli.session import Session
    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount
    from tools.isolation.plan_reader import Plan
    from tools.live.answers import Finding

# What no question here answers; the certificate lists it.
NOT_READ = (
    "Regions to which only the global profile sends calls, beyond those that GetInferenceProfile lists.",
    "Bedrock's projects and resource policies, and what other services of the operations account may read.",
    "Other functions and roles of a customer's account, its log centralization rules and S3 table integrations.",
    "When Lambda updates the runtime of a function, which somebody may have changed from automatic.",
    "Changes that were made and undone between two readings.",
)


@dataclass(frozen=True)
class LiveState:
    """What was read of one environment, and the parts that were not."""

    cases: tuple[Case, ...]
    unread: tuple[Unread, ...]


def read_live_state(
    session: Session, plans: Sequence[dict[str, Any]], jobs: int, tenant: str | None = None
) -> LiveState:
    """Read the accounts of these plans, ``jobs`` customer accounts at a time.

    The plans say what Terraform's code makes of each account, such as the hash of the built zip. With ``tenant``, a
    plan of the operations account may be limited to this tenant, and what is found about other tenants is left out.
    Raises PlanError if one is not a complete plan.
    """

    def read(plan_json: dict[str, Any]) -> tuple[Case, list[Unread]]:
        is_operations = "account_id" not in plan_json["variables"]
        targets = (role_module(tenant),) if tenant is not None and is_operations else ()
        plan = plan_reader.read(plan_json, targets=targets)
        env = Environment.from_variables(plan.variables)
        if is_operations:
            return _operations(session.target, env, plan, tenant)
        return _customer(session, env, plan)

    # The shards of the operations account are one account, which is read once.
    operations = [plan for plan in plans if "account_id" not in plan["variables"]]
    customers = [plan for plan in plans if "account_id" in plan["variables"]]
    readings = map_in_parallel(read, [*operations[:1], *customers], jobs)
    unread = tuple(part for _, parts in readings for part in parts)
    return LiveState(tuple(case for case, _ in readings), unread)


def _operations(
    target: Target, env: Environment, plan: Plan, tenant: str | None
) -> tuple[Case, list[Unread]]:
    label = f"operations account {env.account}"
    reader = AccountReader(label, AwsReader(target.operations(), env.region, clients_of(target)))
    settings = plan.variables["operations"]
    account = OperationsAccount(
        reader=reader,
        environment=env,
        administrators=frozenset(settings.get("administrators") or ()),
        permissions_boundary=settings.get("permissions_boundary"),
    )
    tenants = list(env.tenants) if tenant is None else [tenant]
    others = env.tenants.keys() - tenants
    findings = (finding for finding in account.findings() if finding.subject not in others)
    return _case(label, tenants, env, reader, findings)


def _customer(session: Session, env: Environment, plan: Plan) -> tuple[Case, list[Unread]]:
    label = f"customer account {plan.variables['account_id']}"
    try:
        workload, reader, missing = _workload(session, env, plan)
    except NotReadError as error:
        subject, tenant = _names(plan), plan.variables["tenant"]
        case = Case(label, "", (tenant,), (), (), {})
        return case, [Unread(subject, "everything in the account", str(error))]
    case, unread = _case(
        label,
        [workload.tenant.name],
        env,
        reader,
        CustomerReading(reader, workload, plan).findings(),
    )
    return case, [*missing, *unread]


def read_records(session: Session, plan_json: dict[str, Any]) -> tuple[Case, list[Unread]]:
    """Read the log groups of one customer account, what copies them, and their key; the plan is of this account.

    Raises NotReadError if neither the inspector nor the deployer can be assumed, and PlanError.
    """
    plan = plan_reader.read(plan_json)
    env = Environment.from_variables(plan.variables)
    workload, reader, _ = _workload(session, env, plan)
    findings = reader.findings(RecordReading(reader, workload, plan).checks)
    return _case(_names(plan), [workload.tenant.name], env, reader, findings)


def _names(plan: Plan) -> str:
    return f"{plan.variables['tenant']} {plan.variables['account_id']}"


def _workload(
    session: Session, env: Environment, plan: Plan
) -> tuple[Workload, AccountReader, list[Unread]]:
    """Return a customer account's workload, what reads it, and the parts that only the inspector may read."""
    tenant, account_id = plan.variables["tenant"], plan.variables["account_id"]
    workload = Workload(Tenant(env, tenant), account_id)
    (account,) = session.environment.accounts_of(tenant, account_id)
    try:
        keys, missing = _inspector(session.target, account, _names(plan))
    except (BotoCoreError, CommandError) as error:  # BotoCoreError when no answer came
        raise NotReadError(str(error)) from error
    aws = AwsReader(keys, workload.region, clients_of(session.target))
    return workload, AccountReader(_names(plan), aws), missing


def _inspector(
    target: Target, account: CustomerAccount, subject: str
) -> tuple[boto3.Session, list[Unread]]:
    """Return a session as the inspector or, where the customer has none, as the deployer, which may read less.

    Raises CommandError if neither can be assumed.
    """
    try:
        return target.inspector(account), []
    except CommandError as error:
        reason = f"{error} `make inspector` prints the role for the customer"
        missing = Unread(subject, "what only the inspector may read", reason)
        return target.deployer(account), [missing]


def _case(
    label: str,
    tenants: Sequence[str],
    env: Environment,
    reader: AccountReader,
    findings: Iterable[Finding],
) -> tuple[Case, list[Unread]]:
    found = list(findings)
    secrets = named_external_ids(env, {"external_ids": sorted(reader.external_ids)})
    case = Case(
        root=f"{label}, read from AWS",
        digest=reader.digest(),
        tenants=tuple(tenants),
        claims=tuple(item for item in found if isinstance(item, Claim)),
        faults=tuple(without_secrets(item, secrets) for item in found if isinstance(item, Fault)),
        secrets=secrets,
    )
    return case, [item for item in found if isinstance(item, Unread)]
