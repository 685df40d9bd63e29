"""Read what holds a workload's records: the two log groups, what copies them, and their key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tools.iam.policy import Kind
from tools.isolation import customer_specification as customer
from tools.live.answers import claim
from tools.live.reach import possible_action, resource_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.isolation.customer_specification import Workload
    from tools.isolation.plan_reader import Plan, Resource
    from tools.live.answers import AccountReader, Finding

_MISSING = ("ResourceNotFoundException",)

# Account policies that copy, alter or mask the events of a log group, or change how long they are kept:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
_ACCOUNT_POLICIES = (
    "DATA_PROTECTION_POLICY",
    "METRIC_EXTRACTION_POLICY",
    "RETENTION_POLICY",
    "SUBSCRIPTION_FILTER_POLICY",
    "TRANSFORMER_POLICY",
)
# KMS's default, which the module leaves as it is:
# https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-enable.html
_ROTATION_DAYS = 365
_KEY = {
    "Enabled": True,
    "KeyManager": "CUSTOMER",
    "KeySpec": "SYMMETRIC_DEFAULT",
    "KeyState": "Enabled",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "Origin": "AWS_KMS",
}


@dataclass(frozen=True)
class RecordReading:
    """The log groups and the key of one workload; ``plan`` says what Terraform's code makes of them."""

    reader: AccountReader
    workload: Workload
    plan: Plan

    @property
    def checks(self) -> list[tuple[str, Callable[[], Iterator[Finding]]]]:
        """The parts to read, with their names."""
        checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = []
        for arn in self.workload.groups:
            name = _group_name(arn)
            for part, check in (
                ("settings", self._settings),
                ("masking", self._masking),
                ("subscription filters", self._subscription_filters),
                ("metric filters", self._metric_filters),
                ("transformer", self._transformer),
                ("anomaly detectors", self._anomaly_detectors),
                ("resource policy", self._group_policy),
            ):
                checks.append((f"the {part} of {name}", partial(check, arn)))
        for policy_type in _ACCOUNT_POLICIES:
            label = f"the account's policies of the type {policy_type}"
            checks.append((label, partial(self._account_policies, policy_type)))
        return [
            *checks,
            ("the account's resource policies of CloudWatch Logs", self._resource_policies),
            ("the export tasks of CloudWatch Logs", self._export_tasks),
            ("the scheduled queries of CloudWatch Logs", self._scheduled_queries),
            ("the key's state", self._key_state),
            ("the key's rotation", self._key_rotation),
            ("the key's policy", self._key_policy),
            ("the key's grants", self._grants),
        ]

    def _logs(self, operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore checks them
        return self.reader.ask("logs", operation, missing=_MISSING, **parameters) or {}

    def _group(self, name: str) -> Resource | None:
        groups = self.plan.of_type("aws_cloudwatch_log_group")
        return next((group for group in groups if group.known_value("name") == name), None)

    # --- the log groups ---

    def _settings(self, arn: str) -> Iterator[Finding]:
        name = _group_name(arn)
        found = self._logs("DescribeLogGroups", logGroupNamePrefix=name).get("logGroups", ())
        live = next((group for group in found if group.get("logGroupName") == name), None)
        planned = self._group(name)
        if live is None or planned is None:
            yield self.reader.fault("log group", f"the log group {name} does not exist")
            return
        expected = {
            "kmsKeyId": planned.known_value("kms_key_id"),
            "logGroupClass": planned.known_value("log_group_class"),
            "retentionInDays": planned.known_value("retention_in_days") or None,
            "retentionPolicyName": None,
            # Would admit writers without AWS credentials.
            "bearerTokenAuthenticationEnabled": None,
        }
        for setting, wanted in expected.items():
            if (shown := live.get(setting) or None) != wanted:
                problem = f"{setting} of {name} is {shown} instead of {wanted}"
                yield self.reader.fault("log group", problem)

    def _masking(self, arn: str) -> Iterator[Finding]:
        name = _group_name(arn)
        live = self._logs("GetDataProtectionPolicy", logGroupIdentifier=name).get("policyDocument")
        planned = [
            policy.known_value("policy_document")
            for policy in self.plan.of_type("aws_cloudwatch_log_data_protection_policy")
            if policy.known_value("log_group_name") == name
        ]
        wanted = planned[0] if planned else None
        if _document(live) != _document(wanted):
            kind = (
                "differs from the stanza's"
                if live and wanted
                else "is missing"
                if wanted
                else "exists"
            )
            problem = f"the data protection policy of {name} {kind}"
            yield self.reader.fault("masking", problem)

    def _subscription_filters(self, arn: str) -> Iterator[Finding]:
        name = _group_name(arn)
        answer = self._logs("DescribeSubscriptionFilters", logGroupName=name)
        for item in answer.get("subscriptionFilters", ()):
            problem = f"the subscription filter {item.get('filterName')} copies {name} to {item.get('destinationArn')}"
            yield self.reader.fault("copies", problem)

    def _metric_filters(self, arn: str) -> Iterator[Finding]:
        name = _group_name(arn)
        answer = self._logs("DescribeMetricFilters", logGroupName=name)
        for item in answer.get("metricFilters", ()):
            problem = f"the metric filter {item.get('filterName')} turns {name} into metrics"
            yield self.reader.fault("copies", problem)

    def _transformer(self, arn: str) -> Iterator[Finding]:
        name = _group_name(arn)
        if self._logs("GetTransformer", logGroupIdentifier=name).get("transformerConfig"):
            yield self.reader.fault("copies", f"a transformer alters what is written to {name}")

    def _anomaly_detectors(self, arn: str) -> Iterator[Finding]:
        answer = self._logs("ListLogAnomalyDetectors", filterLogGroupArn=arn)
        for item in answer.get("anomalyDetectors", ()):
            problem = f"the anomaly detector {item.get('detectorName')} reads {_group_name(arn)}"
            yield self.reader.fault("copies", problem)

    # --- what applies to several log groups ---

    def _account_policies(self, policy_type: str) -> Iterator[Finding]:
        answer = self._logs("DescribeAccountPolicies", policyType=policy_type)
        names = [_group_name(arn) for arn in self.workload.groups]
        for policy in answer.get("accountPolicies", ()):
            criteria = str(policy.get("selectionCriteria") or "")
            excluded = "NOT IN" in criteria and all(f'"{name}"' in criteria for name in names)
            if not excluded:
                problem = f"the account policy {policy.get('policyName')} ({policy_type}) applies to the log groups"
                yield self.reader.fault("copies", problem)

    def _group_policy(self, arn: str) -> Iterator[Finding]:
        answer = self._logs("DescribeResourcePolicies", policyScope="RESOURCE", resourceArn=arn)
        yield from self._opening_policies(answer)

    def _resource_policies(self) -> Iterator[Finding]:
        yield from self._opening_policies(self._logs("DescribeResourcePolicies"))

    def _opening_policies(self, answer: Mapping[str, Any]) -> Iterator[Finding]:
        """Name each resource policy that allows anybody anything on the two groups.

        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
        """
        label = "use a log group of the workload"
        for policy in answer.get("resourcePolicies", ()):
            name, text = str(policy.get("policyName")), policy.get("policyDocument") or "{}"
            kind = resource_kind(label, self.workload.groups)
            if action := possible_action(kind, {name: text}, policy_kind=Kind.RESOURCE):
                problem = f"the resource policy {name} lets others {label} ({action})"
                yield self.reader.fault("copies", problem)

    def _export_tasks(self) -> Iterator[Finding]:
        names = {_group_name(arn) for arn in self.workload.groups}
        for task in self._logs("DescribeExportTasks").get("exportTasks", ()):
            status = (task.get("status") or {}).get("code")
            if task.get("logGroupName") in names and status not in ("CANCELLED", "FAILED"):
                bucket, name = task.get("destination"), task["logGroupName"]
                problem = f"an export task copies {name} to the bucket {bucket} ({status})"
                yield self.reader.fault("copies", problem)

    def _scheduled_queries(self) -> Iterator[Finding]:
        """A scheduled query writes what it finds to S3.

        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateScheduledQuery.html
        """
        for summary in self._logs("ListScheduledQueries").get("scheduledQueries", ()):
            query = self._logs("GetScheduledQuery", identifier=summary["scheduledQueryArn"])
            sources = " ".join(query.get("logGroupIdentifiers", ()))
            text = str(query.get("queryString", ""))
            # Without log groups, the query's own SOURCE command names or searches them.
            for name in map(_group_name, self.workload.groups):
                if not sources or name in sources or name in text:
                    problem = f"the scheduled query {query.get('name')} reads {name}, or may"
                    yield self.reader.fault("copies", problem)
                    break

    # --- the key ---

    @property
    def _key_arns(self) -> list[str]:
        groups = [self._group(_group_name(arn)) for arn in self.workload.groups]
        return sorted({str(group.known_value("kms_key_id")) for group in groups if group})

    def _kms(self, operation: str, key: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore checks them
        answer = self.reader.ask(
            "kms", operation, missing=("NotFoundException",), KeyId=key, **parameters
        )
        return answer or {}

    def _key_state(self) -> Iterator[Finding]:
        for key in self._key_arns:
            live = self._kms("DescribeKey", key).get("KeyMetadata") or {}
            for setting, wanted in {**_KEY, "AWSAccountId": self.workload.account}.items():
                if (shown := live.get(setting)) != wanted:
                    yield self.reader.fault(
                        "key", f"{setting} of {key} is {shown} instead of {wanted}"
                    )
            if live.get("MultiRegion"):
                yield self.reader.fault(
                    "key", f"{key} is a multi-Region key, which can be replicated"
                )

    def _key_rotation(self) -> Iterator[Finding]:
        for key in self._key_arns:
            live = self._kms("GetKeyRotationStatus", key)
            days = live.get("RotationPeriodInDays", _ROTATION_DAYS)
            if not live.get("KeyRotationEnabled"):
                yield self.reader.fault("key", f"{key} is not rotated every year")
            elif days > _ROTATION_DAYS:
                problem = f"{key} is rotated every {days:,} days instead of every year"
                yield self.reader.fault("key", problem)

    def _key_policy(self) -> Iterator[Finding]:
        for key in self._key_arns:
            text = self._kms("GetKeyPolicy", key, PolicyName="default").get("Policy") or "{}"
            documents = {"key policy": text}
            specification = customer.key(self.workload)
            yield claim(self.reader.subject, "key", Kind.RESOURCE, documents, specification)

    def _grants(self) -> Iterator[Finding]:
        """A grant lets its grantee use the key whatever the key's policy says; the module makes none.

        https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
        """
        for key in self._key_arns:
            for grant in self._kms("ListGrants", key).get("Grants", ()):
                operations = ", ".join(grant.get("Operations", ()))
                problem = f"a grant lets {grant.get('GranteePrincipal')} use {key} ({operations})"
                yield self.reader.fault("key", problem)


def _group_name(arn: str) -> str:
    return arn.split(":", 6)[6]


def _document(text: str | None) -> object:
    """Return a policy without regard to the order of its parts."""
    if not text:
        return None
    return json.loads(text)
