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

    from tests.isolation.world import Value

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
    run = SOLVERS[solver]
    said = run(f"{question}\n(check-sat)\n").strip()
    if said == "sat" and variables:
        values = run(f"{question}\n(check-sat)\n(get-value ({' '.join(variables)}))\n")
        return Answer(Verdict.SAT, _model(values.removeprefix("sat")))
    if said in ("sat", "unsat"):
        return Answer(Verdict(said))
    return Answer(Verdict.UNKNOWN, why=said)


def versions() -> dict[str, str]:
    """The solvers' versions."""
    return {"z3": z3.get_version_string(), "cvc5": cvc5.__version__}


def _z3(script: str) -> str:
    context = _z3_context()
    options = f"(reset)\n(set-option :timeout {TIMEOUT})\n"
    try:
        said: str = z3.Z3_eval_smtlib2_string(context.ref(), options + script)
    except z3.Z3Exception as error:
        return str(error)
    return said


@cache
def _z3_context() -> Any:  # noqa: ANN401 - z3 has no types
    return z3.Context()


def _cvc5(script: str) -> str:
    solver = cvc5.Solver()
    solver.setOption("produce-models", "true")
    solver.setOption("strings-exp", "true")  # the whole theory of strings
    solver.setOption("tlimit-per", str(TIMEOUT))
    symbols = cvc5.SymbolManager(solver)
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, f"(set-logic ALL)\n{script}", "question")
    said = []
    while not (command := parser.nextCommand()).isNull():
        said.append(str(command.invoke(solver, symbols)))
    return "".join(said)


SOLVERS: Mapping[str, Callable[[str], str]] = {"z3": _z3, "cvc5": _cvc5}

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
