"""`make capacity`: show how much of each AWS limit is used, and how many more tenants fit.

It counts what is in the operations account, whoever made it, and what the next apply would add, against the
quotas that AWS gives to the account. Of each model it shows the tokens that tenants may use in a day by their quotas,
beside the account's tokens per minute that operations.guard states. OFFLINE=1 needs no AWS: it counts what the stanzas
declare, against the limits that terraform.tfvars states. Exits 1 if a limit is exceeded or if something could not be
counted.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run, table, warn
from tools.cli.session import open_session
from tools.environment.model import load_environment
from tools.live.account_usage import AccountUsage, read_account_usage
from tools.live.declared_tokens import declared_tokens
from tools.packaging.build import build_guard
from tools.terraform.offline_plan import offline_plans
from tools.terraform.parallel import map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tools.environment.model import Environment
    from tools.live.declared_tokens import DeclaredTokens

IAM_PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
BEDROCK_PAGE = "https://docs.aws.amazon.com/general/latest/gr/bedrock.html"
LAMBDA_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
LAMBDA_ENVIRONMENT = 4096  # bytes of all variables together (LAMBDA_PAGE)

# Bedrock assigns the id of an application inference profile at apply; it has 12 characters.
UNKNOWN_PROFILE_ID = "application-inference-profile/" + "0" * 12

# Parts of the hand-over that the function does not need.
NOT_SETTINGS = frozenset({"destinations", "perimeter", "regions", "state"})
# The permissions are counted with the denial that a suspension adds to them.
_POLICIES = {
    "permissions": "inline policies with the denial of a suspension",
    "trust": "trust policy",
}

DEFAULT_TIMEOUT = 300  # seconds, as in modules/customer-workload


@dataclass(frozen=True)
class Limit:
    """One AWS limit and how much of it is used.

    ``used`` is what there will be after the next apply, and ``in_account`` what AWS counts at present; None if AWS
    was not asked or has no count. ``fullest_tenant`` is the tenant nearest to the limit, if it applies to each
    tenant by itself. ``more_tenants`` is the number that still fits, if all tenants share it.
    """

    name: str
    used: int
    limit: int
    page: str
    fullest_tenant: str | None = None
    more_tenants: int | None = None
    in_account: int | None = None

    @property
    def share(self) -> float:
        """The share that is used; more than 1 when the limit is exceeded."""
        return self.used / self.limit


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__)
    arguments.add_argument("--offline", action="store_true", help="count the stanzas, without AWS")
    arguments.add_json("every limit with its use")
    arguments.add_jobs()
    return arguments


def main() -> int:
    """Print the limits and their use; return 1 when one is exceeded or something could not be counted."""
    options = parser().parse_args()
    usage: AccountUsage | None = None
    if options.offline:
        environment = load_environment(options.env)
        if environment.has_guard:
            build_guard()
        plans = offline_plans(environment, options.jobs, progress)
    else:
        session = open_session(options.env)
        environment = session.environment
        plans = map_in_parallel(
            session.terraform.plan_json, session.operations_states(), options.jobs
        )
        usage = read_account_usage(session.target)
    limits = find_limits(environment, plans, usage)
    advice = differing_limits(environment, plans, usage)
    if options.json:
        rows = [{**asdict(limit), "share": round(limit.share, 4)} for limit in limits]
        print_json(
            {
                "environment": environment.name,
                "counted": "stanzas" if usage is None else "account",
                "limits": rows,
                "models": [row.data for row in declared_tokens(environment)],
                "advice": advice,
                "unread": [] if usage is None else list(usage.unread),
            }
        )
    else:
        show(environment, limits, usage)
        show_models(declared_tokens(environment))
        for sentence in (*advice, *(usage.unread if usage else ())):
            warn(sentence)
    return int(any(limit.share > 1 for limit in limits) or bool(usage and usage.unread))


def show(environment: Environment, limits: list[Limit], usage: AccountUsage | None = None) -> None:
    """Print the table, how many more tenants fit, what was counted, and AWS's pages about the limits."""
    rows = table(
        "limit", "in the account", "after an apply", "of", "share", "fullest tenant", "more tenants"
    )
    for limit in limits:
        rows.add_row(
            limit.name,
            _shown(limit.in_account),
            f"{limit.used:,}",
            f"{limit.limit:,}",
            f"{limit.share:.1%}",
            limit.fullest_tenant or "",
            _shown(limit.more_tenants),
        )
    out.print(rows)
    more_tenants = min(limit.more_tenants for limit in limits if limit.more_tenants is not None)
    account = environment.operations_account_id
    counted = (
        f"Only the stanzas were counted, against the limits in terraform.tfvars: AWS was not asked what else is in "
        f"account {account}, nor for its quotas."
        if usage is None
        else f"Counted: all that account {account} has, and what the next apply would add."
    )
    out.print(
        f"\nEnvironment {environment.name} has {len(environment.tenants):,} tenants in account "
        f"{account}, and {more_tenants:,} more of the same kind fit.\n{counted}\n"
        f"Limits: {IAM_PAGE}\n        {BEDROCK_PAGE}\n        {LAMBDA_PAGE}"
    )


