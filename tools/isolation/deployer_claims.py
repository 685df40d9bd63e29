"""State what must hold for the deployers of an environment, from the policies of customer-deployer.

The deployers are in customer accounts that the operator cannot plan, so these claims are about the
rendered policies, which the customers apply.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import Kind, Policy, parse_policy
from tools.isolation import customer_specification as customer
from tools.isolation import deployer_specification as deployer
from tools.isolation.claims import Case, Claim, broad_principals, denied_by
from tools.isolation.customer_specification import Workload
from tools.isolation.operations_specification import Environment, Tenant
from tools.isolation.plan_fault import Fault
from tools.isolation.principals import foreign_deployment_principals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.iam.policy import Statement

Documents = dict[str, str]
"""The JSON texts of trust, permissions, boundary and key by these names; others are not read."""


def deployer_claims_for(
    variables: Mapping[str, Any], documents: Mapping[tuple[str, str], Documents]
) -> Case:
    """State the claims about every deployer; ``documents`` are by tenant and account.

    ``variables`` are those of the environment. Raises StructureError if one is wrong.
    """
    env = Environment.from_variables(variables)
    workloads = [
        Workload(Tenant(env, name), account)
        for name, stanza in env.tenants.items()
        if stanza.get("deployer")
        for account, details in stanza["accounts"].items()
        if details.get("managed_by") != "customer"  # which has no deployer
    ]
    findings: list[Claim | Fault] = [*_shared_external_ids(env), *_foreign_principals(env)]
    for workload in workloads:
        key = (workload.tenant.name, workload.account)
        if key in documents:
            findings += _findings(workload, documents[key])
        else:
            findings.append(Fault(" ".join(key), "deployer", "the policies are not rendered"))
    text = json.dumps(sorted((*key, texts) for key, texts in documents.items()), sort_keys=True)
    return Case(
        root=f"deployers of {env.name}",
        digest=hashlib.sha256(text.encode()).hexdigest(),
        tenants=tuple(dict.fromkeys(workload.tenant.name for workload in workloads)),
        claims=tuple(finding for finding in findings if isinstance(finding, Claim)),
        faults=tuple(finding for finding in findings if isinstance(finding, Fault)),
        secrets={
            deployer.external_id(workload): f"(the deployer's ExternalId of {workload.tenant.name})"
            for workload in workloads
        },
    )


def _findings(workload: Workload, documents: Documents) -> Iterator[Claim | Fault]:
    subject = f"{workload.tenant.name} {workload.account} deployer"
    env = workload.tenant.environment
    try:
        trust = _parse(documents, "trust", Kind.TRUST)
        yield Claim(subject, "trust", (trust,), deployer.trust(workload))
        permissions = _parse(documents, "permissions", Kind.IDENTITY)
        names, others = _endpoint_names(permissions)
        yield from _endpoint_name_faults(subject, names, workload)
        yield Claim(subject, "permissions", (others,), deployer.permissions(workload))
        for kind, reach in deployer.reach(workload).items():
            yield Claim(subject, f"reach: {kind}", (others,), reach, exact=False)
        # No statement allows reading the records, so the Deny does not change what the permissions allow. It must
        # hold against whatever else is attached to the role, so it is proved by itself.
        yield Claim(subject, "denial", (denied_by(permissions),), deployer.denial(workload))
        boundary = _parse(documents, "boundary", Kind.IDENTITY)
        yield Claim(subject, "boundary", (boundary,), deployer.boundary(workload))
        key = _parse(documents, "key", Kind.RESOURCE)
        key_claim = Claim(subject, "key", (key,), customer.key(workload))
        yield key_claim
        yield from broad_principals(key_claim, env)
    except UnsupportedPolicyError as error:
        yield Fault(subject, "policies", str(error))


def _parse(documents: Documents, name: str, kind: Kind) -> Policy:
    return parse_policy(documents[name], name, kind)


def _endpoint_names(permissions: Policy) -> tuple[list[Statement], Policy]:
    """Separate the statements that test route53:VPCs, which has many values, from the others."""
    names = [
        statement
        for statement in permissions.statements
        if any(condition.key.lower() == "route53:vpcs" for condition in statement.conditions)
    ]
    others = tuple(statement for statement in permissions.statements if statement not in names)
    return names, replace(permissions, statements=others)


def _endpoint_name_faults(
    subject: str, statements: list[Statement], workload: Workload
) -> Iterator[Fault]:
    """Compare the statement literally: it may associate the workload's own VPC and no other.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
    """
    vpc_id = deployer.endpoint_vpc(workload)
    if len(statements) != (1 if vpc_id else 0):
        problem = f"{len(statements)} statements register the names of endpoints"
        yield Fault(subject, "endpoint names", problem)
    vpc = f"VPCId={vpc_id},VPCRegion={workload.region}"
    # A request without the key meets ForAllValues, but not Null.
    expected = {
        ("route53:vpcs", "ForAllValues", "StringEquals", False, (vpc,)),
        ("route53:vpcs", None, "Null", False, ("false",)),
    }
    for statement in statements:
        conditions = {
            (each.key.lower(), each.quantifier, each.operator, each.if_exists, each.values)
            for each in statement.conditions
        }
        if (
            conditions != expected
            or statement.effect != "Allow"
            or statement.not_actions
            or statement.actions != ("route53:AssociateVPCWithHostedZone",)
        ):
            problem = f"statement {statement.sid} registers names for another VPC than {vpc_id}"
            yield Fault(subject, "endpoint names", problem)


def _foreign_principals(env: Environment) -> Iterator[Fault]:
    """Yield a fault unless every deployment principal is one user or role of the operations account."""
    if not env.deployment_principals:
        yield Fault(env.name, "trust", "operations.deployment_principals names nobody")
    for problem in foreign_deployment_principals(env):
        yield Fault(env.name, "trust", problem)


def _shared_external_ids(env: Environment) -> Iterator[Fault]:
    """Yield a fault for each deployer whose ExternalId is missing or has another use."""
    owners = {
        external_id: name for name in env.tenants for external_id in Tenant(env, name).external_ids
    }
    for name, stanza in env.tenants.items():
        if not (role := stanza.get("deployer")):
            continue
        external_id = role.get("external_id")
        if not external_id:
            yield Fault(name, "separation", "the tenant's deployer has no ExternalId")
        elif owner := owners.get(external_id):
            problem = f"the deployer's ExternalId is used by {owner} too"
            yield Fault(name, "separation", problem)
        else:
            owners[external_id] = name
