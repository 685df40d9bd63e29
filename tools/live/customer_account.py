"""Read one workload in its customer account: roles, endpoints, function, log groups and key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tools.iam.policy import Kind
from tools.live.answers import claim
from tools.live.function_reading import FunctionReading
from tools.live.record_reading import RecordReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.isolation.customer_specification import Workload
    from tools.isolation.plan_reader import Plan
    from tools.live.answers import AccountReader, Finding

_SUFFIXES = ("execution", "reader", "unmasker")
_MISSING = ("NoSuchEntity",)


@dataclass(frozen=True)
class CustomerReading:
    """One workload; ``plan`` says what Terraform's code makes of it."""

    reader: AccountReader
    workload: Workload
    plan: Plan

    def findings(self) -> Iterator[Finding]:
        """Yield claims, faults and unread parts."""
        base = self.workload.tenant.base_name
        checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
            (f"the role {base}-{suffix}", partial(self._role, f"{base}-{suffix}", suffix))
            for suffix in _SUFFIXES
        ]
        if self.workload.endpoints:
            checks.append(("the VPC endpoints", self._endpoints))
        functions = list(self.plan.of_type("aws_lambda_function"))
        planned = functions[0] if functions else None
        checks += FunctionReading(self.reader, self.workload, planned).checks
        checks += RecordReading(self.reader, self.workload, self.plan).checks
        yield from self.reader.findings(checks)

    def _iam(self, operation: str, role: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore checks them
        answer = self.reader.ask("iam", operation, missing=_MISSING, RoleName=role, **parameters)
        return answer or {}

    def _role(self, name: str, suffix: str) -> Iterator[Finding]:
        subject = f"{self.reader.subject} {suffix}"
        role = self._iam("GetRole", name).get("Role")
        specifications = self.workload.roles.get(name)
        if role is None or specifications is None:
            if role is not None:
                yield self.reader.fault("role", f"the role {name} exists, and the stanza has none")
            elif specifications is not None:
                yield self.reader.fault("role", f"the role {name} does not exist")
            return
        env = self.workload.tenant.environment
        arn = env.role_arn(self.workload.account, name)
        if role["Arn"] != arn:
            yield self.reader.fault("role", f"{role['Arn']} exists instead of {arn}")
        boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        if boundary != (wanted := self.workload.boundary_arn):
            problem = f"the permissions boundary of {name} is {boundary} instead of {wanted}"
            yield self.reader.fault("boundary", problem)
        attached = self._iam("ListAttachedRolePolicies", name).get("AttachedPolicies", ())
        for policy in attached:
            problem = f"the policy {policy['PolicyArn']} is attached to the role {name}"
            yield self.reader.fault("permissions", problem)
        permissions = {
            policy: self._iam("GetRolePolicy", name, PolicyName=policy).get("PolicyDocument") or {}
            for policy in self._iam("ListRolePolicies", name).get("PolicyNames", ())
        }
        trust = {"trust policy": role.get("AssumeRolePolicyDocument") or {}}
        yield claim(subject, "trust", Kind.TRUST, trust, specifications[0], role_arn=arn)
        yield claim(
            subject, "permissions", Kind.IDENTITY, permissions, specifications[1], role_arn=arn
        )

    def _endpoints(self) -> Iterator[Finding]:
        """Compare the policies of the workload's endpoints in its VPC."""
        vpc = self.workload.stanza["vpc"]["id"]
        filters = [{"Name": "vpc-id", "Values": [vpc]}]
        answer = self.reader.ask("ec2", "DescribeVpcEndpoints", Filters=filters) or {}
        for service, specification in self.workload.endpoints.items():
            ending = f".{self.workload.region}.{service}"
            found = [
                endpoint
                for endpoint in answer.get("VpcEndpoints", ())
                if endpoint.get("ServiceName", "").endswith(ending)
            ]
            if len(found) != 1:
                problem = f"there are {len(found)} endpoints of {service} in {vpc} instead of one"
                yield self.reader.fault(f"endpoint {service}", problem)
            for endpoint in found:
                documents = {"endpoint policy": endpoint.get("PolicyDocument") or "{}"}
                yield claim(
                    self.reader.subject,
                    f"endpoint {service}",
                    Kind.RESOURCE,
                    documents,
                    specification,
                )
