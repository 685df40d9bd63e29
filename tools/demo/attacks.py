"""The attacks that `make demo` tries on the local AWS, each beside the same call by its owner.

The attacker controls a whole customer account: it reads its function's keys and rewrites its own
policies. Only a policy in the operations account or in the victim's account can stop it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tools.cli.local_target import ADMINISTRATOR
from tools.command_error import CommandError
from tools.demo.parties import Party
from tools.demo.stanza_rules import StanzaRefusedError, plan_stanzas
from tools.live.tenant_calls import assume, converse, model_elsewhere, read_record_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3

    from tools.cli.local_target import LocalTarget
    from tools.localaws.control import Control
    from tools.localaws.trail import TrailEntry

NOT_GRANTED = "amazon.nova-pro-v1:0"
OTHER_PROJECT = "proj_0123456789ab"
AN_HOUR = 3600
OTHER_PRINCIPALS = "it is for other principals"
OTHER_RESOURCES = "is not among its resources"
STANZA_RULES = "rules of a stanza"
OTHER_ACCOUNT = "no policy that allows another account"


@dataclass(frozen=True)
class Attack:
    """A call that must be refused by ``refuser`` for ``reason``, and the control call, which must succeed.

    The control call is the owner's own call, which differs in one thing.
    """

    title: str
    refuser: str
    reason: str
    call: Callable[[], object]
    control_call: Callable[[], object]


@dataclass(frozen=True)
class AttackResult:
    """Who refused an attack and why; ``refused_by`` is None when nobody did.

    ``as_expected`` says that the responsible component refused it and that the control call succeeded.
    """

    attack: str
    refused_by: str | None
    reason: str
    as_expected: bool


def run_attacks(target: LocalTarget) -> list[AttackResult]:
    """Try all attacks; the local environment must be applied and have at least two tenants."""
    environment = target.environment
    attacker, victim = (
        Party.in_account(target, environment.accounts_of(tenant)[0])
        for tenant in environment.tenants[:2]
    )
    control = target.control
    # Each attack is tried before the next is prepared: some change policies, the last one the clock.
    attacks = chain(
        _on_roles(target, attacker, victim),
        _on_models(target, attacker),
        _on_records(target, attacker, victim),
        _on_the_state(target, attacker),
        _on_readers(target, attacker, victim),
        _by_deployer(target, attacker),
        _with_expired_keys(target, attacker, control),
    )
    return [_try(attack, control) for attack in attacks]


def _on_roles(target: LocalTarget, attacker: Party, victim: Party) -> Iterator[Attack]:
    name, other = attacker.name, victim.name
    take = partial(assume, target, attacker.execution)
    from_victim = partial(take, victim.role_arn, other)
    own_trust, other_trust = (
        f"trust policy of {party.resource_name}" for party in (attacker, victim)
    )
    yield Attack(
        f"{name}'s function takes {other}'s role",
        f"inline policy execution of {attacker.resource_name}-execution",
        OTHER_RESOURCES,
        partial(from_victim, victim.external_id),
        victim.assume_own_role,
    )
    attacker.widen_own_policies()
    for title, external_id in (
        (f"{name} widens its policy, own ExternalId", attacker.external_id),
        (f"the same with {other}'s ExternalId", victim.external_id),
        ("the same without one", None),
    ):
        call = partial(from_victim, external_id)
        yield Attack(title, other_trust, OTHER_PRINCIPALS, call, victim.assume_own_role)
    on_own_role = partial(assume, target, role_arn=attacker.role_arn)
    own_id, other_id = attacker.external_id, victim.external_id
    function = partial(on_own_role, attacker.execution)
    intruder = partial(on_own_role, attacker.intruder())
    for title, reason, call in (
        (
            f"{name} takes its own role without ExternalId",
            "sts:ExternalId is missing",
            partial(function, session_name=name, external_id=None),
        ),
        (
            f"{name} takes its own role with {other}'s",
            "sts:ExternalId does not have the value",
            partial(function, session_name=name, external_id=other_id),
        ),
        (
            f"another role of {name}'s account takes it",
            "aws:PrincipalArn is",
            partial(intruder, session_name=name, external_id=own_id),
        ),
        (
            "the function takes it as session alice",
            "sts:RoleSessionName is",
            partial(function, session_name="alice", external_id=own_id),
        ),
    ):
        yield Attack(title, own_trust, reason, call, attacker.assume_own_role)


def _on_models(target: LocalTarget, attacker: Party) -> Iterator[Attack]:
    session = attacker.assume_own_role()
    granted, (model, region) = attacker.models[0], attacker.model_and_region
    granted_regions = {region for model in attacker.models for region in model["regions"]}
    other = model_elsewhere(model, granted["model"], granted_regions)
    if other is None:
        raise CommandError("The attacker may call models in every Region that could be tried.")
    there, elsewhere = other
    grants = f"inline policy grants of {attacker.resource_name}"
    invoke = partial(converse, target, session)
    own_call = partial(invoke, model, region)
    for title, call, control_call in (
        ("calls a model not granted", partial(invoke, NOT_GRANTED, region), own_call),
        (f"calls its model in {elsewhere}", partial(invoke, there, elsewhere), own_call),
        (
            "calls in another project",
            partial(own_call, OTHER_PROJECT),
            partial(own_call, "default"),
        ),
    ):
        yield Attack(f"{attacker.name} {title}", grants, OTHER_RESOURCES, call, control_call)


def _on_records(target: LocalTarget, attacker: Party, victim: Party) -> Iterator[Attack]:
    operations, deployer = target.operations(), target.environment.deployer_role_name
    name = attacker.name

    def read_as_reader(party: Party) -> None:
        read_record_group(target, target.reader(party.account), party.account)

    for title, caller, party in (
        (f"{name}'s administrator reads {victim.name}'s log", attacker.administrator, victim),
        (f"operations' administrator reads {name}'s log", operations, attacker),
    ):
        call = partial(read_record_group, target, caller, party.account)
        yield Attack(title, "resource policy", OTHER_ACCOUNT, call, partial(read_as_reader, party))
    yield Attack(
        f"operations as Terraform in {name}'s account",
        f"inline policy deployer of {deployer}",
        "NeverReadOrCopyTheRecords denies",
        partial(read_record_group, target, target.deployer(attacker.account), attacker.account),
        partial(read_as_reader, attacker),
    )
    deployer_arn = target.environment.role_arn(attacker.account.account_id, deployer)
    own_id = target.environment.deployer_external_id(name)
    yield Attack(
        f"another role of operations deploys to {name}",
        f"trust policy of {deployer}",
        "aws:PrincipalArn is",
        partial(assume, target, _bystander(target), deployer_arn, "make", own_id),
        partial(target.deployer, attacker.account),
    )
    yield Attack(
        f"operations is tricked into {name}'s account",
        f"trust policy of {deployer}",
        "sts:ExternalId does not have the value",
        partial(assume, target, operations, deployer_arn, "make", victim.external_id),
        partial(target.deployer, attacker.account),
    )


def _on_the_state(target: LocalTarget, attacker: Party) -> Iterator[Attack]:
    """Operations looks for its state under a name that the attacker has registered, with a policy that lets it in."""
    own = target.state_bucket()
    environment = target.environment
    name = f"bedrock-{environment.name}-state"
    attacker.register_bucket(name, environment.operations_account_id)
    squatted_backend = {**environment.backend, "bucket": name}
    squatted = replace(own, environment=replace(environment, backend=squatted_backend))
    yield Attack(
        f"{attacker.name} registers a state bucket's name",
        "s3",
        "ExpectedBucketOwner is",
        squatted.check,
        own.check,
    )


def _on_readers(target: LocalTarget, attacker: Party, victim: Party) -> Iterator[Attack]:
    """The attacker takes the victim's reader role; then somebody writes its auditor into that stanza."""
    environment = target.environment
    reader = f"{victim.resource_name}-reader"
    reader_arn = environment.role_arn(victim.account.account_id, reader)
    yield Attack(
        f"{attacker.name} takes {victim.name}'s reader role",
        f"trust policy of {reader}",
        OTHER_PRINCIPALS,
        partial(assume, target, attacker.administrator, reader_arn, "reader", None),
        partial(target.reader, victim.account),
    )
    own, foreign = (
        f"arn:{environment.partition}:iam::{party.account.account_id}:user/auditor"
        for party in (victim, attacker)
    )
    yield Attack(
        f"{attacker.name}'s auditor in {victim.name}'s stanza",
        STANZA_RULES,
        f"remove {foreign} from {victim.name}",
        partial(plan_stanzas, environment, victim.account, [foreign]),
        partial(plan_stanzas, environment, victim.account, [own]),
    )


