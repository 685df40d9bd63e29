"""Mutate policies: every mutant of a policy differs from it by one step.

Each mutation in CHANGES changes the verdict on some request, and each in EQUIVALENTS changes only the
text. This follows from the mutation itself and not from the proof under test.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Document = dict[str, Any]
Mutation = Callable[[Document], Iterator[tuple[str, Document]]]

STRANGER = "999999999999"
INVOCATION_LOG = "bedrock:PutModelInvocationLoggingConfiguration"


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    """Return a value or a list of values as a list."""
    return value if isinstance(value, list) else [value]


def copies_by_statement(
    document: Document, effect: str | None = "Allow"
) -> Iterator[tuple[str, Document, Document]]:
    """Yield a copy of the document for each statement: the Sid, the statement in the copy, and the copy."""
    for index, statement in enumerate(document["Statement"]):
        if effect in (None, statement["Effect"]):
            mutant = copy.deepcopy(document)
            yield statement["Sid"], mutant["Statement"][index], mutant


def copies_by_test(document: Document) -> Iterator[tuple[str, str, str, Document, Document]]:
    """Yield a copy for each test: its name, operator and key, the statement in the copy, and the copy."""
    for sid, statement, _ in copies_by_statement(document):
        for operator, tests in statement.get("Condition", {}).items():
            for key in tests:
                for name, copied_statement, mutant in copies_by_statement(document):
                    if name == sid:
                        yield f"{sid} {operator} {key}", operator, key, copied_statement, mutant


def copies_by_value(
    document: Document, element: str
) -> Iterator[tuple[str, int, Document, Document]]:
    """Yield a copy for each entry of Action or Resource: its name and index, the statement, and the copy."""
    for sid, statement, _ in copies_by_statement(document):
        for index in range(len(as_list(statement.get(element, [])))):
            for name, copied_statement, mutant in copies_by_statement(document):
                if name == sid:
                    copied_statement[element] = as_list(copied_statement[element])
                    yield f"{sid} {element} {index}", index, copied_statement, mutant


# --- conditions ---


def drop_test(document: Document) -> Iterator[tuple[str, Document]]:
    """Drop a condition key."""
    for name, operator, key, statement, mutant in copies_by_test(document):
        del statement["Condition"][operator][key]
        if not statement["Condition"][operator]:
            del statement["Condition"][operator]
        yield name, mutant


def replace_operator(
    change: Callable[[str], str | None], *, applies_to: Callable[[str], bool]
) -> Mutation:
    """Replace the operator of a key; None from ``change`` means that it stays as it is."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, operator, key, statement, mutant in copies_by_test(document):
            replacement = change(operator)
            if replacement is None or not applies_to(key):
                continue
            values = statement["Condition"][operator].pop(key)
            if not statement["Condition"][operator]:
                del statement["Condition"][operator]
            statement["Condition"].setdefault(replacement, {})[key] = values
            yield f"{name} to {replacement}", mutant

    return mutate


def negated_operator(operator: str) -> str | None:
    """Return the operator of the opposite test."""
    return {
        "StringEquals": "StringNotEquals",
        "ArnEquals": "ArnNotEquals",
        "ArnLike": "ArnNotLike",
        "IpAddress": "NotIpAddress",
    }.get(operator)


