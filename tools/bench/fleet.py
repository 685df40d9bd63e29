"""A copy of the project with some tenants on a local AWS of its own, in which applies fail and are killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tools.command_error import CommandError
from tools.localaws.background import LocalAwsProcess
from tools.localaws.control import Control
from tools.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REGION = "eu-central-1"
OPERATIONS = "111111111111"
PARTS = (
    ".terraform-version",
    "Makefile",
    "environments",
    "lambda",
    "modules",
    "pyproject.toml",
    "requirements-dev.txt",
    "tools",
)
# With these, the make of `make bench ONLY=kills` would pass ONLY= on, and the copy's make would be a sub-make.
OF_THE_MAKE_ABOVE = ("MAKEFLAGS", "MAKELEVEL")
# What `make apply` says about the next step, such as "`make apply ENV=local UNLOCK=1` removes these locks".
_COMMAND = re.compile(r"`(make (?:apply|adopt) ENV=local[^`]*)`")

STANZA = """\
  {name} = {{
    accounts     = {{ "{account}" = {{ readers = ["arn:aws:iam::{account}:user/auditor"] }} }}
    deployer     = {{ external_id = "deployer-of-{name}-0123456789" }}
    external_ids = {{ current = "caller-of-{name}-0123456789" }}
    masking      = ["EmailAddress"]
    models = {{
      nova   = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"], track = true }}
      claude = {{ model = "amazon.nova-pro-v1:0", regions = ["eu-central-1"] }}
    }}
    workload = {{ reserved_concurrency = 2, retention_days = 30, snap_start = true }}
  }}
