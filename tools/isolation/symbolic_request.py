"""Describe a request to the solvers: its variables, and the axioms about them.

A request has an action, a resource, a caller and condition keys. Their texts are unbounded, so a proof
covers every action of every service and every name. The only assumptions are ``axioms``.
"""

from __future__ import annotations

import ipaddress
import itertools
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tools.iam.evaluator import Request, Requester
from tools.isolation import smt
from tools.isolation.smt import and_, equal, not_, or_, symbol, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.isolation.smt import Pattern

Value = str | bool | int
"""A string, a Boolean, or the 128 bits of an address."""


class NotModelledError(ValueError):
    """A policy has an element that has no formula, so its claim cannot be decided."""


class KeyType(Enum):
    """The type of a condition key."""

    STRING = "one string"
    STRINGS = "any number of strings"
    ADDRESS = "one IP address"


# All condition keys with a formula. A name that ends in / or : is the prefix of a family of keys.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
KEYS = {
    "aws:multifactorauthpresent": KeyType.STRING,
    "aws:principalaccount": KeyType.STRING,
    "aws:principalarn": KeyType.STRING,
    "aws:principalisawsservice": KeyType.STRING,
    "aws:principalorgid": KeyType.STRING,
    "aws:principaltag/": KeyType.STRING,
    "aws:principaltype": KeyType.STRING,
    "aws:requestedregion": KeyType.STRING,
    "aws:requesttag/": KeyType.STRING,
    "aws:resourceaccount": KeyType.STRING,
    "aws:resourcetag/": KeyType.STRING,
    "aws:securetransport": KeyType.STRING,
    "aws:sourceaccount": KeyType.STRING,
    "aws:sourcearn": KeyType.STRING,
    "aws:sourceip": KeyType.ADDRESS,
    "aws:sourcevpc": KeyType.STRING,
    "aws:sourcevpce": KeyType.STRING,
    "aws:tagkeys": KeyType.STRINGS,
    "aws:userid": KeyType.STRING,
    "aws:viaawsservice": KeyType.STRING,
    "bedrock:guardrailidentifier": KeyType.STRING,
    "bedrock:inferenceprofilearn": KeyType.STRING,
    "bedrock:modelarn": KeyType.STRING,
    "bedrock:projectarn": KeyType.STRING,
    "cloudwatch:namespace": KeyType.STRING,
    "ec2:createaction": KeyType.STRING,
    "ec2:vpceservicename": KeyType.STRING,
    "iam:passedtoservice": KeyType.STRING,
    "iam:permissionsboundary": KeyType.STRING,
    "iam:policyarn": KeyType.STRING,
    "kms:calleraccount": KeyType.STRING,
    "kms:encryptioncontext:": KeyType.STRING,
    "kms:encryptioncontextkeys": KeyType.STRINGS,
    "kms:requestalias": KeyType.STRING,
    "kms:viaservice": KeyType.STRING,
    "lambda:codesigningconfigarn": KeyType.STRING,
    "lambda:sourcefunctionarn": KeyType.STRING,
    "sts:externalid": KeyType.STRING,
    "sts:rolesessionname": KeyType.STRING,
    "sts:sourceidentity": KeyType.STRING,
    "sts:transitivetagkeys": KeyType.STRINGS,
}

ACTION, RESOURCE = symbol("action"), symbol("resource")
IS_SERVICE, SERVICE = symbol("caller.is_service"), symbol("caller.service")
# The parts of the caller's ARN, which is aws:PrincipalArn. Its issuer is iam, or sts for a federated user.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
PARTITION, ISSUER = symbol("caller.partition"), symbol("caller.issuer")
ACCOUNT, PATH = symbol("caller.account"), symbol("caller.path")
PRINCIPAL_ARN = f'(str.++ "arn:" {PARTITION} ":" {ISSUER} "::" {ACCOUNT} ":" {PATH})'
# A role calls through a session, which has an ARN of its own; a user does not.
IS_SESSION, SESSION_PATH = symbol("caller.is_session"), symbol("caller.session_path")

