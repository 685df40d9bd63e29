"""EC2 permissions for VPC endpoints and tags; every other EC2 action is required on ``*``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.moto_state import backend
from tools.localaws.permission import ContextKeys, Permission, resource_tags, tag_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.localaws.call import Call

# The prefix of an id, and the resource's type in its ARN.
_TYPES = {
    "rtb": "route-table",
    "sg": "security-group",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
# Parameters that name the network of an endpoint.
_NETWORK = {
    "CreateVpcEndpoint": ("VpcId", "SubnetIds", "SecurityGroupIds", "RouteTableIds"),
    "ModifyVpcEndpoint": (
        "AddSubnetIds",
        "RemoveSubnetIds",
        "AddSecurityGroupIds",
        "RemoveSecurityGroupIds",
        "AddRouteTableIds",
        "RemoveRouteTableIds",
    ),
}


def ec2_permissions(call: Call) -> Iterator[Permission]:
    """The permissions of a call: on each resource that it creates, changes or places an endpoint in.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """
    action = f"ec2:{call.operation}"
    match call.operation:
        case "CreateVpcEndpoint":
            yield from _creation(call)
        case "ModifyVpcEndpoint":
            yield _existing(call, action, call.parameter("VpcEndpointId"))
        case "DeleteVpcEndpoints":
            for id_ in call.parameters.get("VpcEndpointIds", ()):
                yield _existing(call, action, id_)
        case "CreateTags" | "DeleteTags":
            tags = _requested({tag["Key"]: tag.get("Value", "") for tag in call.parameters["Tags"]})
            for id_ in call.parameters["Resources"]:
                yield _existing(call, action, id_, tags)
    for parameter in _NETWORK.get(call.operation, ()):
        ids = call.parameters.get(parameter) or ()
        for id_ in [ids] if isinstance(ids, str) else ids:
            yield _existing(call, action, id_)


def _creation(call: Call) -> Iterator[Permission]:
    """The permissions on an endpoint that does not exist yet, and on its tags.

    Tags in the request require ec2:CreateTags, with the condition key ec2:CreateAction:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    specifications = call.parameters.get("TagSpecifications") or ()
    tags = _requested(
        {name: text for each in specifications for name, text in tag_map(each["Tags"]).items()}
    )
    service = {"ec2:VpceServiceName": call.parameter("ServiceName")}
    arn = call.arn("ec2", "vpc-endpoint/*")
    yield Permission(f"ec2:{call.operation}", arn, call.account, {**tags, **service})
    if tags:
        context = {**tags, "ec2:CreateAction": call.operation}
        yield Permission("ec2:CreateTags", arn, call.account, context)


def _existing(call: Call, action: str, id_: str, context: ContextKeys | None = None) -> Permission:
    """The permission on a resource with an id; AWS compares its own tags as well."""
    type_ = _TYPES.get(id_.rpartition("-")[0], id_.rpartition("-")[0])
    arn = call.arn("ec2", f"{type_}/{id_}")
    return Permission(action, arn, call.account, {**(context or {}), **_tags(call, id_)})


def _tags(call: Call, id_: str) -> ContextKeys:
    stored: dict[str, Any] = backend("ec2", call.account, call.region).tags.get(id_, {})
    return resource_tags([{"Key": name, "Value": text} for name, text in stored.items()])


def _requested(tags: dict[str, str]) -> ContextKeys:
    keys: ContextKeys = {f"aws:RequestTag/{name}": text for name, text in tags.items()}
    return {**keys, "aws:TagKeys": tuple(tags)} if tags else {}
