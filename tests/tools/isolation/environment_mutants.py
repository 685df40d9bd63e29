"""Mutants of the stanzas of two environments: each lets them share one thing that they did not share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "shared_between_environments"
AUDITOR = "arn:aws:iam::333333333333:role/auditor"
# Of the second environment; the first has 111111111111 and 222222222222.
OPERATIONS, CUSTOMER = "666666666666", "777777777777"


def vpc(account: str) -> dict[str, Any]:
    """The only VPC of an account."""
    return {"id": f"vpc-0{account[:3]}", "security_group_ids": [], "subnet_ids": []}


def variables(name: str, operations: str, customer: str) -> dict[str, Any]:
    """The variables of an environment with one tenant, in which every identity is its own."""
    return {
        "environment": name,
        "operations": {
            "account_id": operations,
            "administrators": [f"arn:aws:iam::{operations}:role/administrator"],
            "deployment_principals": [f"arn:aws:iam::{operations}:role/deployment"],
            "region": "eu-central-1",
        },
        "tenants": {
            "acme": {
                "accounts": {
                    customer: {
                        "readers": [f"arn:aws:iam::{customer}:role/auditor"],
                        "unmaskers": [f"arn:aws:iam::{customer}:user/chief"],
                        "vpc": vpc(customer),
                    }
                },
                "deployer": {"external_id": f"deployer-in-{name}"},
                "external_ids": {
                    "current": f"current-in-{name}",
                    "previous": f"previous-in-{name}",
                },
                "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
                "perimeter": {"vpc_endpoints": [f"vpce-0{customer[:3]}"]},
            }
        },
    }


class Pair:
    """Two environments and the buckets of their states."""

    def __init__(self) -> None:
        self.first = variables("dev", "111111111111", "222222222222")
        self.second = variables("prod", OPERATIONS, CUSTOMER)
        self.buckets = {"dev": "state-of-dev", "prod": "state-of-prod"}

    @property
    def mine(self) -> dict[str, Any]:
        """The first environment's tenant."""
        tenant: dict[str, Any] = self.first["tenants"]["acme"]
        return tenant

    @property
    def theirs(self) -> dict[str, Any]:
        """The second environment's tenant."""
        tenant: dict[str, Any] = self.second["tenants"]["acme"]
        return tenant

    def account(self) -> dict[str, Any]:
        """What the first environment says of its tenant's account."""
        (details,) = self.mine["accounts"].values()
        found: dict[str, Any] = details
        return found

    def share_account(self, *also: str) -> None:
        """Move the first tenant into the second one's account, which both environments say."""
        self.mine["accounts"] = {CUSTOMER: {}}
        self.say(CUSTOMER, *also)

    def trust(self, account: str) -> None:
        """Let both tenants trust an account, which both environments say."""
        self.mine["trusted_accounts"] = self.theirs["trusted_accounts"] = [account]
        self.say(account)

    def say(self, *texts: str) -> None:
        """List what is shared, in both environments."""
        self.first[KEY] = self.second[KEY] = [*texts]


@dataclass(frozen=True)
class EnvironmentMutant:
    """A change of the two environments, the topic of the only fault, and a part of its sentence."""

    change: Callable[[Pair], object]
    topic: str
    sentence: str


def set_external_id(stanza: dict[str, Any], name: str, text: str) -> None:
    """Give a tenant's role another ExternalId."""
    stanza["external_ids"][name] = text


def list_external_id(pair: Pair) -> None:
    """Share an ExternalId, and list it."""
    set_external_id(pair.mine, "current", "current-in-prod")
    pair.say("current-in-prod")


def share_operations_account(pair: Pair) -> None:
    """Give both environments one operations account, with principals of their own."""
    operations = pair.first["operations"]
    operations["account_id"] = OPERATIONS
    operations["administrators"] = [f"arn:aws:iam::{OPERATIONS}:role/other-administrator"]
    operations["deployment_principals"] = [f"arn:aws:iam::{OPERATIONS}:role/other-deployment"]


def share_customer_account(pair: Pair) -> None:
    """Give both tenants one account, with deployers of their own."""
    pair.share_account()
    pair.first["deployer_role_name"] = "deployer-of-dev"
    pair.say()


def use_operations_account(pair: Pair) -> None:
    """Make the second environment's operations account a customer account of the first."""
    pair.mine["accounts"] = {OPERATIONS: {}}


def say_in_one(pair: Pair) -> None:
    """List a shared account in one environment only."""
    share_customer_account(pair)
    pair.first[KEY] = [CUSTOMER]


def share_principal(kind: str) -> Callable[[Pair], None]:
    """Name one principal of the shared operations account in both environments."""

    def change(pair: Pair) -> None:
        share_operations_account(pair)
        pair.first["operations"][kind] = pair.second["operations"][kind]
        pair.say(OPERATIONS)

    return change


def share_reader(pair: Pair) -> None:
    """Let one auditor of an account that both trust read the records of both environments."""
    pair.trust("333333333333")
    for stanza in (pair.mine, pair.theirs):
        for details in stanza["accounts"].values():
            details["readers"] = [AUDITOR]


