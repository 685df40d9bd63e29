"""CloudWatch Logs where moto lacks or bends it: limits, KMS keys, groups named by ARN, classes.

What is written goes into moto's log groups, so that everything else reads it there.
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
from tools.localaws.logs.limits import accept, reject
from tools.localaws.logs.log_delivery import DELIVERY_HEADER
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.localaws.context import LocalAwsContext
    from tools.localaws.faults import Fault
    from tools.localaws.logs.masking import Masking

_PAGE = 50


@dataclass
class _Extras:
    """What moto's log group has no field for."""

    log_class: str = "STANDARD"
    masking: Masking | None = None


class Logs:
    """Answers what needs a key check or what moto does otherwise than CloudWatch."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._extras: WeakKeyDictionary[Any, _Extras] = WeakKeyDictionary()
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
        }

    def answer(self, call: Call) -> Response | None:
        """Answer, raise ServiceError, or leave the call to moto."""
        if call.service != "logs":
            return None
        if call.operation == "StartQuery":
            self._check_queried(call)
        if call.operation not in self._answers:
            return None
        return write_result(call, self._answers[call.operation](call))

    # --- groups ---

    def _create_group(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        name = str(given["logGroupName"])
        backend = self._context.backend("logs", call.account, call.region)
        if name in backend.groups:
            raise ServiceError(
                "ResourceAlreadyExistsException", "The specified log group already exists"
            )
        key = given.get("kmsKeyId")
        if key:
            group_keys.check_key(str(key), self._arn(call, name), group_keys.TO_ASSOCIATE)
        settings = {"kmsKeyId": key} if key else {}
        group = backend.create_log_group(name, dict(given.get("tags") or {}), **settings)
        self._of(group).log_class = str(given.get("logGroupClass") or "STANDARD")
        return {}

    def _describe_groups(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        backend = self._context.backend("logs", call.account, call.region)
        prefix, pattern = given.get("logGroupNamePrefix") or "", given.get("logGroupNamePattern")
        names = sorted(
            name
            for name in list(backend.groups)
            if name.startswith(prefix) and (not pattern or pattern.lower() in name.lower())
        )
        start = int(given.get("nextToken") or 0)
        end = start + int(given.get("limit") or _PAGE)
        groups = [backend.groups[name] for name in names[start:end]]
        result: dict[str, Any] = {"logGroups": [self._described(group) for group in groups]}
        if end < len(names):
            result["nextToken"] = str(end)
        return result

    def _described(self, group: Any) -> dict[str, Any]:  # noqa: ANN401
        extras = self._of(group)
        described = {**group.to_describe_dict(), "logGroupClass": extras.log_class}
        if extras.masking:
            described["dataProtectionStatus"] = "ACTIVATED"
        return described

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
        self._of(group).masking = masking.read(document, int(time.time() * 1000))
        return self._get_data_protection(call)

    def _get_data_protection(self, call: Call) -> Mapping[str, Any]:
        group = self._group(call)
        kept = self._of(group).masking
        result = {"logGroupIdentifier": group.name}
        return result | ({"policyDocument": kept.document} if kept else {})

    def _delete_data_protection(self, call: Call) -> Mapping[str, Any]:
        self._of(self._group(call)).masking = None
        return {}

    def _masked(self, call: Call, group: Any, events: list[Any]) -> list[Any]:  # noqa: ANN401
        """The events as this caller may see them: authorization has checked ``unmask``."""
        kept = self._of(group).masking
        if kept is None or call.parameters.get("unmask"):
            return events
        return [kept.mask(event) for event in events]

    # --- events ---

    def _put_events(self, call: Call) -> Mapping[str, Any]:
        group = self._group(call)
        stream = _stream(group, call)
        batch = accept(
            call.parameters.get("logEvents") or [],
            now=int(time.time() * 1000),
            retention_days=group.retention_in_days,
        )
        fault = self._fault(call)
        if fault is not None:
            batch = reject(batch.events, fault.rejected)
        self._check_key(group, group_keys.TO_WRITE)
        with self._lock:  # moto's streams are not made for several writers
            token = stream.put_log_events(batch.events)
        result: dict[str, Any] = {"nextSequenceToken": token}
        return result | ({"rejectedLogEventsInfo": batch.rejected} if batch.rejected else {})

    def _fault(self, call: Call) -> Fault | None:
        """A scripted rejection; the platform's own deliveries have none."""
        if any(name.lower() == DELIVERY_HEADER.lower() for name in call.headers):
            return None
        return self._context.faults.take(call, "rejected")

    def _get_events(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        group = self._group(call)
        stream = _stream(group, call)
        self._check_key(group, group_keys.TO_READ)
        end = given.get("endTime")
        events, backward, forward = stream.get_log_events(
            given.get("startTime"),
            end - 1 if end else None,  # exclusive in CloudWatch, inclusive in moto
            given.get("limit"),
            given.get("nextToken"),
            given.get("startFromHead") or False,
        )
        shown = self._masked(call, group, events)
        return {"events": shown, "nextBackwardToken": backward, "nextForwardToken": forward}

    def _filter_events(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        group = self._group(call)
        self._check_key(group, group_keys.TO_READ)
        pattern = given.get("filterPattern") or ""
        if pattern and not (pattern[0].isalpha() or pattern[0] == '"'):
            raise _invalid('The local AWS filters by terms only, such as: word or "a phrase".')
        prefix = given.get("logStreamNamePrefix") or ""
        streams = given.get("logStreamNames") or [
            name for name in list(group.streams) if name.startswith(prefix)
        ]
        if not streams:
            return {"events": [], "searchedLogStreams": []}
        events, token, searched = group.filter_log_events(
            group.name,
            streams,
            given.get("startTime"),
            given.get("endTime"),
            given.get("limit"),
            given.get("nextToken"),
            pattern,
            True,  # interleaved: CloudWatch always sorts by time now
        )
        result = {"events": self._masked(call, group, events), "searchedLogStreams": searched}
        return result | ({"nextToken": token} if token else {})

    def _describe_streams(self, call: Call) -> Mapping[str, Any]:
        given = call.parameters
        group = self._group(call)
        streams, token = group.describe_log_streams(
            descending=given.get("descending") or False,
            limit=min(int(given.get("limit") or _PAGE), _PAGE),
            log_group_name=group.name,
            log_stream_name_prefix=given.get("logStreamNamePrefix") or "",
            next_token=given.get("nextToken"),
            order_by=given.get("orderBy") or "LogStreamName",
        )
        result: dict[str, Any] = {"logStreams": streams}
        return result | ({"nextToken": token} if token else {})

    def _check_queried(self, call: Call) -> None:
        """A query reads what it is about; moto runs it, but knows nothing of keys."""
        given = call.parameters
        ways = ("logGroupIdentifiers", "logGroupName", "logGroupNames")
        if sum(1 for way in ways if given.get(way)) > 1:
            raise _invalid("Give one of logGroupName, logGroupNames and logGroupIdentifiers.")
        named = given.get("logGroupNames") or given.get("logGroupIdentifiers") or [None]
        for name in named:
            asked = {"logGroupIdentifier": name} if name else given
            group = self._group(replace(call, parameters=asked))
            self._check_key(group, group_keys.TO_READ)
            if self._of(group).masking:
                message = "The local AWS does not mask the results of a query."
                raise ServiceError("NotImplementedException", message)

    # --- finding ---

    def _group(self, call: Call) -> Any:  # noqa: ANN401
        """The group that a call names by name, identifier or ARN, in the caller's account.

        Authorization has refused the ARN of another account before.
        """
        given = call.parameters
        named = str(
            given.get("logGroupName")
            or given.get("logGroupIdentifier")
            or given.get("resourceIdentifier")
            or ""
        )
        if not named:
            raise _invalid("Give either logGroupName or logGroupIdentifier.")
        region = call.region
        if named.startswith("arn:"):
            parts = named.removesuffix(":*").split(":", 6)
            region, named = parts[3], parts[-1]
        group = self._context.backend("logs", call.account, call.region).groups.get(named)
        if group is None or region != call.region:  # a Region knows its own groups only
            raise ServiceError(
                "ResourceNotFoundException", "The specified log group does not exist."
            )
        return group

    def _check_key(self, group: Any, actions: tuple[str, ...]) -> None:  # noqa: ANN401
        if group.kms_key_id:
            group_keys.check_key(group.kms_key_id, group.arn, actions)

    def _of(self, group: Any) -> _Extras:  # noqa: ANN401
        with self._lock:
            return self._extras.setdefault(group, _Extras())

    def _arn(self, call: Call, name: str) -> str:
        partition = call.principal.arn.split(":")[1] if call.principal else "aws"
        return f"arn:{partition}:logs:{call.region}:{call.account}:log-group:{name}"


def _stream(group: Any, call: Call) -> Any:  # noqa: ANN401
    stream = group.streams.get(call.parameters.get("logStreamName"))
    if stream is None:
        raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
    return stream


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)
