"""CloudWatch Logs: log groups and streams, by name or ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backends
from tools.localaws.permission import Asked, Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

_STREAM_OPERATIONS = frozenset(
    {"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"}
)
_ACCOUNT_OPERATIONS = frozenset({"DescribeQueries", "StopQuery"})
_TAG_OPERATIONS = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})


def logs(asked: Asked) -> Iterator[Check]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html.

    Tagging acts on the group's ARN, everything else on that ARN followed by ``:…``.
    """
    call = asked.call
    action = f"logs:{call.operation}"
    if call.operation in _ACCOUNT_OPERATIONS:
        yield Check(action, "*", call.account)
        return
    for group in _log_groups(call):
        arn = group if group.startswith("arn:") else asked.arn("logs", f"log-group:{group}")
        arn = arn.removesuffix(":*")
        owner = arn.split(":")[4]
        if call.operation in _STREAM_OPERATIONS:
            arn = f"{arn}:log-stream:{asked.parameter('logStreamName')}"
        elif call.operation not in _TAG_OPERATIONS:
            arn = f"{arn}:log-stream:"
        yield Check(action, arn, owner)
        if call.parameters.get("unmask"):
            yield Check("logs:Unmask", arn, owner)


def _log_groups(call: Call) -> list[str]:
    given = call.parameters
    if call.operation == "GetQueryResults":  # acts on what its query reads
        queries = backends("logs")[call.account][call.region].queries
        query = queries.get(given.get("queryId"))
        return list(query.log_group_names) if query else [""]
    several = [*given.get("logGroupIdentifiers", ()), *given.get("logGroupNames", ())]
    if several:
        alone = [given["logGroupName"]] if given.get("logGroupName") else []
        return [str(group) for group in (*several, *alone)]
    names = ("logGroupName", "logGroupIdentifier", "resourceArn")
    one = next((str(given[name]) for name in names if given.get(name)), None)
    if call.operation in ("DescribeLogGroups", "ListLogGroups") or one is None:
        return [""]
    return [one]