_FIELD_SORTS = {
    **dict.fromkeys([IS_SERVICE, IS_SESSION], "Bool"),
    **dict.fromkeys([ACTION, RESOURCE, SERVICE], "String"),
    **dict.fromkeys([PARTITION, ISSUER, ACCOUNT, PATH, SESSION_PATH], "String"),
}

# Condition keys whose values follow from the caller, so they have no variables:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
CALLER_KEYS = {"aws:principalaccount": ACCOUNT, "aws:principalarn": PRINCIPAL_ARN}


def key_type(key: str) -> KeyType:
    """Return the type of a condition key in lower case. Raises NotModelledError for an unknown key."""
    if not key.isascii() or not key.isprintable() or set(key) & set("|\\"):
        raise NotModelledError(f"the condition key {key!r} has a character that is not modelled")
    for name, type_ in KEYS.items():
        if key == name if name[-1] not in "/:" else key.startswith(name) and key != name:
            return type_
    raise NotModelledError(f"the condition key {key} is not modelled")


def ascii_text(entry: str, place: str) -> str:
    """Return the text. Raises NotModelledError if it is not ASCII, because solvers differ on the rest."""
    if not entry.isascii():
        raise NotModelledError(f"{place} has {entry!r}, which is not ASCII")
    return entry


def presence(key: str) -> str:
    """Return the formula that is true if the request has the condition key."""
    return not_(IS_SERVICE) if key in CALLER_KEYS else symbol(f"{key}?")


def value(key: str, slot: int = 0) -> str:
    """Return the term for the key's value, or for one of the values of a multivalued key."""
    return CALLER_KEYS.get(key) or symbol(f"{key}#{slot}" if slot else key)


def slot_presence(key: str, slot: int) -> str:
    """Return the variable that is true if the multivalued key has a value in the slot."""
    return symbol(f"{key}#{slot}?")


def is_v6(key: str) -> str:
    """Return the variable that is true if the address is IPv6; IPv4 uses only the last 32 bits."""
    return symbol(f"{key} is IPv6")


def is_empty(key: str, has_value: str, variable: str) -> str:
    """Return the formula that says that there is no value, or that it is the empty string."""
    if key_type(key) is KeyType.ADDRESS or key in CALLER_KEYS:
        return not_(has_value)
    return or_([not_(has_value), equal(variable, text(""))])


def text_matches(term: str, pattern: Pattern) -> str:
    """Return a formula that is true if the text matches; a caller's ARN is compared part by part."""
    prefix = pattern[0] if pattern else ""
    if term == PRINCIPAL_ARN and isinstance(prefix, str) and prefix.count(":") >= 5:
        *heads, path = prefix.split(":", 5)
        return arn_matches(term, (*((head,) for head in heads), (path, *pattern[1:])))
    return smt.matches(term, pattern)


def arn_matches(term: str, patterns: Sequence[Pattern]) -> str:
    """Return a formula that is true if the text is an ARN whose six parts match the six patterns."""
    if term == PRINCIPAL_ARN:
        parts = (text("arn"), PARTITION, ISSUER, text(""), ACCOUNT, PATH)
        return and_(smt.matches(*pair) for pair in zip(parts, patterns, strict=True))
    whole_pattern = itertools.chain.from_iterable((":", *pattern) for pattern in patterns[1:])
    return and_([smt.matches(text("arn"), patterns[0]), smt.matches(term, ("arn", *whole_pattern))])


def caller_is(arn: str) -> str:
    """Return a formula that is true if the ARN is the caller's own, a session's or a user's."""
    is_user = and_([not_(IS_SESSION), text_matches(PRINCIPAL_ARN, (arn,))])
    head, partition, issuer, region, account, path = arn.split(":", 5)
    if (head, issuer, region) != ("arn", "sts", ""):
        return is_user
    parts = ((PARTITION, partition), (ACCOUNT, account), (SESSION_PATH, path))
    is_session = [IS_SESSION, *(equal(variable, text(part)) for variable, part in parts)]
    return or_([is_user, and_(is_session)])


