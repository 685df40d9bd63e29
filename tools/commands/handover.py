"""`make handover`: print one tenant's hand-over, for a customer who applies the module alone."""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, run
from tools.cli.session import open_session
from tools.environment.hcl import hcl_attributes


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_account()
    arguments.add_json("the content of a terraform.tfvars.json")
    return arguments


def main() -> int:
    """Print the inputs of modules/customer-workload that only the operations account knows."""
    options = parser().parse_args()
    session = open_session(options.env)
    environment = session.environment
    account = environment.only_account(options.tenant, options.account)
    handover = session.bucket.handover(options.tenant)
    stanza = environment.stanzas[options.tenant]
    inputs = {
        "account_id": account.account_id,
        "environment": environment.name,
        **{name: handover[name] for name in ("guardrail", "models", "quota", "state")},
        **{name: stanza[name] for name in ("audit", "content", "masking") if name in stanza},
        "operations_role": {
            "arn": handover["role_arn"],
            "external_id": handover["external_id"],
        },
        "tenant": options.tenant,
    }
    if options.json:
        print_json(inputs)
    else:
        out.print(hcl_attributes(inputs), end="")
    return 0


if __name__ == "__main__":
    run(main)
