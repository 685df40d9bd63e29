"""How long changes of policies and tags take to have an effect.

No page states a time: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.acceptance.observation import Check, Observation, compared
from tools.acceptance.probes import (
    NeverAnsweredError,
    NeverAssumedError,
    Probe,
    answered,
    assume_probe,
    make_role,
    project_probes,
)
from tools.acceptance.waiting import Delay, NeverError, wait_for
from tools.isolation.operations_specification import called_id
from tools.tenants.stanza_state import DENIAL, LONGEST_WAIT, PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.acceptance.sandbox import Refusal, Sandbox

GROUP = "delays"
REFUSED_PAUSE = 2.0  # seconds between two calls that cost something until they are refused
TAG = "acceptance"

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html"
_TAGS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html"
_PUT = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html"


@dataclass(frozen=True)
class Denial:
    """A denial of everything in an open session, and its removal."""

    refusal: Refusal
    effective: Delay[Refusal]
    removed: Delay[dict[str, Any]]


@dataclass(frozen=True)
class TaggedProfile:
    """An inference profile that is granted by a tag: before it has the tag, with it, and without it again."""

    arn: str
    untagged: Refusal | None
    tagged: Delay[dict[str, Any]]
    removed: Delay[Refusal]
    answers: tuple[dict[str, Any], ...]  # the usage of every answer through the profile
    first_call: float
    last_call: float


def denial(sandbox: Sandbox) -> Denial:
    """Suspend and resume a probe as `make suspend` does, and measure until calls of its session show it."""
    probe = sandbox.once(project_probes).granted
    iam, clock = sandbox.client("iam"), sandbox.clock
    document = json.dumps({"Version": "2012-10-17", "Statement": [DENIAL]})
    iam.put_role_policy(RoleName=probe.name, PolicyName="denial", PolicyDocument=document)
    effective = wait_for(
        lambda: sandbox.refusal(lambda: sandbox.converse(probe.session)),
        clock,
        longest=LONGEST_WAIT,
        pause=REFUSED_PAUSE,
    )
    iam.delete_role_policy(RoleName=probe.name, PolicyName="denial")
    if effective.value is None:
        raise NeverError(f"A denied role was answered for {LONGEST_WAIT} s.")
    removed = wait_for(lambda: answered(sandbox, probe), clock, longest=LONGEST_WAIT, pause=PAUSE)
    return Denial(effective.value, effective, removed)


def tagged_profile(sandbox: Sandbox) -> TaggedProfile:
    """Make an inference profile without a tag, call it, tag it, call it, take the tag away, and call it."""
    settled = sandbox.once(project_probes).effective
    bedrock, clock = sandbox.client("bedrock"), sandbox.clock
    arn = bedrock.create_inference_profile(
        inferenceProfileName=sandbox.name("profile"), modelSource={"copyFrom": _source(sandbox)}
    )["inferenceProfileArn"]
    models = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)["models"]
    role = make_role(sandbox, "tag", _tag_grants(arn, [model["modelArn"] for model in models]))
    probe = assume_probe(sandbox, role)
    # As long as the grants of the first probe took, and half again, so that only the tag is missing.
    clock.sleep(max(0.0, 1.5 * settled.seconds - (clock.now() - probe.put_at)))
    first_call = clock.now()
    usages: list[dict[str, Any]] = []
    call = _calls(sandbox, probe, arn, usages)
    untagged = sandbox.refusal(call)
    tag = {"key": TAG, "value": sandbox.prefix}
    bedrock.tag_resource(resourceARN=arn, tags=[tag])
    tagged = wait_for(
        lambda: _usage_or_none(sandbox, call, usages), clock, longest=LONGEST_WAIT, pause=PAUSE
    )
    if tagged.value is not None:
        for _ in range(2):  # a count of one could be that of another call
            call()
    bedrock.untag_resource(resourceARN=arn, tagKeys=[TAG])
    removed = wait_for(
        lambda: sandbox.refusal(call), clock, longest=LONGEST_WAIT, pause=REFUSED_PAUSE
    )
    return TaggedProfile(arn, untagged, tagged, removed, tuple(usages), first_call, clock.now())


def _calls(
    sandbox: Sandbox, probe: Probe, arn: str, usages: list[dict[str, Any]]
) -> Callable[[], None]:
    def call() -> None:
        usages.append(sandbox.converse(probe.session, model=arn)["usage"])

    return call


def _usage_or_none(
    sandbox: Sandbox, call: Callable[[], None], usages: list[dict[str, Any]]
) -> dict[str, Any] | None:
    return None if sandbox.refusal(call) else usages[-1]


def _source(sandbox: Sandbox) -> str:
    """Return the ARN of what the profile copies: the model, or Bedrock's own profile of it."""
    environment, model = sandbox.environment, sandbox.stanza_model
    start = f"arn:{environment.partition}:bedrock:{sandbox.region}"
    called = called_id(model)
    if called == model["model"]:
        return f"{start}::foundation-model/{called}"
    return f"{start}:{environment.operations_account_id}:inference-profile/{called}"