@dataclass(frozen=True)
class SymbolicRequest:
    """The variables and axioms of one question.

    ``slots`` has every condition key that the question mentions, with the number of values of a
    multivalued key that have variables. One variable per test suffices: further
    values do not change any test.
    """

    slots: Mapping[str, int]

    def variables(self) -> dict[str, str]:
        """Return the sort of each variable."""
        sorts = dict(_FIELD_SORTS)
        for key in self.slots:
            type_ = key_type(key)
            sorts[presence(key)] = "Bool"
            match type_:
                case KeyType.STRING:
                    sorts[value(key)] = "String"
                case KeyType.ADDRESS:
                    sorts |= {value(key): "(_ BitVec 128)", is_v6(key): "Bool"}
                case KeyType.STRINGS:
                    for slot in self._slots_of(key):
                        sorts |= {slot_presence(key, slot): "Bool", value(key, slot): "String"}
        return sorts

    def values(self, key: str) -> list[tuple[str, str]]:
        """Return each possible value of the key, after the formula that says that the key has it."""
        if key_type(key) is KeyType.STRINGS:
            return [
                (and_([presence(key), slot_presence(key, slot)]), value(key, slot))
                for slot in self._slots_of(key)
            ]
        return [(presence(key), value(key))]

    def axioms(self) -> Iterator[str]:
        """Yield what is assumed about every request."""
        # Actions are case-insensitive; here they are in lower case.
        yield f'(str.in_re {ACTION} (re.* (re.union (re.range "\\u{{0}}" "@") (re.range "[" "\\u{{2ffff}}"))))'

        # https://docs.aws.amazon.com/IAM/latest/UserGuide/console-account-id.html
        yield f'(str.in_re {ACCOUNT} ((_ re.^ 12) (re.range "0" "9")))'
        yield smt.matches(PARTITION, (smt.Wildcard.ANY_BUT_COLONS,))
        yield or_([equal(ISSUER, text("iam")), equal(ISSUER, text("sts"))])

        # A request comes either through a VPC endpoint or from an address, and has only that key.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip
        if "aws:sourceip" in self.slots:
            yield equal(presence("aws:sourceip"), not_(presence("aws:sourcevpce")))

    def request(self, model: Mapping[str, Value]) -> Request:
        """Return the concrete request of a solver's model, which has a value of each variable."""
        context: dict[str, str | tuple[str, ...]] = {}
        for key in self.slots:
            if not model[presence(key)]:
                continue
            match key_type(key):
                case KeyType.STRING:
                    context[key] = str(model[value(key)])
                case KeyType.ADDRESS:
                    context[key] = _address(int(model[value(key)]), v6=bool(model[is_v6(key)]))
                case KeyType.STRINGS:
                    context[key] = tuple(
                        str(model[value(key, slot)])
                        for slot in self._slots_of(key)
                        if model[slot_presence(key, slot)]
                    )
        account = str(model[ACCOUNT])
        principal = f"arn:{model[PARTITION]}:{model[ISSUER]}::{account}:{model[PATH]}"
        if model[IS_SERVICE]:
            requester = Requester(service=str(model[SERVICE]))
        else:
            session = f"arn:{model[PARTITION]}:sts::{account}:{model[SESSION_PATH]}"
            requester = Requester(account, session if model[IS_SESSION] else principal, principal)
            context |= {"aws:principalaccount": account, "aws:principalarn": principal}
        return Request(str(model[ACTION]), str(model[RESOURCE]), context, requester)

    def _slots_of(self, key: str) -> range:
        return range(1, self.slots[key] + 1)


def _address(bits: int, *, v6: bool) -> str:
    if v6:
        return str(ipaddress.IPv6Address(bits))
    return str(ipaddress.IPv4Address(bits & 0xFFFFFFFF))
