"""Systems Manager's permissions: on each parameter, or on a path of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call


def ssm_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of a call on parameters; a version or label of a name is not in the ARN.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    """
    action = f"ssm:{call.operation}"
    names = [*(call.parameters.get("Names") or ())]
    names += [name for name in (call.parameter("Name", "Path"),) if name]
    if call.operation.endswith("TagsForResource") or call.operation in (
        "AddTagsToResource",
        "RemoveTagsFromResource",
    ):
        names = [call.parameter("ResourceId")]
    if "Parameter" not in call.operation and "Tags" not in call.operation:
        names = []
    if call.operation == "DescribeParameters" or not names:
        yield Permission(action, "*", call.account)
        return
    for name in names:
        if name.startswith("arn:"):
            yield Permission(action, name, name.split(":")[4])
            continue
        path = name.partition(":")[0].removeprefix("/")
        yield Permission(action, call.arn("ssm", f"parameter/{path}"), call.account)
