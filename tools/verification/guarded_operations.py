"""Which Regions, profiles and tenants of an environment are verified in its operations account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operations_guard.aws_reader import AwsReader
from operations_guard.guarded_account import GuardedAccount
from operations_guard.verification import verify
from tools.live.granted_models import granted_models
from tools.live.retention_check import call_regions

if TYPE_CHECKING:
    import boto3

    from operations_guard.verification import Verification
    from tools.cli.targets import Target
    from tools.environment.model import Environment

# Seconds, because a Region may be out of reach. LookupEvents answers twice a second, so it is asked again.
_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 15,
    "retries": {"mode": "standard", "total_max_attempts": 5},
}


def guarded_account(environment: Environment, tenant: str | None) -> GuardedAccount:
    """Return the account, with the Regions and roles of one tenant or of all."""
    accounts = environment.accounts_of(tenant)
    tenants = tuple(dict.fromkeys(account.tenant for account in accounts))
    models = granted_models(environment.stanzas, tenants)
    profiles = {
        (region, model.profile)
        for model in models
        if model.profile is not None
        for region in model.regions
    }
    home = environment.operations_region
    return GuardedAccount(
        account=environment.operations_account_id,
        partition=environment.partition,
        environment=environment.name,
        region=home,
        regions=tuple(call_regions(environment, tenants).all),
        profiles=tuple(sorted(profiles)),
        trail_regions=tuple(sorted({home, *(account.region for account in accounts)})),
        tenants=tenants,
    )


def verify_operations(target: Target, tenant: str | None) -> Verification:
    """Verify the operations account; CommandError for credentials of another account."""
    return verify(operations_reader(target), guarded_account(target.environment, tenant))


def operations_reader(target: Target) -> AwsReader:
    """Return what asks questions in the operations account; CommandError for credentials of another account."""

    def connect(session: boto3.Session, service: str, region: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        return target.client(session, service, region, **_OPTIONS)

    return AwsReader(target.operations(), target.environment.operations_region, connect)
