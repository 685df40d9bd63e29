"""Which calls a changed stanza refuses, for each kind of change, beside the change that refuses none."""

import copy

import pytest

from tools.proof.lost_calls import lost_calls, uses_previous

GUARDRAIL = {"arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc", "version": "1"}
NEWER = {**GUARDRAIL, "version": "2"}
PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/abc"
STANZA = {
    "external_ids": {"current": "the-secret-of-acme"},
    "models": {
        "claude": {
            "model": "anthropic.claude-3-haiku-20240307-v1:0",
            "regions": ["eu-central-1"],
            "track": True,
        },
        "nova": {
            "count_tokens": True,
            "model": "amazon.nova-lite-v1:0",
            "profile": "eu.",
            "regions": ["eu-central-1", "eu-west-1"],
            "route": "geographic",
        },
    },
}
NOVA = STANZA["models"]["nova"]
CLAUDE = STANZA["models"]["claude"]
EU = ["eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"]
HANDOVER = {
    "destinations": {"nova": EU},
    "external_id": "the-secret-of-acme",
    "guardrail": None,
    "models": {
        "claude": {
            "base_model_id": "anthropic.claude-3-haiku-20240307-v1:0",
            "count_tokens": False,
            "fallbacks": [],
            "model": PROFILE,
            "regions": ["eu-central-1"],
            "streaming": True,
        },
        "nova": {
            "base_model_id": "amazon.nova-lite-v1:0",
            "count_tokens": True,
            "fallbacks": [],
            "model": "eu.amazon.nova-lite-v1:0",
            "regions": ["eu-central-1", "eu-west-1"],
            "streaming": True,
        },
    },
    "perimeter": None,
}


def stanza(nova=None, claude=None, **changed):
    """The stanza with other attributes; None removes an attribute of a model."""
    changed_stanza = {**copy.deepcopy(STANZA), **changed}
    for alias, attributes in (("nova", nova), ("claude", claude)):
        model = changed_stanza["models"].get(alias, {})
        model.update(attributes or {})
        changed_stanza["models"][alias] = {k: v for k, v in model.items() if v is not None}
    return changed_stanza


def with_previous(alias, **attributes):
    """The stanza with a changed model that keeps what it granted before."""
    old = copy.deepcopy(STANZA["models"][alias])
    return stanza(**{alias: {**attributes, "previous": old}})


def test_what_was_handed_over_and_is_still_granted_is_not_lost():
    assert lost_calls(STANZA, HANDOVER) == []


MODEL_CHANGES = [
    (
        "nova",
        {"model": "amazon.nova-pro-v1:0"},
        ["alias nova changes from eu.amazon.nova-lite-v1:0 to eu.amazon.nova-pro-v1:0"],
    ),
    (
        "nova",
        {"profile": None, "route": "on-demand"},
        ["alias nova changes from eu.amazon.nova-lite-v1:0 to amazon.nova-lite-v1:0"],
    ),
    (
        "nova",
        {"profile": None, "route": "global"},
        ["alias nova changes from eu.amazon.nova-lite-v1:0 to global.amazon.nova-lite-v1:0"],
    ),
    ("nova", {"regions": ["eu-central-1"]}, ["alias nova may no longer be called in eu-west-1"]),
    ("nova", {"streaming": False}, ["alias nova may no longer stream"]),
    (
        "nova",
        {"destinations": ["eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-3"]},
        [],  # eu-west-1 is called itself
    ),
    (
        "nova",
        {"destinations": ["eu-central-1", "eu-north-1"]},
        ["the profile of alias nova may no longer send calls to eu-south-1, eu-south-2, eu-west-3"],
    ),
    (
        "nova",
        {"track": True, "regions": ["eu-central-1"]},
        [
            (
                "alias nova changes from eu.amazon.nova-lite-v1:0 to eu.amazon.nova-lite-v1:0 through a "
                "profile of the tenant's own"
            )
        ],
    ),
    (
        "claude",
        {"model": "anthropic.claude-3-5-sonnet-20240620-v1:0"},
        [
            (
                "alias claude changes from anthropic.claude-3-haiku-20240307-v1:0 through a profile of the "
                "tenant's own to anthropic.claude-3-5-sonnet-20240620-v1:0 through a profile of the tenant's own"
            )
        ],
    ),
    (
        "claude",
        {"track": False},
        [
            (
                "alias claude changes from anthropic.claude-3-haiku-20240307-v1:0 through a profile of the "
                "tenant's own to anthropic.claude-3-haiku-20240307-v1:0"
            )
        ],
    ),
]


@pytest.mark.parametrize(("alias", "change", "problems"), MODEL_CHANGES, ids=str)
def test_a_changed_model_loses_calls_unless_it_has_a_previous(alias, change, problems):
    lost = lost_calls(stanza(**{alias: change}), HANDOVER)
    assert [problem for problem in lost if "count the tokens" not in problem] == problems
    assert lost_calls(with_previous(alias, **change), HANDOVER) == []


