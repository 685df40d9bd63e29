"""Where a proof's plans come from: the commit, the tfvars, Terraform and its providers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tools.environment.tenant_files import current_sha256
from tools.isolation.certificate import Provenance
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.environment.model import Environment
    from tools.terraform.runner import PlanJson


def provenance_of(
    environment: Environment | None, plans: Iterable[PlanJson], providers: Mapping[str, str]
) -> Provenance:
    """Return the provenance of these plans; ``providers`` are the versions that `terraform init` selected.

    ``environment`` is the one whose variables the plans were made from; None if that is unknown.
    """
    commit = _git("rev-parse", "HEAD")
    return Provenance(
        commit=commit,
        is_modified=bool(_git("status", "--porcelain")) if commit else None,
        tfvars_sha256=current_sha256(environment.tfvars) if environment else None,
        terraform=tuple(sorted({str(plan.get("terraform_version", "unknown")) for plan in plans})),
        providers=dict(sorted(providers.items())),
    )


def _git(*arguments: str) -> str | None:
    """Return what git prints; None without git, or outside a repository, as in an unpacked archive."""
    try:
        process = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return process.stdout.strip() if process.returncode == 0 else None
