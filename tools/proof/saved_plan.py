"""A saved plan: the file that `terraform apply` takes, and what must still be the same when it is applied."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.isolation.certificate import PlanFile
from tools.paths import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tools.terraform.runner import PlanJson
    from tools.terraform.state import State


@dataclass(frozen=True)
class SavedPlan:
    """One state's plan file and what `terraform show -json` prints of it."""

    state: State
    file: Path
    content: PlanJson
    sha256: str  # of the file, taken before it was read
    handover_sha256: str | None  # of the tenant's hand-over when the plan was made
    # Of what a customer account or a whole shard was planned with; None if that is not known.
    inputs_sha256: str | None = None
    state_etag: str | None = None  # of the state that the plan was made in, or that its apply wrote
    handovers_sha256: str | None = None  # of what the apply of a whole shard has handed over

    @property
    def is_applyable(self) -> bool:
        """Whether an apply would change a resource or an output."""
        return bool(self.content.get("applyable", True))

    @property
    def summary(self) -> str:
        """The number of changes, in Terraform's words."""
        changes = [item["change"]["actions"] for item in self.content.get("resource_changes", ())]
        count = Counter(action for actions in changes for action in actions)
        if not self.is_applyable:
            return "No changes."
        items = self.content.get("resource_changes", ())
        adopted = sum(bool(item["change"].get("importing")) for item in items)
        imports = f"{adopted} to import, " if adopted else ""
        return (
            f"Plan: {imports}{count['create']} to add, {count['update']} to change, "
            f"{count['delete']} to destroy."
        )

    @property
    def changes(self) -> int:
        """How many objects an apply creates, changes or destroys; a replacement counts as two."""
        items = self.content.get("resource_changes", ())
        actions = (action for item in items for action in item["change"]["actions"])
        return sum(action in ("create", "update", "delete") for action in actions)

    def record(self) -> PlanFile:
        """Return what the certificate says of this plan."""
        return PlanFile(
            state=self.state.key,
            tenant=self.state.tenant,
            changes=self.summary,
            sha256=self.sha256,
            json_sha256=sha256_of_json(self.content),
            zips=dict(self._planned_zips()),
            handover_sha256=self.handover_sha256,
            inputs_sha256=self.inputs_sha256,
            state_etag=self.state_etag,
        )

    def check(self, file: Path) -> None:
        """Check that ``file`` and the functions' zips are what was planned.

        Raises CommandError if one of them has changed since.
        """
        if sha256_of(file) != self.sha256:
            raise CommandError(
                f"The plan of {self.state.label} has changed since it was proved, so it was not applied. "
                "Make and prove a new one."
            )
        for path, digest in self._planned_zips():
            zip_file = ENVIRONMENTS / self.state.root / path
            if not zip_file.is_file() or sha256_of(zip_file) != digest:
                raise CommandError(
                    f"{zip_file.name} is not the zip that the plan of {self.state.label} was made with, so "
                    "nothing was applied. Run `make package`, or make and prove a new plan."
                )

    def _planned_zips(self) -> Iterator[tuple[str, str]]:
        """Yield the path and the SHA-256 of each zip that the apply uploads to Lambda."""
        for item in self.content.get("resource_changes", ()):
            change = item["change"]
            if item["type"] == "aws_lambda_function" and {"create", "update"} & {
                *change["actions"]
            }:
                yield change["after"].get("filename") or "", _planned_hash(change["after"])


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sha256_of_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the SHA-256 of a value as JSON with sorted keys and without spaces."""
    canonical_json = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical_json.encode()).hexdigest()


def _planned_hash(function: Mapping[str, Any]) -> str:
    """Return the function's source_code_hash, which is in base64, as hexadecimal digits.

    https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/lambda_function#source_code_hash
    """
    return base64.b64decode(function.get("source_code_hash") or "").hex()
