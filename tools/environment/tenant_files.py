"""The files of an environment that have stanzas: terraform.tfvars, and one for each tenant that has its own.

A tenant's own file is tenants/<name>.tfvars, which has the attributes of the stanza, or tenants/<name>.tfvars.json,
which is one JSON object. environments/tenant-files.tf reads and refuses the same files.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError
from tools.environment.edits import read_text, replace_file
from tools.environment.hcl import decode_hcl, read_hcl_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

TFVARS = "terraform.tfvars"
TENANTS = "tenants"  # the folder of the tenants' own files
SUFFIXES = (".tfvars", ".tfvars.json")

# As in environments/variables-patterns.tf.
_NAME = "[a-z0-9](?:-?[a-z0-9])+"
_OWN_FILE = re.compile(rf"{TENANTS}/({_NAME})\.tfvars(?:\.json)?")
_IGNORED_FILE = re.compile(rf"^{TENANTS}(?:$|/[^.])|\.tfvars(?:\.json)?$")


@dataclass
class StanzaFile:
    """A file that has stanzas, as it is read before an edit. ``owner`` is the only tenant of a tenant's own file.

    Raises CommandError, as `write` does, when the file is not valid.
    """

    path: Path
    owner: str | None = None
    _text: str = field(init=False)
    _values: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Read the file."""
        self._text = read_text(self.path)
        self._values = _json_stanza(self.path) if self._is_json else decode_hcl(self._text.encode())

    @property
    def _is_json(self) -> bool:
        return self.path.suffix == ".json"

    def stanza(self, tenant: str) -> dict[str, Any] | None:
        """Return a tenant's stanza, which an edit changes together with the text; None if the file has none."""
        if self.owner is not None:
            return self._values
        stanza: dict[str, Any] | None = (self._values.get("tenants") or {}).get(tenant)
        return stanza

    def edit(self, change: Callable[[str, str | None], str], tenant: str) -> None:
        """Change the text of a stanza by a function of the text and of the tenant.

        The tenant is None in its own file, where the text is the stanza. JSON has no text of its own: it is
        written as the stanza is.
        """
        if not self._is_json:
            self._text = change(self._text, tenant if self.owner is None else None)

    def write(self) -> None:
        """Replace the file; CommandError, and the file as it was, if Terraform would not read the same stanzas."""
        if self._is_json:
            indent = re.search(r"^[ \t]+", self._text, re.MULTILINE)
            self._text = json.dumps(
                self._values, ensure_ascii=False, indent=indent[0] if indent else 2
            )
            self._text += "\n"
        replace_file(self.path, self._text, self._values)

    def remove(self, tenant: str, change: Callable[[str, str], str]) -> None:
        """Remove a stanza: the tenant's own file, or the part of the other that ``change`` takes out."""
        if self.owner is not None:
            self.path.unlink()
            return
        del self._values["tenants"][tenant]
        self._text = change(self._text, tenant)
        self.write()


