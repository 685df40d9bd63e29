"""`make up`: start a local AWS that keeps running, for ENV=local and for use by hand."""

from __future__ import annotations

import argparse

from tools.cli.console import err, out, progress, run
from tools.cli.local_target import LocalTarget
from tools.cli.targets import LOCAL
from tools.environment.model import load_environment
from tools.paths import WORK
from tools.terraform.toolchain import ensure_toolchain

EXPORTS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return argparse.ArgumentParser(description=__doc__)


def main() -> int:
    """Start it and print what a shell needs to use it."""
    parser().parse_args()
    target = LocalTarget(load_environment(LOCAL), WORK, progress)
    target.start()
    err.print(
        "  The local AWS is running. `make apply ENV=local` fills it and `make down` stops it.\n"
        "  Export this to use it with the AWS CLI, boto3 or terraform:"
    )
    variables = target.terraform_environment()
    for name in EXPORTS:
        out.print(f"export {name}={variables[name]}")
    out.print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    cli_config = ensure_toolchain(progress).cli_config
    out.print(f"export TF_CLI_CONFIG_FILE={cli_config}")
    return 0


if __name__ == "__main__":
    run(main)