def test_counting_tokens_is_lost_unless_previous_has_it():
    problem = "alias nova may no longer count the tokens of amazon.nova-lite-v1:0"
    assert lost_calls(stanza(nova={"count_tokens": False}), HANDOVER) == [problem]
    assert lost_calls(with_previous("nova", count_tokens=False), HANDOVER) == []


def test_an_alias_that_is_removed_is_lost_even_if_another_calls_the_same_model():
    renamed = copy.deepcopy(STANZA)
    renamed["models"]["fast"] = renamed["models"].pop("nova")
    assert lost_calls(renamed, HANDOVER) == [
        "alias nova, which calls eu.amazon.nova-lite-v1:0, is removed"
    ]


def test_a_profile_of_the_tenants_own_that_the_apply_removes_is_lost():
    lost = lost_calls(STANZA, HANDOVER, {PROFILE: False})
    assert [problem.partition(" from")[0] for problem in lost] == ["alias claude changes"]
    assert lost_calls(STANZA, HANDOVER, {f"{PROFILE}d": False}) == []


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (None, None, False),
        (GUARDRAIL, GUARDRAIL, False),
        (GUARDRAIL, NEWER, True),
        (GUARDRAIL, {**NEWER, "previous": GUARDRAIL}, False),
        (GUARDRAIL, {**NEWER, "previous": {**GUARDRAIL, "version": "9"}}, True),
        (None, GUARDRAIL, True),
        (None, {**GUARDRAIL, "previous": {}}, False),
        (GUARDRAIL, None, True),
    ],
    ids=str,
)
def test_a_guardrail_is_lost_unless_it_is_the_current_or_the_previous_one(old, new, lost):
    assert bool(lost_calls(stanza(guardrail=new), {**HANDOVER, "guardrail": old})) is lost


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ({"networks": ["203.0.113.0/24"]}, None, False),
        ({"networks": ["203.0.113.0/24"]}, {"networks": ["203.0.112.0/23"]}, False),
        ({"networks": ["203.0.113.0/24"]}, {"networks": ["203.0.113.0/25"]}, True),
        ({"networks": ["203.0.113.0/24"]}, {"networks": ["2001:db8::/32"]}, True),
        ({"vpc_endpoints": ["vpce-1"]}, {"vpc_endpoints": ["vpce-1", "vpce-2"]}, False),
        ({"vpc_endpoints": ["vpce-1"]}, {"vpc_endpoints": ["vpce-2"]}, True),
        (None, {"networks": ["203.0.113.0/24"]}, True),
    ],
    ids=str,
)
def test_a_perimeter_that_becomes_narrower_is_named(old, new, lost):
    assert bool(lost_calls(stanza(perimeter=new), {**HANDOVER, "perimeter": old})) is lost


def test_a_hand_over_of_an_earlier_version_says_nothing_of_the_perimeter():
    handover = {name: value for name, value in HANDOVER.items() if name != "perimeter"}
    assert lost_calls(stanza(perimeter={"networks": ["203.0.113.0/24"]}), handover) == []


def test_an_external_id_is_lost_unless_it_is_the_current_or_the_previous_one():
    ids = {"current": "another-secret"}
    (problem,) = lost_calls(stanza(external_ids=ids), HANDOVER)
    assert "the ExternalId changes" in problem
    assert "secret" not in problem
    both = {**ids, "previous": "the-secret-of-acme"}
    assert lost_calls(stanza(external_ids=both), HANDOVER) == []


@pytest.mark.parametrize("state", ["suspended", "offboarding"])
def test_a_tenant_that_is_denied_everything_loses_nothing_more(state):
    assert lost_calls({**stanza(nova={"model": "x.y"}), "state": state}, HANDOVER) == []


def test_fallbacks_and_quotas_are_no_grants():
    assert lost_calls(stanza(nova={"fallbacks": ["claude"]}, quota={}), HANDOVER) == []


# --- whether `previous` may go ---


def changed(alias, **settings):
    """The hand-over, or a function's settings, with other values for one alias."""
    models = {**HANDOVER["models"], alias: {**HANDOVER["models"][alias], **settings}}
    return {**HANDOVER, "models": models}


def test_previous_is_used_until_the_function_has_the_new_model():
    during = with_previous("nova", model="amazon.nova-pro-v1:0")
    new = {"base_model_id": "amazon.nova-pro-v1:0", "model": "eu.amazon.nova-pro-v1:0"}
    handover = changed("nova", **new, count_tokens=True)
    assert uses_previous(during, "nova", HANDOVER, handover)
    assert not uses_previous(during, "nova", handover, handover)


def test_previous_is_used_until_the_function_calls_the_profile_that_was_handed_over():
    """The profile of another route runs the same model, so its ARN alone tells them apart."""
    during = with_previous("claude", route="global")
    handover = changed("claude", model=f"{PROFILE}d")
    assert uses_previous(during, "claude", HANDOVER, handover)
    assert not uses_previous(during, "claude", handover, handover)
