"""Tells which deployer role a customer has applied, by the tags that the role may read of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.command_error import CommandError

if TYPE_CHECKING:
    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount
    from tools.terraform.deployer_role import DeployerRole

VERSION, DIGEST, RELEASE = "deployer-version", "deployer-digest", "deployer-release"


@dataclass(frozen=True)
class DeployerReading:
    """What one customer account has; ``problem`` is empty when that is what `make deployer` prints today."""

    version: str  # empty where it cannot be read
    newest_version: str
    problem: str
    release: str = ""  # of the module that made it; empty before 0.2.0

    def __str__(self) -> str:
        """The version and the release, such as "version 2 of release 0.2.0"."""
        if not self.version:
            return "not readable"
        return f"version {self.version}" + (f" of release {self.release}" if self.release else "")


def read_deployer(target: Target, account: CustomerAccount, role: DeployerRole) -> DeployerReading:
    """Compare the tags of the deployer in ``account`` with those of ``role``, which `make deployer` prints."""
    newest = role.tags[VERSION]
    try:
        session = target.deployer(account)
    except CommandError as error:
        return DeployerReading("", newest, f"There is none, or it does not admit you: {error}")
    iam = target.client(session, "iam")
    try:
        answer = iam.get_role(RoleName=role.name)["Role"]
    except iam.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            # Version 1 could not read its own tags.
            return DeployerReading("1", newest, f"It is older than version {newest}.")
        message = error.response["Error"]["Message"]
        return DeployerReading("", newest, f"It cannot be read: {message}")
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
    version, release = tags.get(VERSION, "1"), tags.get(RELEASE, "")
    problem = ""
    # Not the release: a new one seldom changes what the deployer may do, and a customer applies it again only then.
    if version != newest:
        problem = f"It is not version {newest}."
    elif tags.get(DIGEST) != role.tags[DIGEST]:
        problem = "It was made for another stanza: its readers, its network or its ExternalId have changed."
    return DeployerReading(version, newest, problem, release)
