"""Reads from AWS what it says of the granted models: their life, the account's access, and where profiles send calls.

Each question is asked once for a model and a Region, side by side, however many tenants the model is granted to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from tools.live.granted_models import GEOGRAPHIC
from tools.terraform.parallel import CALLS_AT_A_TIME, map_in_parallel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.cli.targets import Target
    from tools.live.granted_models import GrantedModel

WARNING_DAYS = 60  # before a model's end of life
MODEL, AVAILABILITY, PROFILE = (
    "GetFoundationModel",
    "GetFoundationModelAvailability",
    "GetInferenceProfile",
)

_IDENTIFIER = {
    MODEL: "modelIdentifier",
    AVAILABILITY: "modelId",
    PROFILE: "inferenceProfileIdentifier",
}
_LONGEST_MESSAGE = 200  # characters
# The errors for an id that Bedrock does not know, as the operations' API reference lists them.
_UNKNOWN = frozenset({"ResourceNotFoundException", "ValidationException"})
_ACCESS_PAGE = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html"


@dataclass(frozen=True)
class Question:
    """One operation about one model or profile in one Region."""

    operation: str
    identifier: str
    region: str


@dataclass(frozen=True)
class Answer:
    """AWS's answer; None if it knows no such model or profile, or if a ``problem`` says why there is none."""

    content: Mapping[str, Any] | None = None
    problem: str = ""


Answers = Mapping[Question, Answer]


@dataclass(frozen=True)
class Life:
    """A model's life in one Region: ``status`` is ACTIVE, LEGACY or, for one that Bedrock does not know, None."""

    status: str | None
    end: date | None = None  # in UTC
    problem: str = ""  # why it could not be read

    def is_over(self, today: date) -> bool:
        """Whether calls of the model fail."""
        return self.end is not None and self.end <= today

    def ends_soon(self, today: date) -> bool:
        """Whether the model ends within WARNING_DAYS."""
        return self.end is not None and (self.end - today).days <= WARNING_DAYS

    def words(self, today: date) -> str:
        """The life as a cell of a table."""
        if self.problem:
            return "not read"
        if self.status is None:
            return "unknown there"
        if self.end is None:
            return self.status.lower()
        return (
            f"ended {self.end}"
            if self.is_over(today)
            else f"{self.status.lower()} until {self.end}"
        )

    def sentence(self, model: str, region: str, today: date) -> str | None:
        """What is wrong and what to do; None if the model lives for longer than WARNING_DAYS."""
        if self.problem:
            return f"The life of {model} in {region} is not known: {self.problem}."
        replace = "replace it with `make model`"
        if self.status is None:
            return f"Bedrock does not know {model} in {region}: it has ended or was never there; {replace}."
        if self.is_over(today):
            return f"{model} ended in {region} on {self.end}; {replace}."
        if self.end is not None and self.ends_soon(today):
            days = (self.end - today).days
            return f"{model} ends in {region} on {self.end}, in {days} days; {replace}."
        return None


@dataclass(frozen=True)
class ModelReading:
    """What AWS says of one granted model in one Region from which it is called.

    ``problems`` are sentences about what makes calls fail, soon too, or could not be read. ``ungranted`` are
    destinations of the profile that the role does not grant, ``unused`` granted ones that it does not have.
    """

    model: GrantedModel
    region: str
    life: Life
    access: str
    # Of the profile; None on demand, and where it was not read.
    destinations: tuple[str, ...] | None
    ungranted: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_unread(self) -> bool:
        """Whether AWS did not say something of the model that decides whether calls fail."""
        has_no_destinations = self.model.profile is not None and self.destinations is None
        return bool(self.life.problem) or self.access == "not read" or has_no_destinations

    @property
    def sentences(self) -> list[str]:
        """The problems, and the one about destinations that the role does not grant."""
        return [*self.problems, *filter(None, [self.ungranted_sentence])]

    @property
    def ungranted_sentence(self) -> str | None:
        """What makes calls fail that AWS sends elsewhere; None if every destination is granted.

        A call is authorized in every destination Region of its profile:
        https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
        """
        if not self.ungranted:
            return None
        regions = ", ".join(self.ungranted)
        return (
            f"{self.model.profile} also sends calls from {self.region} to {regions}, which the role does not grant, so "
            "that calls fail; `make models` with WRITE=1 writes `destinations`."
        )


def today() -> date:
    """Return the day in UTC, in which AWS states the end of a model."""
    return datetime.now(UTC).date()


def ask(target: Target, questions: Iterable[Question], attempts: int = 3) -> dict[Question, Answer]:
    """Return the answer to each question, each asked once."""
    distinct = list(dict.fromkeys(questions))
    clients = target.bedrock_clients((question.region for question in distinct), attempts)

    def answer(question: Question) -> Answer:
        method = getattr(clients[question.region], xform_name(question.operation))
        source = f"bedrock:{question.operation} in {question.region}"
        try:
            content = method(**{_IDENTIFIER[question.operation]: question.identifier})
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code in _UNKNOWN:
                return Answer()
            text = " ".join(message.split())[:_LONGEST_MESSAGE].rstrip(".")
            return Answer(problem=f"{source} failed with {code}: {text}")
        except BotoCoreError as error:
            return Answer(problem=f"{source} had no answer: {str(error).rstrip('.')}")
        return Answer(content)

    return dict(zip(distinct, map_in_parallel(answer, distinct, CALLS_AT_A_TIME), strict=True))


