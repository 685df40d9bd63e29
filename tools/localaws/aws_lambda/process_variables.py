"""The environment variables of a function's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.aws_lambda.function_version import FunctionVersion
    from tools.localaws.sts.sessions import Credentials

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime:
# a function's own variables cannot replace these.
_RESERVED = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_LAMBDA_TELEMETRY_LOG_FD",
    }
)


def function_variables(
    function: FunctionVersion, keys: Credentials, here: Mapping[str, str]
) -> dict[str, str]:
    """The process's whole environment: nothing of this machine's leaks through.

    ``here`` are the variables that depend on this machine and this environment: folders,
    addresses, the log stream. Besides AWS's (
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html) it holds two of the
    cloud's own: AWS_ENDPOINT_URL, and TMPDIR, which stands for the environment's private /tmp.
    """
    own = {name: value for name, value in function.variables if name not in _RESERVED}
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logging.group,
        "AWS_REGION": function.region,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_SESSION_TOKEN": keys.session_token or "",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        **_logging(function),
        **here,
        **own,
    }


def _logging(function: FunctionVersion) -> dict[str, str]:
    if function.logging.format != "JSON":
        return {}
    level = function.logging.application_level or "INFO"
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}
