"""SNS permissions: on a topic, whose own policy may grant them too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.localaws.moto_state import backend
from tools.localaws.permission import Permission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call


def sns_permissions(call: Call) -> Iterator[Permission]:
    """The permission of an SNS call.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
    """
    action = f"sns:{call.operation}"
    arn = call.parameter("TopicArn", "TargetArn", "ResourceArn")
    if name := call.parameter("Name"):
        arn = call.arn("sns", name)
    # A subscription is not a resource of its own: its permission is that on its topic.
    arn = arn or call.parameter("SubscriptionArn").rpartition(":")[0]
    if arn.count(":") < 5:
        yield Permission(action, "*", call.account)
        return
    region, owner = arn.split(":")[3:5]
    topic = backend("sns", owner, region).topics.get(arn)
    policy = None if topic is None else topic.policy
    # moto gives a new topic AWS's policy, which admits its owner by a condition that is not evaluated here; the
    # owner's identities need a permission of their own.
    is_own = owner == call.account
    yield Permission(action, arn, owner, resource_policy=None if is_own else policy)
