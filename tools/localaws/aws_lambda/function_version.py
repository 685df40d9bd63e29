"""What an execution environment is made from: one function as it is configured now."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError

from tools.localaws.call import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":function:(?P<name>[^:]+)(:(?P<qualifier>.+))?"
)
_PARTIAL = re.compile(r"((?P<account>\d{12}):)?(function:)?(?P<name>[^:]+)(:(?P<qualifier>.+))?")


@dataclass(frozen=True)
class LoggingConfig:
    """Lambda's LoggingConfig; levels only mean something for the format ``JSON``."""

    group: str
    format: str = "Text"
    application_level: str | None = None
    system_level: str | None = None

    def members(self) -> dict[str, str]:
        """As the API shows it."""
        members = {"LogFormat": self.format, "LogGroup": self.group}
        if self.application_level is not None:
            members["ApplicationLogLevel"] = self.application_level
        if self.system_level is not None:
            members["SystemLogLevel"] = self.system_level
        return members


def logging_config(name: str, given: Mapping[str, str] | None) -> LoggingConfig:
    """What CreateFunction's LoggingConfig means for the function ``name``, with AWS's defaults.

    https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html.
    """
    given = given or {}
    json = given.get("LogFormat") == "JSON"
    return LoggingConfig(
        group=given.get("LogGroup") or f"/aws/lambda/{name}",
        format=given.get("LogFormat", "Text"),
        application_level=given.get("ApplicationLogLevel", "INFO") if json else None,
        system_level=given.get("SystemLogLevel", "INFO") if json else None,
    )


@dataclass(frozen=True)
class FunctionVersion:
    """Equal when an environment made for one may serve the other; seconds, MB, whole numbers."""

    account: str
    region: str
    name: str
    version: str
    arn: str
    handler: str
    runtime: str
    role: str
    timeout: int
    memory: int
    variables: tuple[tuple[str, str], ...] = field(repr=False)
    digest: str
    logging: LoggingConfig
    code: bytes = field(repr=False, compare=False)


@dataclass(frozen=True)
class FunctionName:
    """Where a FunctionName parameter points."""

    account: str
    region: str
    name: str
    qualifier: str | None

    @property
    def place(self) -> tuple[str, str, str]:
        """What the function is kept under, whichever of its versions is meant."""
        return self.account, self.region, self.name


def read_name(call: Call) -> FunctionName:
    """The function a call names: by name, partial ARN or ARN, with or without a qualifier."""
    given = call.parameters["FunctionName"]
    match = _ARN.fullmatch(given) or _PARTIAL.fullmatch(given)
    if match is None:
        raise ServiceError("ValidationException", f"{given} is not the name of a function.")
    parts = match.groupdict()
    return FunctionName(
        account=parts["account"] or call.account,
        region=parts.get("region") or call.region,
        name=parts["name"],
        qualifier=call.parameters.get("Qualifier") or parts["qualifier"],
    )


def find_function(context: LocalAwsContext, name: FunctionName) -> Any:  # noqa: ANN401
    """Moto's function; ResourceNotFoundException as Lambda says it."""
    backend = context.backend("lambda", name.account, name.region)
    try:
        return backend.get_function(name.name, name.qualifier)
    except JsonRESTError as error:
        raise ServiceError(error.error_type, error.message, error.code) from error


def current_version(function: Any, logging: LoggingConfig) -> FunctionVersion:  # noqa: ANN401
    """Moto's function as it is now."""
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
