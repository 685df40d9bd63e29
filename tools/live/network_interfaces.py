"""Waits until Lambda has deleted the network interfaces of a function that is gone.

Lambda deletes them with the rights of the execution role, up to 20 minutes or more after the function:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-eni-deletion.html
Without the role they remain, and the customer can delete neither its subnets nor its security groups.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tools.environment.model import CustomerAccount, Environment

# Terraform's AWS provider waits as long before it deletes a subnet or a security group of Lambda's:
# internal/service/ec2/vpc_network_interface.go of hashicorp/terraform-provider-aws.
LONGEST_WAIT = 45 * 60  # seconds
INTERVAL = 15  # seconds
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def function_interfaces(ec2: Any, function: str, network: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - boto3's client
    """Return the ids of the interfaces that Lambda made for ``function`` in the subnets of ``network``.

    Functions with the same subnet and security groups share interfaces. Each is described by the function for
    which it was made, as "AWS Lambda VPC ENI-NAME-UUID", and Lambda deletes it with the rights of that function's
    role: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html. EC2's filter alone would also find
    those of a function whose name begins with the same words, such as bedrock-prod-acme-eu beside bedrock-prod-acme.
    """
    filters = [
        {"Name": "subnet-id", "Values": sorted(network["subnet_ids"])},
        {"Name": "description", "Values": [f"AWS Lambda VPC ENI-{function}-*"]},
    ]
    description = re.compile(rf"AWS Lambda VPC ENI-{re.escape(function)}-{UUID}")
    pages = ec2.get_paginator("describe_network_interfaces").paginate(Filters=filters)
    return [
        item["NetworkInterfaceId"]
        for page in pages
        for item in page["NetworkInterfaces"]
        if description.fullmatch(item.get("Description", ""))
    ]


def sharing_functions(environment: Environment, account: CustomerAccount) -> list[str]:
    """Return the functions of other tenants in the account that may use the same interfaces."""
    network = environment.network_of(account)
    return [
        environment.base_name(other.tenant)
        for other in environment.accounts
        if other.account_id == account.account_id
        and other.tenant != account.tenant
        and _shares(environment.network_of(other), network)
    ]


def _shares(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Return whether two functions have a subnet in common, and the same security groups."""
    if one is None or other is None:
        return False
    is_same_group = set(one["security_group_ids"]) == set(other["security_group_ids"])
    return is_same_group and not set(one["subnet_ids"]).isdisjoint(other["subnet_ids"])


def wait_until_deleted(
    interfaces: Callable[[], list[str]],
    progress: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    sharing: Sequence[str] = (),
) -> None:
    """Return when ``interfaces`` returns none; CommandError when some are left after LONGEST_WAIT.

    ``sharing`` are functions that may use the same interfaces, which are not deleted while one of them exists.
    """
    use = (
        f" {' and '.join(sharing)} may use them too: then they remain until that function is destroyed."
        if sharing
        else ""
    )
    waited = 0
    while remaining := interfaces():
        if waited >= LONGEST_WAIT:
            other_use = use or (
                " Another function with the same subnets and security groups may use them: then they remain until "
                "that function is destroyed."
            )
            raise CommandError(
                f"Lambda has not deleted {', '.join(remaining)} within {LONGEST_WAIT // 60} minutes. The execution "
                "role remains, because Lambda needs it to delete them; run the same command again later."
                f"{other_use}"
            )
        if waited % 60 == 0:
            note = f".{use}" if use and waited == 0 else ""
            progress(
                f"Waiting until Lambda has deleted {len(remaining)} network interfaces ({waited // 60} min){note}"
            )
        sleep(INTERVAL)
        waited += INTERVAL
