"""State what must hold for a plan: each policy allows exactly what the stanzas grant.

The solvers decide these claims. Faults are found without a solver: a resource of a type that could
store data or give access, a policy that is not in the plan, or a name that is used twice.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.external_ids import external_ids_in, without_external_ids
from tools.iam.policy import Kind, Policy, parse_policy
from tools.isolation import operations_specification as operations
from tools.isolation.configuration_faults import CUSTOMER, OPERATIONS, configuration_faults
from tools.isolation.customer_specification import Workload
from tools.isolation.guard_notifications import topic_publishers
from tools.isolation.guard_resources import guard_resources
from tools.isolation.guard_specification import denials, guard_name, guard_roles, never
from tools.isolation.operations_specification import Environment, Tenant
from tools.isolation.plan_fault import Fault
from tools.isolation.plan_reader import PlanError
from tools.isolation.predicate import AnyOf, Not
from tools.isolation.principals import Owners, foreign_deployment_principals, principal_faults
from tools.isolation.resource_faults import (
    customer_key_faults,
    customer_keys,
    deletion_faults,
    resource_faults,
)
from tools.isolation.resource_specification import (
    CUSTOMER_TYPES,
    OPERATIONS_TYPES,
    customer_key,
    customer_resources,
    endpoint_service,
    operations_resources,
)
from tools.isolation.structure import StructureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.isolation.plan_reader import Plan, Role
    from tools.isolation.predicate import Predicate


@dataclass(frozen=True)
class Claim:
    """The policies together allow exactly the requests of the specification or, unless exact, no others."""

    subject: str  # the tenant, or the tenant and its account
    topic: str  # "trust", "permissions", …
    policies: tuple[Policy, ...]
    specification: Predicate
    role_arn: str = ""  # of the role to which the policies belong, if they belong to one
    exact: bool = True


@dataclass(frozen=True)
class Case:
    """All claims about one plan, and the faults that need no solver."""

    root: str
    digest: str  # of the plan
    tenants: tuple[str, ...]
    claims: tuple[Claim, ...]
    faults: tuple[Fault, ...]
    secrets: Mapping[str, str]  # the text to print in place of each ExternalId


def claims_for(plan: Plan, tenant: str | None = None, owners: Owners | None = None) -> Case:
    """State the claims about the plan of either root, which its variables identify.

    With ``tenant``, a plan of the operations account must hold this tenant's resources and no others.
    ``owners`` are those of all stanzas, of which the plan of a customer account has one.

    Raises PlanError if the variables do not describe an environment.
    """
    try:
        env = Environment.from_variables(plan.variables)
    except StructureError as error:
        raise PlanError(f"the plan's variables do not describe an environment: {error}") from error
    findings: Iterable[Claim | Fault]
    if "account_id" in plan.variables or "tenant" in plan.variables:
        name, account = (str(plan.variables.get(key)) for key in ("tenant", "account_id"))
        root, tenants = f"customer account {account}", [name]
        if account in env.tenants.get(name, {}).get("accounts", {}):
            workload = Workload(Tenant(env, name), account)
            findings = _customer_findings(plan, workload, owners)
        else:
            problem = f"no stanza of {env.name} has the account {account} for the tenant {name}"
            findings = [Fault(f"{name} {account}", "account", problem)]
    else:
        root, tenants = f"operations account {env.account}", env.tenants_of_shard
        if env.shards > 1:
            root = f"{root}, shard {env.shard} of {env.shards}"
        if tenant is not None:
            root, tenants = f"{root}, {tenant} only", [tenant]
        findings = _operations_findings(plan, env, tenants, whole=tenant is None)
    claims: list[Claim] = []
    faults: list[Fault] = []
    try:
        for finding in findings:
            if isinstance(finding, Claim):
                claims.append(finding)
            else:
                faults.append(finding)
    except PlanError as error:
        faults.append(Fault(env.name, "plan", str(error)))
    except RecursionError:
        faults.append(Fault(env.name, "plan", "a part of the plan is nested too deeply to be read"))
    secrets = named_external_ids(env, plan.json)
    faults = [without_secrets(fault, secrets) for fault in faults]
    return Case(root, plan.digest, tuple(tenants), tuple(claims), tuple(faults), secrets)


def without_secrets(fault: Fault, secrets: Mapping[str, str]) -> Fault:
    """Return the fault without ExternalIds, which a wrong argument can contain."""
    return replace(fault, problem=without_external_ids(fault.problem, secrets))


def named_external_ids(env: Environment, *documents: object) -> dict[str, str]:
    """Return what to print in place of each ExternalId of the stanzas and of these JSON values.

    A role can accept one that no stanza has any more, and a counterexample then contains it.
    """
    names = dict.fromkeys(external_ids_in(list(documents)), "(an ExternalId)")
    owners = _owners_of_external_ids(env).items()
    return {**names, **{id_: f"(an ExternalId of {owner})" for id_, owner in owners}}


def _operations_findings(
    plan: Plan, env: Environment, names: list[str], *, whole: bool
) -> Iterator[Claim | Fault]:
    """Yield what must hold of the tenants ``names``, whose resources the plan has.

    A plan that is not ``whole`` is limited to one tenant, and has nothing else of the guard than its schedule.
    """
    tenants = [Tenant(env, name) for name in names]
    yield from configuration_faults(plan, OPERATIONS, "operations")
    yield from stanza_faults(env)
    yield from _handover_faults(plan, env)
    yield from _output_faults(plan, env, "operations")
    specifications = [*operations_resources(env, names), *guard_resources(env, whole=whole)]
    yield from resource_faults(plan, "operations", OPERATIONS_TYPES, specifications)
    roles = {role.name: role for role in plan.roles()}
    yield from _ambiguous_roles(plan.roles(), "operations")
    for tenant in tenants:
        if role := roles.get(tenant.base_name):
            predicates = (operations.trust(tenant), operations.permissions(tenant))
            yield from _role_claims(tenant.name, role, env, env.account, predicates)
    for name in guard_roles(env):
        if role := roles.get(guard_name(env, name)):
            yield from guard_role_claims(env, name, {"trust policy": role.trust}, role.policies)
    for policy in plan.of_type("aws_iam_policy"):
        texts = {policy.known_text("name"): policy.policy_argument("policy")}
        yield from denial_claims(env, texts)
    for policy in plan.of_type("aws_sns_topic_policy"):
        text = policy.policy_argument("policy")
        publishers = topic_publishers(env)
        yield _claim(guard_name(env), "guard topic", Kind.RESOURCE, {"policy": text}, publishers)


def guard_role_claims(
    env: Environment, role: str, trust: Mapping[str, Any], policies: Mapping[str, Any]
) -> Iterator[Claim | Fault]:
    """Yield what must hold of a role of the guard; its policies are texts or JSON values by name."""
    name = guard_name(env, role)
    arn = env.role_arn(env.account, name)
    who, what = guard_roles(env)[role]
    yield _claim(name, "guard trust", Kind.TRUST, trust, who, role_arn=arn)
    permissions = _claim(name, "guard permissions", Kind.IDENTITY, policies, what, role_arn=arn)
    yield permissions
    if isinstance(permissions, Claim):
        limit = Not(never())
        yield replace(permissions, topic="guard reach", specification=limit, exact=False)


def denial_claims(env: Environment, texts: Mapping[str, Any]) -> Iterator[Claim | Fault]:
    """Yield what must hold of the policies that the guard attaches to tenants' roles, by their names.

    A policy allows nothing, so whatever else a role has, attaching it only takes away; and what it denies is
    exactly inference. The latter is proved of a policy that allows what this one denies.
    """
    for name, predicate in denials().items():
        full_name = f"bedrock-{env.name}-{name}"
        if full_name not in texts:
            continue
        claim = _claim(
            full_name, "guard denial", Kind.IDENTITY, {full_name: texts[full_name]}, AnyOf()
        )
        yield claim
        if isinstance(claim, Claim):
            denied = tuple(denied_by(policy) for policy in claim.policies)
            yield replace(claim, policies=denied, specification=predicate)


def denied_by(policy: Policy) -> Policy:
    """Return a policy that allows exactly what this one denies, whatever it allows."""
    denials = (
        replace(statement, effect="Allow")
        for statement in policy.statements
        if statement.effect == "Deny"
    )
    return replace(policy, name=f"denied by {policy.name}", statements=tuple(denials))


def _customer_findings(
    plan: Plan, workload: Workload, owners: Owners | None
) -> Iterator[Claim | Fault]:
    env, subject = workload.tenant.environment, f"{workload.tenant.name} {workload.account}"
    yield from configuration_faults(plan, CUSTOMER, subject)
    yield from principal_faults([workload.tenant], owners)
    yield from _output_faults(plan, env, subject)
    keys = customer_keys(plan)
    if len(keys) != 1:
        problem = (
            f"the plan looks up {len(keys)} keys instead of the one that the customer has made"
        )
        yield Fault(subject, "key", problem)
    for key in keys:
        yield from customer_key_faults(subject, key, customer_key(workload))
    key_arn = str(keys[0].get("arn")) if len(keys) == 1 else None
    yield from deletion_faults(plan, subject)
    specifications = customer_resources(
        workload, subject, plan.variables.get("package_path"), key_arn
    )
    yield from resource_faults(plan, subject, CUSTOMER_TYPES, specifications)
    roles = {role.name: role for role in plan.roles()}
    yield from _ambiguous_roles(plan.roles(), subject)
    for name, predicates in workload.roles.items():
        if role := roles.get(name):
            suffix = name.removeprefix(f"{workload.tenant.base_name}-")
            yield from _role_claims(f"{subject} {suffix}", role, env, workload.account, predicates)
    yield from _endpoint_claims(plan, workload, subject)


def stanza_faults(env: Environment) -> Iterator[Fault]:
    """Yield what the stanzas of one environment must not say, which needs no plan, in linear time."""
    tenants = [Tenant(env, name) for name in env.tenants]
    yield from _shared_identities(env, tenants)
    yield from principal_faults(tenants)
    yield from _boundary_fault(env)
    for problem in foreign_deployment_principals(env):
        yield Fault("operations", "principals", problem)


def _handover_faults(plan: Plan, env: Environment) -> Iterator[Fault]:
    """Yield a fault for each hand-over that is not about its tenant's own role and ExternalId."""
    output = (plan.json.get("output_changes") or {}).get("handover") or {}
    unknown = output.get("after_unknown")
    tenants = unknown if isinstance(unknown, dict) else {"operations": unknown}
    for name in (name for name in tenants if tenants[name] is True):
        yield Fault(name, "hand-over", "the hand-over is known only after apply")
    owners = _owners_of_external_ids(env)
    for name, handover in (output.get("after") or {}).items():
        if name not in env.tenants:
            yield Fault(name, "hand-over", "the hand-over is of a tenant without a stanza")
            continue
        tenant = Tenant(env, name)
        role_arn = handover.get("role_arn")
        if role_arn != tenant.role_arn:
            problem = f"the hand-over names {role_arn} instead of {tenant.role_arn}"
            yield Fault(name, "hand-over", problem)
        if handover.get("external_id") not in tenant.external_ids:
            yield Fault(name, "hand-over", "the hand-over has another ExternalId than the stanza")
        for owner in sorted({owners.get(text, name) for text in _texts(handover)} - {name}):
            yield Fault(name, "hand-over", f"the hand-over has an ExternalId of {owner}")


