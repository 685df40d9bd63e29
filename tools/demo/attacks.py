"""The attacks that `make demo` tries on the local AWS, each beside the same call by its owner.

The attacker controls a whole customer account: it reads its function's keys and rewrites its own
policies. Only a policy in the operations account or in the victim's account can stop it.
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

from tools.cli.local_target import ADMINISTRATOR
from tools.localaws.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.cli.local_target import LocalTarget
    from tools.environment.model import CustomerAccount
    from tools.localaws.trail import TrailEntry

NOT_GRANTED = "anthropic.claude-3-opus-20240229-v1:0"
AN_HOUR = 3600

# Code that returns its keys; the account's owner can deploy it under the function's role.
LEAK = """
import os
def handler(event, context):
    return [os.environ["AWS_" + name] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
"""


@dataclass(frozen=True)
class AttackResult:
    """Who refused an attack and why; ``refused_by`` is None when nobody did.

    ``as_expected`` says that the responsible component refused it, and that the owner's own call,
    which differs in one thing, succeeded.
    """

    attack: str
    refused_by: str | None
    reason: str
    as_expected: bool


@dataclass(frozen=True)
class Party:
    """A tenant in the attacks: its account, its ExternalId and a session with its function's keys."""

    account: CustomerAccount
    external_id: str
    role_arn: str
    execution: boto3.Session


def run_attacks(target: LocalTarget) -> list[AttackResult]:
    """Try all attacks; the local environment must be applied and have at least two tenants."""
    return _Attacks(target).run()


class _Attacks:
    """The first tenant attacks the second; then the operations account attacks the first."""

    def __init__(self, target: LocalTarget) -> None:
        self._target = target
        self._environment = target.environment
        self._control = Control(target.endpoint)
        first, second = (
            self._environment.accounts_of(name)[0] for name in self._environment.tenants[:2]
        )
        self._attacker = self._party(first)
        self._victim = self._party(second)

    def run(self) -> list[AttackResult]:
        """Try every attack; the last one moves the local AWS's clock past the expiry of its keys."""
        return [*self._roles(), *self._models(), *self._records(), self._expired_keys()]

    def _roles(self) -> list[AttackResult]:
        me, victim = self._attacker, self._victim
        name, other = me.account.tenant, victim.account.tenant
        execution = f"{self._environment.base_name(name)}-execution"
        my_trust = f"trust policy of {self._environment.base_name(name)}"
        their_trust = f"trust policy of {self._environment.base_name(other)}"

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

    def _models(self) -> list[AttackResult]:
        me = self._attacker
        session = self._session(self._assume_own(me.execution))
        model, region = self._granted()
        elsewhere = next(
            region for region in ("ap-southeast-2", "us-west-2") if region not in self._regions()
        )
        permissions = f"inline policy grants of {self._environment.base_name(me.account.tenant)}"

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

    def _records(self) -> list[AttackResult]:
        me, victim = self._attacker.account, self._victim.account
        administrator = self._target.session(f"administrator {me.account_id}")
        operations = self._target.operations()
        deployer = self._target.deployer(me)

        def read_by_its_reader(account: CustomerAccount) -> Callable[[], object]:
            return lambda: self._read(self._target.reader(account), account)

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
                f"inline policy deployer of {self._environment.deployer_role_name}",
                "NeverReadTheRecords denies",
                lambda: self._read(deployer, me),
                read_by_its_reader(me),
            ),
        ]

    def _expired_keys(self) -> AttackResult:
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
    ) -> AttackResult:
        before = len(self._control.calls())
        try:
            attempt()
        except ClientError as error:
            refusals = [entry for entry in self._control.calls()[before:] if not entry.allowed]
            if not refusals:  # it failed for another reason
                return AttackResult(attack, None, str(error), as_expected=False)
            policy, explanation = _explanation(refusals[-1])
            expected = policy.startswith(refuser) and reason in explanation
            return AttackResult(
                attack, policy, explanation, as_expected=expected and _succeeds(twin)
            )
        return AttackResult(attack, None, "", as_expected=False)

    def _granted(self) -> tuple[str, str]:
        """Return a model of the attacker's own stanza, and the first Region in which it is granted."""
        model = next(
            iter(self._environment.stanzas[self._attacker.account.tenant]["models"].values())
        )
        return model["model"], model["regions"][0]

    def _regions(self) -> set[str]:
        models = self._environment.stanzas[self._attacker.account.tenant]["models"].values()
        return {region for model in models for region in model["regions"]}

    # What the parties do.

    def _assume_own(self, session: boto3.Session) -> dict[str, Any]:
        me = self._attacker
        return self._assume(session, me.role_arn, me.account.tenant, me.external_id)

    def _assume(
        self, session: boto3.Session, role_arn: str, name: str, external_id: str | None
    ) -> dict[str, Any]:
        parameters = {"ExternalId": external_id} if external_id else {}
        sts = self._client(session, "sts")
        keys: dict[str, Any] = sts.assume_role(
            RoleArn=role_arn, RoleSessionName=name, **parameters
        )["Credentials"]
        return keys

    def _converse(self, session: boto3.Session, model: str, region: str) -> None:
        bedrock = self._client(session, "bedrock-runtime", region)
        bedrock.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Hello"}]}])

    def _read(self, session: boto3.Session, account: CustomerAccount) -> None:
        where = f"arn:{self._environment.partition}:logs:{account.region}:{account.account_id}"
        group = f"{where}:log-group:{self._environment.record_log_group(account.tenant)}"
        self._client(session, "logs", account.region).filter_log_events(logGroupIdentifier=group)

    def _client(self, session: boto3.Session, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        return self._target.client(session, service, region, retries={"total_max_attempts": 1})

    # What the attacker prepares in its own account.

    def _party(self, account: CustomerAccount) -> Party:
        role = self._environment.role_arn(
            self._environment.operations_account_id, self._environment.base_name(account.tenant)
        )
        external_id = self._environment.stanzas[account.tenant]["external_ids"]["current"]
        return Party(account, external_id, role, self._execution(account))

    def _execution(self, account: CustomerAccount) -> boto3.Session:
        """Return a session with the function's own keys, obtained as the account's owner could."""
        admin = self._target.session(f"administrator {account.account_id}")
        client = self._client(admin, "lambda", account.region)
        name = f"leak-{time.monotonic_ns()}"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("leak.py", LEAK)
        execution = f"{self._environment.base_name(account.tenant)}-execution"
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="leak.handler",
            Role=self._environment.role_arn(account.account_id, execution),
            Code={"ZipFile": archive.getvalue()},
        )
        keys = json.load(client.invoke(FunctionName=name)["Payload"])
        client.delete_function(FunctionName=name)
        return boto3.Session(keys[0], keys[1], keys[2], region_name=account.region)

    def _widen_own_policies(self, party: Party) -> None:
        iam = self._client(self._target.session(f"administrator {party.account.account_id}"), "iam")
        iam.put_role_policy(
            RoleName=f"{self._environment.base_name(party.account.tenant)}-execution",
            PolicyName="widened",
            PolicyDocument=json.dumps(ADMINISTRATOR),
        )

    def _intruder(self, party: Party) -> boto3.Session:
        admin = self._target.session(f"administrator {party.account.account_id}")
        iam = self._client(admin, "iam")
        root = f"arn:{self._environment.partition}:iam::{party.account.account_id}:root"
        anyone_here = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": root}}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [anyone_here]})
        role = iam.create_role(RoleName="intruder", AssumeRolePolicyDocument=trust)["Role"]
        iam.put_role_policy(
            RoleName="intruder", PolicyName="everything", PolicyDocument=json.dumps(ADMINISTRATOR)
        )
        return self._session(self._assume(admin, role["Arn"], "intruder", None))

    def _session(self, keys: dict[str, Any]) -> boto3.Session:
        return boto3.Session(
            keys["AccessKeyId"],
            keys["SecretAccessKey"],
            keys["SessionToken"],
            region_name=self._environment.operations_region,
        )


def _explanation(refusal: TrailEntry) -> tuple[str, str]:
    """Return the policy and the reason in the trail's sentence ``POLICY: statement SID …: reason``."""
    sentence = re.sub(
        r"arn:[\w-]+:[\w-]+:[\w-]*:\d*:", "", refusal.reason
    )  # the end of an ARN is enough here
    policy, separator, rest = sentence.partition(": statement ")
    if not separator:
        return refusal.refused_by or "", sentence
    sid, _, reason = rest.partition(" does not match: ")
    return policy, reason or sid


def _succeeds(twin: Callable[[], object]) -> bool:
    try:
        twin()
    except ClientError:
        return False
    return True
