"""Finds, or fetches, the Terraform and the aws provider that everything else runs.

Standard library only: it also runs before the virtual environment exists.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import urllib.error
import urllib.request
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FOLDER = ROOT / ".work" / "terraform"
VERSIONS = ROOT / "environments" / "operations" / "versions.tf"

# Where HashiCorp publishes Terraform itself; a company's own copy can stand in for it.
RELEASES = "https://releases.hashicorp.com/terraform"

# The layout of an unpacked or packed filesystem mirror, https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
LAYOUT = "registry.terraform.io/hashicorp/aws"
MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt",
    "/usr/local",
    "/usr/share",
    "/usr/lib",
    "/var/lib",
    "/srv",
)
MIRROR_DEPTH = 4

Progress = "Callable[[str], None]"


class ToolchainError(Exception):
    """Terraform or its provider cannot be had; the message says what to install or set."""


@dataclass(frozen=True)
class Toolchain:
    """The terraform binary and the CLI configuration file that finds the provider on disk."""

    terraform: str
    cli_config: str

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """``base`` with what every terraform run needs: our CLI configuration and no phoning home."""
        return {
            **base,
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": self.cli_config,
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
        }


def ensure(progress: Callable[[str], None]) -> Toolchain:
    """Return the toolchain, making it on first use and again when what it was made from changes.

    Raises ToolchainError with a sentence that says what to install or set.
    """
    remembered = FOLDER / "ready.json"
    made_from = _fingerprint()
    if remembered.is_file():
        known = json.loads(remembered.read_text())
        found = Toolchain(known["terraform"], known["cli_config"])
        if known["made_from"] == made_from and Path(found.terraform).exists():
            return found
    FOLDER.mkdir(parents=True, exist_ok=True)
    terraform = _terraform(progress)
    mirror = _provider_mirror(terraform, progress)
    cli_config = FOLDER / "cli.tfrc"
    cli_config.write_text(_mirror_config(mirror))
    found = Toolchain(terraform, str(cli_config))
    remembered.write_text(json.dumps({**asdict(found), "made_from": made_from}))
    return found


def _fingerprint() -> str:
    parts = (
        VERSIONS.read_text(),
        (ROOT / ".terraform-version").read_text(),
        os.environ.get("TF_PROVIDER_MIRROR", ""),
        shutil.which("terraform") or "",
        str(ROOT),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


# Terraform


def _terraform(progress: Callable[[str], None]) -> str:
    on_path = shutil.which("terraform")
    if on_path and _fits(on_path):
        return on_path
    wanted = (ROOT / ".terraform-version").read_text().strip()
    ours = FOLDER / "bin" / wanted / "terraform"
    if not ours.is_file():
        _download(wanted, ours, progress)
    return str(ours)


def _fits(terraform: str) -> bool:
    """Whether Terraform itself accepts our required_version: it is the judge, not a copy of its rules."""
    probe = _probe_folder()
    run = _init(terraform, probe, {"TF_CLI_CONFIG_FILE": str(_no_source())})
    return "Unsupported Terraform Core version" not in run.stdout + run.stderr


def _download(version: str, target: Path, progress: Callable[[str], None]) -> None:
    system = platform.system().lower()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"terraform_{version}_{system}_{machine}.zip"
    base = f"{os.environ.get('TERRAFORM_RELEASES', RELEASES).rstrip('/')}/{version}"
    progress(f"Downloading Terraform {version} (no fitting terraform on PATH)")
    try:
        sums = _fetch(f"{base}/terraform_{version}_SHA256SUMS").decode()
        archive = _fetch(f"{base}/{name}")
    except (urllib.error.URLError, OSError) as error:
        raise ToolchainError(
            f"No terraform on PATH fits this project, and {base} cannot be reached ({error}). "
            f"Install Terraform {version} and put it on PATH, or set TERRAFORM_RELEASES to a copy of that site."
        ) from None
    expected = {line.split()[1]: line.split()[0] for line in sums.splitlines() if line.strip()}
    if expected.get(name) != hashlib.sha256(archive).hexdigest():
        raise ToolchainError(
            f"{base}/{name} does not have the SHA-256 that its SHA256SUMS file states; nothing was "
            f"installed. Try again, or install Terraform {version} by hand and put it on PATH."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(io.BytesIO(archive)) as unzipped:
        partial.write_bytes(unzipped.read("terraform"))
    partial.chmod(0o755)
    partial.rename(target)


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


# The aws provider


def _provider_mirror(terraform: str, progress: Callable[[str], None]) -> Path:
    """A folder with the provider unpacked in the mirror layout, so that no later init copies or downloads it."""
    probe = _probe_folder()
    requested = os.environ.get("TF_PROVIDER_MIRROR")
    if requested:
        candidates = list(_mirrors_below(Path(requested).expanduser(), depth=1))
        if not candidates:
            raise ToolchainError(
                f"TF_PROVIDER_MIRROR={requested} holds no {LAYOUT}; name the folder that holds "
                "registry.terraform.io, as `terraform providers mirror` writes it."
            )
    else:
        progress("Fetching the aws provider from the registry (about 700 MB unpacked, once)")
        if _init(terraform, probe, _users_own_config()).returncode == 0:
            return probe / ".terraform" / "providers"
        progress("The registry cannot be reached; looking for a provider mirror on this machine")
        candidates = [
            found
            for folder in MIRRORS
            for found in _mirrors_below(Path(folder).expanduser(), MIRROR_DEPTH)
        ]
    problems = []
    for candidate in candidates:
        config = FOLDER / "candidate.tfrc"
        config.write_text(_mirror_config(candidate))
        run = _init(terraform, probe, {"TF_CLI_CONFIG_FILE": str(config)})
        if run.returncode == 0:
            progress(f"Using the aws provider from the mirror {candidate}")
            return probe / ".terraform" / "providers"
        problems.append(f"{candidate}: {' '.join(run.stderr.split())[:300]}")
    looked = (
        "; ".join(problems) if problems else f"no folder below {', '.join(MIRRORS)} holds {LAYOUT}"
    )
    raise ToolchainError(
        f"The aws provider that {VERSIONS.relative_to(ROOT)} asks for cannot be had: {looked}. "
        "On a machine with network run `terraform providers mirror DIR` in environments/operations, "
        "copy DIR here, and set TF_PROVIDER_MIRROR=DIR."
    )


def _mirrors_below(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / LAYOUT).is_dir():
        yield folder
    elif depth > 0 and folder.is_dir():
        try:
            below = sorted(
                child for child in folder.iterdir() if child.is_dir() and not child.is_symlink()
            )
        except PermissionError:
            return
        for child in below:
            yield from _mirrors_below(child, depth - 1)


def _mirror_config(mirror: Path) -> str:
    return (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror))}\n"
        f'    include = ["{LAYOUT}"]\n  }}\n'
        "}\n"
    )


def _no_source() -> Path:
    config = FOLDER / "none.tfrc"
    config.write_text("provider_installation {\n}\n")
    return config


def _users_own_config() -> dict[str, str]:
    """Keep the user's CLI configuration, unless it names a file that is not there."""
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    if named and not Path(named).is_file():
        return {"TF_CLI_CONFIG_FILE": ""}
    return {}


def _probe_folder() -> Path:
    probe = FOLDER / "probe"
    probe.mkdir(parents=True, exist_ok=True)
    (probe / "versions.tf").write_text(VERSIONS.read_text())
    return probe


def _init(
    terraform: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    # Few retries and a short time-out: an air-gapped network must fall back in seconds.
    patience = {"TF_REGISTRY_DISCOVERY_RETRY": "0", "TF_REGISTRY_CLIENT_TIMEOUT": "10"}
    (folder / ".terraform.lock.hcl").unlink(missing_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name != "TF_DATA_DIR"}
    return subprocess.run(
        [terraform, "init", "-backend=false", "-input=false", "-no-color"],
        cwd=folder,
        env={**inherited, **patience, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
