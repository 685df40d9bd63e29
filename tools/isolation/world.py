"""What a request is to the solvers: its variables, and what is taken as true of every request.

A request has an action, a resource, a caller and condition keys. Nothing bounds their texts: what is
proved holds for every action of every service and every name. Nothing is assumed but ``axioms``.
"""

from __future__ import annotations

import ipaddress
import itertools
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tools.iam.evaluator import Request, Requester
from tools.isolation import smt
from tools.isolation.smt import equal, every, no, some, symbol, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.isolation.smt import Pattern

Value = str | bool | int
"""A text, a truth, or the 128 bits of an address."""


class NotModelledError(ValueError):
    """A policy holds something that the encoding has no formula for, so nothing can be said of it."""


class Holds(Enum):
    """What a condition key holds."""

    TEXT = "one text"
    TEXTS = "any number of texts"
    ADDRESS = "one IP address"


# Every key that is modelled. One that ends in / or : stands for all that begin with it.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
KEYS = {
    "aws:multifactorauthpresent": Holds.TEXT,
    "aws:principalaccount": Holds.TEXT,
    "aws:principalarn": Holds.TEXT,
    "aws:principalisawsservice": Holds.TEXT,
    "aws:principalorgid": Holds.TEXT,
    "aws:principaltag/": Holds.TEXT,
    "aws:principaltype": Holds.TEXT,
    "aws:requestedregion": Holds.TEXT,
    "aws:requesttag/": Holds.TEXT,
    "aws:resourceaccount": Holds.TEXT,
    "aws:resourcetag/": Holds.TEXT,
    "aws:securetransport": Holds.TEXT,
    "aws:sourceaccount": Holds.TEXT,
    "aws:sourcearn": Holds.TEXT,
    "aws:sourceip": Holds.ADDRESS,
    "aws:sourcevpc": Holds.TEXT,
    "aws:sourcevpce": Holds.TEXT,
    "aws:tagkeys": Holds.TEXTS,
    "aws:userid": Holds.TEXT,
    "aws:viaawsservice": Holds.TEXT,
    "bedrock:guardrailidentifier": Holds.TEXT,
    "bedrock:inferenceprofilearn": Holds.TEXT,
    "kms:calleraccount": Holds.TEXT,
    "kms:encryptioncontext:": Holds.TEXT,
    "kms:encryptioncontextkeys": Holds.TEXTS,
    "kms:viaservice": Holds.TEXT,
    "lambda:sourcefunctionarn": Holds.TEXT,
    "sts:externalid": Holds.TEXT,
    "sts:rolesessionname": Holds.TEXT,
    "sts:sourceidentity": Holds.TEXT,
    "sts:transitivetagkeys": Holds.TEXTS,
}

ACTION, RESOURCE = symbol("action"), symbol("resource")
IS_SERVICE, SERVICE = symbol("caller.is_service"), symbol("caller.service")
# A caller's ARN, which is aws:PrincipalArn, is made of these: of iam, or for a federated user of sts.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
PARTITION, ISSUER = symbol("caller.partition"), symbol("caller.issuer")
ACCOUNT, PATH = symbol("caller.account"), symbol("caller.path")
ROLE = f'(str.++ "arn:" {PARTITION} ":" {ISSUER} "::" {ACCOUNT} ":" {PATH})'
# A role is called as by a session of it, which has an ARN of its own; a user is not.
IS_SESSION, SESSION_PATH = symbol("caller.is_session"), symbol("caller.session_path")

_FIELDS = {
    **dict.fromkeys([IS_SERVICE, IS_SESSION], "Bool"),
    **dict.fromkeys([ACTION, RESOURCE, SERVICE], "String"),
    **dict.fromkeys([PARTITION, ISSUER, ACCOUNT, PATH, SESSION_PATH], "String"),
}

# What the caller is, and no variable of its own:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
CALLERS = {"aws:principalaccount": ACCOUNT, "aws:principalarn": ROLE}


def held_by(key: str) -> Holds:
    """What a condition key, in lower case, holds; raises NotModelledError for one that is not known."""
    for known, held in KEYS.items():
        if key == known if known[-1] not in "/:" else key.startswith(known) and key != known:
            return held
    raise NotModelledError(f"the condition key {key} is not modelled")


def present(key: str) -> str:
    """Whether the request has the condition key."""
    return no(IS_SERVICE) if key in CALLERS else symbol(f"{key}?")


def value(key: str, slot: int = 0) -> str:
    """The key's value; of a key with many, one of them."""
    return CALLERS.get(key) or symbol(f"{key}#{slot}" if slot else key)


def used(key: str, slot: int) -> str:
    """Whether the key has this one of its many values."""
    return symbol(f"{key}#{slot}?")


def is_v6(key: str) -> str:
    """Whether the address is of IPv6; of IPv4 only the last 32 bits count."""
    return symbol(f"{key} is IPv6")


