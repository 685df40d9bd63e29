"""Service Quotas in the local AWS: moto knows only those of VPCs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.localaws.call import ServiceError
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from tools.localaws.call import Call, Response

# AWS's default of each quota, by service and code: https://docs.aws.amazon.com/general/latest/gr/bedrock.html
_QUOTAS = {
    ("bedrock", "L-40EC9882"): ("Inference profiles per account", 1000.0),
}


class ServiceQuotas:
    """Answers for the quotas of Bedrock that the commands read, in each account and Region.

    A request for an increase is granted at once; AWS takes hours or days.
    """

    def __init__(self) -> None:
        self._raised: dict[tuple[str, str, str, str], float] = {}

    def answer(self, call: Call) -> Response | None:
        """Return a quota or the answer to a request for an increase; None for another service or a VPC's quota.

        https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
        """
        if call.service != "service-quotas" or call.parameter("ServiceCode") == "vpc":
            return None
        operations = {
            "GetAWSDefaultServiceQuota": self._default,
            "GetServiceQuota": self._applied,
            "RequestServiceQuotaIncrease": self._raise,
        }
        operation = operations.get(call.operation)
        return None if operation is None else write_result(call, operation(call))

    def _default(self, call: Call) -> dict[str, Any]:
        return {"Quota": _quota(call)}

    def _applied(self, call: Call) -> dict[str, Any]:
        quota = _quota(call)
        return {"Quota": {**quota, "Value": self._raised.get(_key(call), quota["Value"])}}

    def _raise(self, call: Call) -> dict[str, Any]:
        quota, desired = _quota(call), float(call.parameters["DesiredValue"])
        self._raised[_key(call)] = desired
        request = {name: quota[name] for name in ("ServiceCode", "QuotaCode", "QuotaName")}
        return {"RequestedQuota": {**request, "DesiredValue": desired, "Status": "APPROVED"}}


def _key(call: Call) -> tuple[str, str, str, str]:
    return (call.account, call.region, call.parameter("ServiceCode"), call.parameter("QuotaCode"))


def _quota(call: Call) -> dict[str, Any]:
    """Return AWS's default; ServiceError for a quota that the local AWS does not know."""
    service, code = call.parameter("ServiceCode"), call.parameter("QuotaCode")
    if (service, code) not in _QUOTAS:
        message = "The request failed because the specified service or quota does not exist."
        raise ServiceError("NoSuchResourceException", message)
    name, value = _QUOTAS[service, code]
    return {
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaArn": call.arn("servicequotas", f"{service}/{code}"),
        "QuotaCode": code,
        "QuotaName": name,
        "ServiceCode": service,
        "ServiceName": "Amazon Bedrock",
        "Unit": "None",
        "Value": value,
    }
