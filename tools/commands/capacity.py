"""`make capacity`: show how much of each AWS limit is used, and how many more tenants fit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run, table
from tools.cli.session import open_session
from tools.terraform.parallel import map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.environment.model import Environment

IAM_PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
BEDROCK_PAGE = "https://docs.aws.amazon.com/general/latest/gr/bedrock.html"
LAMBDA_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
LAMBDA_ENVIRONMENT = 4096  # bytes of all variables together (LAMBDA_PAGE)

# Bedrock assigns the id of an application inference profile at apply; it has 12 characters.
UNKNOWN_PROFILE_ID = "application-inference-profile/" + "0" * 12

# Parts of the hand-over that the function does not need.
NOT_SETTINGS = frozenset({"destinations", "perimeter", "regions", "state"})
_POLICIES = {"permissions": "inline policies", "trust": "trust policy"}

DEFAULT_TIMEOUT = 300  # seconds, as in modules/customer-workload


@dataclass(frozen=True)
class Limit:
    """One AWS limit and how much of it is used.

    ``fullest_tenant`` is the tenant nearest to it, if it applies to each tenant by itself.
    ``more_tenants`` is the number that still fits, if all tenants share it.
    """

    name: str
    used: int
    limit: int
    page: str
    fullest_tenant: str | None = None
    more_tenants: int | None = None

    @property
    def share(self) -> float:
        """The share that is used; more than 1 when the limit is exceeded."""
        return self.used / self.limit


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__)
    arguments.add_json("every limit with its use")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print the limits for what the tfvars declare, applied or not; return 1 when one is exceeded."""
    options = parser().parse_args()
    session = open_session(options.env)
    environment = session.environment
    plans = map_in_parallel(session.terraform.plan_json, session.operations_states(), options.jobs)
    limits = find_limits(environment, plans)
    if options.json:
        rows = [{**asdict(limit), "share": round(limit.share, 4)} for limit in limits]
        print_json({"environment": environment.name, "limits": rows})
    else:
        show(environment, limits)
    return int(any(limit.share > 1 for limit in limits))


def show(environment: Environment, limits: list[Limit]) -> None:
    """Print the table, how many more tenants fit, and AWS's pages about the limits."""
    rows = table("limit", "used", "of", "share", "fullest tenant", "more tenants")
    for limit in limits:
        more = "" if limit.more_tenants is None else f"{limit.more_tenants:,}"
        rows.add_row(
            limit.name,
            f"{limit.used:,}",
            f"{limit.limit:,}",
            f"{limit.share:.1%}",
            limit.fullest_tenant or "",
            more,
        )
    out.print(rows)
    more_tenants = min(limit.more_tenants for limit in limits if limit.more_tenants is not None)
    out.print(
        f"\nEnvironment {environment.name} has {len(environment.tenants):,} tenants in account "
        f"{environment.operations_account_id}, and {more_tenants:,} more of the same kind fit.\n"
        f"Limits: {IAM_PAGE}\n        {BEDROCK_PAGE}\n        {LAMBDA_PAGE}"
    )


def find_limits(environment: Environment, plans: Sequence[Mapping[str, Any]]) -> list[Limit]:
    """Return every limit and its use, from the plans of all shards of the operations root."""
    outputs = [
        {name: change["after"] for name, change in plan["output_changes"].items()} for plan in plans
    ]
    capacity = outputs[0]["capacity"]  # every shard counts the roles and profiles of all tenants
    policy_sizes = {
        tenant: sizes
        for output in outputs
        for tenant, sizes in output["capacity"]["policy_sizes"].items()
    }
    settings_sizes = {
        tenant: len("TENANT_BEDROCK") + len(settings_json(environment, tenant, handover))
        for output in outputs
        for tenant, handover in output["handover"].items()
    }
    settings = {"used": max(settings_sizes.values(), default=0), "limit": LAMBDA_ENVIRONMENT}
    roles, profiles = capacity["roles"], capacity["inference_profiles"]
    profiles_name = f"inference profiles in {environment.operations_region}"
    tenants = len(environment.tenants)
    more_roles = max(0, roles["limit"] - roles["used"])

    def policy_limit(policy: str) -> Limit:
        sizes = {tenant: size[policy] for tenant, size in policy_sizes.items()}
        name, limit = f"{_POLICIES[policy]}, characters", capacity["policy_limits"][policy]
        used = max(sizes.values(), default=0)
        return Limit(name, used, limit, page=IAM_PAGE, fullest_tenant=_largest(sizes))

    return [
        Limit("roles in the account", **roles, page=IAM_PAGE, more_tenants=more_roles),
        Limit(profiles_name, **profiles, page=BEDROCK_PAGE, more_tenants=_more(profiles, tenants)),
        policy_limit("trust"),
        policy_limit("permissions"),
        Limit(
            "TENANT_BEDROCK, bytes",
            **settings,
            page=LAMBDA_PAGE,
            fullest_tenant=_largest(settings_sizes),
        ),
    ]


def settings_json(environment: Environment, tenant: str, handover: Mapping[str, Any]) -> bytes:
    """Return the tenant's TENANT_BEDROCK, as modules/customer-workload writes it from the hand-over.

    The ARN of a profile that does not exist yet is replaced by one of the same length.
    """
    arn = (
        f"arn:{environment.partition}:bedrock:{environment.operations_region}:"
        f"{environment.operations_account_id}:{UNKNOWN_PROFILE_ID}"
    )
    stanza = environment.stanzas.get(tenant, {})
    settings = {
        "audit": stanza.get("audit", "best-effort"),
        "content": stanza.get("content", "full"),
        "timeout": stanza.get("workload", {}).get("timeout", DEFAULT_TIMEOUT),
        **{name: value for name, value in handover.items() if name not in NOT_SETTINGS},
        "environment": environment.name,
        "models": {alias: {"model": arn, **model} for alias, model in handover["models"].items()},
        "record_log_group": environment.record_log_group(tenant),
        "tenant": tenant,
    }
    return json.dumps(settings, separators=(",", ":"), sort_keys=True).encode()


def _more(usage: Mapping[str, int], tenants: int) -> int | None:
    """Return how many more tenants fit at the present average use; None when there is no use."""
    if not usage["used"]:
        return None
    return max(0, (usage["limit"] - usage["used"]) * tenants // usage["used"])


def _largest(sizes: Mapping[str, int]) -> str | None:
    return max(sizes, key=sizes.__getitem__, default=None)


if __name__ == "__main__":
    run(main)