def replace_values(change: Callable[[list[str]], list[str]], operators: dict[str, str]) -> Mutation:
    """Replace the values of a key; ``operators`` maps each operator to the one that takes the new values."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, operator, key, statement, mutant in copies_by_test(document):
            if operator not in operators:
                continue
            values = as_list(statement["Condition"][operator].pop(key))
            if not statement["Condition"][operator]:
                del statement["Condition"][operator]
            replacement = change(values)
            if replacement == values or not replacement:
                continue
            statement["Condition"].setdefault(operators[operator], {})[key] = replacement
            yield name, mutant

    return mutate


def require_presence_only(document: Document) -> Iterator[tuple[str, Document]]:
    """Let a condition key have any value."""
    for name, operator, key, statement, mutant in copies_by_test(document):
        if operator != "Null":
            del statement["Condition"][operator][key]
            statement["Condition"].setdefault("Null", {})[key] = "false"
            statement["Condition"] = {o: t for o, t in statement["Condition"].items() if t}
            yield name, mutant


def require_presence(document: Document) -> Iterator[tuple[str, Document]]:
    """Require the presence of a key that must be absent."""
    for name, operator, key, statement, mutant in copies_by_test(document):
        if operator == "Null":
            statement["Condition"]["Null"][key] = "false"
            yield name, mutant


# --- actions and resources ---


def replace_entry(element: str, change: Callable[[str], str | None]) -> Mutation:
    """Replace an entry of Action or Resource; None from ``change`` means that it stays as it is."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, index, statement, mutant in copies_by_value(document, element):
            entry = statement[element][index]
            replacement = change(entry)
            if replacement is not None and replacement not in (entry, *statement[element]):
                statement[element][index] = replacement
                yield f"{name} {entry} to {replacement}", mutant

    return mutate


def drop_entry(element: str) -> Mutation:
    """Drop an entry of Action or Resource that is not the only one."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, index, statement, mutant in copies_by_value(document, element):
            if len(statement[element]) > 1:
                del statement[element][index]
                yield name, mutant

    return mutate


def add_entry(element: str, value: str) -> Mutation:
    """Add an entry to Action or Resource."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, mutant in copies_by_statement(document):
            if element in statement and as_list(statement[element]) != ["*"]:
                statement[element] = [*as_list(statement[element]), value]
                yield name, mutant

    return mutate


def add_new_action(action: str) -> Mutation:
    """Add an action to a statement without it, unless another statement allows it on the same resources."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        allowed = {
            resource
            for statement in document["Statement"]
            if action in as_list(statement.get("Action", [])) and "Condition" not in statement
            for resource in as_list(statement.get("Resource", []))
        }
        for name, statement, mutant in copies_by_statement(document):
            actions = as_list(statement.get("Action", "*"))
            is_new = (
                "*" not in allowed and not set(as_list(statement.get("Resource", "*"))) <= allowed
            )
            if is_new and not {action, "*"} & set(actions):
                statement["Action"] = [*actions, action]
                yield name, mutant

    return mutate


def allow_on_project(*actions: str) -> Mutation:
    """Add actions to the statements about Bedrock's default project."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, mutant in copies_by_statement(document):
            if any(
                arn.endswith(":project/default") for arn in as_list(statement.get("Resource", []))
            ):
                statement["Action"] = [*as_list(statement["Action"]), *actions]
                yield name, mutant

    return mutate


def invert_element(element: str) -> Mutation:
    """Replace Action or Resource by NotAction or NotResource."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, mutant in copies_by_statement(document):
            if element in statement and statement[element] != "*":
                statement[f"Not{element}"] = statement.pop(element)
                yield name, mutant

    return mutate


def with_arn_part(index: int, value: str) -> Callable[[str], str | None]:
    """Replace one of the six parts of an ARN, unless the part is empty."""

    def change(arn: str) -> str | None:
        parts = arn.split(":", 5)
        if len(parts) < 6 or not parts[index]:
            return None
        return ":".join([*parts[:index], value, *parts[index + 1 :]])

    return change


def with_suffix_wildcard(arn: str) -> str | None:
    """Allow any suffix."""
    return None if arn.endswith("*") else f"{arn}*"


def any_name_of_kind(arn: str) -> str | None:
    """Allow any resource of the same kind."""
    head, slash, _ = arn.rpartition("/")
    return f"{head}/*" if slash and "/" not in head else None


def whole_service(action: str) -> str:
    """Allow every action of the service."""
    return action.partition(":")[0] + ":*"


def three_letter_prefix(action: str) -> str | None:
    """Allow all actions with the same first three letters, such as all that start with Put."""
    service, _, name = action.partition(":")
    return None if "*" in name else f"{service}:{name[:3]}*"


# --- statements ---


def deny_allow(document: Document) -> Iterator[tuple[str, Document]]:
    """Turn an Allow into a Deny."""
    for name, statement, mutant in copies_by_statement(document):
        statement["Effect"] = "Deny"
        yield name, mutant


def allow_deny(document: Document) -> Iterator[tuple[str, Document]]:
    """Turn a Deny into an Allow."""
    for name, statement, mutant in copies_by_statement(document, "Deny"):
        statement["Effect"] = "Allow"
        yield name, mutant


def drop_statement(effect: str) -> Mutation:
    """Drop a statement with the effect."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, mutant in copies_by_statement(document, effect):
            mutant["Statement"].remove(statement)
            if mutant["Statement"]:
                yield name, mutant

    return mutate


