"""CloudWatch Logs permissions: on log groups and log streams, referred to by name or by ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backend
from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

_STREAM_OPERATIONS = frozenset(
    {"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"}
)
_ACCOUNT_OPERATIONS = frozenset({"DescribeQueries", "StopQuery"})
_TAG_OPERATIONS = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})


def logs_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of a call: on each of its log groups or on its log stream.

    Tagging acts on the group's ARN, all other operations on that ARN followed by ``:…``:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    action = f"logs:{call.operation}"
    if call.operation in _ACCOUNT_OPERATIONS:
        yield Permission(action, "*", call.account)
        return
    for group in _log_groups(call):
        arn = group if group.startswith("arn:") else call.arn("logs", f"log-group:{group}")
        arn = arn.removesuffix(":*")
        owner = arn.split(":")[4]
        if call.operation in _STREAM_OPERATIONS:
            arn = f"{arn}:log-stream:{call.parameter('logStreamName')}"
        elif call.operation not in _TAG_OPERATIONS:
            arn = f"{arn}:log-stream:"
        yield Permission(action, arn, owner)
        if call.parameters.get("unmask"):
            yield Permission("logs:Unmask", arn, owner)


def _log_groups(call: Call) -> list[str]:
    """Names or ARNs of the groups that a call acts on; an empty name for no group in particular."""
    parameters = call.parameters
    if call.operation == "GetQueryResults":  # acts on the groups that the query reads
        queries = backend("logs", call.account, call.region).queries
        query = queries.get(parameters.get("queryId"))
        return list(query.log_group_names) if query else [""]
    groups = [*parameters.get("logGroupIdentifiers", ()), *parameters.get("logGroupNames", ())]
    if groups:
        name = call.parameter("logGroupName")
        return [str(group) for group in groups] + ([name] if name else [])
    if call.operation in ("DescribeLogGroups", "ListLogGroups"):
        return [""]
    return [call.parameter("logGroupName", "logGroupIdentifier", "resourceArn")]
