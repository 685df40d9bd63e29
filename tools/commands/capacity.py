"""`make capacity`: how full each of AWS's limits is, and how many more tenants fit."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tools.cli import arguments
from tools.cli.console import out, progress, run, table
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.terraform import state as states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.environment.model import Environment

IAM_PAGE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
BEDROCK_PAGE = "https://docs.aws.amazon.com/general/latest/gr/bedrock.html"
LAMBDA_PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
LAMBDA_ENVIRONMENT = 4096  # bytes, all variables together; LAMBDA_PAGE

# The id at the end of an application inference profile's ARN is made by Bedrock at apply; 12 characters.
UNKNOWN_PROFILE_ID = "application-inference-profile/" + "0" * 12


@dataclass(frozen=True)
class Limit:
    """One limit of AWS: what counts against it, and how many more tenants it lets in.

    ``fullest`` is the tenant that is nearest to it, where it holds for each tenant by itself;
    ``more_tenants`` is the number that still fit, where all tenants share it; None where not.
    """

    name: str
    used: int
    limit: int
    page: str
    fullest: str | None = None
    more_tenants: int | None = None

    @property
    def full(self) -> float:
        """The share used; over 1 when it does not fit."""
        return self.used / self.limit


def main() -> int:
    """Print the table of the environment as its tfvars says it, applied or not; 1 when a limit is passed."""
    options = arguments.parser(__doc__)
    options.add_argument("--json", action="store_true", help="for machines")
    chosen = options.parse_args()
    env, workspace = environment.load(chosen.env), Workspace()
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)
    terraform.init(states.operations())
    found = limits(env, terraform.planned(states.operations()))
    if chosen.json:
        every = [{**asdict(limit), "full": round(limit.full, 4)} for limit in found]
        out.print_json(json.dumps({"environment": env.name, "limits": every}))
    else:
        show(env, found)
    return int(any(limit.full > 1 for limit in found))


def show(env: Environment, found: list[Limit]) -> None:
    """The table, then how many more tenants fit and where the limits are written."""
    shown = table("limit", "used", "of", "full", "fullest tenant", "more tenants")
    for limit in found:
        more = "" if limit.more_tenants is None else f"{limit.more_tenants:,}"
        percent = f"{limit.full:.1%}"
        shown.add_row(
            limit.name, f"{limit.used:,}", f"{limit.limit:,}", percent, limit.fullest or "", more
        )
    out.print(shown)
    room = min(limit.more_tenants for limit in found if limit.more_tenants is not None)
    out.print(
        f"\n{env.operations_account_id} has {len(env.tenants):,} tenants of {env.name}, and room for {room:,} more "
        f"such as these.\nLimits: {IAM_PAGE}\n        {BEDROCK_PAGE}\n        {LAMBDA_PAGE}",
        soft_wrap=True,
    )


def limits(env: Environment, planned: Mapping[str, Any]) -> list[Limit]:
    """Every limit, from the operations root's plan of ``env``."""
    outputs = {name: change["after"] for name, change in planned["output_changes"].items()}
    capacity = outputs["capacity"]
    tenants = len(env.tenants)
    roles, profiles = capacity["roles"], capacity["inference_profiles"]
    trust, permissions = capacity["trust_policy"], capacity["permissions_policy"]
    handed_over = {
        tenant: len("TENANT_BEDROCK") + len(settings(env, tenant, handover))
        for tenant, handover in outputs["handover"].items()
    }
    biggest = _fullest(handed_over)
    trusts, granted = _sizes(planned)
    return [
        Limit(
            "roles in the account",
            roles["used"],
            roles["limit"],
            IAM_PAGE,
            more_tenants=max(0, roles["limit"] - roles["used"]),
        ),
        Limit(
            f"inference profiles in {env.operations_region}",
            profiles["used"],
            profiles["limit"],
            BEDROCK_PAGE,
            more_tenants=_more(profiles, tenants),
        ),
        Limit(
            "trust policy, characters",
            trust["used"],
            trust["limit"],
            IAM_PAGE,
            _fullest(trusts),
        ),
        Limit(
            "inline policies, characters",
            permissions["used"],
            permissions["limit"],
            IAM_PAGE,
            _fullest(granted),
        ),
        Limit(
            "TENANT_BEDROCK, bytes",
            handed_over.get(biggest or "", 0),
            LAMBDA_ENVIRONMENT,
            LAMBDA_PAGE,
            biggest,
        ),
    ]


def settings(env: Environment, tenant: str, handover: Mapping[str, Any]) -> bytes:
    """The tenant's TENANT_BEDROCK, as modules/customer-workload writes it from the hand-over.

    The ARN of a profile that is not made yet is one of the right length.
    """
    unknown = (
        f"arn:{env.partition}:bedrock:{env.operations_region}:{env.operations_account_id}:"
        f"{UNKNOWN_PROFILE_ID}"
    )
    models = {alias: {"model": unknown, **model} for alias, model in handover["models"].items()}
    given = {name: value for name, value in handover.items() if name not in {"regions", "state"}}
    ours = {
        **given,
        "environment": env.name,
        "models": models,
        "record_log_group": env.records_of(tenant),
        "tenant": tenant,
    }
    return json.dumps(ours, separators=(",", ":"), sort_keys=True).encode()


def _more(used: Mapping[str, int], tenants: int) -> int | None:
    """How many more tenants fit that use as much as the present ones do on average; None where they use none."""
    if not used["used"]:
        return None
    return max(0, (used["limit"] - used["used"]) * tenants // used["used"])


def _sizes(planned: Mapping[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """The characters of each tenant's trust policy and of its inline policy.

    Terraform writes them without the white space that IAM would not count.
    """
    trusts: Counter[str] = Counter()
    granted: Counter[str] = Counter()
    for resource in planned["resource_changes"]:
        after = resource["change"]["after"]
        if resource["type"] != "aws_iam_role" or after is None:
            continue
        tenant = resource["module_address"].split('"')[1]  # module.operations_role["acme"]
        trusts[tenant] = len(after["assume_role_policy"])
        granted[tenant] = sum(len(inline["policy"]) for inline in after["inline_policy"])
    return trusts, granted


def _fullest(sizes: Mapping[str, int]) -> str | None:
    return max(sizes, key=sizes.__getitem__, default=None)


if __name__ == "__main__":
    run(main)
