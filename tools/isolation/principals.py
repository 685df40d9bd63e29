"""Find whom a stanza names: nobody of another tenant, and of no other account unless it says so.

A trust policy may be exactly what its stanza says and still let the wrong party in, because the stanza
names it. So this looks at every text of a stanza that names an account, and does not ask which key it
belongs to: a key that is added later is covered as well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.isolation.plan_fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.isolation.operations_specification import Environment, Stanza, Tenant

TOPIC = "principals"
# The keys of an account that name users and roles.
CALLERS = ("readers", "unmaskers")
# The roles of a workload, and the inspector, which the operations account assumes.
WORKLOAD_ROLES = ("execution", "inspector", "reader", "unmasker")

_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])")
# The ARN of one user or role; a wildcard would name several.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
_CALLER = re.compile(
    r"arn:(?P<partition>[a-z-]+):iam::(?P<account>[0-9]{12}):(role|user)/[\w+=,.@/-]+",
    re.ASCII,
)


@dataclass(frozen=True)
class Owners:
    """To whom each account, role and network of an environment belongs."""

    accounts: Mapping[str, frozenset[str]]  # the tenants of each customer account
    roles: Mapping[str, str]  # the owner of each role of a workload, by its name in lower case
    networks: Mapping[str, frozenset[tuple[str, str]]]  # tenant and account, or "" for a perimeter

    @classmethod
    def of(cls, env: Environment) -> Owners:
        """Read the stanzas of an environment, in time that is linear in their number."""
        accounts: defaultdict[str, set[str]] = defaultdict(set)
        networks: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        roles = {env.deployer_role.lower(): "the operations account, which assumes it to deploy"}
        for name, stanza in env.tenants.items():
            for suffix in WORKLOAD_ROLES:
                roles[f"bedrock-{env.name}-{name}-{suffix}".lower()] = f"the workload of {name}"
            for account in stanza["accounts"]:
                accounts[account].add(name)
            for account, network in networks_of(stanza):
                networks[network].add((name, account))
        return cls(
            accounts={account: frozenset(names) for account, names in accounts.items()},
            roles=roles,
            networks={network: frozenset(users) for network, users in networks.items()},
        )


def principal_faults(tenants: Iterable[Tenant], owners: Owners | None = None) -> Iterator[Fault]:
    """Yield a fault for each party that a stanza of one environment must not name.

    ``owners`` are those of all stanzas, where the environment of the tenants has only some.
    """
    for tenant in tenants:
        owners = owners or Owners.of(tenant.environment)
        problems = (
            *_trusted_account_problems(tenant, owners),
            *_text_problems(tenant, owners),
            *_caller_problems(tenant, owners),
            *_network_problems(tenant, owners),
        )
        for problem in dict.fromkeys(problems):
            yield Fault(tenant.name, TOPIC, problem)


def foreign_deployment_principals(env: Environment) -> Iterator[str]:
    """Yield a problem for each deployment principal that is not one user or role of the operations account."""
    for arn in env.deployment_principals:
        if not _CALLER.fullmatch(arn) or arn.split(":")[4] != env.account:
            yield f"{arn} is not one user or role of the operations account {env.account}"


def _trusted_account_problems(tenant: Tenant, owners: Owners) -> Iterator[str]:
    """An account that the stanza trusts expressly is neither another tenant's nor the operator's."""
    for account in tenant.stanza.get("trusted_accounts") or ():
        label = f"trusted_accounts lists {account}"
        if not re.fullmatch("[0-9]{12}", account):
            yield f"{label}, which is not an account id of 12 digits"
        elif account == tenant.environment.account:
            yield f"{label}, which is the operations account"
        elif others := owners.accounts.get(account, frozenset()) - {tenant.name}:
            yield f"{label}, which belongs to {' and '.join(sorted(others))}"


def _text_problems(tenant: Tenant, owners: Owners) -> Iterator[str]:
    """Every account that a text of the stanza names is the tenant's own or one that it trusts."""
    env = tenant.environment
    allowed = {*tenant.stanza["accounts"], *(tenant.stanza.get("trusted_accounts") or ())}
    for path, text in _texts(tenant.stanza, ""):
        if path.startswith(".trusted_accounts") or "external_id" in path:
            continue
        # Bedrock applies a guardrail of the account that is called, which is the operations account.
        is_guardrail = path in {".guardrail.arn", ".guardrail.previous.arn"}
        of_path = {env.account} if is_guardrail else allowed
        for account in _ACCOUNT.findall(text):
            if account in of_path:
                continue
            others = sorted(owners.accounts.get(account, frozenset()) - {tenant.name})
            owner = f"an account of {' and '.join(others)}" if others else "not one of its accounts"
            yield f"{path.lstrip('.')} names {text}, in {account}, {owner}"
        if text.startswith("arn:") and text.split(":")[1] != env.partition:
            yield f"{path.lstrip('.')} names {text}, which is in another partition"


def _caller_problems(tenant: Tenant, owners: Owners) -> Iterator[str]:
    """A reader or an unmasker is one user or role, and none that somebody else can act as."""
    for account, stanza in tenant.stanza["accounts"].items():
        for key in CALLERS:
            for arn in stanza.get(key) or ():
                label = f"accounts.{account}.{key} names {arn}"
                if not _CALLER.fullmatch(arn):
                    yield f"{label}, which is not the ARN of one user or role"
                elif ":role/" in arn and (owner := owners.roles.get(_name(arn))):
                    yield f"{label}, a role of {owner}"


def _network_problems(tenant: Tenant, owners: Owners) -> Iterator[str]:
    """No VPC, subnet, security group or endpoint is named by tenants who share no account."""
    sharers = {name for id_ in tenant.stanza["accounts"] for name in owners.accounts[id_]}
    for account, network in networks_of(tenant.stanza):
        for other, other_account in sorted(owners.networks[network]):
            if other != tenant.name and (account != other_account or other not in sharers):
                yield f"{network} is named in the stanza of {other} too"


def networks_of(stanza: Stanza) -> Iterator[tuple[str, str]]:
    """Yield the id of each network resource with its account, which is unknown for an endpoint."""
    for account, of_account in stanza["accounts"].items():
        vpc = of_account.get("vpc") or {}
        ids = [
            vpc.get("id"),
            *(vpc.get("subnet_ids") or ()),
            *(vpc.get("security_group_ids") or ()),
        ]
        yield from ((account, network) for network in ids if network)
    perimeter = stanza.get("perimeter") or {}
    yield from (("", endpoint) for endpoint in perimeter.get("vpc_endpoints") or ())


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any HCL value
    """Yield every text of a stanza with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}")
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _texts(item, path)


def _name(arn: str) -> str:
    """Return the name of a role without its path; role names differ in more than case."""
    return arn.rpartition("/")[2].lower()
