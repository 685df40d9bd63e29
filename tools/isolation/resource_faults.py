"""Compare every resource of a plan with its specification: what exists, once, and with which arguments."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from tools.iam.conditions import UnsupportedPolicyError
from tools.iam.policy import parse_json
from tools.isolation import resource_specification as specification
from tools.isolation.configuration_faults import references, state_instances
from tools.isolation.plan_fault import Fault
from tools.isolation.plan_reader import PlanError
from tools.isolation.resource_specification import (
    IDENTITIES,
    NOUNS,
    TOPICS,
    AnyText,
    ByClaim,
    Computed,
    Default,
    Either,
    Hash,
    Json,
    Matching,
    OfExisting,
    SameAs,
    SomeOf,
    Tags,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.isolation.plan_reader import Plan, Resource
    from tools.isolation.resource_specification import Arguments, ResourceSpecification

_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')
_HASH = re.compile(r"[A-Za-z0-9+/]{43}=")


def resource_faults(
    plan: Plan, subject: str, types: frozenset[str], specifications: Iterable[ResourceSpecification]
) -> Iterator[Fault]:
    """Yield a fault for each resource that is missing, unexpected, there twice or of another type.

    Yields one for each argument that differs from its specification, too. Raises PlanError if the
    name of a resource is known only after apply.
    """
    resources: defaultdict[tuple[str, str], list[Resource]] = defaultdict(list)
    for resource in plan.resources:
        if resource.type not in types:
            problem = f"{resource.address} is of a type that is not on the list of reviewed types"
            yield Fault(subject, "resource types", problem)
        else:
            resources[resource.type, _name(resource)].append(resource)
    expected = {(item.type, item.name): item for item in specifications}
    for type_, name in sorted(expected.keys() | resources.keys()):
        topic, label = TOPICS[type_], _label(type_, name)
        if (type_, name) not in expected:
            yield Fault(name or subject, topic, f"no stanza defines the {label}")
            continue
        item, matches = expected[type_, name], resources[type_, name]
        if not matches:
            yield Fault(item.subject, topic, f"the {label} is missing")
        if len(matches) > 1:
            addresses = " and ".join(resource.address for resource in matches)
            yield Fault(item.subject, topic, f"the {label} is there more than once: {addresses}")
        for resource in matches:
            yield from _argument_faults(plan, resource, item.subject, item.arguments)


def deletion_faults(plan: Plan, subject: str) -> Iterator[Fault]:
    """Yield a fault for each log group that an apply would delete together with its events.

    What the state says of skip_destroy decides, and not the code:
    https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/cloudwatch_log_group#skip_destroy
    """
    for item in plan.json.get("resource_changes") or ():
        change = item["change"]
        before = change.get("before") or {}
        if (
            item["type"] == "aws_cloudwatch_log_group"
            and "delete" in change["actions"]
            and before.get("skip_destroy") is not True
        ):
            problem = f"the plan deletes {item['address']}; apply skip_destroy = true to it first"
            yield Fault(subject, TOPICS[item["type"]], problem)


def customer_keys(plan: Plan) -> list[Mapping[str, Any]]:
    """Return what the plan has read of keys that it does not make."""
    return [
        instance.get("values") or {}
        for instance in state_instances(plan)
        if (instance.get("mode"), instance.get("type")) == ("data", "aws_kms_key")
    ]


def customer_key_faults(
    subject: str, key: Mapping[str, Any], expected: Arguments
) -> Iterator[Fault]:
    """Yield a fault for each property of a customer's key that is not as expected."""
    for name, expectation in expected.items():
        for problem in _problems(key.get(name), None, expectation):
            yield Fault(subject, "key", f"{name} of the customer's key {problem}")


def _label(type_: str, name: str) -> str:
    return f"{NOUNS[type_]} {name}".strip()


def _name(resource: Resource) -> str:
    texts = [resource.known_value(argument) for argument in IDENTITIES[resource.type]]
    if not all(texts):
        raise PlanError(f"the name of {resource.address} is known only after apply")
    return " ".join(map(str, texts))


def _argument_faults(
    plan: Plan, resource: Resource, subject: str, expected: Mapping[str, Any]
) -> Iterator[Fault]:
    label = f"the {_label(resource.type, _name(resource))} ({resource.address})"
    for name in sorted({*resource.values, *resource.unknown, *expected}):
        value, unknown = resource.values.get(name), resource.unknown.get(name)
        expectation = expected.get(name)
        if isinstance(expectation, OfExisting):
            problems = _existing_problems(resource, value, expectation)
        elif isinstance(expectation, SameAs):
            problems = _reference_problems(plan, resource, name, expectation)
        else:
            problems = _problems(
                value, unknown, expectation, in_code=name in (resource.configuration or ())
            )
        for problem in problems:
            yield Fault(subject, TOPICS[resource.type], f"{name} of {label} {problem}")


