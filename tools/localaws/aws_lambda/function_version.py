"""A function's name, and its current configuration and code, from which environments are started."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":function:(?P<name>[^:]+)(:(?P<qualifier>.+))?"
)
_PARTIAL = re.compile(r"((?P<account>\d{12}):)?(function:)?(?P<name>[^:]+)(:(?P<qualifier>.+))?")


def logging_config(name: str, members: Mapping[str, str] | None) -> Mapping[str, str]:
    """CreateFunction's LoggingConfig of the function ``name``, with AWS's defaults.

    The levels apply only to the format ``JSON``:
    https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html.
    """
    config = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    config |= {key: text for key, text in (members or {}).items() if text}
    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    return levels | config if config["LogFormat"] == "JSON" else config


@dataclass(frozen=True)
class _Function:
    account: str
    region: str
    name: str

    @property
    def place(self) -> tuple[str, str, str]:
        """The key of the function, for all of its versions."""
        return self.account, self.region, self.name


@dataclass(frozen=True)
class FunctionVersion(_Function):
    """An environment may serve all equal versions. ``timeout`` is in seconds, ``memory`` in MB."""

    version: str
    arn: str
    handler: str
    runtime: str
    role: str
    timeout: int
    memory: int
    variables: tuple[tuple[str, str], ...] = field(repr=False)
    digest: str
    logging: Mapping[str, str]  # LoggingConfig's members
    code: bytes = field(repr=False, compare=False)


@dataclass(frozen=True)
class FunctionName(_Function):
    """The function to which a FunctionName parameter refers."""

    qualifier: str | None


def read_name(call: Call) -> FunctionName:
    """Read a call's FunctionName: a name, partial ARN or ARN, with or without a qualifier."""
    text = call.parameters["FunctionName"]
    match = _ARN.fullmatch(text) or _PARTIAL.fullmatch(text)
    if match is None:
        raise ServiceError("ValidationException", f"{text} is not a valid function name.")
    parts = match.groupdict()
    return FunctionName(
        account=parts["account"] or call.account,
        region=parts.get("region") or call.region,
        name=parts["name"],
        qualifier=call.parameters.get("Qualifier") or parts["qualifier"],
    )


def find_function(name: FunctionName) -> Any:  # noqa: ANN401
    """Moto's function; raises ServiceError (ResourceNotFoundException) if there is none."""
    try:
        return backend("lambda", name.account, name.region).get_function(name.name, name.qualifier)
    except JsonRESTError as error:
        raise ServiceError(error.error_type, error.message, error.code) from error


def current_version(function: Any, logging: Mapping[str, str]) -> FunctionVersion:  # noqa: ANN401
    """The current configuration and code of moto's function."""
    return FunctionVersion(
        account=function.account_id,
        region=function.region,
        name=function.function_name,
        version=str(function.version),
        arn=function.function_arn,
        handler=function.handler,
        runtime=function.run_time,
        role=function.role,
        timeout=int(function.timeout),
        memory=int(function.memory_size),
        variables=tuple(sorted((function.environment_vars or {}).items())),
        digest=function.code_digest,
        logging=logging,
        code=function.code_bytes,
    )
