"""Environment variables: those that are read, and those that must be removed."""

from __future__ import annotations

import os
import secrets
import socket
import stat
from contextlib import suppress
from pathlib import Path

# LANGSMITH_* and LANGCHAIN_* can export prompts to a tracer, redirect calls to a gateway
# (LANGSMITH_GATEWAY) or print prompts (LANGCHAIN_AWS_DEBUG). AWS_BEARER_TOKEN_BEDROCK overrides the
# operations role: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
FORBIDDEN = ("AWS_BEARER_TOKEN_", "LANGCHAIN_", "LANGSMITH_")


def scrub() -> None:
    """Remove every variable that could send a prompt elsewhere or override the operations role."""
    for name in [name for name in os.environ if name.startswith(FORBIDDEN)]:
        del os.environ[name]


def settings_json() -> str | None:
    """The JSON that Terraform writes to TENANT_BEDROCK, if it is set."""
    return os.environ.get("TENANT_BEDROCK")


def region() -> str | None:
    """AWS_REGION, which Lambda sets; botocore itself reads only AWS_DEFAULT_REGION."""
    return os.environ.get("AWS_REGION")


def initialization_type() -> str | None:
    """How Lambda starts this process, such as ``on-demand`` or ``snap-start``; None elsewhere.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")


def execution_name() -> str:
    """A name that is unique to this process.

    On Lambda it is the environment's log stream, which is not set after a snapshot is restored:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    log_stream = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
    return log_stream or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def is_lambda() -> bool:
    """Whether this process is a Lambda function's, whose output Lambda keeps in its own log."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def log_pipe() -> int | None:
    """The descriptor of the pipe that Lambda reads framed log messages from; None elsewhere.

    awslambdaric, Lambda's runtime interface client, removes the variable from ``os.environ`` before it
    imports the function and gives the pipe to a logging handler, which an application may remove. The
    environment that the process was started with still has it. https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html
    """
    with suppress(OSError, ValueError):
        for variable in Path("/proc/self/environ").read_bytes().split(b"\0"):
            name, _, value = variable.partition(b"=")
            if name == b"_LAMBDA_TELEMETRY_LOG_FD":
                descriptor = int(value)
                return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    return None


def spool_directory() -> str:
    """TENANT_BEDROCK_SPOOL, where records wait for CloudWatch outside Lambda; by default in /var/tmp.

    /var/tmp is kept when the computer restarts, and /tmp may not be:
    https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch05s15.html
    """
    return os.environ.get("TENANT_BEDROCK_SPOOL", f"/var/tmp/tenant-bedrock-{os.geteuid()}")  # noqa: S108 - made private
