"""The process environment: what is read from it, and what must not stay in it."""

from __future__ import annotations

import os
import secrets
import socket

# LANGSMITH_* and LANGCHAIN_* can export prompts to a tracer, send the calls themselves to a gateway
# (LANGSMITH_GATEWAY) or print them (LANGCHAIN_AWS_DEBUG). AWS_BEARER_TOKEN_BEDROCK replaces the
# operations role's signature: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
FORBIDDEN = ("AWS_BEARER_TOKEN_", "LANGCHAIN_", "LANGSMITH_")


def scrub() -> None:
    """Remove every variable that could carry a prompt elsewhere or replace the operations role."""
    for name in [name for name in os.environ if name.startswith(FORBIDDEN)]:
        del os.environ[name]


def settings_text() -> str | None:
    """The JSON that Terraform put into TENANT_BEDROCK, if there is any."""
    return os.environ.get("TENANT_BEDROCK")


def region() -> str | None:
    """AWS_REGION, which Lambda and every other SDK use; botocore reads AWS_DEFAULT_REGION only."""
    return os.environ.get("AWS_REGION")


def initialization() -> str | None:
    """How Lambda starts this process, such as ``on-demand`` or ``snap-start``; None elsewhere.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")


def execution() -> str:
    """A name for this process that no other one has.

    Lambda names an execution environment by its log stream, ``context.log_stream_name``, except
    after a snapshot: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    lambdas = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
    return lambdas or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def runtime_writes_json() -> bool:
    """Whether Lambda's runtime already turns log records into framed JSON lines."""
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
