"""The environment variables of a function's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.aws_lambda.function_version import FunctionVersion
    from tools.localaws.sts.sessions import Credentials

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime:
# a function's configuration cannot set these.
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
    function: FunctionVersion, keys: Credentials, local_variables: Mapping[str, str]
) -> dict[str, str]:
    """All variables of the process; it inherits none from this machine.

    ``local_variables`` are those that depend on this machine and this execution environment:
    folders, addresses, the log stream. Besides AWS's variables
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html) there are
    AWS_ENDPOINT_URL, and TMPDIR in place of the execution environment's private /tmp.
    """
    function_settings = {name: value for name, value in function.variables if name not in _RESERVED}
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
        **local_variables,
        **function_settings,
    }


def _logging(function: FunctionVersion) -> dict[str, str]:
    if function.logging.format != "JSON":
        return {}
    level = function.logging.application_level or "INFO"
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}