def _problems(value: Any, unknown: Any, expected: Any, *, in_code: bool = False) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield what is wrong with a value; ``in_code`` says that the Terraform code sets it."""
    if isinstance(expected, (AnyText, ByClaim)):
        return
    if isinstance(expected, Computed) and in_code:
        yield "is set by the code, although AWS chooses it"
    elif (
        unknown is True and isinstance(expected, (Computed, Default, SomeOf, Tags)) and not in_code
    ):
        return
    elif unknown is True or (_has_unknown(unknown) and not isinstance(expected, (Mapping, list))):
        yield "is known only after apply"
    elif isinstance(expected, Default):
        if in_code or not _is_empty(value):
            yield from _problems(value, None, expected.value)
    else:
        yield from _known_value_problems(expected, value, unknown)


@singledispatch
def _known_value_problems(expected: Any, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    """Compare with a plain value; ``unknown`` can be set only in a part of an object or a list."""
    is_left_out = _is_empty(value) and (expected is False or expected in (None, ""))
    if value != expected and not is_left_out:
        yield f"is {_text(value)} instead of {_text(expected)}"


@_known_value_problems.register(Computed)
def _(expected: Computed, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    if value is not None and not str(value).startswith(expected.prefix):
        yield f"is {_text(value)}, which does not begin with {expected.prefix}"


@_known_value_problems.register(Either)
def _(expected: Either, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    if value not in expected.values:
        yield "is none of the expected values"  # which may be ExternalIds


@_known_value_problems.register(Hash)
def _(_expected: Hash, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    if not _HASH.fullmatch(str(value)):
        yield f"is {_text(value)} instead of a SHA-256 hash in base64"


@_known_value_problems.register(Matching)
def _(expected: Matching, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(value, str) or not re.fullmatch(expected.pattern, value, re.ASCII):
        yield f"is {_text(value)}, which does not have the form {expected.pattern}"


@_known_value_problems.register(SomeOf)
def _(expected: SomeOf, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    others = [entry for entry in value or () if entry not in expected.entries]
    if others or not isinstance(value or [], list):
        yield f"has {_text(others or value)}, which no stanza defines; {expected.otherwise}"


@_known_value_problems.register(Tags)
def _(expected: Tags, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(value, Mapping) and not _is_empty(value):
        yield f"is {_text(value)} instead of an object"
        return
    tags, expected_tags = value or {}, {**expected.passing, **expected.default, **expected.own}
    for tag in sorted({*expected.own, *tags}):
        text, allowed = tags.get(tag), expected_tags.get(tag)
        if text != allowed:
            yield f"has {_text(text)} for the tag {tag} instead of {_text(allowed)}"


@_known_value_problems.register(Json)
def _(expected: Json, value: Any, _unknown: Any) -> Iterator[str]:  # noqa: ANN401
    try:
        content = parse_json(value)
    except UnsupportedPolicyError:
        yield f"is {_text(value)} instead of JSON text that has each element once"
        return
    yield from _problems(content, None, expected.content)


@_known_value_problems.register(Mapping)
def _(expected: Mapping[str, Any], value: Any, unknown: Any) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(value, Mapping):
        if expected or not _is_empty(value):
            yield f"is {_text(value)} instead of an object"
        return
    flags = unknown if isinstance(unknown, Mapping) else {}
    for name in sorted({*value, *flags, *expected}):
        for problem in _problems(value.get(name), flags.get(name), expected.get(name)):
            yield f"has a wrong {name}: it {problem}"


@_known_value_problems.register(list)
def _(expected: list[Any], value: Any, unknown: Any) -> Iterator[str]:  # noqa: ANN401
    # Lists of objects are compared by position, and other lists as sets.
    items = value if isinstance(value, list) else []
    flags = unknown if isinstance(unknown, list) else []
    if (value and not isinstance(value, list)) or len(items) != len(expected):
        yield f"is {_text(value)} instead of {_text(expected)}"
    elif any(isinstance(item, Mapping) for item in expected):
        for index, item in enumerate(expected):
            yield from _problems(items[index], flags[index] if index < len(flags) else None, item)
    elif any(flags) or sorted(map(str, items)) != sorted(map(str, expected)):
        yield f"is {_text(value)} instead of {_text(expected)}"


def _existing_problems(resource: Resource, value: Any, expected: OfExisting) -> Iterator[str]:  # noqa: ANN401
    other = resource.values.get(expected.argument)
    if resource.configuration is None and value not in (None, other):
        yield f"is {_text(value)} instead of {_text(other)}, its {expected.argument}"


def _reference_problems(
    plan: Plan, resource: Resource, name: str, expected: SameAs
) -> Iterator[str]:
    """Yield what is wrong with an argument that names another resource of the plan.

    Before that resource exists, its attribute is unknown, and the code must refer to nothing else.
    """
    targets = list(plan.of_type(expected.type))
    if len(targets) != 1:  # a fault of its own
        return
    (target,) = targets
    value, attribute = resource.values.get(name), target.values.get(expected.attribute)
    if attribute is not None:
        if value != attribute or resource.unknown.get(name):
            yield f"is {_text(value)} instead of {attribute}, the {expected.attribute} of {target.address}"
        return
    module, _, address = _INDEX.sub("", target.address).rpartition(f"{target.type}.")
    address = f"{target.type}.{address}"
    own_module = _INDEX.sub("", resource.address).rpartition(f"{resource.type}.")[0]
    named = {_INDEX.sub("", text) for text in references(plan, resource.address, name)}
    if (
        resource.unknown.get(name) is not True
        or module != own_module
        or named != {address, f"{address}.{expected.attribute}"}
    ):
        yield f"does not refer to the {expected.attribute} of {target.address} alone"


def _has_unknown(unknown: object) -> bool:
    if isinstance(unknown, Mapping):
        return any(map(_has_unknown, unknown.values()))
    return any(map(_has_unknown, unknown)) if isinstance(unknown, list) else bool(unknown)


def _is_empty(value: object) -> bool:
    """Whether a value is what Terraform has for an argument that is left out."""
    return value in (None, "", False, 0) or value in ([], {})


def _text(value: object) -> str:
    plain = _plain(value)
    text = plain if isinstance(plain, str) else json.dumps(plain)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return an expected value as JSON, without what may have any value."""
    if isinstance(value, (Json, Default)):
        return _plain(value.content if isinstance(value, Json) else value.value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return "…" if type(value).__module__ == specification.__name__ else value
