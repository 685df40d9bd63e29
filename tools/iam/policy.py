"""A strict parser of IAM policy documents: it refuses any element that it does not support.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tools.iam.conditions import Condition, UnsupportedPolicyError, parse_condition


class Kind(Enum):
    """The kind of a policy, which decides the elements that its statements must have."""

    IDENTITY = "identity policy"  # Resource, no Principal; also boundaries and session policies
    RESOURCE = "resource policy"  # Principal and Resource
    TRUST = "trust policy"  # Principal, no Resource


@dataclass(frozen=True)
class Principals:
    """A Principal or NotPrincipal element; ``anyone`` is the lone ``*``."""

    negated: bool
    anyone: bool = False
    aws: tuple[str, ...] = ()
    service: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """One statement; with ``not_actions`` or ``not_resources`` it applies to all but the list."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...] | None
    not_resources: bool
    principals: Principals | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Policy:
    """A whole document; ``variables`` is whether its version supports policy variables (``${…}``)."""

    name: str
    kind: Kind
    variables: bool
    statements: tuple[Statement, ...]


_DOCUMENT_KEYS = {"Id", "Statement", "Version"}
_STATEMENT_KEYS = {
    "Action",
    "Condition",
    "Effect",
    "NotAction",
    "NotPrincipal",
    "NotResource",
    "Principal",
    "Resource",
    "Sid",
}
# Policy variables exist since the version of 2012:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
_VARIABLES_BY_VERSION = {"2008-10-17": False, "2012-10-17": True}
# A wildcard may stand in the action's name, and no page says that it may in the service's.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ACCOUNT = re.compile(r"\d{12}")
_PRINCIPAL_ARN = re.compile(r"arn:[\w-]+:(iam|sts)::\d{12}:[\w+=,.@/-]+")


def parse_policy(document: str | Mapping[str, Any], name: str, kind: Kind) -> Policy:
    """Read a document; raises UnsupportedPolicyError for anything outside the known grammar."""
    parsed = parse_json(document) if isinstance(document, str) else document
    if not isinstance(parsed, Mapping):
        raise UnsupportedPolicyError(f"{name}: a policy must be a JSON object.")
    _check_elements(parsed, _DOCUMENT_KEYS, name)
    version = parsed.get("Version", "2008-10-17")
    if not isinstance(version, str) or version not in _VARIABLES_BY_VERSION:
        raise UnsupportedPolicyError(f"{name}: the policy version {version!r} is unknown.")
    if not isinstance(parsed.get("Id", ""), str):
        raise UnsupportedPolicyError(f"{name}: Id must be text.")
    variables = _VARIABLES_BY_VERSION[version]
    statements = parsed.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise UnsupportedPolicyError(f"{name}: Statement must be a list of statements.")
    return Policy(
        name=name,
        kind=kind,
        variables=variables,
        statements=tuple(
            _statement(statement, f"{name}: statement {number}", kind, variables=variables)
            for number, statement in enumerate(statements, start=1)
        ),
    )


def parse_json(text: str) -> object:
    """Parse JSON text. Raises UnsupportedPolicyError if it is anything else or has an element twice."""
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates)
    except UnsupportedPolicyError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsupportedPolicyError("The policy is not JSON.") from error


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object. Python uses the last of two equal keys, but IAM may not."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise UnsupportedPolicyError("The policy has an element twice in one object.")
    return dict(pairs)


def _statement(raw: object, where: str, kind: Kind, *, variables: bool) -> Statement:
    if not isinstance(raw, Mapping):
        raise UnsupportedPolicyError(f"{where}: a statement must be a JSON object.")
    _check_elements(raw, _STATEMENT_KEYS, where)
    if not isinstance(raw.get("Sid", ""), str):
        raise UnsupportedPolicyError(f"{where}: Sid must be text.")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise UnsupportedPolicyError(f"{where}: Effect must be Allow or Deny.")
    action_key, actions = _either(raw, "Action", "NotAction", where)
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise UnsupportedPolicyError(f"{where}: {action!r} is not a valid action.")
    resources: tuple[str, ...] | None = None
    resource_key = "Resource"
    if kind is Kind.TRUST:
        if "Resource" in raw or "NotResource" in raw:
            raise UnsupportedPolicyError(f"{where}: a trust policy has no Resource.")
    else:
        resource_key, resources = _either(raw, "Resource", "NotResource", where)
        for resource in resources:
            _check_resource(resource, where, variables=variables)
    return Statement(
        sid=str(raw.get("Sid") or where.rpartition("statement ")[2]),
        effect=str(raw["Effect"]),
        actions=actions,
        not_actions=action_key == "NotAction",
        resources=resources,
        not_resources=resource_key == "NotResource",
        principals=_principals(raw, where, kind),
        conditions=tuple(_conditions(raw.get("Condition", {}), where, variables=variables)),
    )


