"""Organizations' resource policy, which moto does not have; moto answers all other calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import Kind, parse_policy
from tools.localaws.call import ServiceError
from tools.localaws.protocols import write_result

if TYPE_CHECKING:
    from tools.localaws.call import Call, Response
    from tools.localaws.context import LocalAwsContext


class Organizations:
    """Stores the policy by which a management account lets members read."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context

    def answer(self, call: Call) -> Response | None:
        """Answer PutResourcePolicy; None for another operation.

        https://docs.aws.amazon.com/organizations/latest/APIReference/API_PutResourcePolicy.html
        """
        if (call.service, call.operation) != ("organizations", "PutResourcePolicy"):
            return None
        content = call.parameter("Content")
        try:
            parse_policy(content, "resource policy", Kind.RESOURCE)
        except UnsupportedPolicyError as error:
            raise ServiceError("MalformedPolicyDocumentException", str(error)) from error
        self._context.delegation_policies[call.account] = content
        return write_result(call, {"ResourcePolicy": {"Content": content}})
