"""State what must hold for a plan: each policy allows exactly what the stanzas grant.

The solvers decide these claims. Faults are found without a solver: a resource of a type that could
store data or give access, a policy that is not in the plan, or a name that is used twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import Kind, Policy, parse_policy
from tools.isolation import customer_specification as customer
from tools.isolation import operations_specification as operations
from tools.isolation.customer_specification import Workload
from tools.isolation.operations_specification import Environment, Tenant
from tools.isolation.plan_reader import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.isolation.plan_reader import Plan, Role
    from tools.isolation.predicate import Predicate

# Resource types that a plan may contain. None of them can store a prompt or an answer in the operations
# account, or give access beyond the roles' own policies. Review a type before you add it.
OPERATIONS_TYPES = {
    "aws_bedrock_inference_profile",  # counts tokens
    "aws_iam_role",
    "aws_iam_role_policy",
}
CUSTOMER_TYPES = {
    "aws_cloudwatch_log_data_protection_policy",  # masks values and gives nobody access
    "aws_cloudwatch_log_group",  # the customer's own records
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
    """The policies together allow exactly the requests of the specification or, unless exact, no others."""

    subject: str  # the tenant, or the tenant and its account
    topic: str  # "trust", "permissions", …
    policies: tuple[Policy, ...]
    specification: Predicate
    role_arn: str = ""  # of the role to which the policies belong, if they belong to one
    exact: bool = True


@dataclass(frozen=True)
class Fault:
    """A problem in a plan that makes a proof impossible."""

    subject: str
    topic: str
    problem: str


@dataclass(frozen=True)
class Case:
    """All claims about one plan, and the faults that need no solver."""

    root: str
    digest: str  # of the plan
    tenants: tuple[str, ...]
    claims: tuple[Claim, ...]
    faults: tuple[Fault, ...]
    secrets: Mapping[str, str]  # the text to print in place of each ExternalId


def claims_for(plan: Plan) -> Case:
    """State the claims about the plan of either root, which its variables identify.

    Raises PlanError if the variables do not describe an environment.
    """
    try:
        env = Environment.from_variables(plan.variables)
    except (KeyError, TypeError) as error:
        raise PlanError(f"the plan's variables do not describe an environment: {error}") from error
    if "account_id" in plan.variables:
        workload = Workload(Tenant(env, plan.variables["tenant"]), plan.variables["account_id"])
        root, tenants = f"customer account {workload.account}", [workload.tenant.name]
        findings = _customer_findings(plan, workload)
    else:
        root, tenants = f"operations account {env.account}", list(env.tenants)
        findings = _operations_findings(plan, env)
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
    secrets = {
        external_id: f"(an ExternalId of {name})"
        for name in env.tenants
        for external_id in Tenant(env, name).external_ids
    }
    return Case(root, plan.digest, tuple(tenants), tuple(claims), tuple(faults), secrets)


def _operations_findings(plan: Plan, env: Environment) -> Iterator[Claim | Fault]:
    tenants = [Tenant(env, name) for name in env.tenants]
    yield from _unreviewed_types(plan, OPERATIONS_TYPES, "operations")
    yield from _shared_identities(env, tenants)
    roles = {role.name: role for role in plan.roles()}
    yield from _ambiguous_roles(plan.roles(), "operations")
    yield from _differences(roles, {tenant.base_name: tenant.name for tenant in tenants}, "role")
    for tenant in tenants:
        if role := roles.get(tenant.base_name):
            specifications = (operations.trust(tenant), operations.permissions(tenant))
            yield from _role_claims(tenant.name, role, env, env.account, specifications)
    yield from _profile_faults(plan, tenants)


def _customer_findings(plan: Plan, workload: Workload) -> Iterator[Claim | Fault]:
    env, subject = workload.tenant.environment, f"{workload.tenant.name} {workload.account}"
    yield from _unreviewed_types(plan, CUSTOMER_TYPES, subject)
    roles = {role.name: role for role in plan.roles()}
    yield from _ambiguous_roles(plan.roles(), subject)
    yield from _differences(roles, dict.fromkeys(workload.roles, subject), "role")
    for name, specifications in workload.roles.items():
        if role := roles.get(name):
            suffix = name.removeprefix(f"{workload.tenant.base_name}-")
            yield from _role_claims(
                f"{subject} {suffix}", role, env, workload.account, specifications
            )
    yield from _key_claims(plan, workload, subject)
    groups = [group.known_value("name") for group in plan.of_type("aws_cloudwatch_log_group")]
    expected_groups = {group.split(":", 6)[6]: subject for group in workload.groups}
    yield from _differences(groups, expected_groups, "log group")
    yield from _endpoint_claims(plan, workload, subject)


def _shared_identities(env: Environment, tenants: list[Tenant]) -> Iterator[Fault]:
    """Yield a fault for each role, caller, ExternalId or account that two tenants share.

    Each role trusts only its tenant's callers with its tenant's ExternalIds. If no two tenants share
    one of these, no tenant can assume another's role. This takes linear time, unlike comparing pairs.
    """
    owners: dict[tuple[str, str], str] = {}
    for tenant in tenants:
        identities = [
            *(("role", arn) for arn in (tenant.role_arn, *tenant.callers.values())),
            *(("ExternalId", external_id) for external_id in tenant.external_ids),
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


def _unreviewed_types(plan: Plan, types: set[str], subject: str) -> Iterator[Fault]:
    for resource in plan.resources:
        if resource.type not in types:
            problem = f"{resource.address} is of a type that is not on the list of reviewed types"
            yield Fault(subject, "resource types", problem)


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


def _differences(names: Iterable[str], subjects: Mapping[str, str], kind: str) -> Iterator[Fault]:
    """Yield a fault for each missing or unexpected name; ``subjects`` has the subject of each name."""
    for name in sorted(subjects.keys() - set(names)):
        yield Fault(subjects[name], kind, f"the {kind} {name} is missing")
    for name in sorted(set(names) - subjects.keys()):
        yield Fault(name, kind, f"no stanza defines the {kind} {name}")


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


def _key_claims(plan: Plan, workload: Workload, subject: str) -> Iterator[Claim | Fault]:
    """Yield the claim about the key, unless the customer has made it with modules/customer-deployer.

    deployer_claims proves the policy of such a key; here both groups must have a key of the account.
    """
    keys = list(plan.of_type("aws_kms_key"))
    if len(keys) > 1:
        problem = f"there are {len(keys)} keys instead of the one that encrypts the log groups"
        yield Fault(subject, "key", problem)
    for key in keys:
        policy = {"key policy": key.known_value("policy")}
        claim = _claim(subject, "key", Kind.RESOURCE, policy, customer.key(workload))
        yield from [claim, *broad_principals(claim, workload.tenant.environment)]
    if not keys:
        partition = workload.tenant.environment.partition
        prefix = f"arn:{partition}:kms:{workload.region}:{workload.account}:key/"
        groups = list(plan.of_type("aws_cloudwatch_log_group"))
        arns = {str(group.known_value("kms_key_id")) for group in groups}
        if len(arns) > 1 or not all(arn.startswith(prefix) for arn in arns):
            problem = f"the log groups are encrypted with {', '.join(sorted(arns))} instead of one key of the account"
            yield Fault(subject, "key", problem)


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
    endpoints = {
        endpoint.known_value("service_name").rpartition(f".{workload.region}.")[2]: endpoint
        for endpoint in plan.of_type("aws_vpc_endpoint")
    }
    yield from _differences(endpoints, dict.fromkeys(workload.endpoints, subject), "endpoint")
    for service, specification in workload.endpoints.items():
        if service in endpoints:
            policy = {"endpoint policy": endpoints[service].known_value("policy")}
            yield _claim(subject, f"endpoint {service}", Kind.RESOURCE, policy, specification)


def _profile_faults(plan: Plan, tenants: list[Tenant]) -> Iterator[Fault]:
    """Check each profile's source and tags, because policies identify a tenant's profile by its tags."""
    expected_profiles = {
        profile.name: (tenant.name, profile)
        for tenant in tenants
        for profile in operations.profiles(tenant)
    }
    planned_profiles = {
        resource.known_value("name"): resource
        for resource in plan.of_type("aws_bedrock_inference_profile")
    }
    owners = {name: owner for name, (owner, _) in expected_profiles.items()}
    yield from _differences(planned_profiles, owners, "profile")
    for name in sorted(expected_profiles.keys() & planned_profiles.keys()):
        tenant, profile = expected_profiles[name]
        (source,) = planned_profiles[name].known_value("model_source")
        if source["copy_from"] != profile.source:
            problem = f"{name} copies {source['copy_from']} instead of {profile.source}"
            yield Fault(tenant, "profile", problem)
        tags = planned_profiles[name].known_value("tags_all") or {}
        for tag, text in profile.tags.items():
            if tags.get(tag) != text:
                problem = f"the tag {tag} of {name} is {tags.get(tag)} instead of {text}"
                yield Fault(tenant, "profile", problem)


def _claim(
    subject: str,
    topic: str,
    kind: Kind,
    texts: Mapping[str, str],
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
