"""Runs terraform with an aws provider that keeps running between commands.

The tests put the folder of this file first on PATH, so that a checkout's commands run it as they run terraform;
provider.py says what that saves. TESTED_TERRAFORM is terraform itself, TESTED_PROVIDER is a folder in which
`terraform init` has installed the provider, and TESTING_PYTHON has the packages of provider.py. With
TERRAFORM_ITSELF, terraform starts a provider of its own, as it does everywhere else.
"""

import fcntl
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "provider.py"
BINARY = ".terraform/providers/*/hashicorp/aws/*/*/terraform-provider-aws*"
USE_THE_PROVIDER = {"apply", "destroy", "import", "init", "plan", "refresh", "show"}


def main() -> None:
    """Replace this process by terraform."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    attaches = "TF_DATA_DIR" in os.environ and "TERRAFORM_ITSELF" not in os.environ
    if attaches and words[:1] and words[0] in USE_THE_PROVIDER:
        installed = Path(os.environ["TESTED_PROVIDER"])
        [binary] = installed.glob(BINARY)
        if words[0] == "init":
            install(installed, binary)
        os.environ["TF_REATTACH_PROVIDERS"] = address(binary.resolve())
    os.execv(os.environ["TESTED_TERRAFORM"], ["terraform", *sys.argv[1:]])  # noqa: S606 - no shell is needed


def install(installed: Path, binary: Path) -> None:
    """Leave what `terraform init` leaves of a provider; of an attached one it neither installs nor locks anything.

    Some commands of the tests run terraform without this program afterwards.
    """
    link = Path(os.environ["TF_DATA_DIR"]) / binary.parent.relative_to(installed / ".terraform")
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(binary.parent.resolve())
    lock = Path(changed_folder() or ".", ".terraform.lock.hcl")
    if not lock.exists():
        shutil.copy(installed / lock.name, lock)


def changed_folder() -> str | None:
    """Return the value of -chdir, which every command of the project has and a customer's own has not."""
    return next((word[7:] for word in sys.argv if word.startswith("-chdir=")), None)


def address(binary: Path) -> str:
    """Return how terraform reaches a provider that no other command uses now; start one if there is none.

    Terraform inherits the lock of the provider's file and holds it until it ends.
    """
    # From where it opens the function's zip.
    folder = Path.home() / "environments" / "customer" if changed_folder() else Path.cwd()
    aws = sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))
    settings = hashlib.sha256(repr((str(binary), str(folder), aws)).encode()).hexdigest()[:8]
    providers = Path.home() / ".work" / "attached-providers"
    providers.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        file = os.open(providers / f"{settings}-{number}.json", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        os.set_inheritable(file, True)
        attached = os.read(file, 1000)
        if not attached or not is_running(json.loads(attached)["process"]):
            attached = json.dumps(start(binary, folder)).encode()
            os.ftruncate(file, 0)
            os.pwrite(file, attached, 0)
        return str(json.loads(attached)["address"])
    raise AssertionError


def is_running(process: int) -> bool:
    """Return whether a process has not ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def start(binary: Path, folder: Path) -> dict[str, object]:
    """Start a provider in a folder, and return the program's process and what it prints."""
    process = subprocess.Popen(
        [os.environ["TESTING_PYTHON"], str(PROGRAM), str(binary), os.environ["TESTING_PROCESS"]],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    address = process.stdout.readline().strip() if process.stdout else ""
    if not address:
        sys.exit("The aws provider ended before it said how to attach it.")
    return {"address": address, "process": process.pid}


if __name__ == "__main__":
    main()
