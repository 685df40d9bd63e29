"""TENANT_BEDROCK: parsed once, and a sentence when it is broken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenant_bedrock import SettingsError, settings

GOOD: dict[str, Any] = {
    "environment": "prod",
    "external_id": "canary-external-id",
    "models": {"claude": {"model": "anthropic.claude-x", "regions": ["eu-central-1"]}},
    "record_log_group": "/bedrock/prod/acme/records",
    "role_arn": "arn:aws:iam::111111111111:role/bedrock-prod-acme",
    "tenant": "acme",
}


def _without(name: str) -> str:
    return json.dumps({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "TENANT_BEDROCK is not set"),
        ("", "TENANT_BEDROCK is not set"),
        ("{", "TENANT_BEDROCK is broken at: its JSON syntax"),
        ("[]", "TENANT_BEDROCK is broken at: its JSON syntax"),
        (_without("role_arn"), "broken at: role_arn. Apply the customer root again"),
        (_without("models"), "broken at: models."),
        (json.dumps({**GOOD, "models": {}}), "broken at: models."),
        (
            json.dumps({**GOOD, "models": {"claude": {"model": "x", "regions": []}}}),
            "broken at: models.claude.regions.",
        ),
        (json.dumps({**GOOD, "role_arn": "bedrock-prod-acme"}), "broken at: role_arn."),
        (json.dumps({**GOOD, "extern_id": "x"}), "broken at: extern_id."),
    ],
)
def test_broken_settings_are_a_sentence_without_the_external_id(
    text: str | None, sentence: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(text)

    assert sentence in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_settings_do_not_show_the_external_id_when_printed() -> None:
    assert "canary" not in repr(settings.parse(json.dumps(GOOD)))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.parse(json.dumps(GOOD)).tenant = "globex"


def test_the_first_region_is_the_default() -> None:
    regions = ["eu-west-1", "eu-central-1"]
    models = {"claude": {"model": "anthropic.claude-x", "regions": regions}}
    parsed = settings.parse(json.dumps({**GOOD, "models": models}))

    assert parsed.grant("claude", None) == ("claude", "anthropic.claude-x", "eu-west-1")
    assert parsed.grant("claude", "eu-central-1")[2] == "eu-central-1"