def show_models(models: Sequence[DeclaredTokens]) -> None:
    """Print what tenants may use of each model in a day, beside what the account can use."""
    rows = table(
        "model", "tokens a minute", "tokens a day", "declared a day", "share", "without a limit"
    )
    for model in models:
        rows.add_row(
            model.model,
            _shown(model.tokens_per_minute) or "not stated",
            _shown(model.tokens_per_day),
            f"{model.declared_per_day:,}",
            "" if model.share is None else f"{model.share:.1%}",
            f"{len(model.without_limit):,} of {model.tenants:,} tenants",
        )
    out.print()
    out.print(rows)
    if any(model.tokens_per_minute is None for model in models):
        out.print(
            "Write the account's tokens per minute of a model, which Service Quotas shows, in "
            "operations.guard.tokens_per_minute."
        )


def find_limits(
    environment: Environment,
    plans: Sequence[Mapping[str, Any]],
    usage: AccountUsage | None = None,
) -> list[Limit]:
    """Return every limit and its use, from the plans of all shards of the operations root.

    With ``usage``, the account's own numbers are counted, and an AWS quota holds where it is the lower one.
    """
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
    usage = usage or AccountUsage()
    additions = _additions(plans)
    tenants = len(environment.tenants)
    policy_limits = {
        **capacity["policy_limits"],
        "trust": _lower(capacity["policy_limits"]["trust"], usage.trust_policy_limit),
    }

    def policy_limit(policy: str) -> Limit:
        sizes = {tenant: size[policy] for tenant, size in policy_sizes.items()}
        used = max(sizes.values(), default=0)
        return Limit(
            f"{_POLICIES[policy]}, characters",
            used,
            policy_limits[policy],
            page=IAM_PAGE,
            fullest_tenant=_largest(sizes),
        )

    limits = [
        _shared_limit(
            "roles in the account",
            IAM_PAGE,
            declared=capacity["roles"]["used"],
            limit=_lower(capacity["roles"]["limit"], usage.roles_limit),
            in_account=usage.roles,
            additions=additions["aws_iam_role"],
            tenants=tenants,
            each=1,
        ),
        _shared_limit(
            f"inference profiles in {environment.operations_region}",
            BEDROCK_PAGE,
            declared=capacity["inference_profiles"]["used"],
            limit=_lower(capacity["inference_profiles"]["limit"], usage.profiles_limit),
            in_account=usage.profiles,
            additions=additions["aws_bedrock_inference_profile"],
            tenants=tenants,
        ),
        policy_limit("trust"),
        policy_limit("permissions"),
        Limit(
            "TENANT_BEDROCK, bytes",
            used=max(settings_sizes.values(), default=0),
            limit=LAMBDA_ENVIRONMENT,
            page=LAMBDA_PAGE,
            fullest_tenant=_largest(settings_sizes),
        ),
    ]
    if usage.policies is not None and usage.policies_limit is not None:
        # The tenants' roles have none, so they are no limit to tenants.
        policies = Limit(
            "managed policies in the account",
            usage.policies,
            usage.policies_limit,
            page=IAM_PAGE,
            in_account=usage.policies,
        )
        limits.append(policies)
    return limits


def differing_limits(
    environment: Environment, plans: Sequence[Mapping[str, Any]], usage: AccountUsage | None
) -> list[str]:
    """Return a sentence for each limit that terraform.tfvars states otherwise than AWS."""
    if usage is None:
        return []
    capacity = plans[0]["output_changes"]["capacity"]["after"]
    account = environment.operations_account_id
    stated = {
        "roles": (capacity["roles"]["limit"], usage.roles_limit),
        "inference_profiles": (capacity["inference_profiles"]["limit"], usage.profiles_limit),
        "trust_policy": (capacity["policy_limits"]["trust"], usage.trust_policy_limit),
    }
    sentences = []
    for key, (in_tfvars, in_aws) in stated.items():
        if in_aws is None or in_aws == in_tfvars:
            continue
        effect = (
            "a plan accepts what AWS will refuse. Have AWS raise the quota, or write"
            if in_aws < in_tfvars
            else "a plan refuses what AWS would accept. Write"
        )
        sentences.append(
            f"limits.{key} is {in_tfvars:,} in terraform.tfvars, and AWS's quota in account {account} is {in_aws:,}: "
            f"{effect} {key} = {in_aws} in limits."
        )
    return sentences


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


def _shared_limit(
    name: str,
    page: str,
    *,
    declared: int,
    limit: int,
    in_account: int | None,
    additions: int,
    tenants: int,
    each: int | None = None,
) -> Limit:
    """Return a limit that all tenants share.

    ``each`` is what a further tenant needs; None for the average of the present ones, which may be nothing.
    """
    used = declared if in_account is None else in_account + additions
    room = max(0, limit - used)
    if each is not None:
        more: int | None = room // each
    else:
        more = room * tenants // declared if declared else None
    return Limit(name, used, limit, page, more_tenants=more, in_account=in_account)


def _additions(plans: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Return how many more resources of each type there will be; a replacement adds none."""
    additions: Counter[str] = Counter()
    for plan in plans:
        for resource in plan.get("resource_changes", ()):
            actions = resource["change"]["actions"]
            additions[resource["type"]] += ("create" in actions) - ("delete" in actions)
    return additions


def _lower(stated: int, quota: int | None) -> int:
    """Return the limit that holds: AWS refuses above its quota, and a plan above what terraform.tfvars states."""
    return stated if quota is None else min(stated, quota)


def _shown(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _largest(sizes: Mapping[str, int]) -> str | None:
    return max(sizes, key=sizes.__getitem__, default=None)


if __name__ == "__main__":
    run(main)
