"""What a tenant's stanza means in a customer account: its roles, its key and its way out of a VPC.

As stanza.py for the operations account: said without the Terraform that renders it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.isolation.predicate import Absent, All, Any, Begins, Is, Predicate
from tools.isolation.stanza_claims import APPLY_GUARDRAIL, INVOKE, STREAM

if TYPE_CHECKING:
    from tools.isolation.stanza_claims import Stanza, Tenant

WRITE = ("logs:CreateLogStream", "logs:PutLogEvents")
READ = (
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetQueryResults",
    "logs:StartQuery",
)

# To keep a key, and never to use it: neither encrypt, decrypt nor let another do so by a grant.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-administrators
KEEP_A_KEY = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
KEEP_A_KEY_BEGINS = ("kms:Describe", "kms:Disable", "kms:Enable", "kms:List")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
USE_A_KEY_BEGINS = (
    "kms:Decrypt",
    "kms:Describe",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncrypt",
)


@dataclass(frozen=True)
class Workload:
    """One tenant in one of its accounts."""

    tenant: Tenant
    account: str

    @property
    def stanza(self) -> Stanza:
        """What the stanza says of this account."""
        of_account: Stanza = self.tenant.stanza["accounts"][self.account]
        return of_account

    @property
    def region(self) -> str:
        """Where it runs and keeps its records."""
        region: str = self.stanza.get("region") or self.tenant.environment.region
        return region

    @property
    def runs(self) -> bool:
        """Whether there is a function: an offboarded tenant keeps its records only."""
        return self.tenant.stanza.get("state") != "offboarding"

    @property
    def readers(self) -> tuple[str, ...]:
        """Who may read the records."""
        return tuple(self.stanza.get("readers") or ())

    @property
    def unmaskers(self) -> tuple[str, ...]:
        """Who may also see what is masked in them."""
        return tuple(self.stanza.get("unmaskers") or ())

    @property
    def roles(self) -> dict[str, tuple[Predicate, Predicate]]:
        """By its name, whom each role trusts and what it may do."""
        base = self.tenant.base_name
        found = {}
        if self.runs:
            found[f"{base}-execution"] = (execution_trust(), execution(self))
        if self.readers:
            found[f"{base}-reader"] = (only(self.readers), reader(self))
        if self.unmaskers:
            found[f"{base}-unmasker"] = (only(self.unmaskers), unmasker(self))
        return found

    @property
    def endpoints(self) -> dict[str, Predicate]:
        """By the service, what each VPC endpoint lets through."""
        vpc = self.stanza.get("vpc") or {}
        if not (self.runs and vpc.get("id")):
            return {}
        made = {"logs": _written_by_the_function(self), "sts": _assumed_by_the_function(self)}
        models = self.tenant.stanza["models"].values()
        if any(self.region in granted["regions"] for granted in models):
            made["bedrock-runtime"] = _invoked_by_the_tenant(self)
        return made

    @property
    def groups(self) -> tuple[str, str]:
        """The ARNs of its two log groups: the function's own, and the records."""
        base = (
            f"arn:{self.tenant.environment.partition}:logs:{self.region}:{self.account}:log-group:"
        )
        env = self.tenant.environment.name
        return (
            f"{base}/aws/lambda/{self.tenant.base_name}",
            f"{base}/bedrock/{env}/{self.tenant.name}/records",
        )


def execution_trust() -> Predicate:
    """Lambda alone runs as the execution role."""
    return All((Is("action", ("sts:AssumeRole",)), Is("caller.service", ("lambda.amazonaws.com",))))


def execution(workload: Workload) -> Predicate:
    """It assumes one role and writes two groups; in a VPC, Lambda itself needs network interfaces."""
    assume = All((Is("action", ("sts:AssumeRole",)), Is("resource", (workload.tenant.role_arn,))))
    return Any((assume, _write(workload), *_network(workload)))


def only(named: tuple[str, ...]) -> Predicate:
    """Exactly those named, in whichever account each is."""
    return All((Is("action", ("sts:AssumeRole",)), Is("aws:principalarn", named)))


def reader(workload: Workload) -> Predicate:
    """It reads the records, spilled ones too, and nothing else."""
    return All((Is("action", READ), _in_its_groups(workload)))


def unmasker(workload: Workload) -> Predicate:
    """It reads the same, and sees what is masked."""
    return All((Is("action", (*READ, "logs:Unmask")), _in_its_groups(workload)))


def key(workload: Workload) -> Predicate:
    """The account keeps the key and cannot use it; CloudWatch Logs uses it for the two groups."""
    partition = workload.tenant.environment.partition
    dns = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    keep = All(
        (
            # Everyone in the account; the ARN of a federated user is of sts.
            Any(
                tuple(
                    Begins("aws:principalarn", f"arn:{partition}:{issuer}::{workload.account}:")
                    for issuer in ("iam", "sts")
                )
            ),
            Any((Is("action", KEEP_A_KEY), *(Begins("action", b) for b in KEEP_A_KEY_BEGINS))),
        )
    )
    use = All(
        (
            Is("caller.service", (f"logs.{workload.region}.{dns}",)),
            Is("kms:encryptioncontext:aws:logs:arn", workload.groups),
            Any(tuple(Begins("action", begins) for begins in USE_A_KEY_BEGINS)),
        )
    )
    return Any((keep, use))


def _in_its_groups(workload: Workload) -> Predicate:
    groups = workload.groups
    return Any((Is("resource", groups), *(Begins("resource", f"{group}:") for group in groups)))


def _write(workload: Workload) -> Predicate:
    streams = tuple(Begins("resource", f"{group}:log-stream:") for group in workload.groups)
    return All((Is("action", WRITE), Any(streams)))


def _by_the_function(workload: Workload) -> Predicate:
    return Is("aws:principalarn", (workload.tenant.callers[workload.account],))


def _written_by_the_function(workload: Workload) -> Predicate:
    return All((_by_the_function(workload), _write(workload)))


def _assumed_by_the_function(workload: Workload) -> Predicate:
    return All(
        (
            _by_the_function(workload),
            Is("action", ("sts:AssumeRole",)),
            Is("resource", (workload.tenant.role_arn,)),
        )
    )


def _invoked_by_the_tenant(workload: Workload) -> Predicate:
    """The role's own policy says which models; the endpoint, that it is the role."""
    guardrail = workload.tenant.stanza.get("guardrail")
    applied = (
        [All((Is("action", (APPLY_GUARDRAIL,)), Is("resource", (guardrail["arn"],))))]
        if guardrail
        else []
    )
    return All(
        (
            Is("aws:principalarn", (workload.tenant.role_arn,)),
            Any((Is("action", (INVOKE, STREAM)), *applied)),
        )
    )


def _network(workload: Workload) -> list[Predicate]:
    """Only Lambda itself, never the function's code, of whose calls this key tells.

    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    vpc = workload.stanza.get("vpc")
    if not vpc:
        return []
    ec2 = f"arn:{workload.tenant.environment.partition}:ec2:{workload.region}:{workload.account}"
    named = [
        *(f"{ec2}:security-group/{group}" for group in vpc["security_group_ids"]),
        *(f"{ec2}:subnet/{subnet}" for subnet in vpc["subnet_ids"]),
    ]
    manage = (
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    )
    where = Any((Begins("resource", f"{ec2}:network-interface/"), Is("resource", tuple(named))))
    find = Is("action", ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"))
    allowed = Any((All((Is("action", manage), where)), find))
    return [All((Absent("lambda:sourcefunctionarn"), allowed))]
