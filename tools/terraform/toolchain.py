"""Finds or downloads Terraform and the aws provider.

It uses the standard library only, because it also runs before the virtual environment exists.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.command_error import CommandError
from tools.paths import ENVIRONMENTS, ROOT, WORK
from tools.processes import (
    PROCESSES,
    AbortedCommandError,
    InterruptedCommandError,
    KilledProcessError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FOLDER = WORK / "terraform"
VERSIONS = ENVIRONMENTS / "operations" / "versions.tf"

# HashiCorp's release site. TERRAFORM_RELEASES names a company's own copy of it.
RELEASES = "https://releases.hashicorp.com/terraform"

# The layout of an unpacked or packed filesystem mirror, https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
LAYOUT = "registry.terraform.io/hashicorp/aws"
MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/opt",
    "/usr/local",
    "/usr/share",
    "/usr/lib",
    "/var/lib",
    "/srv",
)
MIRROR_DEPTH = 4

LOCK_FILE = ".terraform.lock.hcl"
# What `terraform init` writes: https://developer.hashicorp.com/terraform/language/files/dependency-lock
_SELECTED = re.compile(rf'provider "{LAYOUT}" {{\s*version\s*= "([^"]+)"')
# Among these hashes, h1 is the one of the files that lie on this machine.
_CHECKSUM = re.compile(r'"(h1:[^"]+)"')

# The checksums of what HashiCorp published, by version and platform. A lock file would hold one version only, and the
# address of the registry.
CHECKSUMS = ROOT / "tools" / "terraform" / "provider_checksums.json"
# What `terraform init` prints of a provider whose signature it has checked against HashiCorp's key:
# https://developer.hashicorp.com/terraform/cli/plugins/signing
SIGNED = "(signed by HashiCorp)"


class ToolchainError(CommandError):
    """Terraform or its provider is not available; the message says what to install or set."""


@dataclass(frozen=True)
class Toolchain:
    """The terraform binary and the CLI configuration file that finds the provider on disk."""

    terraform: str
    cli_config: Path

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return ``base`` with our CLI configuration and without update checks or prompts.

        GOGC makes terraform and the provider collect garbage less often than by default: a plan of 200 tenants
        takes three quarters of the time, and 700 MB of memory instead of 350. A value that is set already stays.
        https://go.dev/doc/gc-guide#GOGC
        """
        return {
            "GOGC": "400",
            **base,
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(self.cli_config),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            # A command names its state by the key; another workspace would be another state behind the same key.
            "TF_WORKSPACE": "default",
        }

    def run(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str],
        text: str | None = None,
        label: str = "",
        held_file: Path | None = None,
        watch: Callable[[str, float], None] | None = None,
    ) -> str:
        """Run terraform in ``folder`` with ``text`` as its input, and return what it prints.

        The other parameters are those of Processes.run. Raises CommandError with terraform's own message when
        it fails, InterruptedCommandError when a signal stopped it, and of that AbortedCommandError when it may not
        have released its lock.
        """
        command, *options = arguments
        if command == "init":
            self._lock_provider(folder)
        colourful = {"init", "plan", "apply", "destroy", "output", "show", "console"}
        # Before the other options, because terraform reads none after the name of a plan file.
        colour = ["-no-color"] if command in colourful else []
        process = PROCESSES.run(
            [self.terraform, command, *colour, *options],
            cwd=folder,
            environment=self.environment(environment),
            text=text,
            label=label,
            held_file=held_file,
            watch=watch,
        )
        if process.returncode == 0:
            return process.stdout
        # With -json, terraform writes its errors to stdout as well.
        printed = (process.stderr, process.stdout) if "-json" in options else ()
        problem = ("\n".join(printed) or process.stderr or process.stdout).strip()
        if PROCESSES.interruption is not None:
            aborted = PROCESSES.stops_at_once or process.returncode < 0
            kind = AbortedCommandError if aborted else InterruptedCommandError
            raise kind(f"It was stopped before it was complete.\n{problem}")
        if process.returncode < 0:
            raise KilledProcessError(
                f"terraform {command} was killed by {signal.Signals(-process.returncode).name}; if nobody did that, "
                f"the machine may have had no memory left.\n{problem}".strip()
            )
        raise CommandError(problem)

    def _lock_provider(self, root: Path) -> None:
        """Let terraform init take no other provider in ``root`` than the one that set-up has checked.

        A root that has a lock file keeps it.
        """
        lock = root / LOCK_FILE
        if not lock.is_file():
            shutil.copy(self.cli_config.parent / "probe" / LOCK_FILE, lock)


