"""`make deployer`: print what a customer creates once, so that Terraform may work in its account.

It prints a call of modules/customer-deployer and, for a customer without Terraform, the same role, boundary
and key as a CloudFormation template. JSON=1 prints the template alone. Nothing is printed unless it is proved
that only those who deploy can assume the role, that it manages this tenant's workload alone, touches no key,
endpoint, role, group or function of anybody else, and cannot read the records.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run
from tools.command_error import CommandError
from tools.environment.hcl import hcl_attributes
from tools.environment.model import load_environment
from tools.isolation.certificate import Report
from tools.isolation.deployer_claims import deployer_claims_for
from tools.isolation.prover import prove
from tools.terraform.deployer_role import deployer_roles
from tools.terraform.toolchain import format_hcl

if TYPE_CHECKING:
    from tools.environment.model import CustomerAccount, Environment
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
    environment.refuse_self_managed(account)
    role = deployer_roles(environment, [account], progress)[account]
    refuse_unless_proved(environment, account, role)
    if not options.json:
        out.print(format_hcl(module_call(role), progress))
        out.print("# Or, without Terraform, this CloudFormation template (JSON=1 prints it alone):")
    print_json(json.loads(role.cloudformation_template))
    return 0


def refuse_unless_proved(
    environment: Environment, account: CustomerAccount, role: DeployerRole
) -> None:
    """Raise CommandError with a counterexample when the role's policies do more or less than they should."""
    stanzas = {tenant: {**stanza, "accounts": {}} for tenant, stanza in environment.stanzas.items()}
    accounts = {account.account_id: environment.details_of(account)}
    stanzas[account.tenant] = {**environment.stanzas[account.tenant], "accounts": accounts}
    documents = {(account.tenant, account.account_id): role.documents}
    variables = {
        "environment": environment.name,
        "operations": {
            "account_id": environment.operations_account_id,
            "deployment_principals": list(environment.deployment_principals),
            "region": environment.operations_region,
        },
        "tenants": stanzas,
    }
    proof = prove(deployer_claims_for(variables, documents))
    report = Report(environment.name, "the deployer role", (proof,), (), 0.0, datetime.now(UTC))
    if not report.holds:
        raise CommandError("\n\n".join(["The role is not proved:", *report.problems()]))
    progress(f"Proved: {report.summary()}")


def module_call(role: DeployerRole) -> str:
    """Return the Terraform code that creates the role with modules/customer-deployer."""
    return (
        "# In the customer account, with a copy of modules/customer-deployer beside this file:\n"
        'module "customer_deployer" {\n  source = "./modules/customer-deployer"\n\n'
        f"{hcl_attributes(role.inputs, '  ')}}}\n"
    )


if __name__ == "__main__":
    run(main)
