"""The service control policy (SCP) that keeps the operations account as it was verified.

The policy is in service_control_policy.json, and docs/how-to/organization-policies.md says how to attach it. It is
attached if each of its statements is in a policy of the account, of an organizational unit above it or of the root.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operations_guard.aws_reader import NotReadError
from operations_guard.verified_line import OK, VerifiedLine, cannot_tell, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from operations_guard.aws_reader import AwsReader
    from operations_guard.guarded_account import GuardedAccount

SUBJECT = "service control policy"
PAGE = "docs/how-to/organization-policies.md"
POLICY = Path(__file__).with_name("service_control_policy.json")
_SCP = "SERVICE_CONTROL_POLICY"
_NOT_IN_USE = ("AWSOrganizationsNotInUseException",)
# An SCP can be read by the management account, and by a member that its organization lets read policies:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs-policy-delegate.html
_ADVICE = f"{PAGE} says how to attach it, and how to let this account read it."


def organization_lines(reader: AwsReader, account: GuardedAccount) -> Iterator[VerifiedLine]:
    """Look whether the account is in an organization and, if so, whether each statement is attached."""
    try:
        answer = reader.ask("organizations", "DescribeOrganization", missing=_NOT_IN_USE)
    except NotReadError as error:
        yield cannot_tell(SUBJECT, str(error))
        return
    if answer is None:
        yield VerifiedLine(
            SUBJECT, OK, "the account is in no organization, so none can be attached"
        )
        return
    organization = answer["Organization"]

    def look() -> Iterator[str]:
        if organization["MasterAccountId"] == account.account:
            yield "SCPs do not apply to this account, which manages its organization"
            return
        attached = set(_attached_statements(reader, account.account))
        for statement in _statements(json.loads(POLICY.read_text())):
            if _comparable(statement) not in attached:
                yield f"no SCP of the account has the statement {statement['Sid']}"

    clean = f"attached in the organization {organization['Id']}"
    yield from lines_of(SUBJECT, look, clean, _ADVICE)


def _attached_statements(reader: AwsReader, account: str) -> Iterator[str]:
    """Yield the statements of all SCPs of the account and of what is above it."""
    target: str | None = account
    while target is not None:
        listed = reader.ask("organizations", "ListPoliciesForTarget", TargetId=target, Filter=_SCP)
        for summary in (listed or {}).get("Policies", ()):
            policy = reader.ask("organizations", "DescribePolicy", PolicyId=summary["Id"]) or {}
            for statement in _statements(json.loads(policy["Policy"]["Content"])):
                yield _comparable(statement)
        # A root has no parent, and ListParents refuses it.
        parents = (
            None
            if target.startswith("r-")
            else reader.ask("organizations", "ListParents", ChildId=target)
        )
        target = parents["Parents"][0]["Id"] if parents else None


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    statements = document["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _comparable(statement: Mapping[str, Any]) -> str:
    """Return a statement without its Sid and without regard to the order of its parts."""
    rest = {key: value for key, value in statement.items() if key != "Sid"}
    return json.dumps(_sorted(rest), sort_keys=True)


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted(value, key=str) if len(value) > 1 else _sorted(value[0]) if value else []
    return value
