"""Read a workload's function: its code, whole configuration, callers, and where its answers go.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from operations_guard.aws_reader import NotReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.isolation.customer_specification import Workload
    from tools.isolation.plan_reader import Resource
    from tools.live.answers import AccountReader, Finding

_MISSING = ("ResourceNotFoundException",)
_ALIAS = "live"  # of the version that is invoked when the function starts from snapshots

# Parts of the answer that describe the function's name and history, and change nothing that it does.
# A part that is neither here nor compared must be empty, so that a new setting of Lambda is a fault.
_DESCRIPTIVE = frozenset(
    {
        "CodeSize",
        "ConfigSha256",
        "Description",
        "FunctionArn",
        "FunctionName",
        "LastModified",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
        "MasterArn",
        "RevisionId",
        "RuntimeVersionConfig",
        "SigningJobArn",
        "SigningProfileVersionArn",
        "State",
        "StateReason",
        "StateReasonCode",
        "Version",
    }
)


@dataclass(frozen=True)
class FunctionReading:
    """The function of one workload; ``planned`` is what Terraform's code says that it is."""

    reader: AccountReader
    workload: Workload
    planned: Resource | None

    @property
    def checks(self) -> list[tuple[str, Callable[[], Iterator[Finding]]]]:
        """The parts to read, with their names."""
        if self.planned is None:
            return [("the function", self._absence)]
        return [
            ("the function's code and configuration", self._configuration),
            ("the function's aliases and versions", self._versions),
            ("the function's resource policies", self._policies),
            ("the function's URLs", self._urls),
            ("the function's event sources", self._event_sources),
            ("where the function's asynchronous answers go", self._async_destinations),
            ("the function's reserved concurrency", self._concurrency),
            ("the function's code signing", self._code_signing),
        ]

    @property
    def _name(self) -> str:
        return self.workload.tenant.base_name

    def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore checks them
        answer = self.reader.ask(
            "lambda", operation, missing=_MISSING, FunctionName=self._name, **parameters
        )
        return answer or {}

    def _fault(self, problem: str) -> Finding:
        return self.reader.fault("function", problem)

    def _planned(self, *path: str) -> Any:  # noqa: ANN401 - any JSON value
        return self.planned.known_value(*path) if self.planned else None

    # --- code and configuration ---

    def _absence(self) -> Iterator[Finding]:
        if self._ask("GetFunctionConfiguration"):
            yield self._fault(f"the function {self._name} exists, and the stanza has none")

    def _configuration(self) -> Iterator[Finding]:
        live = self._ask("GetFunctionConfiguration")
        if not live:
            yield self._fault(f"the function {self._name} does not exist")
            return
        yield from self._differences(live, self._name)

    def _differences(self, live: Mapping[str, Any], label: str) -> Iterator[Finding]:
        if live.get("CodeSha256") != (code := self._planned("source_code_hash")):
            yield self._fault(
                f"the code of {label} has the SHA-256 {live.get('CodeSha256')} instead of {code}, "
                "which is the hash of the built zip"
            )
        if (live.get("Environment") or {}).get("Error"):
            raise NotReadError(f"Lambda cannot decrypt the environment variables of {label}")
        yield from self._variable_faults(live, label)
        expected = self._expected
        for part in sorted({*live, *expected} - _DESCRIPTIVE - {"CodeSha256", "Environment"}):
            shown, wanted = _sorted(live.get(part)), _sorted(expected.get(part))
            if part == "VpcConfig" and isinstance(shown, dict):
                shown = {name: shown.get(name) for name in ("SecurityGroupIds", "SubnetIds")}
            if part == "SnapStart" and isinstance(shown, dict):
                shown = {"ApplyOn": shown.get("ApplyOn")}
            if shown != wanted and not (_is_empty(shown) and _is_empty(wanted)):
                yield self._fault(f"{part} of {label} is {_json(shown)} instead of {_json(wanted)}")

    @cached_property
    def _expected(self) -> dict[str, Any]:
        """What the stanza, and for its defaults the module's code, say about each compared part."""
        env = self.workload.tenant.environment
        vpc = self.workload.stanza.get("vpc") or {}
        networks = {"SecurityGroupIds": "security_group_ids", "SubnetIds": "subnet_ids"}
        return {
            "Architectures": self._planned("architectures"),
            "EphemeralStorage": {"Size": 512},  # Lambda's default, in MB
            "Handler": "tenant_bedrock.handler.handler",
            "LoggingConfig": {
                "ApplicationLogLevel": "INFO",
                "LogFormat": "JSON",
                "LogGroup": f"/aws/lambda/{self._name}",
                "SystemLogLevel": "INFO",
            },
            "MemorySize": self._planned("memory_size"),
            "PackageType": "Zip",
            "Role": env.role_arn(self.workload.account, f"{self._name}-execution"),
            "Runtime": "python3.13",
            "SnapStart": {"ApplyOn": "PublishedVersions" if self._snap_start else "None"},
            "Timeout": self._planned("timeout"),
            "TracingConfig": {"Mode": "PassThrough"},  # Lambda's default: no traces of its own
            "VpcConfig": {name: sorted(vpc.get(key) or ()) for name, key in networks.items()},
        }

    def _variable_faults(self, live: Mapping[str, Any], label: str) -> Iterator[Finding]:
        """Compare the environment variables by name and, in TENANT_BEDROCK, by setting.

        Their values are not printed, because one of them is the ExternalId.
        """
        variables = (live.get("Environment") or {}).get("Variables") or {}
        blocks = self._planned("environment") or [{}]
        expected = blocks[0].get("variables") or {}
        for name in sorted(variables.keys() - expected.keys()):
            yield self._fault(
                f"{label} has the environment variable {name}, which the code does not set"
            )
        for name in sorted(expected.keys() - variables.keys()):
            yield self._fault(f"{label} lacks the environment variable {name}")
        for name in sorted(expected.keys() & variables.keys()):
            if variables[name] != expected[name]:
                settings = _changed_settings(variables[name], expected[name])
                yield self._fault(f"the environment variable {name} of {label} differs{settings}")

    # --- versions, callers and destinations ---

    @property
    def _snap_start(self) -> bool:
        return bool((self.workload.tenant.stanza.get("workload") or {}).get("snap_start"))

    def _versions(self) -> Iterator[Finding]:
        aliases = {alias["Name"]: alias for alias in self._ask("ListAliases").get("Aliases", ())}
        expected = {_ALIAS} if self._snap_start else set()
        for name in sorted(expected - aliases.keys()):
            yield self._fault(f"the alias {name} of {self._name} does not exist")
        for name in sorted(aliases.keys() - expected):
            yield self._fault(f"{self._name} has the alias {name}, which the code does not create")
        for name in sorted(aliases.keys() & expected):
            if weights := (aliases[name].get("RoutingConfig") or {}).get(
                "AdditionalVersionWeights"
            ):
                problem = f"the alias {name} of {self._name} sends calls to other versions: {_json(weights)}"
                yield self._fault(problem)
            live = self._ask("GetFunctionConfiguration", Qualifier=name)
            yield from self._differences(live, f"{self._name}:{name}")
        if not self._snap_start:
            for version in self._published():
                problem = f"{self._name} has a published version {version}, which the code does not create; delete it"
                yield self._fault(problem)

    def _published(self) -> list[str]:
        versions = self._ask("ListVersionsByFunction").get("Versions", ())
        return [item["Version"] for item in versions if item["Version"] != "$LATEST"]

    def _policies(self) -> Iterator[Finding]:
        """A resource policy lets others call the function; the module creates none.

        https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
        """
        aliases = [alias["Name"] for alias in self._ask("ListAliases").get("Aliases", ())]
        for qualifier in (None, *aliases, *self._published()):
            chosen = {"Qualifier": qualifier} if qualifier else {}
            if not (text := self._ask("GetPolicy", **chosen).get("Policy")):
                continue
            label = f"{self._name}:{qualifier}" if qualifier else self._name
            for statement in json.loads(text).get("Statement", ()):
                principal = _json(statement.get("Principal"))
                yield self._fault(f"a resource policy of {label} lets {principal} use it")

    def _urls(self) -> Iterator[Finding]:
        for url in self._ask("ListFunctionUrlConfigs").get("FunctionUrlConfigs", ()):
            problem = f"{self._name} has a URL with the authorization type {url.get('AuthType')}"
            yield self._fault(problem)

    def _event_sources(self) -> Iterator[Finding]:
        for source in self._ask("ListEventSourceMappings").get("EventSourceMappings", ()):
            yield self._fault(
                f"{self._name} is called by the event source {source.get('EventSourceArn')}"
            )

    def _async_destinations(self) -> Iterator[Finding]:
        """A destination receives the request and the answer of an asynchronous call.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        configs = self._ask("ListFunctionEventInvokeConfigs").get("FunctionEventInvokeConfigs", ())
        for config in configs:
            destinations = [
                side["Destination"]
                for side in (config.get("DestinationConfig") or {}).values()
                if side.get("Destination")
            ]
            if destinations:
                places = ", ".join(sorted(destinations))
                yield self._fault(
                    f"the answers of asynchronous calls of {self._name} go to {places}"
                )

    def _concurrency(self) -> Iterator[Finding]:
        live = self._ask("GetFunctionConcurrency").get("ReservedConcurrentExecutions")
        planned = self._planned("reserved_concurrent_executions")
        wanted = None if planned in (None, -1) else planned
        if live != wanted:
            yield self._fault(
                f"the reserved concurrency of {self._name} is {live} instead of {wanted}"
            )

    def _code_signing(self) -> Iterator[Finding]:
        live = self._ask("GetFunctionCodeSigningConfig").get("CodeSigningConfigArn") or None
        wanted = self._planned("code_signing_config_arn") or None
        if live != wanted:
            yield self._fault(f"the code signing of {self._name} is {live} instead of {wanted}")


def _changed_settings(live: str, expected: str) -> str:
    """Name the settings that differ in two JSON objects; nothing if one is no such object."""
    try:
        one, other = json.loads(live), json.loads(expected)
    except ValueError:
        return ""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return ""
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return f" in {', '.join(names)}" if names else ""


def _sorted(value: object) -> object:
    return sorted(value) if _is_texts(value) else value  # type: ignore[call-overload]


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_empty(value: object) -> bool:
    """Whether a setting says nothing: no value, or parts that say nothing."""
    if isinstance(value, dict):
        return all(map(_is_empty, value.values()))
    return not value


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
