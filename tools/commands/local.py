"""`make up` and `make down`: a local cloud that stays, for ENV=local and for use by hand."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from tools.cli.console import CommandError, err, out, progress, run
from tools.cli.workspace import LOCAL, Workspace
from tools.commands.bootstrap import prepare
from tools.environment import model as environment
from tools.paths import ROOT

PATIENCE = 60.0  # seconds for the cloud to start on a busy machine


def main() -> int:
    """Start or stop the local cloud."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("action", choices=("up", "down"))
    workspace = Workspace()
    if options.parse_args().action == "down":
        out.print(
            "  The local cloud has stopped." if down(workspace) else "  No local cloud was running."
        )
        return 0
    up(workspace)
    env = environment.load(LOCAL)
    prepare(workspace, env)
    aws = workspace.aws_environment(env)
    err.print(
        "  The local cloud is running. `make apply ENV=local` fills it; `make down` stops it.\n  To use it by hand:"
    )
    wanted = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    for name in wanted:
        out.print(f"export {name}={aws[name]}", markup=False)
    out.print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    out.print(f"export TF_CLI_CONFIG_FILE={workspace.toolchain().cli_config}", markup=False)
    return 0


def up(workspace: Workspace) -> None:
    """Start the local cloud in a process of its own; it is left running. Nothing when one runs already."""
    if _running(workspace):
        return
    workspace.cloud_file.unlink(missing_ok=True)
    workspace.folder.mkdir(parents=True, exist_ok=True)
    log = workspace.folder / "cloud.log"
    progress("Starting the local cloud")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))
    }
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "tools.localaws", "serve", "--state", workspace.cloud_file],
            cwd=ROOT,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + PATIENCE
    while not workspace.cloud_file.is_file():
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            raise CommandError(
                f"The local cloud did not start; its last words:\n{log.read_text()[-2000:]}"
            )
        time.sleep(0.1)
    workspace.cloud_file.chmod(0o600)


def down(workspace: Workspace) -> bool:
    """Stop the local cloud and forget what it held; False when none ran."""
    if not workspace.cloud_file.is_file():
        return False
    cloud = json.loads(workspace.cloud_file.read_text())
    if not workspace.answers(cloud):
        workspace.cloud_file.unlink(missing_ok=True)  # its pid may be a stranger's by now
        return False
    pid = cloud["pid"]
    try:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            _reap(pid)
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    workspace.cloud_file.unlink(missing_ok=True)
    return True


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # when this very process started it


def _running(workspace: Workspace) -> bool:
    try:
        workspace.cloud()
    except CommandError:
        return False
    return True


if __name__ == "__main__":
    run(main)
