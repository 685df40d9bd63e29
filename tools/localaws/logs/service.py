"""CloudWatch Logs where moto differs from AWS: limits, KMS keys, log groups by ARN, log classes.

Events are stored in moto's log groups, so moto's other operations read them there.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from tools.localaws.call import Call, Response, ServiceError
from tools.localaws.logs import group_keys, masking
from tools.localaws.logs.limits import accept, invalid_parameter, reject
from tools.localaws.logs.log_delivery import is_delivery
from tools.localaws.logs.settings_store import SettingsStore
from tools.localaws.moto_state import backend
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.localaws.context import LocalAwsContext
    from tools.localaws.logs.masking import Masking

_PAGE_SIZE = 50


@dataclass
class _GroupSettings:
    """Settings for which moto's log group has no field."""

    log_class: str = "STANDARD"
    masking: Masking | None = None


class Logs:
    """Answers the operations that need a key check or for which moto differs from CloudWatch."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._settings: WeakKeyDictionary[Any, _GroupSettings] = WeakKeyDictionary()
        self._answers: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "AssociateKmsKey": self._associate_key,
            "CreateLogGroup": self._create_group,
            "DeleteDataProtectionPolicy": self._delete_data_protection,
            "DescribeLogGroups": self._describe_groups,
            "DescribeLogStreams": self._describe_streams,
            "DisassociateKmsKey": self._disassociate_key,
            "FilterLogEvents": self._filter_events,
            "GetDataProtectionPolicy": self._get_data_protection,
            "GetLogEvents": self._get_events,
            "PutDataProtectionPolicy": self._put_data_protection,
            "PutLogEvents": self._put_events,
            **SettingsStore().operations,
        }

    def answer(self, call: Call) -> Response | None:
        """Answer an operation of CloudWatch Logs, or return None so that moto answers it."""
        if call.service != "logs":
            return None
        if call.operation == "StartQuery":
            self._check_query(call)
        if call.operation not in self._answers:
            return None
        return write_result(call, self._answers[call.operation](call))

    # --- groups ---

    def _create_group(self, call: Call) -> Mapping[str, Any]:
        parameters = call.parameters
        name = str(parameters["logGroupName"])
        moto = backend("logs", call.account, call.region)
        if name in moto.groups:
            raise ServiceError(
                "ResourceAlreadyExistsException", "The specified log group already exists"
            )
        key = parameters.get("kmsKeyId")
        if key:
            arn = call.arn("logs", f"log-group:{name}")
            group_keys.check_key(str(key), arn, group_keys.TO_ASSOCIATE)
        settings = {"kmsKeyId": key} if key else {}
        group = moto.create_log_group(name, dict(parameters.get("tags") or {}), **settings)
        self._group_settings(group).log_class = str(parameters.get("logGroupClass") or "STANDARD")
        return {}

    def _describe_groups(self, call: Call) -> Mapping[str, Any]:
        parameters = call.parameters
        groups_by_name = backend("logs", call.account, call.region).groups
        prefix = parameters.get("logGroupNamePrefix") or ""
        pattern = parameters.get("logGroupNamePattern")
        names = sorted(
            name
            for name in list(groups_by_name)
            if name.startswith(prefix) and (not pattern or pattern.lower() in name.lower())
        )
        start = int(parameters.get("nextToken") or 0)
        end = start + int(parameters.get("limit") or _PAGE_SIZE)
        groups = [groups_by_name[name] for name in names[start:end]]
        result: dict[str, Any] = {"logGroups": [self._description(group) for group in groups]}
        if end < len(names):
            result["nextToken"] = str(end)
        return result

    def _description(self, group: Any) -> dict[str, Any]:  # noqa: ANN401
        settings = self._group_settings(group)
        description = {**group.to_describe_dict(), "logGroupClass": settings.log_class}
        if settings.masking:
            description["dataProtectionStatus"] = "ACTIVATED"
        return description

    def _associate_key(self, call: Call) -> Mapping[str, Any]:
        group = self._group(call)
        key = str(call.parameters.get("kmsKeyId") or "")
        group_keys.check_key(key, group.arn, group_keys.TO_ASSOCIATE)
        group.kms_key_id = key
        return {}

    def _disassociate_key(self, call: Call) -> Mapping[str, Any]:
        self._group(call).kms_key_id = None
        return {}

    # --- data protection ---

    def _put_data_protection(self, call: Call) -> Mapping[str, Any]:
        document = str(call.parameters.get("policyDocument") or "")
        group = self._group(call)
        self._group_settings(group).masking = masking.read_policy(document, int(time.time() * 1000))
        return self._get_data_protection(call)

    def _get_data_protection(self, call: Call) -> Mapping[str, Any]:
        group = self._group(call)
        policy = self._group_settings(group).masking
        result = {"logGroupIdentifier": group.name}
        return result | ({"policyDocument": policy.document} if policy else {})

    def _delete_data_protection(self, call: Call) -> Mapping[str, Any]:
        self._group_settings(self._group(call)).masking = None
        return {}

    def _masked(self, call: Call, group: Any, events: list[Any]) -> list[Any]:  # noqa: ANN401
        """The events as this caller may read them; authorization has already checked ``unmask``."""
        policy = self._group_settings(group).masking
        if policy is None or call.parameters.get("unmask"):
            return events
        return [policy.mask(event) for event in events]

    # --- events ---

    def _put_events(self, call: Call) -> Mapping[str, Any]:
        group = self._group(call)
        stream = _stream(group, call)
        batch = accept(
            call.parameters.get("logEvents") or [],
            now=int(time.time() * 1000),
            retention_days=group.retention_in_days,
        )
        fault = None if is_delivery(call) else self._context.faults.take(call, "rejected")
        if fault is not None:
            batch = reject(batch.events, fault.rejected)
        self._check_key(group, group_keys.TO_WRITE)
        with self._lock:  # moto's streams are not safe for several writers
            token = stream.put_log_events(batch.events)
        result: dict[str, Any] = {"nextSequenceToken": token}
        return result | ({"rejectedLogEventsInfo": batch.rejected} if batch.rejected else {})

    def _get_events(self, call: Call) -> Mapping[str, Any]:
        parameters = call.parameters
        group = self._group(call)
        stream = _stream(group, call)
        self._check_key(group, group_keys.TO_READ)
        end = parameters.get("endTime")
        events, backward, forward = stream.get_log_events(
            parameters.get("startTime"),
            end - 1 if end else None,  # exclusive in CloudWatch, inclusive in moto
            parameters.get("limit"),
            parameters.get("nextToken"),
            parameters.get("startFromHead") or False,
        )
        return {
            "events": self._masked(call, group, events),
            "nextBackwardToken": backward,
            "nextForwardToken": forward,
        }

    def _filter_events(self, call: Call) -> Mapping[str, Any]:
        parameters = call.parameters
        group = self._group(call)
        self._check_key(group, group_keys.TO_READ)
        pattern = parameters.get("filterPattern") or ""
        if pattern and not (pattern[0].isalpha() or pattern[0] == '"'):
            raise invalid_parameter(
                'The local AWS supports only terms as a filter, such as: word or "a phrase".'
            )
        prefix = parameters.get("logStreamNamePrefix") or ""
        streams = parameters.get("logStreamNames") or [
            name for name in list(group.streams) if name.startswith(prefix)
        ]
        if not streams:
            return {"events": [], "searchedLogStreams": []}
        events, token, searched = group.filter_log_events(
            group.name,
            streams,
            parameters.get("startTime"),
            parameters.get("endTime"),
            parameters.get("limit"),
            parameters.get("nextToken"),
            pattern,
            True,  # interleaved: CloudWatch always sorts by time
        )
        result = {"events": self._masked(call, group, events), "searchedLogStreams": searched}
        return result | ({"nextToken": token} if token else {})

    def _describe_streams(self, call: Call) -> Mapping[str, Any]:
        parameters = call.parameters
        group = self._group(call)
        streams, token = group.describe_log_streams(
            descending=parameters.get("descending") or False,
            limit=min(int(parameters.get("limit") or _PAGE_SIZE), _PAGE_SIZE),
            log_group_name=group.name,
            log_stream_name_prefix=parameters.get("logStreamNamePrefix") or "",
            next_token=parameters.get("nextToken"),
            order_by=parameters.get("orderBy") or "LogStreamName",
        )
        result: dict[str, Any] = {"logStreams": streams}
        return result | ({"nextToken": token} if token else {})

    def _check_query(self, call: Call) -> None:
        """Check the keys of the groups that a query reads; moto runs the query without checks."""
        parameters = call.parameters
        selectors = ("logGroupIdentifiers", "logGroupName", "logGroupNames")
        if sum(1 for selector in selectors if parameters.get(selector)) > 1:
            raise invalid_parameter(
                "Pass only one of logGroupName, logGroupNames and logGroupIdentifiers."
            )
        groups = parameters.get("logGroupNames") or parameters.get("logGroupIdentifiers")
        for name in groups or [call.parameter("logGroupName")]:
            group = self._group(replace(call, parameters={"logGroupIdentifier": name}))
            self._check_key(group, group_keys.TO_READ)
            if self._group_settings(group).masking:
                message = "The local AWS does not mask the results of a query."
                raise ServiceError("NotImplementedException", message)

    # --- lookup ---

    def _group(self, call: Call) -> Any:  # noqa: ANN401
        """The group that a call refers to by name, identifier or ARN, in the caller's account.

        Authorization has already refused the ARN of another account.
        """
        name = call.parameter("logGroupName", "logGroupIdentifier", "resourceIdentifier")
        if not name:
            raise invalid_parameter("Pass either logGroupName or logGroupIdentifier.")
        region = call.region
        if name.startswith("arn:"):
            parts = name.removesuffix(":*").split(":", 6)
            region, name = parts[3], parts[-1]
        group = backend("logs", call.account, call.region).groups.get(name)
        if group is None or region != call.region:  # a Region has only its own groups
            raise ServiceError(
                "ResourceNotFoundException", "The specified log group does not exist."
            )
        return group

    def _check_key(self, group: Any, actions: tuple[str, ...]) -> None:  # noqa: ANN401
        if group.kms_key_id:
            group_keys.check_key(group.kms_key_id, group.arn, actions)

    def _group_settings(self, group: Any) -> _GroupSettings:  # noqa: ANN401
        with self._lock:
            return self._settings.setdefault(group, _GroupSettings())


def _stream(group: Any, call: Call) -> Any:  # noqa: ANN401
    stream = group.streams.get(call.parameters.get("logStreamName"))
    if stream is None:
        raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
    return stream
