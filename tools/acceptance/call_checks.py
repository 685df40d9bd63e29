"""Checks of what a call needs and returns: the project's grant, and the shapes of answers and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.acceptance.delays import denial
from tools.acceptance.observation import Check, Observation, compared
from tools.acceptance.probes import NeverAnsweredError, project_probes
from tools.acceptance.refusals import model_not_granted
from tools.acceptance.streams import USAGE, run_lengths

if TYPE_CHECKING:
    from tools.acceptance.sandbox import Refusal, Sandbox

PROJECT_GROUP, SHAPE_GROUP = "project", "shapes"
# The words by which the package tells a missing grant and a denial of the role from other refusals.
NO_GRANT = "because no identity-based policy allows"
OWN_DENIAL = "with an explicit deny in an identity-based policy"

_CONVERSE = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"
_STREAM = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html"
_MESSAGES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"


def _with_grant(sandbox: Sandbox) -> Observation:
    try:
        delay = sandbox.once(project_probes).effective
    except NeverAnsweredError as error:
        return compared(agrees=False, seen=str(error))
    return compared(agrees=True, seen=f"It is answered {delay.words}.", seconds=delay.seconds)


def _with_grant_streamed(sandbox: Sandbox) -> Observation:
    count = len(sandbox.once(project_probes).streamed.names)
    return compared(agrees=count > 0, seen=f"It is answered with {count} events.", events=count)


def _refused(refusal: Refusal | None) -> Observation:
    if refusal is None:
        return compared(agrees=False, seen="AWS answers without the grant.")
    seen = f"{refusal.code}: {refusal.message}"
    return compared(
        agrees=True, seen=seen, code=refusal.code, names_the_project=":project/" in seen
    )


def _without_grant(sandbox: Sandbox) -> Observation:
    return _refused(sandbox.once(project_probes).refused)


def _without_grant_streamed(sandbox: Sandbox) -> Observation:
    return _refused(sandbox.once(project_probes).refused_stream)


def _named_project(sandbox: Sandbox) -> Observation:
    probe = sandbox.once(project_probes).granted
    refusal = sandbox.refusal(lambda: sandbox.converse(probe.session, project="default"))
    seen = f"{refusal.code}: {refusal.message}" if refusal else "It is answered."
    return compared(refusal is None, seen)


def _order(sandbox: Sandbox) -> Observation:
    events = sandbox.once(project_probes).streamed
    runs = run_lengths(events.names)
    return compared(events.is_in_order, ", ".join(runs) or "There is no event.", events=runs)


def _keys(sandbox: Sandbox) -> Observation:
    events = sandbox.once(project_probes).streamed
    missing = events.missing_keys
    seen = f"Missing: {', '.join(missing)}." if missing else "All members are there."
    return compared(not missing, seen, keys=events.keys)


def _stream_usage(sandbox: Sandbox) -> Observation:
    events = sandbox.once(project_probes).streamed
    missing = sorted(USAGE - events.usage.keys())
    has_latency = "latencyMs" in events.metrics
    lacking = [*missing, *([] if has_latency else ["latencyMs"])]
    seen = f"Missing: {', '.join(lacking)}." if lacking else "Tokens and latency are there."
    return compared(not lacking, seen, usage=events.usage, metrics=events.metrics)


def _members(sandbox: Sandbox) -> Observation:
    answer = sandbox.once(project_probes).effective.value or {}
    keys = sorted(answer.keys() - {"ResponseMetadata"})
    missing = sorted({"metrics", "output", "stopReason", "usage"} - set(keys))
    missing += sorted(USAGE - answer.get("usage", {}).keys())
    seen = f"Missing: {', '.join(missing)}." if missing else f"Members: {', '.join(keys)}."
    usage = sorted(answer.get("usage", {}))
    return compared(not missing, seen, members=keys, usage=usage)


def _request_ids(sandbox: Sandbox) -> Observation:
    probes = sandbox.once(project_probes)
    answer = probes.effective.value or {}
    ids = [answer.get("ResponseMetadata", {}).get("RequestId"), probes.streamed.request_id]
    count = sum(1 for request_id in ids if request_id)
    return compared(count == 2, f"{count} of 2 answers have one.")


def _words_of_no_grant(sandbox: Sandbox) -> Observation:
    probe = sandbox.once(project_probes).granted
    model = model_not_granted(sandbox)
    refusal = sandbox.refusal(lambda: sandbox.converse(probe.session, model=model))
    if refusal is None:
        return compared(agrees=False, seen="AWS answers it.")
    return compared(NO_GRANT in refusal.message, f"{refusal.code}: {refusal.message}")


def _words_of_a_denial(sandbox: Sandbox) -> Observation:
    refusal = sandbox.once(denial).refusal
    return compared(OWN_DENIAL in refusal.message, f"{refusal.code}: {refusal.message}")


def project_checks() -> list[Check]:
    """Return the checks of a call's project."""
    needs = "A call without the grant of project/default is refused."
    return [
        Check(
            PROJECT_GROUP,
            "Converse with the grant of the default project",
            "It is answered.",
            _CONVERSE,
            _with_grant,
        ),
        Check(
            PROJECT_GROUP,
            "Converse without the grant of the default project",
            needs,
            _CONVERSE,
            _without_grant,
            only_aws=True,
        ),
        Check(
            PROJECT_GROUP,
            "ConverseStream with the grant of the default project",
            "It is answered.",
            _STREAM,
            _with_grant_streamed,
        ),
        Check(
            PROJECT_GROUP,
            "ConverseStream without the grant of the default project",
            needs,
            _STREAM,
            _without_grant_streamed,
            only_aws=True,
        ),
        Check(
            PROJECT_GROUP,
            "a call that names the default project",
            "It is answered as one that names no project.",
            _CONVERSE,
            _named_project,
            only_aws=True,
        ),
    ]


def shape_checks() -> list[Check]:
    """Return the checks of answers and refusals."""
    return [
        Check(
            SHAPE_GROUP,
            "the order of the events of ConverseStream",
            "messageStart, blocks, messageStop, metadata, and nothing after it.",
            _STREAM,
            _order,
            only_aws=True,
        ),
        Check(
            SHAPE_GROUP,
            "the members of the events of ConverseStream",
            "Each event has the members that the package reads.",
            _STREAM,
            _keys,
            only_aws=True,
        ),
        Check(
            SHAPE_GROUP,
            "tokens and latency at the end of a stream",
            "metadata has usage and metrics.",
            _STREAM,
            _stream_usage,
            only_aws=True,
        ),
        Check(
            SHAPE_GROUP,
            "the members of Converse's answer",
            "The answer has output, stopReason, usage and metrics.",
            _CONVERSE,
            _members,
            only_aws=True,
        ),
        Check(
            SHAPE_GROUP,
            "the id of a request",
            "Every answer has one, which the record holds.",
            _CONVERSE,
            _request_ids,
        ),
        Check(
            SHAPE_GROUP,
            "the words of a refusal without a grant",
            f'The message says "{NO_GRANT}", from which the package makes ModelNotGrantedError.',
            _MESSAGES,
            _words_of_no_grant,
            only_aws=True,
        ),
        Check(
            SHAPE_GROUP,
            "the words of a refusal by a denial",
            f'The message says "{OWN_DENIAL}", from which the package tells a suspension.',
            _MESSAGES,
            _words_of_a_denial,
            only_aws=True,
        ),
    ]
