"""The folder of an environment with tenants' own files, and the files in it that Terraform and the commands refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.environment.hcl import hcl_attributes

if TYPE_CHECKING:
    from pathlib import Path

# Each looks like a tenant's file or like variables, and nothing reads it.
IGNORED_FILES = (
    "tenants/globex.tf",
    "tenants/globex.json",
    "tenants/globex.hcl",
    "tenants/globex.tfvars.bak",
    "tenants/globex.tfvars~",
    "tenants/.globex.tfvars",
    "tenants/README.md",
    "tenants/of-others/globex.tfvars",
    "tenants/Globex.tfvars",
    "tenants/g.tfvars",
    "tenants/globex--1.tfvars",
    "tenants/globex.auto.tfvars",
    "tenant/globex.tfvars",
    "globex.tfvars",
    "terraform.tfvars.json",
)


class EnvironmentFolder:
    """A folder with an empty folder ``tenants``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tenants").mkdir(parents=True)

    def write(self, path: str, content: str | dict[str, Any]) -> Path:
        """Write a text, or the attributes of a stanza, and return the file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else hcl_attributes(content))
        return file