def _bystander(target: LocalTarget) -> boto3.Session:
    """Return a session of a role of the operations account that may do everything and does not deploy."""
    environment, operations = target.environment, target.operations()
    account = environment.operations_account_id
    iam = target.client(operations, "iam")
    root = {"AWS": f"arn:{environment.partition}:iam::{account}:root"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": root}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="bystander", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(
        RoleName="bystander", PolicyName="everything", PolicyDocument=json.dumps(ADMINISTRATOR)
    )
    role_arn = environment.role_arn(account, "bystander")
    return assume(target, operations, role_arn, "bystander", None)


def _by_deployer(target: LocalTarget, attacker: Party) -> Iterator[Attack]:
    """The deployer tries to claim what the customer owns; its own call differs in the resource alone."""
    account = attacker.account
    own_name, region = attacker.resource_name, account.region
    role = target.environment.deployer_role_name
    policy = f"inline policy deployer of {role}"
    owner, deployer = attacker.administrator, target.deployer(account)
    key = target.client(owner, "kms", region).create_key()["KeyMetadata"]["KeyId"]
    kms, iam = target.client(deployer, "kms", region), target.client(deployer, "iam")
    document = json.dumps(ADMINISTRATOR)
    lambda_trust = {"Sid": "LambdaRunsIt", "Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{**lambda_trust, "Principal": {"Service": "lambda.amazonaws.com"}}],
        }
    )
    target.client(owner, "iam").create_role(RoleName="app", AssumeRolePolicyDocument=trust)
    tag = [{"TagKey": "tenant", "TagValue": attacker.name}]
    find_key = partial(kms.describe_key, KeyId=f"alias/{own_name}")
    find_role = partial(iam.get_role, RoleName=f"{own_name}-execution")
    write = partial(iam.put_role_policy, PolicyName="wide", PolicyDocument=document)
    boundary = (
        f"arn:{target.environment.partition}:iam::{account.account_id}:policy/{own_name}-boundary"
    )
    bound = partial(iam.put_role_permissions_boundary, PermissionsBoundary=boundary)
    for title, reason, call, control_call in (
        (
            "tags a key of the customer",
            OTHER_RESOURCES,
            partial(kms.tag_resource, KeyId=key, Tags=tag),
            find_key,
        ),
        (
            "writes that key's policy",
            OTHER_RESOURCES,
            partial(kms.put_key_policy, KeyId=key, PolicyName="default", Policy=document),
            find_key,
        ),
        (
            "looks up that key by its id",
            "kms:RequestAlias",
            partial(kms.describe_key, KeyId=key),
            find_key,
        ),
        (
            "writes a policy of another role",
            OTHER_RESOURCES,
            partial(write, RoleName="app"),
            find_role,
        ),
        (
            "puts its boundary on that role",
            OTHER_RESOURCES,
            partial(bound, RoleName="app"),
            find_role,
        ),
    ):
        yield Attack(f"{attacker.name}'s deployer {title}", policy, reason, call, control_call)