def _tag_grants(arn: str, models: list[str]) -> list[dict[str, Any]]:
    """Return what a tracked alias grants, with the acceptance's tag in place of the tenant's."""
    start = arn.rpartition("/")[0]
    region, account = arn.split(":")[3:5]
    project = f"{arn.split(':bedrock:', maxsplit=1)[0]}:bedrock:{region}:{account}:project/default"
    allow = {"Effect": "Allow", "Action": "bedrock:InvokeModel"}
    prefix = {"StringLike": {"bedrock:InferenceProfileArn": f"{start}/*"}}
    return [
        {**allow, "Sid": "UseTheDefaultProject", "Resource": project},
        {**allow, "Sid": "InvokeBehindTheProfile", "Resource": models, "Condition": prefix},
        {
            **allow,
            "Sid": "InvokeThroughTheProfile",
            "Resource": f"{start}/*",
            "Condition": {"StringLike": {f"aws:ResourceTag/{TAG}": "bedrock-acceptance-*"}},
        },
    ]


# --- checks ---


def _in_time(delay: Delay[Any]) -> Observation:
    if delay.value is None:
        return compared(agrees=False, seen=f"It had no effect within {LONGEST_WAIT} s.")
    seconds = round(delay.seconds, 1)
    return compared(agrees=True, seen=f"Effective {delay.words}.", seconds=seconds)


def _new_role(sandbox: Sandbox) -> Observation:
    try:
        return _in_time(sandbox.once(project_probes).granted.assumable)
    except NeverAssumedError as error:
        return compared(agrees=False, seen=str(error))


def _new_policy(sandbox: Sandbox) -> Observation:
    try:
        return _in_time(sandbox.once(project_probes).effective)
    except NeverAnsweredError as error:
        return compared(agrees=False, seen=str(error))


def _denied(sandbox: Sandbox) -> Observation:
    try:
        delay = sandbox.once(denial).effective
    except NeverError as error:
        return compared(agrees=False, seen=str(error))
    return _in_time(delay)


def _allowed_again(sandbox: Sandbox) -> Observation:
    return _in_time(sandbox.once(denial).removed)


def _untagged(sandbox: Sandbox) -> Observation:
    refusal = sandbox.once(tagged_profile).untagged
    if refusal is None:
        return compared(agrees=False, seen="AWS answers a call through a profile without the tag.")
    return compared(agrees=True, seen=f"{refusal.code}: {refusal.message}", code=refusal.code)


def _tagged(sandbox: Sandbox) -> Observation:
    return _in_time(sandbox.once(tagged_profile).tagged)


def _tag_removed(sandbox: Sandbox) -> Observation:
    return _in_time(sandbox.once(tagged_profile).removed)


def delay_checks() -> list[Check]:
    """Return the checks of this group, in the order in which they are made."""
    in_time = f"within the {LONGEST_WAIT} s for which `make suspend` and `make resume` wait."
    rows = [
        ("a new role can be assumed", f"It can be, {in_time}", _IAM, _new_role),
        ("a new policy has an effect", f"It grants its calls {in_time}", _PUT, _new_policy),
        (
            "a denial has an effect in an open session",
            f"Every call of an open session is refused {in_time}",
            _PUT,
            _denied,
        ),
        (
            "the end of a denial has an effect",
            f"Calls are answered again {in_time}",
            _PUT,
            _allowed_again,
        ),
        (
            "an inference profile without the tag",
            "A grant by aws:ResourceTag refuses a profile without the tag.",
            _TAGS,
            _untagged,
        ),
        (
            "a tag of an inference profile has an effect",
            f"A call through the profile is answered {in_time}",
            _TAGS,
            _tagged,
        ),
        (
            "the end of a tag has an effect",
            f"A call through the profile is refused {in_time}",
            _TAGS,
            _tag_removed,
        ),
    ]
    return [
        Check(GROUP, name, expected, page, observe, only_aws=observe is not _untagged)
        for name, expected, page, observe in rows
    ]
