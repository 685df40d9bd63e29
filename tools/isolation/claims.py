"""What is claimed of a plan: of each policy, that it allows exactly what the stanzas mean.

Beside these claims, which the solvers decide, stand the faults that need no solver: a resource of a
type that could hold or open something, a policy that is not in the plan, a name used twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import Kind, Policy, parse_policy
from tools.isolation import stanza_claims as stanza
from tools.isolation import workload_claims as workload
from tools.isolation.plan_reader import PlanError
from tools.isolation.stanza_claims import Environment, Tenant
from tools.isolation.workload_claims import Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.isolation.plan_reader import Plan, Role
    from tools.isolation.predicate import Predicate

# No type that is listed can hold a prompt or an answer in the operations account, or give access
# beyond the roles' own policies. A new one is listed once somebody has thought about it.
IN_OPERATIONS = {
    "aws_bedrock_inference_profile",  # counts tokens
    "aws_iam_role",
    "aws_iam_role_policy",
}
IN_CUSTOMER = {
    "aws_cloudwatch_log_data_protection_policy",  # masks, and lets nobody see
    "aws_cloudwatch_log_group",  # the customer's own record
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_kms_alias",
    "aws_kms_key",
    "aws_lambda_alias",
    "aws_lambda_function",
    "aws_vpc_endpoint",
}


@dataclass(frozen=True)
class Claim:
    """These policies together allow exactly the requests that the stanza means."""

    subject: str  # the tenant, or the tenant and its account
    about: str  # "trust", "permissions", …
    policies: tuple[Policy, ...]
    meaning: Predicate
    of_role: str = ""  # the role's ARN, where the policies are a role's


@dataclass(frozen=True)
class Fault:
    """Something in a plan that lets no proof stand."""

    subject: str
    about: str
    problem: str


@dataclass(frozen=True)
class Case:
    """Everything that is claimed of one plan, and what is wrong before any solver is asked."""

    root: str
    digest: str  # of the plan
    tenants: tuple[str, ...]
    claims: tuple[Claim, ...]
    faults: tuple[Fault, ...]
    secrets: Mapping[str, str]  # each ExternalId, and what to say instead of it


def of(plan: Plan) -> Case:
    """The claims about one root's plan; which root it is, its variables say."""
    try:
        env = Environment.of(plan.variables)
    except (KeyError, TypeError) as error:
        raise PlanError(f"the plan's variables are not an environment's: {error}") from error
    if "account_id" in plan.variables:
        its = Workload(Tenant(env, plan.variables["tenant"]), plan.variables["account_id"])
        root, names = f"customer account {its.account}", [its.tenant.name]
        said = _customer(plan, its)
    else:
        root, names = f"operations account {env.account}", list(env.tenants)
        said = _operations(plan, env)
    claims: list[Claim] = []
    faults: list[Fault] = []
    try:
        for one in said:
            if isinstance(one, Claim):
                claims.append(one)
            else:
                faults.append(one)
    except PlanError as error:
        faults.append(Fault(env.name, "plan", str(error)))
    secrets = {
        external_id: f"(an ExternalId of {name})"
        for name in env.tenants
        for external_id in Tenant(env, name).external_ids
    }
    return Case(root, plan.digest, tuple(names), tuple(claims), tuple(faults), secrets)


def _operations(plan: Plan, env: Environment) -> Iterator[Claim | Fault]:
    tenants = [Tenant(env, name) for name in env.tenants]
    yield from _only(plan, IN_OPERATIONS, "operations")
    yield from disjoint(env, tenants)
    roles = {role.name: role for role in plan.roles()}
    yield from _names(plan.roles(), "operations")
    yield from _exactly(roles, {tenant.base_name: tenant.name for tenant in tenants}, "role")
    for tenant in tenants:
        if role := roles.get(tenant.base_name):
            meaning = (stanza.trust(tenant), stanza.permissions(tenant))
            yield from _role(tenant.name, role, env, env.account, meaning)
    yield from _profiles(plan, tenants)


def _customer(plan: Plan, its: Workload) -> Iterator[Claim | Fault]:
    env, subject = its.tenant.environment, f"{its.tenant.name} {its.account}"
    yield from _only(plan, IN_CUSTOMER, subject)
    roles = {role.name: role for role in plan.roles()}
    yield from _names(plan.roles(), subject)
    yield from _exactly(roles, dict.fromkeys(its.roles, subject), "role")
    for name, meaning in its.roles.items():
        if role := roles.get(name):
            which = name.removeprefix(f"{its.tenant.base_name}-")
            yield from _role(f"{subject} {which}", role, env, its.account, meaning)
    yield from _key(plan, its, subject)
    groups = [group.known("name") for group in plan.of_type("aws_cloudwatch_log_group")]
    meant = {group.split(":", 6)[6]: subject for group in its.groups}
    yield from _exactly(groups, meant, "log group")
    yield from _endpoints(plan, its, subject)


def disjoint(env: Environment, tenants: list[Tenant]) -> Iterator[Fault]:
    """Faults where two tenants share what the trust policies tell them apart by.

    Each role trusts only its own callers with its own ExternalIds; when no caller and no ExternalId
    is two tenants', no tenant can assume another's role. One look at each, however many there are.
    """
    owned: dict[tuple[str, str], str] = {}
    for tenant in tenants:
        own = [
            *(("role", arn) for arn in (tenant.role_arn, *tenant.callers.values())),
            *(("ExternalId", external_id) for external_id in tenant.external_ids),
            *(("account", id_) for id_ in tenant.callers if id_ not in env.shared_accounts),
        ]
        if not tenant.external_ids:
            yield Fault(tenant.name, "disjoint", "it has no ExternalId")
        if env.account in tenant.callers:
            yield Fault(tenant.name, "disjoint", "the operations account is one of its accounts")
        for what, text in own:
            # IAM does not tell the case of a role's name.
            owner = owned.setdefault((what, text.lower() if what == "role" else text), tenant.name)
            if owner != tenant.name or own.count((what, text)) > 1:
                spoken = "an ExternalId" if what == "ExternalId" else f"the {what} {text}"
                yield Fault(tenant.name, "disjoint", f"{owner} has {spoken} too")


