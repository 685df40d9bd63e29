"""What tests need to make one of the guard's functions on the local Lambda by hand."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from tools.bench.guarded_tenants import (
    ALIAS_POLICY,
    BUS,
    ENVIRONMENT,
    QUOTA_POLICY,
    TOPIC,
    document,
)
from tools.paths import ROOT


def guard_package() -> bytes:
    """The zip of lambda/operations_guard."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted((ROOT / "lambda" / "operations_guard").glob("*.*")):
            archive.write(file, f"operations_guard/{file.name}")
    return buffer.getvalue()


def guard_settings(lease: Mapping[str, Any] | None) -> dict[str, Any]:
    """What Terraform writes into OPERATIONS_GUARD, for one shard."""
    return {
        "environment": ENVIRONMENT,
        "quota_policy_arn": QUOTA_POLICY,
        "alias_policy_arn": ALIAS_POLICY,
        "topic_arn": TOPIC,
        "event_bus_arn": BUS,
        "shards": 1,
        "lease": lease,
    }


def guard_trust(service: str) -> str:
    """The trust policy of a role with which a service acts."""
    return document(
        {"Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    )
