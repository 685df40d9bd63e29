"""The policies of all roles, users and groups of an account, as IAM answers in one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]
Documents = dict[str, Document]


@dataclass(frozen=True)
class AuthorizationDetails:
    """The answer of iam:GetAccountAuthorizationDetails."""

    answer: Mapping[str, Any]

    @property
    def roles(self) -> dict[str, Document]:
        """The account's roles by name."""
        return {role["RoleName"]: role for role in self.answer.get("RoleDetailList", ())}

    @property
    def users(self) -> list[Document]:
        """The account's users."""
        return list(self.answer.get("UserDetailList", ()))

    @property
    def groups(self) -> dict[str, Document]:
        """The account's groups by name."""
        return {group["GroupName"]: group for group in self.answer.get("GroupDetailList", ())}

    def policies(self, owner: Mapping[str, Any], kind: str) -> Documents:
        """Return the texts of all inline and managed policies of a Role, User or Group, by a name.

        An attached policy without a text in the answer is one that allows everything.
        """
        documents = {
            f"inline policy {policy['PolicyName']}": policy["PolicyDocument"]
            for policy in owner.get(f"{kind}PolicyList", ())
        }
        for policy in owner.get("AttachedManagedPolicies", ()):
            documents[f"managed policy {policy['PolicyArn']}"] = self.managed(policy["PolicyArn"])
        return documents

    def managed(self, arn: str) -> Document:
        """Return the text of a managed policy's default version."""
        for policy in self.answer.get("Policies", ()):
            if policy["Arn"] != arn:
                continue
            for version in policy.get("PolicyVersionList", ()):
                if version.get("IsDefaultVersion"):
                    document: Document = version["Document"]
                    return document
        return {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

    def boundary(self, owner: Mapping[str, Any]) -> tuple[tuple[str, Document], ...]:
        """Return the permissions boundary of a role or user, if it has one."""
        arn = (owner.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        return ((f"boundary {arn}", self.managed(arn)),) if arn else ()