def text_matches(variable: str, pattern: Pattern) -> str:
    """True where the text matches the pattern; a caller's ARN is compared part by part."""
    if variable == ROLE and pattern and isinstance(pattern[0], str) and pattern[0].count(":") >= 5:
        *heads, path = pattern[0].split(":", 5)
        return arn_matches(variable, (*((head,) for head in heads), (path, *pattern[1:])))
    return smt.matches(variable, pattern)


def arn_matches(variable: str, parts: Sequence[Pattern]) -> str:
    """True where the text is an ARN each of whose six parts matches."""
    if variable == ROLE:
        own = (text("arn"), PARTITION, ISSUER, text(""), ACCOUNT, PATH)
        return every(smt.matches(part, asked) for part, asked in zip(own, parts, strict=True))
    whole = itertools.chain.from_iterable((":", *part) for part in parts[1:])
    return every([smt.matches(text("arn"), parts[0]), smt.matches(variable, ("arn", *whole))])


def session_is(arn: str) -> str:
    """True where the caller's own ARN, a session's or a user's, is this one."""
    itself = every([no(IS_SESSION), text_matches(ROLE, (arn,))])
    head, partition, issuer, region, account, path = arn.split(":", 5)
    if (head, issuer, region) != ("arn", "sts", ""):
        return itself
    own = ((PARTITION, partition), (ACCOUNT, account), (SESSION_PATH, path))
    return some([itself, every([IS_SESSION, *(equal(part, text(its)) for part, its in own)])])


@dataclass(frozen=True)
class World:
    """The variables of one question, and its axioms.

    ``slots`` has every condition key in play, and of a key with many values how many are told
    apart. It takes one for each test of the key: a request with more values has the same outcome as
    one that keeps, for each test that some value passes or fails, one such value.
    """

    slots: Mapping[str, int]

    def variables(self) -> dict[str, str]:
        """Each variable's sort."""
        found = dict(_FIELDS)
        for key in self.slots:
            held = held_by(key)
            found[present(key)] = "Bool"
            if held is Holds.TEXT:
                found[value(key)] = "String"
            elif held is Holds.ADDRESS:
                found |= {value(key): "(_ BitVec 128)", is_v6(key): "Bool"}
            else:
                for slot in self._many(key):
                    found |= {used(key, slot): "Bool", value(key, slot): "String"}
        return found

    def values(self, key: str) -> list[tuple[str, str]]:
        """Each value that the key can have: whether it has it, and the value."""
        if held_by(key) is Holds.TEXTS:
            have = (every([present(key), used(key, slot)]) for slot in self._many(key))
            return list(zip(have, (value(key, slot) for slot in self._many(key)), strict=True))
        return [(present(key), value(key))]

    def axioms(self) -> Iterator[str]:
        """What is assumed of every request."""
        # Actions know no case, and are written in lower case here.
        yield f'(str.in_re {ACTION} (re.* (re.union (re.range "\\u{{0}}" "@") (re.range "[" "\\u{{2ffff}}"))))'

        # https://docs.aws.amazon.com/IAM/latest/UserGuide/console-account-id.html
        yield f'(str.in_re {ACCOUNT} ((_ re.^ 12) (re.range "0" "9")))'
        yield smt.matches(PARTITION, (smt.Wild.ANY_BUT_COLONS,))
        yield some([equal(ISSUER, text("iam")), equal(ISSUER, text("sts"))])

        # A request comes through a VPC endpoint or from an address, and has the one key or the other.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip
        if "aws:sourceip" in self.slots:
            yield equal(present("aws:sourceip"), no(present("aws:sourcevpce")))

    def request(self, model: Mapping[str, Value]) -> Request:
        """The concrete request that a solver found; ``model`` has a value of each variable."""
        context: dict[str, str | tuple[str, ...]] = {}
        for key in self.slots:
            if not model[present(key)]:
                continue
            held = held_by(key)
            if held is Holds.TEXTS:
                context[key] = tuple(
                    str(model[value(key, slot)])
                    for slot in self._many(key)
                    if model[used(key, slot)]
                )
            elif held is Holds.ADDRESS:
                context[key] = _address(int(model[value(key)]), v6=bool(model[is_v6(key)]))
            else:
                context[key] = str(model[value(key)])
        account = str(model[ACCOUNT])
        role = f"arn:{model[PARTITION]}:{model[ISSUER]}::{account}:{model[PATH]}"
        if model[IS_SERVICE]:
            requester = Requester(service=str(model[SERVICE]))
        else:
            session = f"arn:{model[PARTITION]}:sts::{account}:{model[SESSION_PATH]}"
            requester = Requester(account, session if model[IS_SESSION] else role, role)
            context |= {"aws:principalaccount": account, "aws:principalarn": role}
        return Request(str(model[ACTION]), str(model[RESOURCE]), context, requester)

    def _many(self, key: str) -> range:
        return range(1, self.slots[key] + 1)


def _address(bits: int, *, v6: bool) -> str:
    if v6:
        return str(ipaddress.IPv6Address(bits))
    return str(ipaddress.IPv4Address(bits & 0xFFFFFFFF))