def share_reader_in_other_letters(pair: Pair) -> None:
    """Name the same auditor in other letters."""
    share_reader(pair)
    pair.account()["readers"] = [AUDITOR.replace("auditor", "Auditor")]


def unmask_by_another_workload(pair: Pair) -> None:
    """Let the second environment's execution role unmask records of the first."""
    pair.mine["trusted_accounts"] = [CUSTOMER]
    pair.account()["unmaskers"] = [f"arn:aws:iam::{CUSTOMER}:role/bedrock-prod-acme-execution"]
    pair.say(CUSTOMER)


def trust_one_account(pair: Pair) -> None:
    """Let both tenants trust an account, which neither environment lists."""
    pair.trust("333333333333")
    pair.say()


def share_vpc(pair: Pair) -> None:
    """Put both workloads into one VPC of a shared account."""
    pair.share_account()
    pair.first["deployer_role_name"] = "deployer-of-dev"
    pair.account()["vpc"] = vpc(CUSTOMER)


ENVIRONMENT_MUTANTS = {
    "two environments have one ExternalId": EnvironmentMutant(
        lambda pair: set_external_id(pair.mine, "current", "current-in-prod"),
        "shared ExternalId",
        "one ExternalId is that of acme's role in dev and that of acme's role in prod",
    ),
    "a previous ExternalId is used in another environment": EnvironmentMutant(
        lambda pair: set_external_id(pair.mine, "current", "previous-in-prod"),
        "shared ExternalId",
        "one ExternalId is",
    ),
    "a deployer's ExternalId is a tenant's in another environment": EnvironmentMutant(
        lambda pair: set_external_id(pair.mine, "previous", "deployer-in-prod"),
        "shared ExternalId",
        "that of acme's role in dev and that of acme's deployer in prod",
    ),
    "an ExternalId is listed as shared": EnvironmentMutant(
        list_external_id, "shared ExternalId", "mint another"
    ),
    "two environments have one operations account": EnvironmentMutant(
        share_operations_account,
        "shared account",
        f"account {OPERATIONS} is the operations account in dev and the operations account in prod",
    ),
    "a customer account is in two environments": EnvironmentMutant(
        share_customer_account,
        "shared account",
        f"account {CUSTOMER} is an account of acme in dev and an account of acme in prod; use another, or list it "
        "in shared_between_environments of dev and prod",
    ),
    "a customer account is another environment's operations account": EnvironmentMutant(
        use_operations_account,
        "shared account",
        f"account {OPERATIONS} is an account of acme in dev and the operations account in prod",
    ),
    "a trusted account is another environment's customer account": EnvironmentMutant(
        lambda pair: pair.mine.update(trusted_accounts=[CUSTOMER]),
        "shared account",
        f"account {CUSTOMER} is an account that acme trusts in dev and an account of acme in prod",
    ),
    "two environments trust one account": EnvironmentMutant(
        trust_one_account,
        "shared account",
        "account 333333333333 is an account that acme trusts in dev and",
    ),
    "one of two environments lists what they share": EnvironmentMutant(
        say_in_one, "shared account", "list it in shared_between_environments of prod"
    ),
    "one role deploys to an account for two environments": EnvironmentMutant(
        lambda pair: pair.share_account(),
        "shared role",
        f"arn:aws:iam::{CUSTOMER}:role/terraform-deployer is the deployer of acme in dev and",
    ),
    "a reader is a reader in another environment": EnvironmentMutant(
        share_reader,
        "shared principal",
        f"{AUDITOR} is a reader of acme in dev and a reader of acme",
    ),
    "an unmasker is another environment's execution role": EnvironmentMutant(
        unmask_by_another_workload,
        "shared principal",
        "is an unmasker of acme in dev and the execution role of acme in prod",
    ),
    "a role is written in other letters": EnvironmentMutant(
        share_reader_in_other_letters, "shared principal", "a reader of acme in dev and a reader"
    ),
    "a deployment principal deploys in two environments": EnvironmentMutant(
        share_principal("deployment_principals"),
        "shared principal",
        "a deployment principal in dev",
    ),
    "an administrator is one in two environments": EnvironmentMutant(
        share_principal("administrators"), "shared principal", "an administrator in dev and"
    ),
    "two environments have one VPC": EnvironmentMutant(
        share_vpc, "shared network", f"vpc-0{CUSTOMER[:3]} is a network of acme in dev and"
    ),
    "two environments have one VPC endpoint in their perimeters": EnvironmentMutant(
        lambda pair: pair.mine.update(perimeter={"vpc_endpoints": [f"vpce-0{CUSTOMER[:3]}"]}),
        "shared network",
        f"vpce-0{CUSTOMER[:3]} is a network of acme in dev and a network of acme in prod",
    ),
    "two environments have one state bucket": EnvironmentMutant(
        lambda pair: pair.buckets.update(dev="state-of-prod"),
        "shared state bucket",
        "the bucket state-of-prod is the state bucket in dev and the state bucket in prod",
    ),
}
