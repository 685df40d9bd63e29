"""Two SMT solvers by different makers, asked the same question in the same words.

z3 (https://github.com/Z3Prover/z3) and cvc5 (https://cvc5.github.io). Both must say unsat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

import cvc5
import z3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.isolation.world import Value

TIMEOUT = 20_000  # milliseconds for one question, of which most take a few


class Verdict(Enum):
    """What a solver says of a question."""

    UNSAT = "unsat"  # no request disagrees
    SAT = "sat"  # one does, and the model is it
    UNKNOWN = "unknown"  # a failure: a time-out, or a theory beyond the solver


@dataclass(frozen=True)
class Answer:
    """A verdict, the request found where it is SAT, and the reason where it is UNKNOWN."""

    verdict: Verdict
    model: Mapping[str, Value] = field(default_factory=dict)
    why: str = ""


def ask(solver: str, question: str, variables: tuple[str, ...] = ()) -> Answer:
    """Have one of SOLVERS decide a question; ``variables`` are those of the model."""
    say = SOLVERS[solver]()
    said = say(f"{question}\n(check-sat)").strip()
    if said == "sat" and variables:
        return Answer(Verdict.SAT, _model(say(f"(get-value ({' '.join(variables)}))")))
    if said in ("sat", "unsat"):
        return Answer(Verdict(said))
    return Answer(Verdict.UNKNOWN, why=said)


def versions() -> dict[str, str]:
    """The solvers' versions."""
    return {"z3": z3.get_version_string(), "cvc5": cvc5.__version__}


def _z3() -> Callable[[str], str]:
    context = _z3_context()

    def say(script: str) -> str:
        try:
            return str(z3.Z3_eval_smtlib2_string(context.ref(), script))
        except z3.Z3Exception as error:
            return str(error)

    say(f"(reset)(set-option :timeout {TIMEOUT})")
    return say


@cache
def _z3_context() -> Any:  # noqa: ANN401 - z3 has no types
    return z3.Context()


def _cvc5() -> Callable[[str], str]:
    solver = cvc5.Solver()
    for name, setting in {
        "produce-models": "true",
        "strings-exp": "true",  # the whole theory of strings
        "tlimit-per": str(TIMEOUT),
    }.items():
        solver.setOption(name, setting)
    solver.setLogic("ALL")
    symbols = cvc5.SymbolManager(solver)

    def say(script: str) -> str:
        parser = cvc5.InputParser(solver, symbols)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "question")
        said = []
        try:
            while not (command := parser.nextCommand()).isNull():
                said.append(str(command.invoke(solver, symbols)))
        except RuntimeError as error:
            return str(error)
        return "".join(said)

    return say


SOLVERS: Mapping[str, Callable[[], Callable[[str], str]]] = {"cvc5": _cvc5, "z3": _z3}

_TOKEN = re.compile(r'\(|\)|"(?:[^"]|"")*"|\|[^|]*\||[^\s()"|]+')


def _model(said: str) -> dict[str, Value]:
    """What get-value printed: ((|action| "s3:getobject") (|aws:sourceip?| false) …)."""
    tokens = _TOKEN.findall(said)[1:-1]
    pairs = [tokens[at + 1 : at + 3] for at in range(0, len(tokens), 4)]
    return {f"|{name.strip('|')}|": _value(written) for name, written in pairs}


def _value(written: str) -> Value:
    if written.startswith('"'):
        return re.sub(
            r"\\u(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}))",
            lambda found: chr(int(found[1] or found[2], 16)),
            written[1:-1].replace('""', '"'),
        )
    if written.startswith("#"):
        return int(written[2:], {"x": 16, "b": 2}[written[1]])
    return written == "true"
