"""Decide every claim: both solvers on every question, and the evaluator on every answer."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.isolation import encode, example, smt, solvers
from tools.isolation.predicate import Any, formula
from tools.isolation.solvers import Verdict
from tools.isolation.world import NotModelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.iam.evaluator import Request
    from tools.isolation.claims import Case, Claim, Fault
    from tools.isolation.example import Counterexample
    from tools.isolation.world import World

# Claims in one question. Solvers spend most of a small question on starting, so twenty together take
# a quarter of the time; that none of them fails is what is wanted of each.
TOGETHER = 20


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
    distinct: int  # claims that are not like another

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


def question(claims: list[Claim]) -> tuple[str, World]:
    """Is there a request on which policies and stanza differ, in any of the claims?

    Raises NotModelledError.
    """
    policies = [policy for claim in claims for policy in claim.policies]
    world = encode.world_of(policies, Any(tuple(claim.meaning for claim in claims)))
    lines = [f"(declare-const {name} {sort})" for name, sort in world.variables().items()]
    lines += [f"(assert {axiom})" for axiom in world.axioms()]
    for number, claim in enumerate(claims):
        allowed, meant = encode.allowed(claim.policies, world), formula(claim.meaning)
        lines.append(f"(define-fun allowed-{number} () Bool {allowed})")
        lines.append(f"(define-fun meant-{number} () Bool {meant})")
    differ = (f"(not (= allowed-{number} meant-{number}))" for number, _ in enumerate(claims))
    return "\n".join([*lines, f"(assert {smt.some(differ)})"]), world


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
    ordered = sorted(claims, key=lambda claim: claim.about)
    chunks = [ordered[at : at + TOGETHER] for at in range(0, len(ordered), TOGETHER)]
    if len(chunks) < 2:  # not worth a process of its own
        yield from map(decide, chunks)
        return
    with ProcessPoolExecutor(max_workers=min(len(chunks), os.cpu_count() or 1)) as pool:
        for future in as_completed([pool.submit(decide, chunk) for chunk in chunks]):
            yield future.result()


def decide(claims: list[Claim]) -> list[Outcome]:
    """The outcome of each claim: of all at once where none fails, else of each by itself."""
    if len(claims) > 1 and _all_hold(claims):
        return [_confirmed(claim) for claim in claims]
    return [_decide(claim) for claim in claims]


def _all_hold(claims: list[Claim]) -> bool:
    """Whether every solver says that no request fails any of the claims."""
    try:
        text, _ = question(claims)
    except NotModelledError:
        return False
    return all(solvers.ask(one, text).verdict is Verdict.UNSAT for one in solvers.SOLVERS)


def _decide(claim: Claim) -> Outcome:
    """Proved where every solver says that no request fails the claim."""
    try:
        text, world = question([claim])
    except NotModelledError as error:
        return Outcome(claim, problem=f"not decided: {error}")
    variables = tuple(world.variables())
    for solver in solvers.SOLVERS:
        answer = solvers.ask(solver, text, variables)
        if answer.verdict is Verdict.SAT:
            return _refuted(claim, solver, world.request(answer.model))
        if answer.verdict is Verdict.UNKNOWN:
            return Outcome(claim, problem=f"not decided: {solver} says {answer.why}")
    return _confirmed(claim)


def _confirmed(claim: Claim) -> Outcome:
    """A claim that the solvers prove, once the evaluator allows what must be allowed."""
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
