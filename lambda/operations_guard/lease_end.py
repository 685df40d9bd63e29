"""The end of the guard's lease: stops every tenant with a quota, because nobody counts any more.

It is a function of its own, and imports nothing of the guard, so that it works when the guard does not. The next
complete run of the guard lets in again whoever has quota left.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# IAM accepts few changes in a second, and tells the others to come again.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 8})
_log = logging.getLogger(__name__)


class LeaseEndError(Exception):
    """The denial could not be attached to all roles."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Attach the denial to the role of each tenant in ``event``, and tell the operator.

    A role that does not exist is passed over. Raises LeaseEndError at the end if another one was not stopped.
    """
    settings = json.loads(os.environ["OPERATIONS_GUARD"])
    if event["shard"] >= settings["shards"]:
        _log.warning("The lease is of a shard that is gone, and its tenants are in others.")
        return {"stopped": 0}
    iam = boto3.client("iam", config=_CONFIG)
    stopped, failed = [], []
    for tenant in event["tenants"]:
        role = f"bedrock-{event['environment']}-{tenant}"
        try:
            iam.attach_role_policy(RoleName=role, PolicyArn=settings["quota_policy_arn"])
            stopped.append(tenant)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code != "NoSuchEntity":
                _log.error("The denial was not attached to %s: %s", role, code)
                failed.append(tenant)
    boto3.client("sns", config=_CONFIG).publish(
        TopicArn=settings["topic_arn"],
        Subject=f"The guard of {event['environment']} does not run"[:100],
        Message=(
            f"The guard of {event['environment']} has not completed a run of shard {event['shard']} in time, so its "
            f"lease has ended and {len(stopped):,} tenants with a quota are refused every call. Look at the errors of "
            "its function; its next complete run lets in again whoever has quota left."
        ),
    )
    if failed:
        raise LeaseEndError(f"The denial was not attached to the roles of {len(failed):,} tenants.")
    return {"stopped": len(stopped)}
