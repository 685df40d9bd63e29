"""What the operations account needs: state bucket, hand-overs, models, Regions that keep nothing, and quotas."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from operations_guard.invocation_logging import ADVICE, logging_places
from tools.aws_error import aws_sentence
from tools.cli.data_retention import read_retention
from tools.command_error import CommandError
from tools.live.account_usage import read_account_usage
from tools.live.granted_models import granted_models
from tools.live.model_reading import read_models, today
from tools.live.retention_check import call_regions
from tools.readiness.readiness_check import ReadinessCheck, cannot_tell, each, ok, to_do
from tools.readiness.trail_readiness import trails
from tools.terraform.parallel import CALLS_AT_A_TIME, map_in_parallel
from tools.terraform.state import state_of_key
from tools.terraform.state_bucket import PARALLEL_CALLS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tools.cli.session import Session
    from tools.live.model_reading import ModelReading

_NAMES_SHOWN = 3


def operations_checks(session: Session, tenants: Collection[str]) -> Iterator[ReadinessCheck]:
    """Look at the account, at all that these tenants share and at what is theirs alone."""
    if problems := each("state bucket", lambda: unusable_bucket(session)):
        yield from problems
    else:
        yield from each("state bucket", lambda: state_bucket(session))
        yield from each("hand-overs", lambda: handovers(session, tenants))
    yield from each("models", lambda: models(session, tenants))
    yield from each("data retention", lambda: retention(session, tenants))
    yield from each("invocation logging", lambda: invocation_logging(session, tenants))
    yield from each("trail", lambda: trails(session))
    yield from each("quotas", lambda: quotas(session))


def unusable_bucket(session: Session) -> Iterator[ReadinessCheck]:
    """Say what is wrong if there is no bucket of the operations account, in which nothing can be read then."""
    try:
        session.bucket.check()
    except CommandError as error:
        yield to_do("state bucket", "not usable", str(error))


def state_bucket(session: Session) -> Iterator[ReadinessCheck]:
    """Look at the protection of the bucket, and at the locks in it."""
    bucket, subject = session.bucket, "state bucket"
    name = session.environment.name
    if shortcomings := bucket.shortcomings():
        advice = f"Run `make bootstrap ENV={name}`, which sets its protection again."
        yield to_do(subject, ". ".join(shortcomings), advice)
    else:
        yield ok(subject, f"{bucket.name} is protected")
    for lock in bucket.all_locks():
        if state_of_key(session.environment, lock.key) is not None:
            advice = f"Wait until that command ends. If it has ended already, run `make unlock ENV={name}`."
            yield to_do(f"lock on {lock.key}", f"held by {lock}", advice)


def handovers(session: Session, tenants: Collection[str]) -> Iterator[ReadinessCheck]:
    """Compare the tenants' roles with their hand-overs in the bucket."""
    environment = session.environment
    handed_over = session.bucket.tenants_with_handover()
    iam = session.target.client(session.target.operations(), "iam")

    def look(name: str) -> ReadinessCheck:
        subject = f"{name} hand-over"
        try:
            has_role = _exists(iam, environment.base_name(name))
        except ClientError as error:
            reason = error.response["Error"]["Message"]
            return cannot_tell(
                f"{name} role",
                f"{reason.rstrip('.')}. Allow iam:GetRole on the tenants' roles to these credentials.",
            )
        apply = f"Run `make apply ENV={environment.name} TENANT={name}`."
        if name in handed_over and has_role:
            return ok(subject, "present")
        if has_role:
            return to_do(subject, "missing, although the tenant has a role", apply)
        if name in handed_over:
            return to_do(subject, "present, although the tenant has no role", apply)
        return to_do(subject, "not applied yet", apply)

    yield from map_in_parallel(look, list(tenants), PARALLEL_CALLS)