def ensure_toolchain(progress: Callable[[str], None]) -> Toolchain:
    """Return the toolchain; set it up on first use and again when its inputs change.

    Raises ToolchainError, which says what to install or set.
    """
    stamp = FOLDER / "ready.json"
    fingerprint = _fingerprint()
    toolchain = _ready_toolchain(stamp, fingerprint)
    if toolchain is not None:
        return toolchain
    FOLDER.mkdir(parents=True, exist_ok=True)
    terraform = _terraform(progress)
    mirror = _provider_mirror(terraform, progress)
    cli_config = FOLDER / "cli.tfrc"
    cli_config.write_text(_mirror_config(mirror))
    content = {
        "terraform": terraform,
        "cli_config": str(cli_config),
        "fingerprint": fingerprint,
    }
    # Another command may read the file at the same time.
    with tempfile.NamedTemporaryFile("w", dir=FOLDER, delete=False, encoding="utf-8") as partial:
        json.dump(content, partial)
    Path(partial.name).replace(stamp)
    return Toolchain(terraform, cli_config)


def _ready_toolchain(stamp: Path, fingerprint: str) -> Toolchain | None:
    """Return the toolchain of an earlier run; None if there is none, or if its inputs have changed."""
    try:
        content = json.loads(stamp.read_text())
        toolchain = Toolchain(content["terraform"], Path(content["cli_config"]))
        is_current = content["fingerprint"] == fingerprint and Path(toolchain.terraform).exists()
    except (FileNotFoundError, KeyError, TypeError, ValueError):  # such as a file that is cut off
        return None
    return toolchain if is_current else None


def selected_provider(root: Path) -> str | None:
    """Return the version of the aws provider that a root uses; None before there is one.

    terraform init writes it into the root, and without that it takes the provider that is set up here.
    """
    for folder in (root, FOLDER / "probe"):
        file = folder / LOCK_FILE
        if file.is_file() and (match := _SELECTED.search(file.read_text())):
            return match[1]
    return None


def format_hcl(text: str, progress: Callable[[str], None]) -> str:
    """Return ``text`` as `terraform fmt` writes it; CalledProcessError when it is not valid HCL."""
    command = [ensure_toolchain(progress).terraform, "fmt", "-"]
    formatted = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return formatted.stdout


