"""`make handover`: one tenant's hand-over as tfvars, for a customer who applies the module alone."""

from __future__ import annotations

import json
from typing import Any

from tools.cli import arguments
from tools.cli.console import out, progress, run
from tools.cli.workspace import Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.terraform import state as states


def main() -> int:
    """Print the inputs of modules/customer-workload that only the operations account knows."""
    options = arguments.parser(__doc__, tenant="required")
    options.add_argument("--account", help="one of the tenant's accounts, when it has several")
    options.add_argument("--json", action="store_true", help="as terraform.tfvars.json")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    workspace = Workspace()
    account = arguments.only_account(env, chosen.tenant, chosen.account)
    prepare(workspace, env)
    terraform = states.Terraform(workspace, env, progress)
    terraform.init(states.operations())
    handed_over = terraform.handed_over_to(chosen.tenant)
    stanza = env.stanzas[chosen.tenant]
    inputs = {
        "account_id": account.account_id,
        "environment": env.name,
        **{name: handed_over[name] for name in ("guardrail", "models", "quota", "state")},
        **{name: stanza[name] for name in ("audit", "content", "masking") if name in stanza},
        "operations_role": {
            "arn": handed_over["role_arn"],
            "external_id": handed_over["external_id"],
        },
        "tenant": chosen.tenant,
    }
    if chosen.json:
        out.print_json(json.dumps(inputs))
    else:
        out.print(as_tfvars(inputs), markup=False, end="")
    return 0


def as_tfvars(inputs: dict[str, Any]) -> str:
    """``inputs`` as a tfvars file: JSON values are HCL expressions, given `=` for their colons."""
    return "".join(f"{name} = {_expression(value)}\n" for name, value in inputs.items())


def _expression(value: Any, indent: str = "") -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        return json.dumps(value)
    inner = indent + "  "
    lines = (f"{inner}{key} = {_expression(item, inner)}\n" for key, item in value.items())
    return "{\n" + "".join(lines) + indent + "}"


if __name__ == "__main__":
    run(main)
