"""Single-step changes to a policy, made mechanically wherever they can be made.

Each of CHANGES alters what some request may do, and each of KEEPS alters the text alone. Whether it
does is known from the change itself, never from the proof that is put to the test.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Document = dict[str, Any]
Mutation = Callable[[Document], Iterator[tuple[str, Document]]]

STRANGER = "999999999999"
INVOCATION_LOG = "bedrock:PutModelInvocationLoggingConfiguration"


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    """A value or list of values as a list."""
    return value if isinstance(value, list) else [value]


def each(
    document: Document, effect: str | None = "Allow"
) -> Iterator[tuple[str, Document, Document]]:
    """By its Sid, each statement of a fresh copy of the document, and that copy."""
    for index, statement in enumerate(document["Statement"]):
        if effect in (None, statement["Effect"]):
            fresh = copy.deepcopy(document)
            yield statement["Sid"], fresh["Statement"][index], fresh


def each_test(document: Document) -> Iterator[tuple[str, str, str, Document, Document]]:
    """Each key of each condition: operator and key, with the statement and the copy that hold them."""
    for sid, statement, _ in each(document):
        for operator, tests in statement.get("Condition", {}).items():
            for key in tests:
                for found, fresh, whole in each(document):
                    if found == sid:
                        yield f"{sid} {operator} {key}", operator, key, fresh, whole


def each_value(document: Document, element: str) -> Iterator[tuple[str, int, Document, Document]]:
    """Each Action or Resource: its place in its list, with the statement and the copy that hold it."""
    for sid, statement, _ in each(document):
        for index in range(len(listed(statement.get(element, [])))):
            for found, fresh, whole in each(document):
                if found == sid:
                    fresh[element] = listed(fresh[element])
                    yield f"{sid} {element} {index}", index, fresh, whole


# --- conditions ---


def without_a_test(document: Document) -> Iterator[tuple[str, Document]]:
    """Each condition key is left out."""
    for name, operator, key, statement, whole in each_test(document):
        del statement["Condition"][operator][key]
        if not statement["Condition"][operator]:
            del statement["Condition"][operator]
        yield name, whole


def with_operator(change: Callable[[str], str | None], *, of: Callable[[str], bool]) -> Mutation:
    """Another operator for each key that ``of`` is true of; None where there is no other."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, operator, key, statement, whole in each_test(document):
            other = change(operator)
            if other is None or not of(key):
                continue
            values = statement["Condition"][operator].pop(key)
            if not statement["Condition"][operator]:
                del statement["Condition"][operator]
            statement["Condition"].setdefault(other, {})[key] = values
            yield f"{name} to {other}", whole

    return mutate


def negated(operator: str) -> str | None:
    """The operator that asks for the opposite."""
    return {
        "StringEquals": "StringNotEquals",
        "ArnEquals": "ArnNotEquals",
        "ArnLike": "ArnNotLike",
        "IpAddress": "NotIpAddress",
    }.get(operator)


def with_values(change: Callable[[list[str]], list[str]], operators: dict[str, str]) -> Mutation:
    """Other values for each key of an operator, which may become another operator with them."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, operator, key, statement, whole in each_test(document):
            if operator not in operators:
                continue
            values = listed(statement["Condition"][operator].pop(key))
            if not statement["Condition"][operator]:
                del statement["Condition"][operator]
            changed = change(values)
            if changed == values or not changed:
                continue
            statement["Condition"].setdefault(operators[operator], {})[key] = changed
            yield name, whole

    return mutate


def asked_only_to_be_there(document: Document) -> Iterator[tuple[str, Document]]:
    """Each condition key may have any value."""
    for name, operator, key, statement, whole in each_test(document):
        if operator != "Null":
            del statement["Condition"][operator][key]
            statement["Condition"].setdefault("Null", {})[key] = "false"
            statement["Condition"] = {o: t for o, t in statement["Condition"].items() if t}
            yield name, whole


def turned_null(document: Document) -> Iterator[tuple[str, Document]]:
    """Each key that must be absent must be present."""
    for name, operator, key, statement, whole in each_test(document):
        if operator == "Null":
            statement["Condition"]["Null"][key] = "false"
            yield name, whole


# --- actions and resources ---


def with_value(element: str, change: Callable[[str], str | None]) -> Mutation:
    """Another text for each value of Action or Resource."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, index, statement, whole in each_value(document, element):
            was = statement[element][index]
            changed = change(was)
            if changed is not None and changed not in (was, *statement[element]):
                statement[element][index] = changed
                yield f"{name} {was} to {changed}", whole

    return mutate