def _output_faults(plan: Plan, env: Environment, subject: str) -> Iterator[Fault]:
    """Yield a fault for each output that Terraform prints and that has an ExternalId."""
    owners = _owners_of_external_ids(env)
    for name, output in (plan.json.get("output_changes") or {}).items():
        if output.get("after_sensitive") is True:
            continue
        for owner in sorted(
            {owners[text] for text in _texts(output.get("after")) if text in owners}
        ):
            problem = f"the output {name} shows an ExternalId of {owner}; mark it as sensitive"
            yield Fault(subject, "hand-over", problem)


def _owners_of_external_ids(env: Environment) -> dict[str, str]:
    """Return the tenant of each ExternalId, of its role and of its deployer."""
    owners: dict[str, str] = {}
    for name in env.tenants:
        tenant = Tenant(env, name)
        owners |= dict.fromkeys(all_external_ids(tenant), name)
    return owners


def all_external_ids(tenant: Tenant) -> tuple[str, ...]:
    """Return the ExternalIds of its role and that of its deployer."""
    deployer = (tenant.stanza.get("deployer") or {}).get("external_id")
    return (*tenant.external_ids, deployer) if deployer else tenant.external_ids


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in a JSON value, also in JSON text within it; an ExternalId has no quotation mark."""
    yield from re.split(r'["\\]+', json.dumps(value))


def _boundary_fault(env: Environment) -> Iterator[Fault]:
    """Yield a fault if the boundary of the tenants' roles is another account's; AWS has some, too."""
    boundary = env.permissions_boundary
    if boundary and boundary.split(":")[4:5] not in ([env.account], ["aws"]):
        problem = f"the permissions boundary {boundary} is not in the operations account"
        yield Fault("operations", "principals", problem)


def _shared_identities(env: Environment, tenants: list[Tenant]) -> Iterator[Fault]:
    """Yield a fault for each role, caller, ExternalId or account that two tenants share.

    Each role trusts only its tenant's callers with its tenant's ExternalIds. If no two tenants share
    one of these, no tenant can assume another's role. This takes linear time, unlike comparing pairs.
    """
    owners: dict[tuple[str, str], str] = {}
    for tenant in tenants:
        identities = [
            *(("role", arn) for arn in (tenant.role_arn, *tenant.callers.values())),
            *(("ExternalId", external_id) for external_id in all_external_ids(tenant)),
            *(("account", id_) for id_ in tenant.callers if id_ not in env.shared_accounts),
        ]
        if not tenant.external_ids:
            yield Fault(tenant.name, "separation", "the tenant has no ExternalId")
        if env.account in tenant.callers:
            problem = "the operations account is listed as one of the tenant's accounts"
            yield Fault(tenant.name, "separation", problem)
        for type_, identity in identities:
            # IAM role names are case-insensitive.
            key = (type_, identity.lower() if type_ == "role" else identity)
            owner = owners.setdefault(key, tenant.name)
            if owner != tenant.name or identities.count((type_, identity)) > 1:
                label = "an ExternalId" if type_ == "ExternalId" else f"the {type_} {identity}"
                users = "twice" if owner == tenant.name else f"by {owner} too"
                yield Fault(tenant.name, "separation", f"{label} is used {users}")


def _ambiguous_roles(roles: list[Role], subject: str) -> Iterator[Fault]:
    """Yield a fault for each role whose ARN does not follow from its name alone."""
    for name, count in Counter(role.name.lower() for role in roles).items():
        if count > 1:
            problem = f"{count} roles are named {name}; IAM role names are case-insensitive"
            yield Fault(subject, "role", problem)
    for role in roles:
        if role.path != "/":
            problem = f"the path of {role.name} is {role.path} instead of /, which changes its ARN"
            yield Fault(subject, "role", problem)


def _role_claims(
    subject: str,
    role: Role,
    env: Environment,
    account: str,
    specifications: tuple[Predicate, Predicate],
) -> Iterator[Claim | Fault]:
    """Yield the claims about a role; the specifications are of its trust and of its permissions."""
    trust, permissions = specifications
    arn = env.role_arn(account, role.name)
    policy = {"trust policy": role.trust}
    claim = _claim(subject, "trust", Kind.TRUST, policy, trust, role_arn=arn)
    yield from [claim, *broad_principals(claim, env)]
    yield _claim(subject, "permissions", Kind.IDENTITY, role.policies, permissions, role_arn=arn)


def broad_principals(claim: Claim | Fault, env: Environment) -> Iterator[Fault]:
    """Yield a fault for each statement that does not name its principals.

    Access would then depend on a condition alone, and one mistake in it would give everyone access.
    """
    policies = claim.policies if isinstance(claim, Claim) else ()
    for statement in (statement for policy in policies for statement in policy.statements):
        principals = statement.principals
        if principals is None or statement.effect == "Deny":
            continue
        if principals.anyone or principals.negated:
            problem = f"statement {statement.sid} allows any principal that meets its conditions"
            yield Fault(claim.subject, claim.topic, problem)
        if any(env.account in principal for principal in principals.aws):
            problem = f"statement {statement.sid} names the operations account"
            yield Fault(claim.subject, claim.topic, problem)


def _endpoint_claims(plan: Plan, workload: Workload, subject: str) -> Iterator[Claim | Fault]:
    predicates = {
        endpoint_service(workload, service): (service, predicate)
        for service, predicate in workload.endpoints.items()
    }
    for endpoint in plan.of_type("aws_vpc_endpoint"):
        name = endpoint.known_text("service_name")
        if name in predicates:
            service, predicate = predicates[name]
            policy = {"endpoint policy": endpoint.policy_argument("policy")}
            yield _claim(subject, f"endpoint {service}", Kind.RESOURCE, policy, predicate)


def _claim(
    subject: str,
    topic: str,
    kind: Kind,
    texts: Mapping[str, Any],
    specification: Predicate,
    *,
    role_arn: str = "",
) -> Claim | Fault:
    """Return the claim about the policies, or a fault if one of the texts cannot be parsed."""
    try:
        policies = tuple(parse_policy(text, name, kind) for name, text in texts.items())
    except UnsupportedPolicyError as error:
        return Fault(subject, topic, str(error))
    return Claim(subject, topic, policies, specification, role_arn)
