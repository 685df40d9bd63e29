"""Find what two environments share without saying so: ExternalIds, accounts, roles, principals, networks, buckets.

The stanzas say everything that is compared, so this needs no plan and no account. An environment is reduced to
its identities as it is read, and these are compared by one table: the time is linear in the number of tenants.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.isolation.claims import (
    all_external_ids,
    named_external_ids,
    stanza_faults,
    without_secrets,
)
from tools.isolation.operations_specification import Environment, Tenant
from tools.isolation.plan_fault import Fault
from tools.isolation.principals import CALLERS, WORKLOAD_ROLES, networks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KEY = "shared_between_environments"

EXTERNAL_ID = "ExternalId"
ACCOUNT = "account"
ROLE = "role"
PRINCIPAL = "principal"
NETWORK = "network"
BUCKET = "state bucket"
KINDS = (EXTERNAL_ID, ACCOUNT, ROLE, PRINCIPAL, NETWORK, BUCKET)
# Nothing makes it right to share these: an ExternalId tells the environments' callers apart, and two
# environments in one bucket would write the same states.
NEVER_SHARED = frozenset({EXTERNAL_ID, BUCKET})
TOPICS = {kind: f"shared {kind}" for kind in KINDS}

# What is compared: a role and a principal are both ARNs, so a reader that is another environment's role is found.
_Key = tuple[str, str]
_SPACES = {EXTERNAL_ID: EXTERNAL_ID, ACCOUNT: ACCOUNT, NETWORK: NETWORK, BUCKET: BUCKET}


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an identity in an environment: as what it is used, and how often the environment uses it so."""

    kind: str
    text: str  # the identity as the stanza writes it; empty for an ExternalId
    user: str


@dataclass
class Identities:
    """What one environment uses, and the faults of its own stanzas."""

    environment: str
    tenants: int
    said: frozenset[str]  # what it says that it shares
    uses: dict[_Key, Use] = field(default_factory=dict)  # the first use of each identity
    faults: tuple[Fault, ...] = ()

    def counts(self) -> Counter[str]:
        """Return the number of different identities of each kind."""
        return Counter(use.kind for use in self.uses.values())


def identities_of(variables: Mapping[str, Any], state_bucket: str) -> Identities:
    """Return the identities of an environment, from its variables as terraform.tfvars has them.

    Raises StructureError if the variables do not describe an environment.
    """
    env = Environment.from_variables(variables)
    said = frozenset(map(str.lower, variables.get(KEY) or ()))
    secrets = named_external_ids(env)
    faults = tuple(without_secrets(fault, secrets) for fault in stanza_faults(env))
    identities = Identities(env.name, len(env.tenants), said, faults=faults)
    for kind, text, user in _uses(env, variables["operations"], state_bucket):
        # Names of roles and users differ in more than case:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
        key = (kind, text) if kind in _SPACES else ("ARN", text.lower())
        shown = "" if kind == EXTERNAL_ID else text
        identities.uses.setdefault(key, Use(kind, shown, user))
    return identities


def environment_faults(environments: Iterable[Identities]) -> Iterator[Fault]:
    """Yield a fault for each identity that two environments use and that not all of them say they share."""
    users: defaultdict[_Key, list[Identities]] = defaultdict(list)
    for identities in environments:
        for key in identities.uses:
            users[key].append(identities)
    for key, sharing in users.items():
        if len(sharing) > 1:
            yield from _fault(key, sharing)


def _fault(key: _Key, sharing: list[Identities]) -> Iterator[Fault]:
    uses = {each.environment: each.uses[key] for each in sharing}
    kinds = [use.kind for use in uses.values()]
    kind = PRINCIPAL if PRINCIPAL in kinds else kinds[0]
    first = next(iter(uses.values()))
    silent = [each.environment for each in sharing if key[1].lower() not in each.said]
    if kind not in NEVER_SHARED and not silent:
        return
    label = "one ExternalId" if kind == EXTERNAL_ID else f"{_NOUNS[kind]}{first.text}"
    places = " and ".join(f"{use.user} in {name}" for name, use in uses.items())
    advice = (
        _ADVICE[kind]
        if kind in NEVER_SHARED
        else f"use another, or list it in {KEY} of {' and '.join(silent)}"
    )
    yield Fault(" and ".join(uses), TOPICS[kind], f"{label} is {places}; {advice}")


_NOUNS = {ACCOUNT: "account ", ROLE: "", PRINCIPAL: "", NETWORK: "", BUCKET: "the bucket "}
_ADVICE = {
    EXTERNAL_ID: "mint another with `openssl rand -hex 16`, or replace a role's with `make rotate`",
    BUCKET: "give each environment a bucket of its own in its backend.hcl",
}


def _uses(
    env: Environment, operations: Mapping[str, Any], state_bucket: str
) -> Iterator[tuple[str, str, str]]:
    """Yield the kind of each identity, the identity, and what uses it."""
    yield BUCKET, state_bucket, "the state bucket"
    yield ACCOUNT, env.account, "the operations account"
    for arn in env.deployment_principals:
        yield PRINCIPAL, arn, "a deployment principal"
    for arn in operations.get("administrators") or ():
        yield PRINCIPAL, arn, "an administrator"
    for name in env.tenants:
        yield from _tenant_uses(Tenant(env, name))


def _tenant_uses(tenant: Tenant) -> Iterator[tuple[str, str, str]]:
    env, name, stanza = tenant.environment, tenant.name, tenant.stanza
    for external_id in all_external_ids(tenant):
        is_roles = external_id in tenant.external_ids
        user = f"that of {name}'s {'role' if is_roles else 'deployer'}"
        yield EXTERNAL_ID, external_id, user
    yield ROLE, tenant.role_arn, f"the role of {name}"
    for account in stanza.get("trusted_accounts") or ():
        yield ACCOUNT, account, f"an account that {name} trusts"
    for account, details in stanza["accounts"].items():
        yield ACCOUNT, account, f"an account of {name}"
        for suffix in WORKLOAD_ROLES:
            arn = env.role_arn(account, f"{tenant.base_name}-{suffix}")
            yield ROLE, arn, f"the {suffix} role of {name}"
        if details.get("managed_by") != "customer":
            yield ROLE, env.role_arn(account, env.deployer_role), f"the deployer of {name}"
        for key in CALLERS:
            for arn in details.get(key) or ():
                article = "an" if key.startswith("un") else "a"
                yield PRINCIPAL, arn, f"{article} {key.removesuffix('s')} of {name}"
    for _, network in networks_of(stanza):
        yield NETWORK, network, f"a network of {name}"