def _only(plan: Plan, types: set[str], subject: str) -> Iterator[Fault]:
    """Nothing of a type that nobody has looked at."""
    for its in plan.resources:
        if its.type not in types:
            problem = f"{its.address} is of a type that is not on the list of what may exist here"
            yield Fault(subject, "resource types", problem)


def _names(roles: list[Role], subject: str) -> Iterator[Fault]:
    """Nothing that would make a role another than its name says."""
    for name, count in Counter(role.name.lower() for role in roles).items():
        if count > 1:
            yield Fault(subject, "role", f"{count} roles are named {name}, and IAM knows no case")
    for role in roles:
        if role.path != "/":
            yield Fault(subject, "role", f"{role.name} has the path {role.path}, so another ARN")


def _exactly(found: Iterable[str], meant: Mapping[str, str], what: str) -> Iterator[Fault]:
    """What the stanzas mean is there, and nothing beside it; ``meant`` has whose each is."""
    for name in sorted(meant.keys() - set(found)):
        yield Fault(meant[name], what, f"there is no {what} {name}")
    for name in sorted(set(found) - meant.keys()):
        yield Fault(name, what, f"no stanza means the {what} {name}")


def _role(
    subject: str, role: Role, env: Environment, account: str, meaning: tuple[Predicate, Predicate]
) -> Iterator[Claim | Fault]:
    """What the role's trust and its permissions mean, in this order."""
    trusted, permitted = meaning
    arn = env.role_arn(account, role.name)
    trust = _claim(subject, "trust", (Kind.TRUST, {"trust policy": role.trust}), trusted, arn)
    yield trust
    if isinstance(trust, Claim):
        yield from _named(trust, env)
    yield _claim(subject, "permissions", (Kind.IDENTITY, role.policies), permitted, arn)


def _named(claim: Claim, env: Environment) -> Iterator[Fault]:
    """Whom a policy lets in stands in it by name: a condition alone would be one slip from everyone."""
    for statement in claim.policies[0].statements:
        principals = statement.principals
        if principals is None or statement.effect == "Deny":
            continue
        if principals.anyone or principals.negated:
            problem = f"statement {statement.sid} lets anyone in, but for its conditions"
            yield Fault(claim.subject, claim.about, problem)
        if any(env.account in principal for principal in principals.aws):
            problem = f"statement {statement.sid} names the operations account"
            yield Fault(claim.subject, claim.about, problem)


def _key(plan: Plan, its: Workload, subject: str) -> Iterator[Claim | Fault]:
    keys = list(plan.of_type("aws_kms_key"))
    if len(keys) != 1:
        yield Fault(subject, "key", f"there are {len(keys)} keys, where one encrypts its groups")
    for found in keys:
        policy = {"key policy": found.known("policy")}
        key = _claim(subject, "key", (Kind.RESOURCE, policy), workload.key(its))
        yield key
        if isinstance(key, Claim):
            yield from _named(key, its.tenant.environment)


def _endpoints(plan: Plan, its: Workload, subject: str) -> Iterator[Claim | Fault]:
    found = {
        endpoint.known("service_name").rpartition(f".{its.region}.")[2]: endpoint
        for endpoint in plan.of_type("aws_vpc_endpoint")
    }
    yield from _exactly(found, dict.fromkeys(its.endpoints, subject), "endpoint")
    for service, meaning in its.endpoints.items():
        if service in found:
            policy = {"endpoint policy": found[service].known("policy")}
            yield _claim(subject, f"endpoint {service}", (Kind.RESOURCE, policy), meaning)


def _profiles(plan: Plan, tenants: list[Tenant]) -> Iterator[Fault]:
    """A policy knows a tenant's profile by its tags, so the tags must be its own."""
    meant = {own.name: (tenant.name, own) for tenant in tenants for own in stanza.profiles(tenant)}
    found = {its.known("name"): its for its in plan.of_type("aws_bedrock_inference_profile")}
    yield from _exactly(found, {name: tenant for name, (tenant, _) in meant.items()}, "profile")
    for name in sorted(meant.keys() & found.keys()):
        tenant, own = meant[name]
        (source,) = found[name].known("model_source")
        if source["copy_from"] != own.copied_from:
            problem = f"{name} is made from {source['copy_from']}, not from {own.copied_from}"
            yield Fault(tenant, "profile", problem)
        tags = found[name].known("tags_all") or {}
        for tag, text in own.tags.items():
            if tags.get(tag) != text:
                problem = f"the tag {tag} of {name} is {tags.get(tag)}, not {text}"
                yield Fault(tenant, "profile", problem)


def _claim(
    subject: str,
    about: str,
    written: tuple[Kind, Mapping[str, str]],
    meaning: Predicate,
    of_role: str = "",
) -> Claim | Fault:
    """The claim, or that a policy cannot be read."""
    kind, texts = written
    try:
        policies = tuple(parse_policy(text, name, kind) for name, text in texts.items())
    except UnsupportedPolicyError as error:
        return Fault(subject, about, str(error))
    return Claim(subject, about, policies, meaning, of_role)