def _exists(iam: Any, role: str) -> bool:  # noqa: ANN401 - boto3's client
    try:
        iam.get_role(RoleName=role)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def models(session: Session, tenants: Collection[str]) -> Iterator[ReadinessCheck]:
    """Look at each model in each Region from which it is called, once for all tenants that call it there."""
    readings = read_models(session.target, granted_models(session.environment.stanzas, tenants))
    together: dict[tuple[str, str], list[ModelReading]] = defaultdict(list)
    for reading in readings:
        called = reading.model.profile or reading.model.model
        together[called, reading.region].append(reading)
    for (called, region), same in together.items():
        yield _model(called, region, same)


def _model(called: str, region: str, readings: Sequence[ModelReading]) -> ReadinessCheck:
    first, subject = readings[0], f"{called} in {region}"
    access = "access" if first.access == "yes" else f"access: {first.access}"
    state = f"{first.life.words(today())}, {access}"
    problems: dict[str, list[str]] = defaultdict(list)
    for reading in readings:
        for sentence in reading.sentences:
            problems[sentence].append(reading.model.tenant)
    if not problems:
        return ok(subject, state)
    advice = " ".join(f"For {_some(names)}: {text}" for text, names in problems.items())
    if any(reading.is_unread for reading in readings):
        return cannot_tell(subject, advice)
    return to_do(subject, state, advice)


def _some(names: Sequence[str]) -> str:
    """Return the first of the names, each once, and the number of the others."""
    distinct = list(dict.fromkeys(names))
    shown = ", ".join(distinct[:_NAMES_SHOWN])
    others = len(distinct) - _NAMES_SHOWN
    return f"{shown} and {others:,} more" if others > 0 else shown


def retention(session: Session, tenants: Collection[str]) -> Iterator[ReadinessCheck]:
    """Look at the mode of each Region where a call may run.

    A Region that no stanza names and that cannot be read makes nothing fail, so it is only named.
    """
    regions = call_regions(session.environment, tenants)
    unknown = []
    for result in read_retention(session.target, regions.all):
        subject = f"data retention in {result.region}"
        if result.keeps_nothing:
            yield ok(subject, "none")
        elif result.problem and result.region not in regions.granted:
            unknown.append(result.region)
        elif result.problem:
            yield cannot_tell(subject, f"It {result.state}.")
        else:
            advice = f"Run `make bootstrap ENV={session.environment.name}`, which sets it to none."
            yield to_do(subject, str(result.mode), advice)
    if unknown:
        state = f"not known in {', '.join(unknown)}, to which only the global profile sends calls"
        yield ok("data retention elsewhere", state)


def invocation_logging(session: Session, tenants: Collection[str]) -> Iterator[ReadinessCheck]:
    """Look whether Bedrock logs calls in the operations account, which is to keep none of them."""
    clients = session.target.bedrock_clients(call_regions(session.environment, tenants).granted)

    def look(region: str) -> ReadinessCheck:
        subject = f"invocation logging in {region}"
        try:
            answer = clients[region].get_model_invocation_logging_configuration()
        except (BotoCoreError, ClientError) as error:
            return cannot_tell(subject, aws_sentence(error))
        if not logging_places(answer):
            return ok(subject, "off")
        return to_do(subject, "on", ADVICE.format(region=region))

    yield from map_in_parallel(look, list(clients), CALLS_AT_A_TIME)


def quotas(session: Session) -> Iterator[ReadinessCheck]:
    """Look at how much of the account's quotas is used; `make capacity` counts what an apply would add."""
    usage = read_account_usage(session.target)
    for sentence in usage.unread:
        yield cannot_tell("quotas", sentence)
    for subject, used, limit in (
        ("roles", usage.roles, usage.roles_limit),
        ("managed policies", usage.policies, usage.policies_limit),
        ("inference profiles", usage.profiles, usage.profiles_limit),
    ):
        if used is None or limit is None:
            continue  # one of ``unread`` says why
        state = f"{used:,} of {limit:,} used"
        if used < limit:
            yield ok(subject, state)
        else:
            advice = (
                "Ask AWS for more in Service Quotas; "
                f"`make capacity ENV={session.environment.name}` counts what the next apply needs."
            )
            yield to_do(subject, state, advice)
