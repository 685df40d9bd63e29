"""Service Quotas tells the quota that holds in one account and Region, with the permission to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tools.localaws.aws import OPERATIONS, document, refusal

if TYPE_CHECKING:
    from tests.tools.localaws.conftest import Connect
    from tools.localaws.local_aws import LocalAws

PROFILES = {"ServiceCode": "bedrock", "QuotaCode": "L-40EC9882"}


def test_an_increase_holds_in_its_account_and_region_alone(
    local_aws: LocalAws, connect: Connect
) -> None:
    keys, others = local_aws.control.account(OPERATIONS), local_aws.control.account("222222222222")
    quotas = connect("service-quotas", keys)
    assert quotas.get_service_quota(**PROFILES)["Quota"]["Value"] == 1000
    quotas.request_service_quota_increase(**PROFILES, DesiredValue=2500)
    assert quotas.get_service_quota(**PROFILES)["Quota"]["Value"] == 2500
    assert quotas.get_aws_default_service_quota(**PROFILES)["Quota"]["Value"] == 1000
    for elsewhere in (
        connect("service-quotas", keys, region="eu-west-1"),
        connect("service-quotas", others),
    ):
        assert elsewhere.get_service_quota(**PROFILES)["Quota"]["Value"] == 1000


def test_an_unknown_quota_does_not_exist(local_aws: LocalAws, connect: Connect) -> None:
    quotas = connect("service-quotas", local_aws.control.account(OPERATIONS))
    code, _ = refusal(quotas.get_service_quota, ServiceCode="bedrock", QuotaCode="L-00000000")
    assert code == "NoSuchResourceException"


def test_a_quota_is_read_with_its_permission_alone(local_aws: LocalAws, connect: Connect) -> None:
    allowed = document({"Action": "servicequotas:GetServiceQuota", "Resource": "*"})
    quotas = connect("service-quotas", local_aws.control.account(OPERATIONS, policies=[allowed]))
    assert quotas.get_service_quota(**PROFILES)["Quota"]["Value"] == 1000
    code, message = refusal(quotas.get_aws_default_service_quota, **PROFILES)
    assert code == "AccessDeniedException"
    assert "servicequotas:GetAWSDefaultServiceQuota" in message
