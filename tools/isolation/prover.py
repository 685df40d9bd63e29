"""Decide every claim with both solvers, and check each result with the evaluator of tools/iam."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.iam.conditions import UnsupportedPolicyError
from tools.isolation import encode, examples, smt, solvers
from tools.isolation.predicate import AnyOf, Not, formula
from tools.isolation.solvers import Verdict
from tools.isolation.symbolic_request import NotModelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.iam.evaluator import Request
    from tools.isolation.claims import Case, Claim
    from tools.isolation.examples import Counterexample
    from tools.isolation.symbolic_request import SymbolicRequest

# Solvers spend most of a small question on their start, so twenty claims in one question take a quarter
# of the time. If the answer is unsat, all of them hold; otherwise each is decided by itself.
BATCH_SIZE = 20


@dataclass(frozen=True)
class Outcome:
    """The result for one claim, which is proved only if ``problem`` is None."""

    claim: Claim
    allowed: int = 0  # requests that must be allowed, and that the evaluator allows
    problem: str | None = None
    counterexample: Counterexample | None = None


@dataclass(frozen=True)
class Proof:
    """The result for one case."""

    case: Case
    outcomes: tuple[Outcome, ...]
    distinct_claims: int  # number of claims without repetitions

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes of the claims that are not proved."""
        return [outcome for outcome in self.outcomes if outcome.problem]

    @property
    def holds(self) -> bool:
        """Whether all claims are proved and there is no fault.

        There may be no claim, as about an offboarded tenant without readers, which has no role: what
        must exist all the same is a fault if it is missing.
        """
        return not self.case.faults and not self.failures


def question_for(claims: list[Claim]) -> tuple[str, SymbolicRequest]:
    """Ask for a request on which the policies and the specification of any claim differ.

    Raises NotModelledError if a policy cannot be encoded.
    """
    policies = [policy for claim in claims for policy in claim.policies]
    specifications = AnyOf(*(claim.specification for claim in claims))
    request = encode.symbolic_request(policies, specifications)
    lines = [f"(declare-const {name} {sort})" for name, sort in request.variables().items()]
    lines += [f"(assert {axiom})" for axiom in request.axioms()]
    asserted: set[str] = set()  # most claims of one question compare with the same actions
    for number, claim in enumerate(claims):
        policies_formula = encode.allows(claim.policies, request)
        specification_formula = formula(claim.specification, request)
        if _negates_a_list(claim):
            both = policies_formula + specification_formula
            new = [lemma for lemma in smt.lemmas(both) if lemma not in asserted]
            lines += [f"(assert {lemma})" for lemma in new]
            asserted.update(new)
        lines.append(f"(define-fun allowed-{number} () Bool {policies_formula})")
        lines.append(f"(define-fun specified-{number} () Bool {specification_formula})")
    differences = (
        f"(not ({'=' if claim.exact else '=>'} allowed-{n} specified-{n}))"
        for n, claim in enumerate(claims)
    )
    return "\n".join([*lines, f"(assert {smt.or_(differences)})"]), request


def _negates_a_list(claim: Claim) -> bool:
    """Return whether a policy has NotAction or NotResource, or the specification says what is never allowed."""
    statements = (statement for policy in claim.policies for statement in policy.statements)
    return isinstance(claim.specification, Not) or any(
        statement.not_actions or statement.not_resources for statement in statements
    )


def prove(case: Case, progress: Callable[[int, int], None] = lambda *_: None) -> Proof:
    """Decide every claim of a case; ``progress`` receives the numbers of decided and of all claims."""
    # Tenants with the same models have the same permissions; such claims are decided once.
    distinct: dict[tuple[object, ...], Claim] = {}
    for claim in case.claims:
        distinct.setdefault(_question(claim), claim)
    outcomes: dict[tuple[object, ...], Outcome] = {}
    for batch in _decide_in_parallel(list(distinct.values())):
        outcomes |= {_question(item.claim): item for item in batch}
        progress(len(outcomes), len(distinct))
    all_outcomes = [_for_claim(outcomes[_question(claim)], claim) for claim in case.claims]
    return Proof(case, tuple(all_outcomes), len(distinct))


def _question(claim: Claim) -> tuple[object, ...]:
    """Return what decides a claim, which is the same for every subject."""
    return claim.policies, claim.specification, claim.exact


def _for_claim(outcome: Outcome, claim: Claim) -> Outcome:
    """Return the outcome for an equal claim about another subject, with the claim's own example."""
    example = outcome.counterexample
    example = example and examples.counterexample(claim, example.request)
    return replace(outcome, claim=claim, counterexample=example)


def _decide_in_parallel(claims: list[Claim]) -> Iterator[list[Outcome]]:
    """Yield the outcomes of each question as it is decided, with one process for each processor."""
    claims = sorted(claims, key=lambda claim: claim.topic)
    batches = [claims[start : start + BATCH_SIZE] for start in range(0, len(claims), BATCH_SIZE)]
    if len(batches) < 2:  # not worth a process
        yield from map(decide, batches)
        return
    with ProcessPoolExecutor(max_workers=min(len(batches), os.cpu_count() or 1)) as pool:
        for future in as_completed([pool.submit(decide, batch) for batch in batches]):
            yield future.result()


def decide(claims: list[Claim]) -> list[Outcome]:
    """Decide the claims with one question or, if one of them may fail, each claim by itself."""
    if len(claims) > 1 and _all_hold(claims):
        return [_confirm(claim) for claim in claims]
    return [_decide(claim) for claim in claims]


def _all_hold(claims: list[Claim]) -> bool:
    """Return whether every solver proves that no request violates any of the claims."""
    try:
        text, _ = question_for(claims)
    except NotModelledError:
        return False
    return all(solvers.solve(name, text).verdict is Verdict.UNSAT for name in solvers.SOLVERS)


def _decide(claim: Claim) -> Outcome:
    """Decide one claim, which is proved only if every solver finds that no request violates it."""
    try:
        text, request = question_for([claim])
    except NotModelledError as error:
        return Outcome(claim, problem=f"not decided: {error}")
    variables = tuple(request.variables())
    for solver in solvers.SOLVERS:
        answer = solvers.solve(solver, text, variables)
        if answer.verdict is Verdict.SAT:
            return _refute(claim, solver, request.request(answer.model))
        if answer.verdict is Verdict.UNKNOWN:
            return Outcome(claim, problem=f"not decided: {solver} returned {answer.reason}")
    return _confirm(claim)


def _confirm(claim: Claim) -> Outcome:
    """Check that the evaluator allows the requests that must be allowed, now that the claim is proved."""
    witnesses = examples.witnesses(claim.specification) if claim.exact else []
    for request in witnesses:
        try:
            example = examples.counterexample(claim, request)
        except UnsupportedPolicyError as error:
            return Outcome(claim, problem=f"not decided: {error}")
        if example:
            problem = "the evaluator refuses a request that the solvers proved to be allowed"
            return Outcome(claim, problem=problem, counterexample=example)
    return Outcome(claim, allowed=len(witnesses))


def _refute(claim: Claim, solver: str, request: Request) -> Outcome:
    """Check that the evaluator, too, finds that the solver's request violates the claim."""
    try:
        example = examples.counterexample(claim, request)
    except UnsupportedPolicyError as error:
        return Outcome(claim, problem=f"not decided: {error}")
    if example is None:
        problem = f"{solver} found a request on which the evaluator sees no difference"
    elif example.allowed:
        problem = "the policies allow a request that the stanza does not grant"
    else:
        problem = "the policies refuse a request that the stanza grants"
    return Outcome(claim, problem=problem, counterexample=example)
