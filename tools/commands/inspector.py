"""`make inspector`: print the role that a customer creates once, so that STATE=1 can read its account.

It prints a CloudFormation template. The role reads how the workload is set up: its function's configuration,
roles, log groups and key. It reads no record and no code, and changes nothing.
"""

from __future__ import annotations

from tools.cli.arguments import Arguments
from tools.cli.console import print_json, run
from tools.environment.inspector_role import inspector_template
from tools.environment.model import load_tenant


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_account()
    return arguments


def main() -> int:
    """Print the template."""
    options = parser().parse_args()
    environment = load_tenant(options.env, options.tenant)
    account = environment.only_account(options.tenant, options.account)
    environment.refuse_self_managed(account)
    print_json(inspector_template(environment, account))
    return 0


if __name__ == "__main__":
    run(main)