def add_statement(**statement: str) -> Mutation:
    """Add a statement with the principals of the first statement, if it has any."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        first = document["Statement"][0]
        common = {key: first[key] for key in ("Principal", "Resource") if key in first}
        addition = {"Sid": "OneMore", "Effect": "Allow", **common, **statement}
        if "Resource" not in first:
            addition.pop("Resource", None)
        mutant = copy.deepcopy(document)
        mutant["Statement"].append(addition)
        yield "one more", mutant

    return mutate


def deny_if_present(document: Document) -> Iterator[tuple[str, Document]]:
    """Replace a test by a Deny that AWS does not apply if the key is absent, although it says IfExists.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    for name, operator, key, statement, mutant in copies_by_test(document):
        if operator not in SAME_OPERATOR or not may_be_absent(key):
            continue
        values = statement["Condition"][operator].pop(key)
        statement["Condition"] = {o: t for o, t in statement["Condition"].items() if t}
        elements = ("Action", "Principal", "Resource")
        denial: Document = {
            element: statement[element] for element in elements if element in statement
        }
        negated = f"ForAnyValue:{negated_operator(operator)}IfExists"
        condition: Document = {negated: {key: values}}
        mutant["Statement"].append(
            {"Sid": "Denial", "Effect": "Deny", **denial, "Condition": condition}
        )
        yield name, mutant


# --- principals ---


