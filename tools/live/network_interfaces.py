"""Waits until Lambda has deleted the network interfaces of a function that is gone.

Lambda deletes them with the rights of the execution role, up to 20 minutes or more after the function:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-eni-deletion.html
Without the role they remain, and the customer can delete neither its subnets nor its security groups.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tools.command_error import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Terraform's AWS provider waits as long before it deletes a subnet or a security group of Lambda's:
# internal/service/ec2/vpc_network_interface.go of hashicorp/terraform-provider-aws.
LONGEST_WAIT = 45 * 60  # seconds
INTERVAL = 15  # seconds


def function_interfaces(ec2: Any, function: str, network: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - boto3's client
    """Return the ids of the interfaces that Lambda made for ``function`` in the subnets of ``network``.

    Functions with the same subnet and security groups share interfaces. Each is described by the function for
    which it was made, and Lambda deletes it with the rights of that function's role.
    """
    filters = [
        {"Name": "subnet-id", "Values": sorted(network["subnet_ids"])},
        {"Name": "description", "Values": [f"AWS Lambda VPC ENI-{function}-*"]},
    ]
    pages = ec2.get_paginator("describe_network_interfaces").paginate(Filters=filters)
    return [item["NetworkInterfaceId"] for page in pages for item in page["NetworkInterfaces"]]


def wait_until_deleted(
    interfaces: Callable[[], list[str]],
    progress: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when ``interfaces`` returns none; CommandError when some are left after LONGEST_WAIT."""
    waited = 0
    while remaining := interfaces():
        if waited >= LONGEST_WAIT:
            raise CommandError(
                f"Lambda has not deleted {', '.join(remaining)} within {LONGEST_WAIT // 60} minutes. The execution "
                "role remains, because Lambda needs it to delete them; run the same command again later."
            )
        if waited % 60 == 0:
            progress(
                f"Waiting until Lambda has deleted {len(remaining)} network interfaces ({waited // 60} min)"
            )
        sleep(INTERVAL)
        waited += INTERVAL