def _with_expired_keys(target: LocalTarget, attacker: Party, control: Control) -> Iterator[Attack]:
    session = attacker.assume_own_role()
    model, region = attacker.model_and_region
    control.advance_clock(AN_HOUR + 60)
    yield Attack(
        f"{attacker.name}'s keys, an hour later",
        "identity",
        "expired",
        partial(converse, target, session, model, region),
        lambda: converse(target, attacker.again().assume_own_role(), model, region),
    )


def _try(attack: Attack, control: Control) -> AttackResult:
    before = len(control.calls())
    try:
        attack.call()
    except StanzaRefusedError as error:
        reason = str(error)
        expected = attack.refuser == STANZA_RULES and attack.reason in reason
        return AttackResult(
            attack.title,
            STANZA_RULES,
            attack.reason,
            expected and _succeeds(attack.control_call),
        )
    except (ClientError, CommandError) as error:
        refusals = [entry for entry in control.calls()[before:] if not entry.allowed]
        if not refusals:  # it failed for another reason
            return AttackResult(attack.title, None, str(error), as_expected=False)
        policy, reason = _explanation(refusals[-1])
        expected = policy.startswith(attack.refuser) and attack.reason in reason
        return AttackResult(
            attack.title, policy, reason, expected and _succeeds(attack.control_call)
        )
    return AttackResult(attack.title, None, "", as_expected=False)


def _explanation(refusal: TrailEntry) -> tuple[str, str]:
    """Return the policy and the reason in the trail's sentence ``POLICY: statement SID …: reason``."""
    # The end of an ARN is enough here.
    sentence = re.sub(r"arn:[\w-]+:[\w-]+:[\w-]*:\d*:", "", refusal.reason)
    policy, separator, rest = sentence.partition(": statement ")
    if not separator:
        return refusal.refused_by or "", sentence
    sid, _, reason = rest.partition(" does not match: ")
    return policy, reason or sid


def _succeeds(control_call: Callable[[], object]) -> bool:
    try:
        control_call()
    except (ClientError, CommandError, StanzaRefusedError):
        return False
    return True
