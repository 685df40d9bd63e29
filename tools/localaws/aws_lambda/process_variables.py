"""The environment variables of a function's process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.aws_lambda.execution_environment import Place
    from tools.localaws.aws_lambda.function_version import FunctionVersion
    from tools.localaws.sts.sessions import Credentials


def function_variables(
    function: FunctionVersion, keys: Credentials, place: Place, local_variables: Mapping[str, str]
) -> dict[str, str]:
    """All variables of the process; it inherits none from this machine.

    ``local_variables`` are those that depend on this execution environment. A function's
    configuration can replace the defaults but not the reserved variables:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime.
    Besides AWS's variables there are AWS_ENDPOINT_URL, and TMPDIR in place of the execution
    environment's private /tmp.
    """
    defaults = {
        "AWS_ENDPOINT_URL": place.endpoint_url,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(
            str(folder) for folder in (place.runtime.client, place.code.sdk) if folder is not None
        ),
        "TMPDIR": str(place.scratch),
        "TZ": ":UTC",
        **_logging(function),
    }
    reserved = {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logging["LogGroup"],
        "AWS_REGION": function.region,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_SESSION_TOKEN": keys.session_token or "",
        "LAMBDA_RUNTIME_DIR": str(place.runtime.client),
        "LAMBDA_TASK_ROOT": str(place.code.root),
        "_HANDLER": function.handler,
        **local_variables,
    }
    return defaults | dict(function.variables) | reserved


def _logging(function: FunctionVersion) -> dict[str, str]:
    if function.logging["LogFormat"] != "JSON":
        return {}
    level = function.logging["ApplicationLogLevel"]
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}
