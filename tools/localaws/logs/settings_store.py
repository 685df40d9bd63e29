"""Settings of CloudWatch Logs that moto lacks and that would copy or alter the events of a log group.

Each is stored and described as in AWS; none of them takes effect, since no test of ours reads a copy.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.localaws.call import Call

Setting = dict[str, Any]


class SettingsStore:
    """Account policies, transformers, anomaly detectors and scheduled queries of all accounts."""

    def __init__(self) -> None:
        # By kind, account and Region; in the order of their creation.
        self._stored: dict[tuple[str, str, str], dict[str, Setting]] = defaultdict(dict)
        self.operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "CreateLogAnomalyDetector": self._create_detector,
            "CreateScheduledQuery": self._create_query,
            "DeleteAccountPolicy": self._delete_policy,
            "DeleteLogAnomalyDetector": self._delete_detector,
            "DeleteScheduledQuery": self._delete_query,
            "DeleteTransformer": self._delete_transformer,
            "DescribeAccountPolicies": self._describe_policies,
            "GetScheduledQuery": self._get_query,
            "GetTransformer": self._get_transformer,
            "ListLogAnomalyDetectors": self._list_detectors,
            "ListScheduledQueries": self._list_queries,
            "PutAccountPolicy": self._put_policy,
            "PutTransformer": self._put_transformer,
        }

    def _of(self, kind: str, call: Call) -> dict[str, Setting]:
        return self._stored[kind, call.account, call.region]

    # --- account policies ---

    def _put_policy(self, call: Call) -> Mapping[str, Any]:
        names = ("policyDocument", "policyName", "policyType", "selectionCriteria")
        policy: Setting = {name: call.parameter(name) for name in names if call.parameter(name)}
        policy |= {"accountId": call.account, "lastUpdatedTime": _now(), "scope": "ALL"}
        self._of("policy", call)[f"{policy['policyType']} {policy['policyName']}"] = policy
        return {"accountPolicy": policy}

    def _describe_policies(self, call: Call) -> Mapping[str, Any]:
        policies = [
            policy
            for policy in self._of("policy", call).values()
            if policy["policyType"] == call.parameter("policyType")
            and call.parameter("policyName") in ("", policy["policyName"])
        ]
        return {"accountPolicies": policies}

    def _delete_policy(self, call: Call) -> Mapping[str, Any]:
        key = f"{call.parameter('policyType')} {call.parameter('policyName')}"
        return self._delete("policy", call, key)

    # --- transformers ---

    def _put_transformer(self, call: Call) -> Mapping[str, Any]:
        config = call.parameters.get("transformerConfig")
        name = _group_name(call)
        self._of("transformer", call)[name] = {
            "creationTime": _now(),
            "lastModifiedTime": _now(),
            "logGroupIdentifier": name,
            "transformerConfig": config,
        }
        return {}

    def _get_transformer(self, call: Call) -> Mapping[str, Any]:
        """Return the transformer, or nothing if the group has none."""
        return self._of("transformer", call).get(_group_name(call), {})

    def _delete_transformer(self, call: Call) -> Mapping[str, Any]:
        return self._delete("transformer", call, _group_name(call))

    # --- anomaly detectors ---

    def _create_detector(self, call: Call) -> Mapping[str, Any]:
        arn = call.arn("logs", f"anomaly-detector:{uuid.uuid4()}")
        self._of("detector", call)[arn] = {
            "anomalyDetectorArn": arn,
            "anomalyDetectorStatus": "INITIALIZING",
            "creationTimeStamp": _now(),
            "detectorName": call.parameter("detectorName"),
            "logGroupArnList": list(call.parameters.get("logGroupArnList") or ()),
        }
        return {"anomalyDetectorArn": arn}

    def _list_detectors(self, call: Call) -> Mapping[str, Any]:
        group = call.parameter("filterLogGroupArn")
        detectors = self._of("detector", call).values()
        listed = [item for item in detectors if not group or group in item["logGroupArnList"]]
        return {"anomalyDetectors": listed}

    def _delete_detector(self, call: Call) -> Mapping[str, Any]:
        return self._delete("detector", call, call.parameter("anomalyDetectorArn"))

    # --- scheduled queries ---

    def _create_query(self, call: Call) -> Mapping[str, Any]:
        arn = call.arn("logs", f"scheduled-query:{uuid.uuid4()}")
        query = {**call.parameters, "scheduledQueryArn": arn, "creationTime": _now()}
        query.setdefault("state", "ENABLED")
        self._of("query", call)[arn] = query
        return {"scheduledQueryArn": arn, "state": query["state"]}

    def _get_query(self, call: Call) -> Mapping[str, Any]:
        queries = self._of("query", call)
        identifier = call.parameter("identifier")
        for arn, query in queries.items():
            if identifier in (arn, query.get("name")):
                return query
        raise _no_such_setting()

    def _list_queries(self, call: Call) -> Mapping[str, Any]:
        return {"scheduledQueries": list(self._of("query", call).values())}

    def _delete_query(self, call: Call) -> Mapping[str, Any]:
        return self._delete("query", call, self._get_query(call)["scheduledQueryArn"])

    def _delete(self, kind: str, call: Call, key: str) -> Mapping[str, Any]:
        if self._of(kind, call).pop(key, None) is None:
            raise _no_such_setting()
        return {}


def _group_name(call: Call) -> str:
    """Return the name of the group that a call refers to; ResourceNotFoundException if there is none."""
    identifier = call.parameter("logGroupIdentifier").removesuffix(":*")
    name = identifier.split(":", 6)[-1] if identifier.startswith("arn:") else identifier
    if name not in backend("logs", call.account, call.region).groups:
        raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
    return name


def _no_such_setting() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The specified resource does not exist.")


def _now() -> int:
    return int(time.time() * 1000)
