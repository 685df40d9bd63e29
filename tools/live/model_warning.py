"""Warns of models that end soon, with one question for each model and Region."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tools.cli.console import warn
from tools.live.granted_models import granted_models
from tools.live.model_reading import MODEL, Question, ask, life_of, today

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.cli.targets import Target


def warn_of_ends(target: Target, tenants: Iterable[str] | None = None) -> None:
    """Name on stderr the models of these tenants that have ended or end soon; one line if that cannot be read."""
    aliases: dict[tuple[Question, bool], dict[str, None]] = defaultdict(dict)
    for model in granted_models(target.environment.stanzas, tenants):
        for region in model.regions:
            # A profile may serve a model that the Region of the call does not know: `make models` asks further.
            key = Question(MODEL, model.model, region), model.profile is None
            aliases[key][f"{model.tenant} {model.alias}"] = None
    # Asked once, so that a network without a way to Bedrock does not delay the plan.
    answers = ask(target, (question for question, _ in aliases), attempts=1)
    unread = [answer.problem for answer in answers.values() if answer.problem]
    day = today()
    for (question, is_on_demand), names in aliases.items():
        life = life_of(answers[question])
        sentence = life.sentence(question.identifier, question.region, day)
        if sentence and not life.problem and (life.status is not None or is_on_demand):
            warn(f"{', '.join(names)}: {sentence}")
    if unread:
        warn(
            f"Whether models end soon is not known for {len(unread)} of {len(answers)} models in their Regions: "
            f"{unread[0]}."
        )
