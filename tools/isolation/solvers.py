"""Run two independent SMT solvers on the same SMT-LIB text; a claim holds only if both return unsat.

z3 (https://github.com/Z3Prover/z3) and cvc5 (https://cvc5.github.io) share no code. Both are imported by the
first question, because most commands ask none and would start a tenth of a second later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tools.isolation.symbolic_request import Value

TIMEOUT = (
    60_000  # milliseconds for one question; most take a few, on a busy machine some take seconds
)


class Verdict(Enum):
    """A solver's result for a question."""

    UNSAT = "unsat"  # no request violates the claim
    SAT = "sat"  # the model is a request that does
    UNKNOWN = "unknown"  # a failure: a time-out, or a theory beyond the solver


@dataclass(frozen=True)
class Answer:
    """A verdict, with the model if it is SAT and the reason if it is UNKNOWN."""

    verdict: Verdict
    model: Mapping[str, Value] = field(default_factory=dict)
    reason: str = ""


def solve(solver: str, question: str, variables: tuple[str, ...] = ()) -> Answer:
    """Run one of SOLVERS on a question; the model of a SAT answer has the values of ``variables``."""
    evaluate = SOLVERS[solver]()
    output = evaluate(f"{question}\n{_CHECKS[solver]}").strip()
    if output == "sat" and variables:
        return Answer(Verdict.SAT, _model(evaluate(f"(get-value ({' '.join(variables)}))")))
    if output in ("sat", "unsat"):
        return Answer(Verdict(output))
    return Answer(Verdict.UNKNOWN, reason=output)


def versions() -> dict[str, str]:
    """Return the version of each solver."""
    import cvc5  # noqa: PLC0415
    import z3  # noqa: PLC0415

    return {"z3": z3.get_version_string(), "cvc5": cvc5.__version__}


def _z3() -> Callable[[str], str]:
    import z3  # noqa: PLC0415

    context = _z3_context()

    def evaluate(script: str) -> str:
        try:
            return str(z3.Z3_eval_smtlib2_string(context.ref(), script))
        except z3.Z3Exception as error:
            return str(error)

    evaluate(f"(reset)(set-option :timeout {TIMEOUT})")
    return evaluate


@cache
def _z3_context() -> Any:  # noqa: ANN401 - z3 has no types
    import z3  # noqa: PLC0415

    return z3.Context()


def _cvc5() -> Callable[[str], str]:
    import cvc5  # noqa: PLC0415

    solver = cvc5.Solver()
    for name, setting in {
        "produce-models": "true",
        "strings-exp": "true",  # the whole theory of strings
        "tlimit-per": str(TIMEOUT),
    }.items():
        solver.setOption(name, setting)
    solver.setLogic("ALL")
    symbols = cvc5.SymbolManager(solver)

    def evaluate(script: str) -> str:
        parser = cvc5.InputParser(solver, symbols)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "question")
        output = []
        try:
            while not (command := parser.nextCommand()).isNull():
                output.append(str(command.invoke(solver, symbols)))
        except RuntimeError as error:
            return str(error)
        return "".join(output)

    return evaluate


SOLVERS: Mapping[str, Callable[[], Callable[[str], str]]] = {"cvc5": _cvc5, "z3": _z3}

# The command that decides a question. For (check-sat), z3 chooses a tactic that runs into the time limit on some
# questions that its solver decides in a tenth of a second.
_CHECKS = {"cvc5": "(check-sat)", "z3": "(check-sat-using smt)"}

_TOKEN = re.compile(r'\(|\)|"(?:[^"]|"")*"|\|[^|]*\||[^\s()"|]+')


def _model(output: str) -> dict[str, Value]:
    """Parse the output of get-value: ((|action| "s3:getobject") (|aws:sourceip?| false) …)."""
    tokens = _TOKEN.findall(output)[1:-1]
    pairs = [tokens[start + 1 : start + 3] for start in range(0, len(tokens), 4)]
    return {f"|{name.strip('|')}|": _value(literal) for name, literal in pairs}


def _value(literal: str) -> Value:
    if literal.startswith('"'):
        return re.sub(
            r"\\u(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}))",
            lambda escape: chr(int(escape[1] or escape[2], 16)),
            literal[1:-1].replace('""', '"'),
        )
    if literal.startswith("#"):
        return int(literal[2:], {"x": 16, "b": 2}[literal[1]])
    return literal == "true"