def life_of(answer: Answer) -> Life:
    """Return a model's life from the answer of GetFoundationModel.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelLifecycle.html
    """
    if answer.content is None:
        return Life(None, problem=answer.problem)
    lifecycle = answer.content["modelDetails"].get("modelLifecycle") or {}
    end = lifecycle.get("endOfLifeTime")
    return Life(lifecycle.get("status") or "ACTIVE", end and end.astimezone(UTC).date())


def read_models(target: Target, models: Sequence[GrantedModel]) -> list[ModelReading]:
    """Return what AWS says of each model in each of its Regions, in this order."""
    answers = ask(target, [question for model in models for question in _questions(model)])
    answers |= ask(target, _questions_elsewhere(models, answers))
    day = today()
    return [_reading(model, region, answers, day) for model in models for region in model.regions]


def _questions(model: GrantedModel) -> Iterable[Question]:
    for region in model.regions:
        yield Question(MODEL, model.model, region)
        yield Question(AVAILABILITY, model.model, region)
        if model.profile is not None:
            yield Question(PROFILE, model.profile, region)


def _questions_elsewhere(models: Iterable[GrantedModel], answers: Answers) -> Iterable[Question]:
    """Ask a profile's first destination about a model that the Region of the call does not know."""
    for model in models:
        for region in model.regions:
            if place := _place_elsewhere(model, region, answers):
                yield Question(MODEL, model.model, place)
                yield Question(AVAILABILITY, model.model, place)


def _place_elsewhere(model: GrantedModel, region: str, answers: Answers) -> str | None:
    is_known = answers[Question(MODEL, model.model, region)] != Answer()
    others = [name for name in _profile_regions(model, region, answers) or () if name != region]
    return None if is_known or not others else others[0]


def _profile_regions(model: GrantedModel, region: str, answers: Answers) -> tuple[str, ...] | None:
    """Return where a profile sends calls from this Region; None on demand, and if there is no answer.

    A model's ARN without a Region, as in a global profile, stands for every commercial Region.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html
    """
    if model.profile is None:
        return None
    content = answers[Question(PROFILE, model.profile, region)].content
    if content is None:
        return None
    arns: list[str] = [entry.get("modelArn", "") for entry in content["models"]]
    return tuple(sorted({arn.split(":")[3] for arn in arns if arn.count(":") >= 5} - {""}))


def _reading(model: GrantedModel, region: str, answers: Answers, day: date) -> ModelReading:
    place = _place_elsewhere(model, region, answers) or region
    details = answers[Question(MODEL, model.model, place)]
    life = life_of(details)
    access, access_problem = _access(
        model, region, answers[Question(AVAILABILITY, model.model, place)]
    )
    destinations = _profile_regions(model, region, answers)
    problems = [
        life.sentence(model.model, region, day),
        access_problem if life.status is not None else None,
        _route_problem(model, region, details, answers),
    ]
    is_geographic = model.route == GEOGRAPHIC and destinations is not None
    return ModelReading(
        model=model,
        region=region,
        life=life,
        access=access,
        destinations=destinations,
        ungranted=tuple(sorted(set(destinations or ()) - model.granted)) if is_geographic else (),
        unused=_unused(model, answers) if is_geographic else (),
        problems=tuple(problem for problem in problems if problem),
    )


def _access(model: GrantedModel, region: str, answer: Answer) -> tuple[str, str | None]:
    """Return the account's access as a cell of a table, and what to do if a call would fail without it.

    The agreement is "AVAILABLE if access exists": the page of _ACCESS_PAGE. A tenant's role cannot make it exist.
    """
    if answer.content is None:
        reason = answer.problem or "Bedrock does not know the model"
        return "not read" if answer.problem else "-", (
            f"Whether the account may use {model.model} in {region} is not known: {reason}."
        )
    agreement = answer.content["agreementAvailability"]["status"]
    lacking = {
        "not authorized": answer.content["authorizationStatus"] != "AUTHORIZED",
        "no entitlement": answer.content["entitlementAvailability"] != "AVAILABLE",
        f"agreement {agreement.lower().replace('_', ' ')}": agreement != "AVAILABLE",
        # The profile of another Region may serve a model that is not in this one.
        "not in this Region": model.profile is None
        and answer.content["regionAvailability"] != "AVAILABLE",
    }
    words = ", ".join(word for word, is_lacking in lacking.items() if is_lacking)
    if not words:
        return "yes", None
    return words, (
        f"The account may not use {model.model} in {region} ({words}); somebody with AWS Marketplace permissions "
        f"enables it once: {_ACCESS_PAGE}"
    )


def _route_problem(
    model: GrantedModel, region: str, details: Answer, answers: Answers
) -> str | None:
    """Return why a call by this route would fail, or why that is not known."""
    if model.profile is None:
        content = details.content or {}
        types = content.get("modelDetails", {}).get("inferenceTypesSupported")
        if not types or "ON_DEMAND" in types:
            return None
        return (
            f"{model.model} is called only through an inference profile in {region}; change its route with "
            "`make model`."
        )
    profile = answers[Question(PROFILE, model.profile, region)]
    if profile.content is not None:
        return None
    if profile.problem:
        return f"Where {model.profile} sends calls from {region} is not known: {profile.problem}."
    return f"There is no profile {model.profile} in {region}; change the route or the Regions with `make model`."


def _unused(model: GrantedModel, answers: Answers) -> tuple[str, ...]:
    """Return granted destinations to which the profile sends calls from none of the model's Regions."""
    used = [_profile_regions(model, region, answers) for region in model.regions]
    if None in used:
        return ()
    others = {*model.destinations} - {*model.regions}
    return tuple(sorted(others.difference(*(regions or () for regions in used))))
