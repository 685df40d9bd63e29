"""Whether Lambda may act as a function's role."""

from __future__ import annotations

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.localaws.moto_state import find_role

_SERVICE = "lambda.amazonaws.com"


def trusts_lambda(role_arn: str) -> bool:
    """Whether the role exists and its trust policy lets Lambda assume it.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """
    account, role = find_role(role_arn)
    if role is None:
        return False
    request = Request(
        action="sts:AssumeRole",
        resource=role_arn,
        context={"aws:PrincipalIsAWSService": "true", "aws:SourceAccount": account},
        requester=Requester(service=_SERVICE),
    )
    document = role.assume_role_policy_document
    try:
        trust = parse_policy(document, f"trust policy of {role.name}", Kind.TRUST)
        return evaluate([trust], request).allowed
    except UnsupportedPolicyError:
        return False
