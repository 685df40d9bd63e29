"""Decide every claim: both solvers on every question, and the evaluator on every answer."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.isolation import encode, example, predicate, solvers
from tests.isolation.solvers import Verdict
from tests.isolation.world import NotModelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cloud.iam.evaluator import Request
    from tests.isolation.claims import Case, Claim, Fault
    from tests.isolation.example import Counterexample
    from tests.isolation.world import World

CHUNK = 40  # claims for a process at a time, so that progress can be told


@dataclass(frozen=True)
class Outcome:
    """What became of one claim; it is proved only where ``problem`` is None."""

    claim: Claim
    allowed: int = 0  # requests that must be allowed, and were, by the evaluator
    problem: str | None = None
    counterexample: Counterexample | None = None


@dataclass(frozen=True)
class Proof:
    """What became of one case."""

    case: Case
    outcomes: tuple[Outcome, ...]
    questions: int  # that differed from each other

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What no solver was needed for."""
        return self.case.faults

    @property
    def failed(self) -> list[Outcome]:
        """The claims that are not proved."""
        return [outcome for outcome in self.outcomes if outcome.problem]

    @property
    def holds(self) -> bool:
        """Whether everything is proved, and there was something to prove."""
        return bool(self.outcomes) and not self.faults and not self.failed


def question(claim: Claim) -> tuple[str, World]:
    """Is there a request on which the policies and the stanza differ? Raises NotModelledError."""
    world = encode.world_of(claim.policies, claim.meaning)
    lines = [f"(declare-const {name} {sort})" for name, sort in world.variables().items()]
    lines += [f"(assert {axiom})" for axiom in world.axioms()]
    lines += [
        f"(define-fun allowed () Bool {encode.allowed(claim.policies, world)})",
        f"(define-fun meant () Bool {predicate.formula(claim.meaning)})",
        "(assert (not (= allowed meant)))",
    ]
    return "\n".join(lines), world


def prove(case: Case, say: Callable[[int, int], None] = lambda _done, _all: None) -> Proof:
    """Decide every claim of a case; ``say`` hears how many of how many are decided."""
    # Tenants with the same models have the same permissions: what is alike is decided once.
    alike: dict[tuple[object, object], list[Claim]] = {}
    for claim in case.claims:
        alike.setdefault((claim.policies, claim.meaning), []).append(claim)
    decided: dict[tuple[object, object], Outcome] = {}
    for outcomes in _decided([claims[0] for claims in alike.values()]):
        decided |= {(its.claim.policies, its.claim.meaning): its for its in outcomes}
        say(len(decided), len(alike))
    outcomes = [_own(decided[claim.policies, claim.meaning], claim) for claim in case.claims]
    return Proof(case, tuple(outcomes), len(alike))


def _own(outcome: Outcome, claim: Claim) -> Outcome:
    """The outcome of a claim that is alike, with an example that is the claim's own."""
    found = outcome.counterexample and example.counterexample(claim, outcome.counterexample.request)
    return replace(outcome, claim=claim, counterexample=found)


def _decided(claims: list[Claim]) -> Iterator[list[Outcome]]:
    """The outcomes, as they come, on as many processors as there are."""
    chunks = [claims[at : at + CHUNK] for at in range(0, len(claims), CHUNK)]
    if len(chunks) < 2:  # not worth a process of its own
        yield from map(_decide_each, chunks)
        return
    with ProcessPoolExecutor(max_workers=min(len(chunks), os.cpu_count() or 1)) as pool:
        for future in as_completed([pool.submit(_decide_each, chunk) for chunk in chunks]):
            yield future.result()


def _decide_each(claims: list[Claim]) -> list[Outcome]:
    return [decide(claim) for claim in claims]


def decide(claim: Claim) -> Outcome:
    """Proved where every solver says unsat, and the evaluator allows what must be allowed."""
    try:
        text, world = question(claim)
    except NotModelledError as error:
        return Outcome(claim, problem=f"not decided: {error}")
    variables = tuple(world.variables())
    for solver in solvers.SOLVERS:
        answer = solvers.ask(solver, text, variables)
        if answer.verdict is Verdict.SAT:
            return _refuted(claim, solver, world.request(answer.model))
        if answer.verdict is Verdict.UNKNOWN:
            return Outcome(claim, problem=f"not decided: {solver} says {answer.why}")
    witnesses = example.witnesses(claim.meaning)
    for request in witnesses:
        if refused := example.counterexample(claim, request):
            problem = "the evaluator refuses what the solvers say is allowed"
            return Outcome(claim, problem=problem, counterexample=refused)
    return Outcome(claim, allowed=len(witnesses))


def _refuted(claim: Claim, solver: str, request: Request) -> Outcome:
    found = example.counterexample(claim, request)
    if found is None:
        return Outcome(claim, problem=f"{solver} found a request that the evaluator does not")
    differs = "allow what the stanza does not" if found.allowed else "refuse what the stanza grants"
    return Outcome(claim, problem=f"the policies {differs}", counterexample=found)
