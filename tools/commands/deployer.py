"""`make deployer`: print what a customer creates once, so that Terraform may work in its account.

It prints a call of modules/customer-deployer and, for a customer without Terraform, the same role as a
CloudFormation template. JSON=1 prints the template alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, progress, run
from tools.environment.hcl import hcl_attributes
from tools.environment.model import load_environment
from tools.terraform.deployer_role import deployer_roles

if TYPE_CHECKING:
    from tools.terraform.deployer_role import DeployerRole


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_account()
    arguments.add_json("the CloudFormation template alone")
    return arguments


def main() -> int:
    """Print the module call and the template."""
    options = parser().parse_args()
    environment = load_environment(options.env)
    account = environment.only_account(options.tenant, options.account)
    role = deployer_roles(environment, [account], progress)[account]
    template = json.dumps(role.cloudformation_template, indent=2)
    if not options.json:
        out.print(module_call(role), markup=False)
        out.print("# Or, without Terraform, this CloudFormation template (JSON=1 prints it alone):")
    out.print(template, markup=False)
    return 0


def module_call(role: DeployerRole) -> str:
    """Return the Terraform code that creates the role with modules/customer-deployer."""
    return (
        "# In the customer account, with a copy of modules/customer-deployer beside this file:\n"
        'module "customer_deployer" {\n  source = "./modules/customer-deployer"\n\n'
        f"{hcl_attributes(role.inputs, '  ')}}}\n"
    )


if __name__ == "__main__":
    run(main)
