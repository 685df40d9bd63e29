"""Plan an environment's variables alone, so that Terraform checks the rules of its stanzas."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.paths import ENVIRONMENTS
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.environment.model import CustomerAccount, Environment


class StanzaRefusedError(Exception):
    """Terraform refuses the stanzas; the text is its error, on one line."""


def plan_stanzas(
    environment: Environment, account: CustomerAccount, readers: Iterable[str]
) -> None:
    """Plan the environment with these readers of one account. Raises StanzaRefusedError."""
    variables = copy.deepcopy({**environment.variables, "tenants": environment.stanzas})
    stanza = variables["tenants"][account.tenant]
    stanza["accounts"][account.account_id]["readers"] = list(readers)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ENVIRONMENTS.glob("variables*.tf"):
            shutil.copy(file, folder)
        (folder / "stanzas.tfvars.json").write_text(json.dumps(variables))
        arguments = ["plan", "-var-file=stanzas.tfvars.json"]
        try:
            ensure_toolchain(lambda _: None).run(folder, *arguments, environment={})
        except CommandError as error:
            raise StanzaRefusedError(" ".join(str(error).replace("│", " ").split())) from None