def _fingerprint() -> str:
    parts = (
        VERSIONS.read_text(),
        (ROOT / ".terraform-version").read_text(),
        CHECKSUMS.read_text(),
        os.environ.get("TF_PROVIDER_MIRROR", ""),
        shutil.which("terraform") or "",
        str(ROOT),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


# Terraform


def _terraform(progress: Callable[[str], None]) -> str:
    on_path = shutil.which("terraform")
    if on_path and _is_supported(on_path):
        return on_path
    version = (ROOT / ".terraform-version").read_text().strip()
    binary = FOLDER / "bin" / version / "terraform"
    if not binary.is_file():
        _download(version, binary, progress)
    return str(binary)


def _is_supported(terraform: str) -> bool:
    """Ask Terraform itself whether it accepts our required_version."""
    probe = _probe_folder()
    run = _init(terraform, probe, {"TF_CLI_CONFIG_FILE": str(_empty_config())})
    return "Unsupported Terraform Core version" not in run.stdout + run.stderr


def _download(version: str, target: Path, progress: Callable[[str], None]) -> None:
    name = f"terraform_{version}_{_platform()}.zip"
    base = f"{os.environ.get('TERRAFORM_RELEASES', RELEASES).rstrip('/')}/{version}"
    progress(f"Downloading Terraform {version} (no supported version is on PATH)")
    try:
        sums = _fetch(f"{base}/terraform_{version}_SHA256SUMS").decode()
        archive = _fetch(f"{base}/{name}")
    except (urllib.error.URLError, OSError) as error:
        raise ToolchainError(
            f"There is no supported terraform on PATH and {base} cannot be reached ({error}). "
            f"Install Terraform {version} and put it on PATH, or set TERRAFORM_RELEASES to a copy of that site."
        ) from None
    expected = {line.split()[1]: line.split()[0] for line in sums.splitlines() if line.strip()}
    if expected.get(name) != hashlib.sha256(archive).hexdigest():
        raise ToolchainError(
            f"{base}/{name} does not have the SHA-256 in its SHA256SUMS file, so nothing was "
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
    """Return a folder with the provider unpacked in the mirror layout, so that no later init copies or downloads it."""
    probe = _probe_folder()
    requested = os.environ.get("TF_PROVIDER_MIRROR")
    if requested:
        candidates = list(_mirrors_below(Path(requested).expanduser(), depth=1))
        if not candidates:
            raise ToolchainError(
                f"TF_PROVIDER_MIRROR={requested} does not contain {LAYOUT}; name the folder that contains "
                "registry.terraform.io, as `terraform providers mirror` writes it."
            )
    else:
        progress("Downloading the aws provider from the registry (about 700 MB unpacked, once)")
        run = _init(terraform, probe, _users_own_config())
        if run.returncode == 0:
            if problem := _checksum_problem(probe, run.stdout):
                _remove_provider(probe)
                raise ToolchainError(problem)
            return probe / ".terraform" / "providers"
        progress("The registry cannot be reached; searching this machine for a provider mirror")
        candidates = [
            mirror
            for folder in MIRRORS
            for mirror in _mirrors_below(Path(folder).expanduser(), MIRROR_DEPTH)
        ]
    problems = []
    for candidate in candidates:
        config = FOLDER / "candidate.tfrc"
        config.write_text(_mirror_config(candidate))
        run = _init(terraform, probe, {"TF_CLI_CONFIG_FILE": str(config)})
        if run.returncode != 0:
            problems.append(f"{candidate}: {' '.join(run.stderr.split())[:300]}")
        elif problem := _checksum_problem(probe, run.stdout):
            _remove_provider(probe)
            problems.append(f"{candidate}: {problem}")
        else:
            progress(f"Using the aws provider from the mirror {candidate}")
            return probe / ".terraform" / "providers"
    reasons = (
        "; ".join(problems)
        if problems
        else f"no folder below {', '.join(MIRRORS)} contains {LAYOUT}"
    )
    raise ToolchainError(
        f"The aws provider that {VERSIONS.relative_to(ROOT)} requires is not available: {reasons}. "
        "On a machine with network access run `terraform providers mirror DIR` in environments/operations, "
        "copy DIR here, and set TF_PROVIDER_MIRROR=DIR."
    )


def _checksum_problem(probe: Path, output: str) -> str:
    """Return why the provider that `terraform init` installed with ``output`` is not used; "" if it is HashiCorp's.

    Terraform checks the signature of what it downloads from the registry, and trusts a mirror on first use:
    https://developer.hashicorp.com/terraform/language/files/dependency-lock#checksum-verification
    """
    lock = (probe / LOCK_FILE).read_text()
    versions, checksums = _SELECTED.findall(lock), _CHECKSUM.findall(lock)
    if not versions or not checksums:
        return "terraform init wrote no checksum of the provider into its lock file. Use another Terraform."
    version, platform_name = versions[0], _platform()
    published = json.loads(CHECKSUMS.read_text()).get(version, {}).get(platform_name)
    name = f"aws provider {version} for {platform_name}"
    file = CHECKSUMS.relative_to(ROOT)
    if published in checksums:
        return ""
    if published is not None:
        return (
            f"The {name} has the checksum {checksums[0]} and not {published}, which {file} has for it. It is not what "
            "HashiCorp published, so it is not used. Replace it with what `terraform providers mirror DIR` downloads "
            "on a machine with network access."
        )
    if SIGNED in output:
        return ""
    return (
        f"{file} has no checksum of the {name}, and Terraform has not checked a signature, so it is not used. On a "
        f"machine with network access, run `terraform providers lock -platform={platform_name}` in "
        "environments/operations, compare the h1 checksum that it writes with "
        f"{checksums[0]}, and add it to {file}."
    )


def _remove_provider(probe: Path) -> None:
    """Leave nothing of a provider that was refused to what reads the probe folder."""
    shutil.rmtree(probe / ".terraform")
    (probe / LOCK_FILE).unlink()


def _platform() -> str:
    """Return this machine's platform as Terraform writes it, such as linux_amd64."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


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


def _empty_config() -> Path:
    config = FOLDER / "none.tfrc"
    config.write_text("provider_installation {\n}\n")
    return config


def _users_own_config() -> dict[str, str]:
    """Use the user's own CLI configuration, unless it names a file that does not exist."""
    config = os.environ.get("TF_CLI_CONFIG_FILE")
    if config and not Path(config).is_file():
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
    # Without retries and with a short time-out, an air-gapped machine falls back in seconds.
    registry_limits = {"TF_REGISTRY_DISCOVERY_RETRY": "0", "TF_REGISTRY_CLIENT_TIMEOUT": "10"}
    (folder / LOCK_FILE).unlink(missing_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name != "TF_DATA_DIR"}
    return subprocess.run(
        [terraform, "init", "-backend=false", "-input=false", "-no-color"],
        cwd=folder,
        env={**inherited, **registry_limits, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