@dataclass(frozen=True)
class TenantFiles:
    """The tenants' own files in an environment's folder; of ``only`` one tenant, if that is not None."""

    folder: Path
    only: str | None = None

    @cached_property
    def paths(self) -> dict[str, Path]:
        """The file of each tenant that has one. Raises CommandError for two of one tenant."""
        paths: dict[str, Path] = {}
        for path in self._candidates():
            match = _OWN_FILE.fullmatch(path.relative_to(self.folder).as_posix())
            if not path.is_file():
                continue
            if match and match[1] in paths:
                raise _two_places(self.folder, match[1], [paths[match[1]], path])
            if match:
                paths[match[1]] = path
        return paths

    def _candidates(self) -> list[Path]:
        folder = self.folder / TENANTS
        if self.only is None:
            return sorted(folder.glob("*"))
        if not re.fullmatch(_NAME, self.only):
            return []
        return [folder / f"{self.only}{suffix}" for suffix in SUFFIXES]

    def refuse_outside(self) -> None:
        """Raise CommandError for a tenant's file that is elsewhere, where other people may change it."""
        folder = self.folder.resolve()
        links = [path for path in self.paths.values() if not path.resolve().is_relative_to(folder)]
        if links:
            names = ", ".join(path.relative_to(self.folder).as_posix() for path in links)
            raise CommandError(
                f"These files in environments/{self.folder.name} are links to files outside of it, which are not "
                f"reviewed as the environment's own: {names}. Put the files themselves in their place."
            )

    def refuse_ignored(self) -> None:
        """Raise CommandError for a file in the environment's folder that somebody may believe to be read."""
        files = [path for path in self.folder.rglob("*") if not path.is_dir() or path.is_symlink()]
        read = {self.folder / TFVARS, *self.paths.values()}
        ignored = sorted(
            name
            for path in files
            if path not in read
            and _IGNORED_FILE.search(name := path.relative_to(self.folder).as_posix())
        )
        if ignored:
            raise CommandError(
                f"These files in environments/{self.folder.name} would be ignored: {', '.join(ignored)}. A tenant's "
                "file is tenants/<name>.tfvars or tenants/<name>.tfvars.json, whose name is 2 or more lower-case "
                "letters and digits with single hyphens between them, and everything else is in terraform.tfvars; "
                "rename, move or remove them."
            )

    def refuse_two_places(self, tenants: Iterable[str]) -> None:
        """Raise CommandError for a tenant of terraform.tfvars that has a file too."""
        for tenant in tenants:
            if tenant in self.paths:
                places = [self.folder / TFVARS, self.paths[tenant]]
                raise _two_places(self.folder, tenant, places)

    def stanzas(self) -> dict[str, Any]:
        """Return the stanza in each file; CommandError for a file that is no HCL or JSON."""
        hcl = {name: path for name, path in self.paths.items() if path.suffix != ".json"}
        stanzas = dict(zip(hcl, read_hcl_files(list(hcl.values())), strict=True))
        return {
            name: stanzas[name] if name in hcl else _json_stanza(path)
            for name, path in self.paths.items()
        }


def stanza_file(tfvars: Path, tenant: str) -> StanzaFile:
    """Return the file that has a tenant's stanza: its own or, without one, terraform.tfvars."""
    own = TenantFiles(tfvars.parent, tenant).paths.get(tenant)
    return StanzaFile(tfvars) if own is None else StanzaFile(own, tenant)


def new_file(tfvars: Path, tenant: str) -> Path | None:
    """Return the file of a new tenant; None in an environment whose tenants have no files of their own."""
    folder = tfvars.parent / TENANTS
    return folder / f"{tenant}.tfvars" if folder.is_dir() else None


def stanzas_sha256(tfvars: Path, files: Mapping[str, Path]) -> str:
    """Return the SHA-256 of terraform.tfvars or, with tenants' files, of what `sha256sum` prints of all of them.

    The second one is that of `sha256sum terraform.tfvars tenants/*.tfvars*` in the environment's folder.
    """
    sha256 = hashlib.sha256(tfvars.read_bytes()).hexdigest()
    if not files:
        return sha256
    lines = [f"{sha256}  {TFVARS}\n"]
    for path in sorted(files.values()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{digest}  {TENANTS}/{path.name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def current_sha256(tfvars: Path) -> str:
    """Return the SHA-256 of an environment's stanzas as the files have them now."""
    return stanzas_sha256(tfvars, TenantFiles(tfvars.parent).paths)


def _two_places(folder: Path, tenant: str, places: list[Path]) -> CommandError:
    names = " and ".join(path.relative_to(folder).as_posix() for path in places)
    return CommandError(
        f"A tenant has one stanza; remove all but one of {tenant} in {names}, in environments/{folder.name}."
    )


def _json_stanza(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; CommandError when it is none, or has a key twice."""
    place = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"

    def without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for name in names if names.count(name) > 1)
            raise CommandError(
                f"{place}: {repeated} is written twice and only the last one would count; merge the two."
            )
        return values

    def no_number(name: str) -> None:
        raise ValueError(f"{name} is no number")

    try:
        stanza = json.loads(
            read_text(path), object_pairs_hook=without_repeated_keys, parse_constant=no_number
        )
        # Half of a surrogate pair, and a number beyond those of Python, cannot be written again.
        json.dumps(stanza, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{place} is not valid JSON: {error}.") from None
    if not isinstance(stanza, dict):
        raise CommandError(f"{place} is not one JSON object, which a stanza is.")
    return stanza
