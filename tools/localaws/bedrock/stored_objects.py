"""Bedrock's jobs, prompts, flows and sessions, which are stored and listed and never run; moto does not have them."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.context import LocalAwsContext

BedrockObjects = dict[tuple[str, str, str], list[dict[str, Any]]]
"""All of them: (account id, Region, kind) => members of the request and of the answer."""

_ID_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class _Kind:
    """How one kind is created and listed; ``resource`` is the first part of its ARN."""

    resource: str
    arn: str  # the member with its ARN
    listed: str  # the member of the list's answer
    time: str  # the member with the time of its creation
    state: Mapping[str, str]  # other members of a listed object


_JOB = {"status": "Completed"}
_DRAFT = {"version": "DRAFT"}
_KINDS = {
    "ModelInvocationJob": _Kind(
        "model-invocation-job", "jobArn", "invocationJobSummaries", "submitTime", _JOB
    ),
    "EvaluationJob": _Kind(
        "evaluation-job",
        "jobArn",
        "jobSummaries",
        "creationTime",
        {**_JOB, "jobType": "Automated"},
    ),
    "ModelImportJob": _Kind(
        "model-import-job", "jobArn", "modelImportJobSummaries", "creationTime", _JOB
    ),
    "ImportedModel": _Kind("imported-model", "modelArn", "modelSummaries", "creationTime", {}),
    "AdvancedPromptOptimizationJob": _Kind(
        "advanced-prompt-optimization-job",
        "jobArn",
        "jobSummaries",
        "creationTime",
        {"jobStatus": "Completed"},
    ),
    "Prompt": _Kind("prompt", "arn", "promptSummaries", "createdAt", _DRAFT),
    "Flow": _Kind("flow", "arn", "flowSummaries", "createdAt", {**_DRAFT, "status": "NotPrepared"}),
    "Session": _Kind(
        "session", "sessionArn", "sessionSummaries", "createdAt", {"sessionStatus": "ACTIVE"}
    ),
    "AsyncInvoke": _Kind(
        "async-invoke", "invocationArn", "asyncInvokeSummaries", "submitTime", _JOB
    ),
}


class StoredObjects:
    """The objects of all accounts and Regions."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._objects = context.bedrock_objects

    def answer(self, call: Call) -> dict[str, Any] | None:
        """Create an object or list all of a kind; None for another operation."""
        verb, kind = _split(call.operation)
        if kind not in _KINDS:
            return None
        if verb == "List":
            return {_KINDS[kind].listed: self._objects[call.account, call.region, kind]}
        if kind == "ModelImportJob":
            self._create(call, "ImportedModel")
        return self._create(call, kind)

    def _create(self, call: Call, kind: str) -> dict[str, Any]:
        settings = _KINDS[kind]
        identifier = "".join(secrets.choice(_ID_LETTERS) for _ in range(12))
        now = self._context.clock.now()
        item = {
            **call.parameters,
            **settings.state,
            settings.arn: call.arn("bedrock", f"{settings.resource}/{identifier}"),
            settings.time: now,
        }
        if settings.arn == "arn":
            item |= {"id": identifier, "updatedAt": now}
        if kind == "Session":
            item |= {"sessionId": identifier, "lastUpdatedAt": now}
        if kind == "ImportedModel":
            item["modelName"] = item["importedModelName"]
        self._objects[call.account, call.region, kind].append(item)
        return item


def _split(operation: str) -> tuple[str, str]:
    """Return the verb and the kind of an operation: Create, Start or List, and a name in the singular."""
    for verb in ("Create", "Start"):
        if operation.startswith(verb):
            return verb, operation.removeprefix(verb)
    if operation.startswith("List"):
        return "List", operation.removeprefix("List").removesuffix("s")
    return "", ""