def without_a_value(element: str) -> Mutation:
    """Each Action or Resource is left out, where it is not the last."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, index, statement, whole in each_value(document, element):
            if len(statement[element]) > 1:
                del statement[element][index]
                yield name, whole

    return mutate


def with_one_more(element: str, value: str) -> Mutation:
    """One more Action or Resource in each statement."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, whole in each(document):
            if element in statement and listed(statement[element]) != ["*"]:
                statement[element] = [*listed(statement[element]), value]
                yield name, whole

    return mutate


def inverted(element: str) -> Mutation:
    """NotAction or NotResource in each statement."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, whole in each(document):
            if element in statement and statement[element] != "*":
                statement[f"Not{element}"] = statement.pop(element)
                yield name, whole

    return mutate


def part(index: int, value: str) -> Callable[[str], str | None]:
    """An ARN with another text for one of its six parts, where it has one there."""

    def change(arn: str) -> str | None:
        parts = arn.split(":", 5)
        if len(parts) < 6 or not parts[index]:
            return None
        return ":".join([*parts[:index], value, *parts[index + 1 :]])

    return change


def longer(arn: str) -> str | None:
    """The text, and anything after it."""
    return None if arn.endswith("*") else f"{arn}*"


def any_name(arn: str) -> str | None:
    """Any resource of the same kind."""
    head, slash, _ = arn.rpartition("/")
    return f"{head}/*" if slash and "/" not in head else None


def whole_service(action: str) -> str:
    """Every action of the service."""
    return action.partition(":")[0] + ":*"


def beginning(action: str) -> str | None:
    """What begins alike: InvokeModel* is the stream too, Put* is everything that puts."""
    service, _, name = action.partition(":")
    return None if "*" in name else f"{service}:{name[:3]}*"


# --- statements ---


def flipped(document: Document) -> Iterator[tuple[str, Document]]:
    """Each Allow is a Deny."""
    for name, statement, whole in each(document):
        statement["Effect"] = "Deny"
        yield name, whole


def allowed_after_all(document: Document) -> Iterator[tuple[str, Document]]:
    """Each Deny is an Allow."""
    for name, statement, whole in each(document, "Deny"):
        statement["Effect"] = "Allow"
        yield name, whole


def without_a_statement(effect: str) -> Mutation:
    """Each statement with the effect is left out."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, whole in each(document, effect):
            whole["Statement"].remove(statement)
            if whole["Statement"]:
                yield name, whole

    return mutate


def with_statement(**statement: str) -> Mutation:
    """One more statement, for the same principals as the first where it has any."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        first = document["Statement"][0]
        kept = {key: first[key] for key in ("Principal", "Resource") if key in first}
        more = {"Sid": "OneMore", "Effect": "Allow", **kept, **statement}
        if "Resource" not in first:
            more.pop("Resource", None)
        whole = copy.deepcopy(document)
        whole["Statement"].append(more)
        yield "one more", whole

    return mutate


# --- principals ---


def principal(change: Callable[[str], str | None], kind: str = "AWS") -> Mutation:
    """Another first principal of the kind in each statement."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, whole in each(document):
            named = statement.get("Principal")
            if isinstance(named, dict) and kind in named:
                was = listed(named[kind])
                if (changed := change(was[0])) is not None:
                    named[kind] = [changed, *was[1:]]
                    yield f"{name} {was[0]} to {changed}", whole

    return mutate


