"""Decide every claim: both solvers on every question, and the evaluator on every answer."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.isolation import encode, example, predicate, solvers
from tests.isolation.solvers import Answer, Verdict
from tests.isolation.world import NotModelledError, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.isolation.claims import Case, Claim, Fault
    from tests.isolation.example import Counterexample

CHUNK = 40  # questions for a process at a time, so that progress can be told


@dataclass(frozen=True)
class Question:
    """A claim for the solvers: is there a request on which the policies and the stanza differ?"""

    text: str
    world: World


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


def question(claim: Claim) -> Question:
    """The claim in the solvers' language; raises NotModelledError."""
    world = encode.world_of(claim.policies, claim.meaning)
    lines = [f"(declare-const {name} {sort})" for name, sort in world.variables().items()]
    lines += [f"(assert {axiom})" for axiom in world.axioms()]
    lines += [
        f"(define-fun allowed () Bool {encode.allowed(claim.policies, world)})",
        f"(define-fun meant () Bool {predicate.formula(claim.meaning)})",
        "(assert (not (= allowed meant)))",
    ]
    return Question("\n".join(lines), world)


def prove(case: Case, say: Callable[[int, int], None] = lambda _done, _all: None) -> Proof:
    """Decide every claim of a case; ``say`` hears how many questions of how many are answered."""
    questions: dict[int, Question] = {}
    unasked: dict[int, str] = {}
    for index, claim in enumerate(case.claims):
        try:
            questions[index] = question(claim)
        except NotModelledError as error:
            unasked[index] = f"not decided: {error}"
    # Tenants with the same models have the same permissions: one text is asked once.
    worlds = {one.text: tuple(one.world.variables()) for one in questions.values()}
    answers = _answers(worlds, say)
    outcomes = [
        Outcome(claim, problem=unasked[index])
        if index in unasked
        else _judge(claim, questions[index], answers[questions[index].text])
        for index, claim in enumerate(case.claims)
    ]
    return Proof(case, tuple(outcomes), len(worlds))


def _judge(claim: Claim, asked: Question, answers: Mapping[str, Answer]) -> Outcome:
    """Proved where every solver says unsat, and the evaluator allows what must be allowed."""
    for solver, answer in answers.items():
        if answer.verdict is Verdict.SAT:
            found = example.counterexample(claim, asked.world.request(answer.model))
            if found is None:
                return Outcome(
                    claim, problem=f"{solver} found a request that the evaluator does not"
                )
            verb = (
                "allow what the stanza does not"
                if found.allowed
                else "refuse what the stanza grants"
            )
            return Outcome(claim, problem=f"the policies {verb}", counterexample=found)
    for solver in solvers.SOLVERS:
        if answers[solver].verdict is not Verdict.UNSAT:
            return Outcome(claim, problem=f"not decided: {solver} says {answers[solver].why}")
    if refused := example.refused_wrongly(claim):
        return Outcome(
            claim,
            problem="the evaluator refuses what both solvers say is allowed",
            counterexample=refused,
        )
    return Outcome(claim, allowed=len(example.witnesses(claim.meaning)))


def _answers(
    questions: Mapping[str, tuple[str, ...]], say: Callable[[int, int], None]
) -> dict[str, dict[str, Answer]]:
    """Each question's answer by each solver, on as many processors as there are."""
    asked = list(questions.items())
    chunks = [asked[at : at + CHUNK] for at in range(0, len(asked), CHUNK)]
    answers: dict[str, dict[str, Answer]] = {}
    for answered in _each(chunks):
        answers |= answered
        say(len(answers), len(asked))
    return answers


_Chunk = list[tuple[str, tuple[str, ...]]]


def _each(chunks: list[_Chunk]) -> Iterator[dict[str, dict[str, Answer]]]:
    """The answers to every chunk as they come; a single one is not worth a process of its own."""
    if len(chunks) < 2:
        yield from map(_ask, chunks)
        return
    with ProcessPoolExecutor(max_workers=min(len(chunks), os.cpu_count() or 1)) as pool:
        for future in as_completed([pool.submit(_ask, chunk) for chunk in chunks]):
            yield future.result()


def _ask(chunk: _Chunk) -> dict[str, dict[str, Answer]]:
    return {question: solvers.ask_all(question, variables) for question, variables in chunk}