"""


@dataclass(frozen=True)
class Run:
    """A command that ended."""

    command: str
    code: int
    output: str

    @property
    def next_command(self) -> str:
        """The command that the output names to continue with; `make apply` if it names none."""
        commands: list[str] = _COMMAND.findall(self.output)
        return (commands or ["make apply ENV=local"])[-1]


@dataclass
class Fleet:
    """The copy in ``root``."""

    root: Path
    accounts: dict[str, str]  # the account of each tenant

    @cached_property
    def control(self) -> Control:
        """The control API of the copy's local AWS."""
        return Control(LocalAwsProcess(self.root / ".work").description()["control_url"])

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command as a shell would, in a process group of its own."""
        inherited = {name: os.environ[name] for name in os.environ if name not in OF_THE_MAKE_ABOVE}
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.root,
            env={**inherited, "COLUMNS": "240", "HOME": str(self.root), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> Run:
        """Run a command to its end."""
        process = self.start(command)
        output, _ = process.communicate()
        return Run(command, process.returncode, output)

    def continue_after(self, run: Run, most: int = 5) -> list[Run]:
        """Run the command that each output names, until one `make apply` succeeds or ``most`` have run."""
        runs: list[Run] = []
        while len(runs) < most:
            run = self.run(run.next_command)
            runs.append(run)
            if run.code == 0:
                break
        return runs

    def change(self, tenants: Sequence[str], timeout: int) -> None:
        """Give the functions of these tenants another timeout, in seconds."""
        tfvars = self.root / "environments" / "local" / "terraform.tfvars"
        text = tfvars.read_text()
        for name in tenants:
            text = re.sub(
                rf"(\n  {name} = {{.*?workload = {{) (?:timeout = \d+, )?",
                rf"\1 timeout = {timeout}, ",
                text,
                count=1,
                flags=re.DOTALL,
            )
        tfvars.write_text(text)

    def orphans(self) -> list[str]:
        """Return what exists in the accounts and is in no state, or is there twice."""
        managed = set(self._managed_ids())
        existing = Counter(self._existing_ids())
        twice = [id_ for id_, count in existing.items() if count > 1]
        return sorted([*(existing.keys() - managed), *twice])

    def locks(self) -> list[str]:
        """Return the locks that are left in the state bucket."""
        return [key for key in self._keys() if key.endswith(".tflock")]

    def client(self, service: str, account: str) -> Any:  # noqa: ANN401 - a boto3 client
        """Return a client of an account's owner."""
        keys = self.control.account(account, user="owner")
        return boto3.client(  # type: ignore[call-overload]
            service,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            config=Config(s3={"addressing_style": "path"}),
            endpoint_url=self.control.endpoint,
            region_name=REGION,
        )

    def _keys(self) -> list[str]:
        s3 = self.client("s3", OPERATIONS)
        [bucket] = s3.list_buckets()["Buckets"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def _managed_ids(self) -> Iterator[str]:
        s3 = self.client("s3", OPERATIONS)
        [bucket] = s3.list_buckets()["Buckets"]
        for key in self._keys():
            if key.endswith(".tfstate"):
                state = json.load(s3.get_object(Bucket=bucket["Name"], Key=key)["Body"])
                account = key.split("/")[-1].removesuffix(".tfstate")
                for resource in state["resources"]:
                    for instance in resource["instances"]:
                        id_ = instance["attributes"].get("id")
                        yield f"{OPERATIONS if account == 'operations' else account} {id_}"

    def _existing_ids(self) -> Iterator[str]:
        """Yield what Terraform makes in all accounts: roles, log groups, functions, profiles and keys."""
        for account in (OPERATIONS, *self.accounts.values()):
            roles = self.client("iam", account).get_paginator("list_roles").paginate()
            for page in roles:
                for role in page["Roles"]:
                    # The deployer and the inspector are the customer's own.
                    if re.fullmatch(
                        r"bedrock-local-[a-z0-9]+(-(execution|reader|unmasker))?", role["RoleName"]
                    ):
                        yield f"{account} {role['RoleName']}"
            groups = self.client("logs", account).get_paginator("describe_log_groups").paginate()
            for page in groups:
                yield from (f"{account} {group['logGroupName']}" for group in page["logGroups"])
            functions = self.client("lambda", account).list_functions()["Functions"]
            yield from (f"{account} {function['FunctionName']}" for function in functions)
        profiles = self.client("bedrock", OPERATIONS).list_inference_profiles(
            typeEquals="APPLICATION"
        )["inferenceProfileSummaries"]
        yield from (f"{OPERATIONS} {profile['inferenceProfileId']}" for profile in profiles)
        for tenant, account in self.accounts.items():
            keys = self.client("kms", account).list_keys()["Keys"]
            # The customer made one; Terraform makes none.
            yield from (f"{account} key {key['KeyId']} of {tenant}" for key in keys[1:])


@contextmanager
def fleet(folder: Path, tenants: int, shards: int = 1) -> Iterator[Fleet]:
    """Yield a copy with this number of tenants and an empty local AWS, which stops at the end."""
    copy = copied(folder, tenants, shards)
    started = copy.run("make up")
    if started.code:
        raise CommandError(started.output)
    try:
        yield copy
    finally:
        copy.run("make down")


def copied(root: Path, tenants: int, shards: int = 1) -> Fleet:
    """Copy the project, and write the tenants' stanzas and the number of the operations account's states."""
    unwanted = shutil.ignore_patterns("__pycache__", ".terraform*", "errored.tfstate")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, symlinks=True, ignore=unwanted)
        else:
            root.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    (root / ".venv").symlink_to(ROOT / ".venv")
    (root / "build").mkdir()
    for file in (ROOT / "build").glob("tenant-bedrock-*"):
        (root / "build" / file.name).symlink_to(file)
    accounts = {f"tenant{number}": f"{222000000000 + number}" for number in range(1, tenants + 1)}
    limit = max(1000, tenants)
    stanzas = "".join(
        STANZA.format(name=name, account=account) for name, account in accounts.items()
    )
    (root / "environments" / "local" / "terraform.tfvars").write_text(
        'environment = "local"\n\noperations = {\n'
        f'  account_id = "{OPERATIONS}"\n  region = "{REGION}"\n'
        f'  deployment_principals = ["arn:aws:iam::{OPERATIONS}:user/deployer"]\n  shards = {shards}\n}}\n\n'
        f"limits = {{ inference_profiles = {limit}, roles = {limit} }}\n\n"
        f"tenants = {{\n{stanzas}}}\n"
    )
    return Fleet(root, accounts)


def kill_everything(process: subprocess.Popen[str]) -> None:
    """End a command and all of its descendants with SIGKILL, as a machine that loses power."""
    for pid in [process.pid, *_descendants(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def python_of(process: subprocess.Popen[str]) -> int:
    """Return the process that runs the command's Python, which make has started."""
    [child] = _children(process.pid)
    return child


def terraform_of(process: subprocess.Popen[str]) -> int | None:
    """Return a terraform that the command runs; None if it runs none now."""
    return next(iter(_children(python_of(process))), None)


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return [*children, *(below for child in children for below in _descendants(child))]


def _children(pid: int) -> list[int]:
    children = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of a process, in parentheses, may contain spaces.
            parent = int(file.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                children.append(int(file.parent.name))
    return children