def replace_principal(change: Callable[[str], str | None], kind: str = "AWS") -> Mutation:
    """Replace the first principal of the kind."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, mutant in copies_by_statement(document):
            principals = statement.get("Principal")
            if isinstance(principals, dict) and kind in principals:
                arns = as_list(principals[kind])
                if (replacement := change(arns[0])) is not None:
                    principals[kind] = [replacement, *arns[1:]]
                    yield f"{name} {arns[0]} to {replacement}", mutant

    return mutate


def allow_anyone(document: Document) -> Iterator[tuple[str, Document]]:
    """Allow any principal."""
    for name, statement, mutant in copies_by_statement(document):
        if isinstance(statement.get("Principal"), dict):
            statement["Principal"] = "*"
            yield name, mutant


def add_principal(**principals_by_kind: str) -> Mutation:
    """Add a principal to a statement that does not test aws:PrincipalArn."""

    def mutate(document: Document) -> Iterator[tuple[str, Document]]:
        for name, statement, mutant in copies_by_statement(document):
            # A statement that tests aws:PrincipalArn never applies to a service.
            tests_caller = "aws:PrincipalArn" in str(statement.get("Condition"))
            if isinstance(principals := statement.get("Principal"), dict) and not tests_caller:
                for kind, value in principals_by_kind.items():
                    principals[kind] = [*as_list(principals.get(kind, [])), value]
                yield name, mutant

    return mutate


# --- equivalent texts ---


def reverse_order(document: Document) -> Iterator[tuple[str, Document]]:
    """Reverse the order of the statements, actions and resources."""
    yield "statements", {**document, "Statement": document["Statement"][::-1]}
    for name, statement, mutant in copies_by_statement(document, None):
        for element in ("Action", "Resource"):
            if element in statement:
                statement[element] = as_list(statement[element])[::-1]
        yield name, mutant


def unwrap_lists(document: Document) -> Iterator[tuple[str, Document]]:
    """Replace lists with one entry by the entry."""
    mutant = copy.deepcopy(document)
    for statement in mutant["Statement"]:
        for element in ("Action", "Resource"):
            if isinstance(statement.get(element), list) and len(statement[element]) == 1:
                (statement[element],) = statement[element]
    yield "lists of one", mutant


def split_statements(document: Document) -> Iterator[tuple[str, Document]]:
    """Write one statement for each action."""
    mutant = copy.deepcopy(document)
    mutant["Statement"] = [
        {**statement, "Sid": f"{statement['Sid']}{index}", **({"Action": action} if action else {})}
        for statement in mutant["Statement"]
        for index, action in enumerate(as_list(statement.get("Action")))  # none beside NotAction
    ]
    yield "a statement for each action", mutant


def upper_case_actions(document: Document) -> Iterator[tuple[str, Document]]:
    """Write actions in upper case."""
    for name, statement, mutant in copies_by_statement(document, None):
        element = "Action" if "Action" in statement else "NotAction"
        statement[element] = [action.upper() for action in as_list(statement[element])]
        yield name, mutant


def rename_sids(document: Document) -> Iterator[tuple[str, Document]]:
    """Rename the Sids."""
    mutant = {**copy.deepcopy(document), "Id": "another"}
    for statement in mutant["Statement"]:
        statement["Sid"] += "Renamed"
    yield "Sids and Id", mutant


def repeat_statement(document: Document) -> Iterator[tuple[str, Document]]:
    """Repeat a statement."""
    for name, statement, mutant in copies_by_statement(document, None):
        mutant["Statement"].append({**statement, "Sid": "Again"})
        yield name, mutant


def deny_unallowed_action(document: Document) -> Iterator[tuple[str, Document]]:
    """Deny an action that no statement allows."""
    yield from add_statement(Effect="Deny", Action="s3:DeleteBucket")(document)


# Every caller except a service has this key, so its absence matters only where a service has access.
CALLER_KEYS = ("aws:PrincipalArn",)


def may_be_absent(key: str) -> bool:
    """Return whether a request by any caller may lack the condition key."""
    return key not in CALLER_KEYS


def any_key(_key: str) -> bool:
    """Accept every condition key."""
    return True


SAME_OPERATOR = {"StringEquals": "StringEquals", "ArnEquals": "ArnEquals", "ArnLike": "ArnLike"}
PATTERN_OPERATOR = {"StringEquals": "StringLike", "ArnEquals": "ArnLike", "ArnLike": "ArnLike"}

CHANGES: dict[str, Mutation] = {
    "a condition is dropped": drop_test,
    "a condition need only hold if its key is present": replace_operator(
        lambda o: None if o == "Null" or o.endswith("IfExists") else f"{o}IfExists",
        applies_to=may_be_absent,
    ),
    "a condition holds if there is no value": replace_operator(
        lambda o: f"ForAllValues:{o}" if o in SAME_OPERATOR or o == "IpAddress" else None,
        applies_to=may_be_absent,
    ),
    "a Deny that needs the key replaces a condition": deny_if_present,
    "a condition is negated": replace_operator(negated_operator, applies_to=any_key),
    # cvc5 times out on a long ARN. The claim then fails, but without a counterexample.
    "a condition ignores case": replace_operator(
        lambda o: "StringEqualsIgnoreCase" if o == "StringEquals" else None,
        applies_to=lambda key: key != "bedrock:InferenceProfileArn",
    ),
    "a key need only be present": require_presence_only,
    "a key must be present instead of absent": require_presence,
    "a value may have any suffix": replace_values(
        lambda values: [v if v.endswith("*") else f"{v}*" for v in values], PATTERN_OPERATOR
    ),
    "one more value is allowed": replace_values(
        lambda values: [*values, values[0].replace(values[0][-4:], "9999")], SAME_OPERATOR
    ),
    "a value is left out": replace_values(lambda values: values[1:], SAME_OPERATOR),
    "a network is wider": replace_values(
        lambda values: [v.replace("/24", "/23").replace("/32", "/31") for v in values],
        {"IpAddress": "IpAddress", "IpAddressIfExists": "IpAddressIfExists"},
    ),
    "a network is left out": replace_values(
        lambda values: values[1:],
        {"IpAddress": "IpAddress", "IpAddressIfExists": "IpAddressIfExists"},
    ),
    "IfExists is dropped": replace_operator(
        lambda o: o.removesuffix("IfExists") if o.endswith("IfExists") else None, applies_to=any_key
    ),
    "a whole service is allowed": replace_entry("Action", whole_service),
    "actions with the same prefix are allowed": replace_entry("Action", three_letter_prefix),
    "every action is allowed": replace_entry("Action", lambda _: "*"),
    "an action is left out": drop_entry("Action"),
    "logging of prompts is allowed": add_entry("Action", INVOCATION_LOG),
    "batch jobs are allowed": add_entry("Action", "bedrock:CreateModelInvocationJob"),
    "counting tokens is allowed": add_new_action("bedrock:CountTokens"),
    "stored answers may be read": allow_on_project("bedrock:GetInvoke"),
    "projects may be created": allow_on_project("bedrock:CreateProject"),
    "everything but its actions is allowed": invert_element("Action"),
    "any resource is allowed": replace_entry("Resource", lambda r: None if r == "*" else "*"),
    "any Region is allowed": replace_entry("Resource", with_arn_part(3, "*")),
    "another Region is allowed": replace_entry("Resource", with_arn_part(3, "eu-west-2")),
    "any account is allowed": replace_entry("Resource", with_arn_part(4, "*")),
    "a resource may have any suffix": replace_entry("Resource", with_suffix_wildcard),
    "any resource of the kind is allowed": replace_entry("Resource", any_name_of_kind),
    "another project is allowed": replace_entry(
        "Resource",
        lambda arn: f"{arn[:-7]}proj_1" if arn.endswith(":project/default") else None,
    ),
    "a resource is left out": drop_entry("Resource"),
    "one more resource is allowed": add_entry(
        "Resource", "arn:aws:bedrock:us-west-2::foundation-model/m"
    ),
    "every other resource is allowed": invert_element("Resource"),
    "a statement denies what it allowed": deny_allow,
    "a Deny allows": allow_deny,
    "a statement is dropped": drop_statement("Allow"),
    "a statement allows everything": add_statement(Action="*", Resource="*"),
    "a statement allows storage": add_statement(Action="s3:PutObject", Resource="*"),
    "another account's root replaces the principal": replace_principal(
        lambda entry: f"arn:aws:iam::{STRANGER}:root" if entry.startswith("arn:") else None
    ),
    "another service replaces the service": replace_principal(
        lambda _: "ec2.amazonaws.com", "Service"
    ),
    "one more service is allowed": add_principal(Service="bedrock.amazonaws.com"),
}

EQUIVALENTS: dict[str, Mutation] = {
    "statements and lists are in another order": reverse_order,
    "lists with one entry are unwrapped": unwrap_lists,
    "a statement is split": split_statements,
    "actions are in upper case": upper_case_actions,
    "Sids are renamed": rename_sids,
    "a statement is repeated": repeat_statement,
    "an action that nothing allows is denied": deny_unallowed_action,
    "ArnEquals becomes ArnLike": replace_operator(
        lambda o: "ArnLike" if o == "ArnEquals" else None, applies_to=any_key
    ),
    "ForAnyValue of one value": replace_operator(
        lambda o: f"ForAnyValue:{o}" if o in SAME_OPERATOR else None, applies_to=any_key
    ),
    "StringEquals becomes StringLike": replace_operator(
        lambda o: "StringLike" if o == "StringEquals" else None, applies_to=any_key
    ),
}
