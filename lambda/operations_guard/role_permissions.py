"""What the roles of tenants may do beside calling models, which is nothing.

An Allow statement that names its actions one by one allows these and no other, whatever its resources and conditions
are. So a role each of whose Allow statements names only the actions of a call can change no setting, and no solver is
needed to see it. A wildcard is a fault even where it would allow no more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from operations_guard.authorization_details import AuthorizationDetails
from operations_guard.aws_reader import NotReadError
from operations_guard.verified_line import FAULT, OK, VerifiedLine, cannot_tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operations_guard.aws_reader import AwsReader
    from operations_guard.guarded_account import GuardedAccount

SUBJECT = "permissions of tenants' roles"
_ADVICE = "Run `make drift`, and take back what no stanza grants."
# In lower case, because IAM compares actions without regard to case:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
CALLS = frozenset(
    {
        "bedrock:applyguardrail",
        "bedrock:counttokens",
        "bedrock:invokemodel",
        "bedrock:invokemodelwithresponsestream",
    }
)
# A tenant may read how much of its quota it has used, in the one parameter that holds only that.
_READS_USAGE = "ssm:getparameter"
_USAGE = re.compile(r"arn:[a-z-]+:ssm:[a-z0-9-]+:\d{12}:parameter/bedrock/[^/*?]+/usage/[^/*?]+")


def permission_lines(reader: AwsReader, account: GuardedAccount) -> list[VerifiedLine]:
    """Look at all policies of each tenant's role that exists."""
    try:
        answer = reader.ask(
            "iam",
            "GetAccountAuthorizationDetails",
            Filter=["Role", "LocalManagedPolicy", "AWSManagedPolicy"],
        )
    except NotReadError as error:
        return [cannot_tell(SUBJECT, str(error))]
    details = AuthorizationDetails(answer or {})
    names = [name for name in map(account.role_name, account.tenants) if name in details.roles]
    faults = [
        VerifiedLine(
            SUBJECT, FAULT, f"{policy} of {name} allows {', '.join(others)}", advice=_ADVICE
        )
        for name in names
        for policy, document in details.policies(details.roles[name], "Role").items()
        if (others := other_actions(document))
    ]
    number = f"{len(names):,} of {len(account.tenants):,} tenants have a role"
    return faults or [VerifiedLine(SUBJECT, OK, f"{number}, which may only call models")]


def other_actions(document: Mapping[str, Any]) -> list[str]:
    """Return what the Allow statements of a policy name beside the actions of a call."""
    statements = document.get("Statement", ())
    others: list[str] = []
    for statement in [statements] if isinstance(statements, dict) else statements:
        if statement.get("Effect") != "Allow":
            continue
        actions = statement.get("Action", ())
        actions = [actions] if isinstance(actions, str) else actions
        allowed = CALLS | ({_READS_USAGE} if _is_of_usage(statement) else set())
        others += [action for action in actions if action.lower() not in allowed]
        if "NotAction" in statement:
            others.append("all actions but some")
    return others


def _is_of_usage(statement: Mapping[str, Any]) -> bool:
    resources = statement.get("Resource", ())
    resources = [resources] if isinstance(resources, str) else resources
    return bool(resources) and all(_USAGE.fullmatch(resource) for resource in resources)
