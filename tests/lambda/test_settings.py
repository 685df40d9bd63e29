"""TENANT_BEDROCK is parsed, and an invalid value is reported in a sentence."""

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
        ("{", "TENANT_BEDROCK is invalid at: its JSON syntax"),
        ("[]", "TENANT_BEDROCK is invalid at: its JSON syntax"),
        (_without("role_arn"), "invalid at: role_arn. Apply the customer root again"),
        (_without("models"), "invalid at: models."),
        (json.dumps({**GOOD, "models": {}}), "invalid at: models."),
        (
            json.dumps({**GOOD, "models": {"claude": {"model": "x", "regions": []}}}),
            "invalid at: models.claude.regions.",
        ),
        (json.dumps({**GOOD, "role_arn": "bedrock-prod-acme"}), "invalid at: role_arn."),
        (json.dumps({**GOOD, "extern_id": "x"}), "invalid at: extern_id."),
        (json.dumps({**GOOD, "guardrail": {"arn": "x"}}), "invalid at: guardrail.version."),
        (
            json.dumps({**GOOD, "quota": {"max_tokens_per_call": 0}}),
            "invalid at: quota.max_tokens_per_call.",
        ),
        (
            json.dumps({**GOOD, "quota": {"requests_per_second": 0}}),
            "invalid at: quota.requests_per_second.",
        ),
    ],
)
def test_invalid_settings_are_reported_without_the_external_id(
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

    assert parsed.resolve("claude", None) == ("claude", "eu-west-1")
    assert parsed.resolve("claude", "eu-central-1") == ("claude", "eu-central-1")


def test_an_older_hand_over_has_no_limits_and_its_models_are_their_own_base() -> None:
    parsed = settings.parse(json.dumps(GOOD))

    (claude,) = parsed.models.values()
    assert (claude.base_model_id, claude.fallbacks, claude.streaming) == (
        "anthropic.claude-x",
        (),
        True,
    )
    assert parsed.guardrail is None
    assert parsed.quota == settings.Quota()


def test_null_means_that_the_stanza_leaves_it_out() -> None:
    nulls = {"guardrail": None, "quota": None}
    without_rate = {"max_tokens_per_call": 4096, "requests_per_second": None}

    assert settings.parse(json.dumps({**GOOD, **nulls})) == settings.parse(json.dumps(GOOD))
    parsed = settings.parse(json.dumps({**GOOD, "quota": without_rate}))
    assert parsed.quota == settings.Quota(max_tokens_per_call=4096)


@pytest.mark.parametrize("seconds", [1, 900, 1800])
def test_a_timeout_may_be_as_long_as_lambda_allows(seconds: int) -> None:
    assert settings.parse(json.dumps({**GOOD, "timeout": seconds})).timeout == seconds


def test_the_whole_hand_over_is_read() -> None:
    whole = {
        **GOOD,
        "audit": "required",
        "content": "hashed",
        "timeout": 300,
        "guardrail": {
            "arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/g",
            "version": "1",
        },
        "models": {
            "claude": {
                "base_model_id": "anthropic.claude-x",
                "count_tokens": True,
                "fallbacks": ["nova"],
                "model": "eu.anthropic.claude-x",
                "regions": ["eu-central-1"],
                "streaming": False,
            }
        },
        "quota": {
            "max_tokens_per_call": 4096,
            "requests_per_second": 0.5,
            "tokens_per_day": 1_000_000,
            "tokens_per_month": 20_000_000,
        },
        "usage": {"parameter": "/bedrock/local/usage/acme", "region": "eu-central-1"},
    }

    assert settings.parse(json.dumps(whole)).model_dump(mode="json") == whole


def test_the_provider_is_the_base_models_whatever_bedrock_is_asked_for() -> None:
    arn = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/abc"
    regions = ["eu-central-1"]
    for model in ("eu.amazon.nova-lite-v1:0", "global.amazon.nova-lite-v1:0", arn):
        granted = settings.Model.model_validate(
            {"base_model_id": "amazon.nova-lite-v1:0", "model": model, "regions": regions}
        )
        assert granted.provider == "amazon"