def _check_resource(resource: str, where: str, *, variables: bool) -> None:
    """Refuse a resource that is neither an ARN nor ``*``, or has a variable before its last part.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-wheretouse
    """
    if resource == "*":
        return
    parts = resource.split(":", 5)
    if len(parts) < 4 or parts[0] != "arn":
        raise UnsupportedPolicyError(f"{where}: {resource!r} is neither an ARN nor *.")
    if "*" in parts[2] or "?" in parts[2]:
        raise UnsupportedPolicyError(f"{where}: {resource!r} has a wildcard for the service.")
    before_variable, variable, _ = resource.partition("${")
    if variables and variable and before_variable.count(":") < 5:
        raise UnsupportedPolicyError(
            f"{where}: {resource!r} has a variable before the fifth colon."
        )


def _principals(raw: Mapping[str, Any], where: str, kind: Kind) -> Principals | None:
    present = [key for key in ("Principal", "NotPrincipal") if key in raw]
    if kind is Kind.IDENTITY:
        if present:
            raise UnsupportedPolicyError(
                f"{where}: an identity policy must not have a {present[0]}."
            )
        return None
    if len(present) != 1:
        raise UnsupportedPolicyError(
            f"{where}: a statement needs either Principal or NotPrincipal."
        )
    negated = present[0] == "NotPrincipal"
    element = raw[present[0]]
    if element == "*":
        return Principals(negated=negated, anyone=True)
    if not isinstance(element, Mapping) or not element:
        raise UnsupportedPolicyError(f"{where}: {present[0]} must be * or an object.")
    _check_elements(element, {"AWS", "Service"}, where)
    aws = _strings(element.get("AWS", []), where)
    for arn in aws:
        if arn != "*" and not _ACCOUNT.fullmatch(arn) and not _PRINCIPAL_ARN.fullmatch(arn):
            raise UnsupportedPolicyError(f"{where}: {arn!r} is not a principal.")
    return Principals(
        negated=negated,
        anyone="*" in aws,
        aws=tuple(arn for arn in aws if arn != "*"),
        service=_strings(element.get("Service", []), where),
    )


def _conditions(raw: object, where: str, *, variables: bool) -> Iterator[Condition]:
    if not isinstance(raw, Mapping):
        raise UnsupportedPolicyError(f"{where}: Condition must be an object.")
    for operator, tests in raw.items():
        if not isinstance(tests, Mapping):
            raise UnsupportedPolicyError(f"{where}: {operator} must be an object.")
        if not tests:  # no page says what an operator without a key means
            raise UnsupportedPolicyError(f"{where}: {operator} has no condition key.")
        # Names of keys are not case-sensitive, so two spellings are one key, of which AWS may drop one:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
        if len({key.lower() for key in tests}) != len(tests):
            raise UnsupportedPolicyError(f"{where}: {operator} has a condition key twice.")
        for key, values in tests.items():
            texts = _strings(values, where)
            yield parse_condition(operator, key, texts, variables=variables)


def _check_elements(element: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(element) - known)
    if unknown:
        raise UnsupportedPolicyError(f"{where}: the element {unknown[0]!r} is unknown.")


def _either(
    raw: Mapping[str, Any], first: str, second: str, where: str
) -> tuple[str, tuple[str, ...]]:
    present = [key for key in (first, second) if key in raw]
    if len(present) != 1:
        raise UnsupportedPolicyError(f"{where}: a statement needs either {first} or {second}.")
    values = _strings(raw[present[0]], where)
    if not values:
        raise UnsupportedPolicyError(f"{where}: {present[0]} is empty.")
    return present[0], values


def _strings(value: object, where: str) -> tuple[str, ...]:
    """A value or a list of values as texts; booleans and numbers are formatted as IAM does."""
    items: Sequence[object] = value if isinstance(value, list) else [value]
    texts = []
    for item in items:
        if isinstance(item, bool):
            texts.append("true" if item else "false")
        elif isinstance(item, str | int | float):
            texts.append(str(item))
        else:
            raise UnsupportedPolicyError(
                f"{where}: a value must not be of the type {type(item).__name__}."
            )
    return tuple(texts)
