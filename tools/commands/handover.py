"""`make handover`: write what a customer applies who manages its account itself.

It writes a whole Terraform root to build/handover: the module, its call, the hand-over, the zip and the hash of
each file. The hand-over contains the tenant's ExternalId, so the folder goes to this customer only. In a folder that
exists, it replaces what an earlier hand-over wrote and nobody changed, and leaves everything else as it is. If the
operator managed the account before, imports.tf lets the customer's first apply take over what exists. JSON=1
prints the inputs of the module alone, as the content of a terraform.tfvars.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json, progress, run, warn
from tools.cli.session import open_session
from tools.environment.handover_folder import SUMS, relative_path, write_folder
from tools.packaging.build import build
from tools.paths import BUILD, ENVIRONMENTS, MODULES
from tools.proof.saved_plan import sha256_of
from tools.release import release_version
from tools.terraform.customer_root import Release, customer_inputs, customer_root
from tools.terraform.state import customer_state
from tools.terraform.state_content import StateContent
from tools.terraform.toolchain import format_hcl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount

MODULE = MODULES / "customer-workload"


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_account()
    arguments.add_json("the inputs of the module, the content of a terraform.tfvars.json")
    return arguments


def main() -> int:
    """Write the root and say what to do with it."""
    options = parser().parse_args()
    session = open_session(options.env, tenant=options.tenant)
    environment = session.environment
    account = environment.only_account(options.tenant, options.account)
    inputs = customer_inputs(environment, account, session.bucket.handover(options.tenant))
    if options.json:
        print_json(inputs)
        return 0
    package = _package(session, account)
    version = release_version()
    release = Release(version, package.name, sha256_of(package))
    state = session.bucket.state(customer_state(account).key)
    is_self_managed = environment.is_self_managed(account)
    if not is_self_managed:
        warn(
            f"{account.tenant} {account.account_id} is managed by the operator. Before its customer applies this, "
            'write managed_by = "customer" in the account, or both would change the same resources.'
        )
    files = customer_root(
        environment, account, inputs, release, state if is_self_managed else StateContent({})
    )
    files = {
        name: format_hcl(text, progress) if name.endswith(".tf") else text
        for name, text in files.items()
    }
    folder = BUILD / "handover" / environment.name / account.tenant / account.account_id
    write_folder(folder, _contents(files, package))
    out.print(files["main.tf"])
    out.print(f"{relative_path(folder)} holds this root, version {version}:")
    out.print((folder / SUMS).read_text(), end="")
    out.print(
        f"Send the folder to {account.tenant} only, because it contains the ExternalId; its README.md says how "
        "to apply it."
    )
    if "imports.tf" in files:
        out.print(
            "The customer's first apply takes over what the operator's Terraform made. Once it is done, run "
            f"`make forget {environment.options_of(account)}`."
        )
    return 0


def _package(session: Session, account: CustomerAccount) -> Path:
    """Return the zip of the function: the one that the operator's Terraform is told to use, or the built one."""
    path = session.target.terraform_environment().get("TF_VAR_package_path")
    if path is not None:
        return ENVIRONMENTS / "customer" / path  # as Terraform resolves a relative one
    workload = session.environment.stanzas[account.tenant].get("workload", {})
    return build(workload.get("architecture", "arm64"), progress)


def _contents(files: Mapping[str, str], package: Path) -> dict[str, bytes]:
    """Return what the folder holds, by path: the root's files, the module and the zip."""
    sources = [*MODULE.glob("*.tf"), MODULE / "README.md"]
    return {
        **{name: text.encode() for name, text in files.items()},
        **{f"modules/{MODULE.name}/{source.name}": source.read_bytes() for source in sources},
        package.name: package.read_bytes(),
    }


if __name__ == "__main__":
    run(main)
