"""Lambda's control plane where moto drops members: LoggingConfig, SnapStart, and some on update.

Without these members, Terraform would plan a change after every apply. Moto stores the rest of a
function.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError

from tools.localaws.aws_lambda.authorization import trusts_lambda
from tools.localaws.aws_lambda.function_version import (
    FunctionName,
    find_function,
    logging_config,
    read_name,
)
from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.localaws.call import Call, Response


# Parts of a function that moto does not keep when they change.
_UNSTORED = ("DeadLetterConfig", "FileSystemConfigs", "KMSKeyArn")


class FunctionConfiguration:
    """Answers the operations that create, describe and update one function."""

    def __init__(self) -> None:
        self._logging: dict[tuple[str, str, str], Mapping[str, str]] = {}
        # SnapStart's ApplyOn. The local AWS takes no snapshots, so each version starts cold.
        self._apply_on: dict[tuple[str, str, str], str] = {}
        self._more: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._last_version: dict[tuple[str, str, str], int] = {}
        self._operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "AddPermission": self._add_permission,
            "CreateFunction": self._create,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_configuration,
            "ListFunctionUrlConfigs": self._list_urls,
            "PublishVersion": self._publish,
            "UpdateFunctionCode": self._update_code,
            "UpdateFunctionConfiguration": self._update_configuration,
        }

    def answer(self, call: Call) -> Response | None:
        """Answer one of these operations, or return None."""
        operation = self._operations.get(call.operation)
        if operation is None:
            return None
        try:
            return write_result(call, operation(call))
        except JsonRESTError as error:
            raise ServiceError(error.error_type, error.message, error.code) from error

    def logging(self, name: FunctionName) -> Mapping[str, str]:
        """The function's logging configuration."""
        return self._logging.get(name.place) or logging_config(name.name, None)

    def forget(self, name: FunctionName) -> None:
        """Remove the settings of a deleted function."""
        self._logging.pop(name.place, None)
        self._apply_on.pop(name.place, None)
        self._more.pop(name.place, None)
        self._last_version.pop(name.place, None)

    def _add_permission(self, call: Call) -> Mapping[str, Any]:
        """Add a statement to the function's policy, with the principal in the form in which AWS shows it."""
        name = read_name(call)
        added, _ = find_function(name).policy.add_statement(call.body.decode(), name.qualifier)
        principal = added["Principal"]
        if isinstance(principal, str) and principal != "*":
            arn = (
                f"arn:{call.partition}:iam::{principal}:root" if principal.isdigit() else principal
            )
            added["Principal"] = {"AWS": arn}
        if auth_type := added.pop("FunctionUrlAuthType", None):
            tests = added.setdefault("Condition", {}).setdefault("StringEquals", {})
            tests["lambda:FunctionUrlAuthType"] = auth_type
        return {"Statement": json.dumps(added)}

    def _create(self, call: Call) -> Mapping[str, Any]:
        spec = json.loads(call.body)
        name = FunctionName(call.account, call.region, spec["FunctionName"], None)
        moto = backend("lambda", call.account, call.region)
        if any(function.function_name == name.name for function in moto.list_functions()):
            message = f"Function already exist: {name.name}"
            raise ServiceError("ResourceConflictException", message, 409)
        if not trusts_lambda(spec["Role"]):
            message = "The role defined for the function cannot be assumed by Lambda."
            raise ServiceError("InvalidParameterValueException", message)
        function = moto.create_function(spec)
        self._logging[name.place] = logging_config(name.name, spec.get("LoggingConfig"))
        self._apply_on[name.place] = (spec.get("SnapStart") or {}).get("ApplyOn", "None")
        self._more[name.place] = {part: spec[part] for part in _UNSTORED if spec.get(part)}
        return self._with_settings(name, function.get_configuration(on_create=True))

    def _get(self, call: Call) -> Mapping[str, Any]:
        name = read_name(call)
        function = find_function(name)
        members = dict(function.get_code())
        members["Configuration"] = self._with_settings(name, members["Configuration"])
        if function.reserved_concurrency is not None:  # moto omits a reservation of 0
            reserved = {"ReservedConcurrentExecutions": function.reserved_concurrency}
            members["Concurrency"] = reserved
        return members

    def _get_configuration(self, call: Call) -> Mapping[str, Any]:
        name = read_name(call)
        function = find_function(name)
        return self._with_settings(name, function.get_configuration())

    def _list_urls(self, call: Call) -> Mapping[str, Any]:
        """The function's URL as the only item, because moto stores one and cannot list it."""
        url = find_function(read_name(call)).url_config
        return {"FunctionUrlConfigs": [url.to_dict()] if url else []}

    def _publish(self, call: Call) -> Mapping[str, Any]:
        """Publish a version under a number that none has had; moto would count again after a deletion.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
        """
        name = read_name(call)
        description = json.loads(call.body or b"{}").get("Description") or ""
        functions = backend("lambda", name.account, name.region)._lambdas  # noqa: SLF001 - moto has no setter
        find_function(name)
        versions = functions._functions[name.name]["versions"]  # noqa: SLF001
        before = [int(version.version) for version in versions]
        published = functions.publish_version(name.name, description)
        # Without a change since the last version, there is no new one.
        if len(versions) > len(before):
            number = 1 + max(self._last_version.get(name.place, 0), *before, 0)
            published.set_version(number)
            self._last_version[name.place] = number
            functions._arns.update({each.function_arn: each for each in versions})  # noqa: SLF001
        return self._with_settings(name, published.get_configuration())

    def _update_code(self, call: Call) -> Mapping[str, Any]:
        name, body = read_name(call), json.loads(call.body)
        function = find_function(name)
        if body.get("Architectures") and not body.get("DryRun"):
            function.architectures = body["Architectures"]
        moto = backend("lambda", name.account, name.region)
        updated = moto.update_function_code(name.name, name.qualifier, body)
        return self._with_settings(name, updated)

    def _update_configuration(self, call: Call) -> Mapping[str, Any]:
        name, body = read_name(call), json.loads(call.body)
        function = find_function(name)
        if "LoggingConfig" in body:
            self._logging[name.place] = logging_config(name.name, body["LoggingConfig"])
        if "SnapStart" in body:
            self._apply_on[name.place] = body["SnapStart"].get("ApplyOn", "None")
        if "TracingConfig" in body:
            function.tracing_config = body["TracingConfig"]
        if "EphemeralStorage" in body:
            function.ephemeral_storage = body["EphemeralStorage"]["Size"]
        more = self._more.setdefault(name.place, {})
        more.update({part: body[part] for part in _UNSTORED if part in body})
        if not more.get("DeadLetterConfig", {}).get("TargetArn"):  # an empty ARN removes it
            more.pop("DeadLetterConfig", None)
        return self._with_settings(name, function.update_configuration(body))

    def _with_settings(
        self, name: FunctionName, configuration: Mapping[str, Any]
    ) -> dict[str, Any]:
        apply_on = self._apply_on.get(name.place, "None")
        status = "On" if apply_on == "PublishedVersions" and name.qualifier else "Off"
        return {
            **configuration,
            **self._more.get(name.place, {}),
            "LoggingConfig": self.logging(name),
            "SnapStart": {"ApplyOn": apply_on, "OptimizationStatus": status},
        }
