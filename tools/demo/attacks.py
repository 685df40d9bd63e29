"""The attacks that `make demo` tries on the local AWS, each beside the same call by its owner.

The attacker owns a whole customer account: it reads its function's keys and rewrites its own
policies. What stops it must stand in the operations account or in the victim's.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from tools.commands.deployer import EVERYTHING
from tools.localaws.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.cli.workspace import Workspace
    from tools.environment.model import CustomerAccount, Environment
    from tools.localaws.trail import TrailEntry

NOT_GRANTED = "anthropic.claude-3-opus-20240229-v1:0"
AN_HOUR = 3600

# What an owner of the account can deploy under its function's role: code that hands out its keys.
LEAK = """
import os
def handler(event, context):
    return [os.environ["AWS_" + name] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
"""


@dataclass(frozen=True)
class Result:
    """What became of an attack: who refused it and why, None when nobody did.

    ``as_expected`` says that the component whose job it is refused it, and that the owner's own
    call, the twin that differs in one thing, was answered.
    """

    attack: str
    refused_by: str | None
    why: str
    as_expected: bool


@dataclass(frozen=True)
class Party:
    """A tenant as it acts in the attacks: its account, its ExternalId and its function's own keys."""

    account: CustomerAccount
    external_id: str
    role_arn: str
    execution: boto3.Session


def every(workspace: Workspace, env: Environment) -> list[Result]:
    """Try all of them; needs an applied local environment with two tenants or more."""
    return Attacks(workspace, env).run()


class Attacks:
    """The first tenant attacks the second; then the operations account attacks the first."""

    def __init__(self, workspace: Workspace, env: Environment) -> None:
        self._workspace = workspace
        self._env = env
        self._control = Control(workspace.cloud()["url"])
        first, second = (
            next(account for account in env.accounts if account.tenant == name)
            for name in env.tenants[:2]
        )
        self._attacker = self._party(first)
        self._victim = self._party(second)

    def run(self) -> list[Result]:
        """Every attack in turn; the last ones move the cloud's clock past the keys' expiry."""
        return [*self._roles(), *self._models(), *self._records(), self._expired_keys()]

    def _roles(self) -> list[Result]:
        me, victim = self._attacker, self._victim
        name, other = me.account.tenant, victim.account.tenant
        execution = f"{self._env.name_of(name)}-execution"
        my_trust = f"trust policy of {self._env.name_of(name)}"
        their_trust = f"trust policy of {self._env.name_of(other)}"

        def own() -> object:
            return self._assume(me.execution, me.role_arn, name, me.external_id)

        def theirs() -> object:
            return self._assume(victim.execution, victim.role_arn, other, victim.external_id)

        def on_victim(external_id: str | None) -> Callable[[], object]:
            return lambda: self._assume(me.execution, victim.role_arn, other, external_id)

        attempts = [
            self._try(
                f"{name}'s function takes {other}'s role",
                f"inline policy execution of {execution}",
                "is not among its resources",
                on_victim(victim.external_id),
                theirs,
            )
        ]
        self._widen_own_policies(me)
        intruder = self._intruder(me)
        return [
            *attempts,
            self._try(
                f"{name} widens its policy, own ExternalId",
                their_trust,
                "it is for other principals",
                on_victim(me.external_id),
                theirs,
            ),
            self._try(
                f"the same with {other}'s ExternalId",
                their_trust,
                "it is for other principals",
                on_victim(victim.external_id),
                theirs,
            ),
            self._try(
                "the same without one",
                their_trust,
                "it is for other principals",
                on_victim(None),
                theirs,
            ),
            self._try(
                f"{name} takes its own role without ExternalId",
                my_trust,
                "sts:ExternalId is missing",
                lambda: self._assume(me.execution, me.role_arn, name, None),
                own,
            ),
            self._try(
                f"{name} takes its own role with {other}'s",
                my_trust,
                "sts:ExternalId is not the value",
                lambda: self._assume(me.execution, me.role_arn, name, victim.external_id),
                own,
            ),
            self._try(
                f"another role of {name}'s account takes it",
                my_trust,
                "aws:PrincipalArn is",
                lambda: self._assume(intruder, me.role_arn, name, me.external_id),
                own,
            ),
            self._try(
                "the function takes it as session alice",
                my_trust,
                "sts:RoleSessionName is",
                lambda: self._assume(me.execution, me.role_arn, "alice", me.external_id),
                own,
            ),
        ]

    def _models(self) -> list[Result]:
        me = self._attacker
        session = self._session(self._assume_own(me.execution))
        model, region = self._granted()
        elsewhere = next(
            region for region in ("ap-southeast-2", "us-west-2") if region not in self._regions()
        )
        permissions = f"inline policy grants of {self._env.name_of(me.account.tenant)}"

        def own() -> None:
            self._converse(session, model, region)

        return [
            self._try(
                f"{me.account.tenant} calls a model not granted",
                permissions,
                "is not among its resources",
                lambda: self._converse(session, NOT_GRANTED, region),
                own,
            ),
            self._try(
                f"{me.account.tenant} calls its model in {elsewhere}",
                permissions,
                "is not among its resources",
                lambda: self._converse(session, model, elsewhere),
                own,
            ),
        ]

    def _records(self) -> list[Result]:
        me, victim = self._attacker.account, self._victim.account
        administrator = self._workspace.session(self._env, f"admin {me.account_id}")
        operations = self._workspace.operations(self._env)
        deployer = self._workspace.deployer(self._env, me)

        def read_by_its_reader(account: CustomerAccount) -> Callable[[], object]:
            return lambda: self._read(self._workspace.reader(self._env, account), account)

        return [
            self._try(
                f"{me.tenant}'s administrator reads {victim.tenant}'s log",
                "resource policy",
                "no policy that lets another account in",
                lambda: self._read(administrator, victim),
                read_by_its_reader(victim),
            ),
            self._try(
                f"operations' administrator reads {me.tenant}'s log",
                "resource policy",
                "no policy that lets another account in",
                lambda: self._read(operations, me),
                read_by_its_reader(me),
            ),
            self._try(
                f"operations as Terraform in {me.tenant}'s account",
                f"inline policy deployer of {self._env.deployer_role_name}",
                "NeverReadTheRecords denies",
                lambda: self._read(deployer, me),
                read_by_its_reader(me),
            ),
        ]

    def _expired_keys(self) -> Result:
        model, region = self._granted()
        old = self._session(self._assume_own(self._attacker.execution))
        self._control.advance_clock(AN_HOUR + 60)
        fresh = self._execution(self._attacker.account)
        return self._try(
            f"{self._attacker.account.tenant}'s keys, an hour later",
            "identity",
            "expired",
            lambda: self._converse(old, model, region),
            lambda: self._converse(self._session(self._assume_own(fresh)), model, region),
        )

    def _try(
        self,
        attack: str,
        refuser: str,
        reason: str,
        attempt: Callable[[], object],
        twin: Callable[[], object],
    ) -> Result:
        before = len(self._control.calls())
        try:
            attempt()
        except ClientError as error:
            refusals = [entry for entry in self._control.calls()[before:] if not entry.allowed]
            if not refusals:  # it failed, but nobody refused it
                return Result(attack, None, str(error), as_expected=False)
            who, why = _told(refusals[-1])
            expected = who.startswith(refuser) and reason in why
            return Result(attack, who, why, as_expected=expected and _allowed(twin))
        return Result(attack, None, "", as_expected=False)

    def _granted(self) -> tuple[str, str]:
        """A model of the attacker's own, and the first Region it is granted in."""
        model = next(iter(self._env.stanzas[self._attacker.account.tenant]["models"].values()))
        return model["model"], model["regions"][0]

    def _regions(self) -> set[str]:
        models = self._env.stanzas[self._attacker.account.tenant]["models"].values()
        return {region for model in models for region in model["regions"]}

    # What the parties do

    def _assume_own(self, session: boto3.Session) -> dict[str, Any]:
        me = self._attacker
        return self._assume(session, me.role_arn, me.account.tenant, me.external_id)

    def _assume(
        self, session: boto3.Session, role_arn: str, name: str, external_id: str | None
    ) -> dict[str, Any]:
        given = {"ExternalId": external_id} if external_id else {}
        sts = self._client(session, "sts")
        keys: dict[str, Any] = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, **given)[
            "Credentials"
        ]
        return keys

    def _converse(self, session: boto3.Session, model: str, region: str) -> None:
        bedrock = self._client(session, "bedrock-runtime", region)
        bedrock.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Hello"}]}])

    def _read(self, session: boto3.Session, account: CustomerAccount) -> None:
        where = f"arn:{self._env.partition}:logs:{account.region}:{account.account_id}"
        group = f"{where}:log-group:{self._env.records_of(account.tenant)}"
        self._client(session, "logs", account.region).filter_log_events(logGroupIdentifier=group)

    def _client(self, session: boto3.Session, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        return self._workspace.client(
            self._env, session, service, region, retries={"total_max_attempts": 1}
        )

    # What the attacker prepares in its own account

    def _party(self, account: CustomerAccount) -> Party:
        role = self._env.role_arn(
            self._env.operations_account_id, self._env.name_of(account.tenant)
        )
        external_id = self._env.stanzas[account.tenant]["external_ids"]["current"]
        return Party(account, external_id, role, self._execution(account))

    def _execution(self, account: CustomerAccount) -> boto3.Session:
        """A session with the function's own keys, taken as an owner of the account can take them."""
        admin = self._workspace.session(self._env, f"admin {account.account_id}")
        client = self._client(admin, "lambda", account.region)
        name = f"leak-{time.monotonic_ns()}"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("leak.py", LEAK)
        execution = f"{self._env.name_of(account.tenant)}-execution"
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="leak.handler",
            Role=self._env.role_arn(account.account_id, execution),
            Code={"ZipFile": archive.getvalue()},
        )
        keys = json.load(client.invoke(FunctionName=name)["Payload"])
        client.delete_function(FunctionName=name)
        return boto3.Session(keys[0], keys[1], keys[2], region_name=account.region)

    def _widen_own_policies(self, party: Party) -> None:
        iam = self._client(
            self._workspace.session(self._env, f"admin {party.account.account_id}"), "iam"
        )
        iam.put_role_policy(
            RoleName=f"{self._env.name_of(party.account.tenant)}-execution",
            PolicyName="widened",
            PolicyDocument=json.dumps(EVERYTHING),
        )

    def _intruder(self, party: Party) -> boto3.Session:
        admin = self._workspace.session(self._env, f"admin {party.account.account_id}")
        iam = self._client(admin, "iam")
        root = f"arn:{self._env.partition}:iam::{party.account.account_id}:root"
        anyone_here = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": root}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [anyone_here]})
        role = iam.create_role(RoleName="intruder", AssumeRolePolicyDocument=trust)["Role"]
        iam.put_role_policy(
            RoleName="intruder", PolicyName="everything", PolicyDocument=json.dumps(EVERYTHING)
        )
        return self._session(self._assume(admin, role["Arn"], "intruder", None))

    def _session(self, keys: dict[str, Any]) -> boto3.Session:
        return boto3.Session(
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            keys["SessionToken"],
            region_name=self._env.operations_region,
        )


def _told(refusal: TrailEntry) -> tuple[str, str]:
    """Who refused and why, from the trail's sentence: ``POLICY: statement SID …: why``."""
    reason = re.sub(
        r"arn:[\w-]+:[\w-]+:[\w-]*:\d*:", "", refusal.reason
    )  # the rest of an ARN is enough here
    policy, said, rest = reason.partition(": statement ")
    if not said:
        return refusal.refused_by or "", reason
    sid, _, why = rest.partition(" does not match: ")
    return policy, why or sid


def _allowed(twin: Callable[[], object]) -> bool:
    try:
        twin()
    except ClientError:
        return False
    return True
