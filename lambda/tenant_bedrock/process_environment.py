"""Environment variables: those that are read, and those that must be removed."""

from __future__ import annotations

import os
import secrets
import socket

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


def runtime_writes_json() -> bool:
    """Whether Lambda's runtime already writes log records as framed JSON lines."""
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