def anyone(document: Document) -> Iterator[tuple[str, Document]]:
    """Each statement is for anyone."""
    for name, statement, whole in each(document):
        if isinstance(statement.get("Principal"), dict):
            statement["Principal"] = "*"
            yield name, whole


def with_principal(**more: str) -> Mutation:
    """One more principal in each statement that does not ask who the caller is."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, whole in each(document):
            # What asks for aws:PrincipalArn lets no service in.
            asks = "aws:PrincipalArn" in str(statement.get("Condition"))
            if isinstance(named := statement.get("Principal"), dict) and not asks:
                for kind, value in more.items():
                    named[kind] = [*listed(named.get(kind, [])), value]
                yield name, whole

    return mutate


# --- texts that mean the same ---


def reordered(document: Document) -> Iterator[tuple[str, Document]]:
    """Statements, actions and resources the other way round."""
    yield "statements", {**document, "Statement": document["Statement"][::-1]}
    for name, statement, whole in each(document, None):
        for element in ("Action", "Resource"):
            if element in statement:
                statement[element] = listed(statement[element])[::-1]
        yield name, whole


def bare(document: Document) -> Iterator[tuple[str, Document]]:
    """Lists of one as the one."""
    whole = copy.deepcopy(document)
    for statement in whole["Statement"]:
        for element in ("Action", "Resource"):
            if isinstance(statement.get(element), list) and len(statement[element]) == 1:
                (statement[element],) = statement[element]
    yield "lists of one", whole


def split(document: Document) -> Iterator[tuple[str, Document]]:
    """A statement for each action."""
    whole = copy.deepcopy(document)
    whole["Statement"] = [
        {**statement, "Sid": f"{statement['Sid']}{index}", "Action": action}
        for statement in whole["Statement"]
        for index, action in enumerate(listed(statement["Action"]))
    ]
    yield "a statement for each action", whole


def shouted(document: Document) -> Iterator[tuple[str, Document]]:
    """Actions in capitals."""
    for name, statement, whole in each(document, None):
        statement["Action"] = [action.upper() for action in listed(statement["Action"])]
        yield name, whole


def renamed(document: Document) -> Iterator[tuple[str, Document]]:
    """Other Sids."""
    whole = {**copy.deepcopy(document), "Id": "another"}
    for statement in whole["Statement"]:
        statement["Sid"] += "Renamed"
    yield "Sids and Id", whole


def said_twice(document: Document) -> Iterator[tuple[str, Document]]:
    """Each statement once more."""
    for name, statement, whole in each(document, None):
        whole["Statement"].append({**statement, "Sid": "Again"})
        yield name, whole


def denied_what_nobody_may(document: Document) -> Iterator[tuple[str, Document]]:
    """A Deny of what nothing allows."""
    yield from with_statement(Effect="Deny", Action="s3:DeleteBucket")(document)


# A key that every caller has but a service: its absence cannot matter where no service is let in.
OF_CALLERS = ("aws:PrincipalArn",)


def of_requests(key: str) -> bool:
    """Condition keys that a request may lack, whoever the caller is."""
    return key not in OF_CALLERS


def any_key(_key: str) -> bool:
    """Every condition key."""
    return True


EXISTS = {"StringEquals": "StringEquals", "ArnEquals": "ArnEquals", "ArnLike": "ArnLike"}
LIKE = {"StringEquals": "StringLike", "ArnEquals": "ArnLike", "ArnLike": "ArnLike"}

CHANGES: dict[str, Mutation] = {
    "a condition is dropped": without_a_test,
    "a condition need only hold if its key is there": with_operator(
        lambda o: None if o == "Null" or o.endswith("IfExists") else f"{o}IfExists", of=of_requests
    ),
    "a condition need not hold of no value": with_operator(
        lambda o: f"ForAllValues:{o}" if o in EXISTS or o == "IpAddress" else None, of=of_requests
    ),
    "a condition is negated": with_operator(negated, of=any_key),
    # Of a long ARN cvc5 does not decide it in time, which is a failure, though without an example.
    "a condition no longer knows case": with_operator(
        lambda o: "StringEqualsIgnoreCase" if o == "StringEquals" else None,
        of=lambda key: key != "bedrock:InferenceProfileArn",
    ),
    "a key need only be there": asked_only_to_be_there,
    "a key must be there that must not": turned_null,
    "a value may be followed by more": with_values(
        lambda values: [v if v.endswith("*") else f"{v}*" for v in values], LIKE
    ),
    "one more value will do": with_values(
        lambda values: [*values, values[0].replace(values[0][-4:], "9999")], EXISTS
    ),
    "one value no longer does": with_values(lambda values: values[1:], EXISTS),
    "a network is wider": with_values(
        lambda values: [v.replace("/24", "/23").replace("/32", "/31") for v in values],
        {"IpAddress": "IpAddress", "IpAddressIfExists": "IpAddressIfExists"},
    ),
    "a network is left out": with_values(
        lambda values: values[1:],
        {"IpAddress": "IpAddress", "IpAddressIfExists": "IpAddressIfExists"},
    ),
    "IfExists is taken away": with_operator(
        lambda o: o.removesuffix("IfExists") if o.endswith("IfExists") else None, of=any_key
    ),
    "a whole service is allowed": with_value("Action", whole_service),
    "what begins alike is allowed": with_value("Action", beginning),
    "every action is allowed": with_value("Action", lambda _: "*"),
    "an action is left out": without_a_value("Action"),
    "logging of prompts is allowed": with_one_more("Action", INVOCATION_LOG),
    "batch jobs are allowed": with_one_more("Action", "bedrock:CreateModelInvocationJob"),
    "everything but its actions is allowed": inverted("Action"),
    "any resource will do": with_value("Resource", lambda r: None if r == "*" else "*"),
    "any Region will do": with_value("Resource", part(3, "*")),
    "another Region will do": with_value("Resource", part(3, "eu-west-2")),
    "any account will do": with_value("Resource", part(4, "*")),
    "a resource's name may go on": with_value("Resource", longer),
    "any resource of the kind will do": with_value("Resource", any_name),
    "a resource is left out": without_a_value("Resource"),
    "one more resource will do": with_one_more(
        "Resource", "arn:aws:bedrock:us-west-2::foundation-model/m"
    ),
    "every other resource will do": inverted("Resource"),
    "a statement denies what it allowed": flipped,
    "a Deny allows": allowed_after_all,
    "a statement is dropped": without_a_statement("Allow"),
    "a statement allows everything": with_statement(Action="*", Resource="*"),
    "a statement allows storage": with_statement(Action="s3:PutObject", Resource="*"),
    "another account's root comes instead": principal(
        lambda was: f"arn:aws:iam::{STRANGER}:root" if was.startswith("arn:") else None
    ),
    "another service comes instead": principal(lambda _: "ec2.amazonaws.com", "Service"),
    "one more service is let in": with_principal(Service="bedrock.amazonaws.com"),
}

KEEPS: dict[str, Mutation] = {
    "statements and lists are in another order": reordered,
    "lists of one are written bare": bare,
    "a statement is split": split,
    "actions are in capitals": shouted,
    "Sids are others": renamed,
    "a statement is said twice": said_twice,
    "what nobody may is denied": denied_what_nobody_may,
    "ArnEquals is ArnLike": with_operator(
        lambda o: "ArnLike" if o == "ArnEquals" else None, of=any_key
    ),
    "any of one value": with_operator(
        lambda o: f"ForAnyValue:{o}" if o in EXISTS else None, of=any_key
    ),
    "StringEquals is StringLike": with_operator(
        lambda o: "StringLike" if o == "StringEquals" else None, of=any_key
    ),
}
