"""Reads a state as Terraform stores it, which needs neither a terraform process nor a provider.

It is what `terraform state pull` prints: https://developer.hashicorp.com/terraform/cli/commands/state/pull.
Terraform has written version 4 of the format since 0.12, and any other version is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION = 4


@dataclass(frozen=True)
class Instance:
    """One instance of a resource or a data source."""

    address: str
    mode: str  # managed or data
    type: str
    provider: str  # its source address
    values: Mapping[str, Any]
    is_tainted: bool


@dataclass(frozen=True)
class StateContent:
    """A state's content; it holds ExternalIds."""

    json: Mapping[str, Any]

    @classmethod
    def parse(cls, text: bytes) -> StateContent:
        """Read a state; CommandError for a version that is not known here."""
        content = json.loads(text)
        if content.get("version") != VERSION:
            raise CommandError(
                f"The state has version {content.get('version')} of Terraform's format, and this project reads "
                f"version {VERSION}; use the project's version that goes with that Terraform."
            )
        return cls(content)

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs by name."""
        outputs = self.json.get("outputs") or {}
        return {name: output["value"] for name, output in outputs.items()}

    def instances(self) -> Iterator[Instance]:
        """Yield every instance; an object that waits to be destroyed (`deposed`) is none."""
        for resource in self.json.get("resources") or ():
            module = f"{resource['module']}." if resource.get("module") else ""
            data = "data." if resource["mode"] == "data" else ""
            for instance in resource.get("instances") or ():
                if "deposed" in instance:
                    continue
                key = instance.get("index_key")
                index = "" if key is None else f"[{json.dumps(key)}]"
                yield Instance(
                    address=f"{module}{data}{resource['type']}.{resource['name']}{index}",
                    mode=resource["mode"],
                    type=resource["type"],
                    provider=resource["provider"].partition('["')[2].partition('"]')[0],
                    values=instance.get("attributes") or {},
                    is_tainted=instance.get("status") == "tainted",
                )

    def addresses(self) -> list[str]:
        """Return the addresses of the managed resources."""
        return [instance.address for instance in self.instances() if instance.mode == "managed"]

    def prior_state(self) -> dict[str, Any]:
        """Return what exists in the form that a plan's JSON has under `prior_state`, all in the root module."""
        resources = [
            {
                "address": instance.address,
                "mode": instance.mode,
                "type": instance.type,
                "provider_name": instance.provider,
                "values": instance.values,
            }
            for instance in self.instances()
        ]
        return {"values": {"root_module": {"resources": resources}}}
