"""Stanzas that satisfy or break each rule; one plan reports the violations of all tenants."""

import itertools

import pytest

from tests.modules.stanzas import nova, stanza

ID = "269170463fdc32af10a91e67a8fd77bd"
GUARDRAIL = {"arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc", "version": "1"}


def geographic(**changed):
    return stanza(models=nova(route="geographic", **{"profile": "eu.", **changed}))


def chain(*aliases):
    """Aliases, each of which falls back to the next."""
    models = {alias: dict(nova(model=f"amazon.{alias}-v1:0")["nova"]) for alias in aliases}
    for alias, following in itertools.pairwise(aliases):
        models[alias]["fallbacks"] = [following]
    return models


def looped():
    models = chain("one", "two", "three", "four", "five")
    models["five"]["fallbacks"] = ["one"]
    return models


def long_stanza(padding, **others):
    """A stanza whose permissions are as long as ``padding`` makes the only model of one ARN."""
    models = {
        f"m{index}": {
            "model": f"anthropic.claude-sonnet-4-5-2025092{index}-v1:0",
            "profile": "eu.",
            "regions": ["eu-central-1"],
            "route": "geographic",
        }
        for index in range(8)
    }
    padded = nova(model=f"amazon.{'x' * padding}-v1:0")["nova"]
    return stanza(models={**models, "padded": padded}, **others)


LONGEST = 1033  # with this padding, permissions and denial have exactly 10,240 characters

GOOD = [
    long_stanza(LONGEST),
    long_stanza(LONGEST, state="suspended"),
    stanza(accounts={"222222222222": {"managed_by": "customer"}}),
    stanza(external_ids={"current": "AZaz09_+=,.@:/-" + "x"}),
    stanza(external_ids={"current": "x" * 1224}),
    stanza(models=nova(model="zai.glm-4.7")),
    stanza(models=nova(model="amazon.nova-lite-v1:0:300k")),
    stanza(models=nova(regions=["us-gov-west-1", "ap-southeast-2", "us-isob-east-1"])),
    stanza(models=nova(regions=["eusc-de-east-1", "cn-northwest-1", "mx-central-1"])),
    stanza(models=chain("one", "two", "three", "four")),
    stanza(models=nova(track=True)),
    stanza(models={**nova(), "pro": {**nova()["nova"], "streaming": False, "track": True}}),
    stanza(models=nova(previous=nova(model="amazon.nova-pro-v1:0")["nova"])),
    stanza(models=nova(streaming=False, previous=nova()["nova"])),
    stanza(models=nova(track=True, previous=nova()["nova"])),
    stanza(guardrail=GUARDRAIL),
    stanza(guardrail={**GUARDRAIL, "previous": {**GUARDRAIL, "version": "2"}}),
    stanza(guardrail={**GUARDRAIL, "previous": {}}),
    stanza(perimeter={"networks": ["203.0.113.0/24", "2001:db8::/32"]}),
    stanza(quota={"requests_per_second": 0.5, "tokens_per_day": 1, "tokens_per_month": 1}),
    stanza(state="suspended"),
    geographic(regions=["eu-west-2"]),
    geographic(profile="xy.", destinations=["eu-west-2"]),
    geographic(profile="us.", regions=["ca-central-1"]),
    geographic(profile="us-gov.", regions=["us-gov-east-1"]),
    geographic(profile="apac.", regions=["ap-south-1"]),
    geographic(profile="jp.", regions=["ap-northeast-3"]),
    geographic(profile="au.", regions=["ap-southeast-4"]),
]

BAD = [
    (
        stanza(accounts={"222222222222": {"managed_by": "us"}}),
        'managed_by is "operator" or "customer", not "us"; correct it in 222222222222.',
    ),
    (stanza(accounts={}), "it has no customer account; add at least one to accounts."),
    (
        stanza(accounts={"222222222222": {}, "33333333333": {}}),
        (
            "a customer account is 12 digits in quotes (a number without them loses its leading "
            "zero), not 33333333333."
        ),
    ),
    *(
        (
            stanza(external_ids=ids),
            "an ExternalId has 16 to 1,224 characters; mint one with `openssl rand -hex 16`.",
        )
        for ids in (
            {"current": "short"},
            {"current": ""},
            {"current": "x" * 1225},
            {"current": ID, "previous": "short"},
            {"current": ID, "previous": ""},
        )
    ),
    *(
        (
            stanza(external_ids=ids),
            (
                "an ExternalId consists of letters, digits and _+=,.@:/- only; mint one with "
                "`openssl rand -hex 16`."
            ),
        )
        for ids in ({"current": f"{ID}*"}, {"current": ID, "previous": "with a space in it"})
    ),
    (stanza(state="paused"), 'state is "active", "suspended" or "offboarding", not "paused".'),
    (
        stanza(guardrail={"arn": "abc", "version": "1"}),
        (
            "guardrail.arn is the ARN of a guardrail in the operations account, such as "
            "arn:aws:bedrock:eu-central-1:111111111111:guardrail/abc123, not abc."
        ),
    ),
    (
        stanza(guardrail={**GUARDRAIL, "arn": GUARDRAIL["arn"].replace("1" * 12, "2" * 12)}),
        "guardrail.arn is the ARN of a guardrail in the operations account",
    ),
    (
        stanza(guardrail={**GUARDRAIL, "version": "DRAFT"}),
        (
            'guardrail.version is the number of a published version, such as "1", not "DRAFT"; a '
            "draft can change without notice."
        ),
    ),
    (
        stanza(guardrail=GUARDRAIL, models=nova(regions=["eu-central-1", "eu-west-1"])),
        (
            "its guardrail is in eu-central-1 and cannot be used in another Region; write "
            'regions = ["eu-central-1"] for nova.'
        ),
    ),
    (
        stanza(perimeter={}),
        (
            "an empty perimeter would refuse every call; list networks or vpc_endpoints, or "
            "leave perimeter out."
        ),
    ),
    (
        stanza(perimeter={"networks": ["203.0.113.0"]}),
        "a network is written in CIDR notation, such as 203.0.113.0/24, not 203.0.113.0.",
    ),
    (
        stanza(perimeter={"vpc_endpoints": ["vpc-0123456789abcdef0"]}),
        "a VPC endpoint is written as its id, such as vpce-0123456789abcdef0, not vpc-0123456789abcdef0.",
    ),
    (
        stanza(quota={"max_tokens_per_call": 0}),
        (
            "quota.max_tokens_per_call is a whole number of 1 or more, not 0; leave it out for no "
            "limit."
        ),
    ),
    (
        stanza(quota={"tokens_per_day": 1.5}),
        "quota.tokens_per_day is a whole number of 1 or more, not 1.5",
    ),
    (
        stanza(quota={"tokens_per_month": -1}),
        "quota.tokens_per_month is a whole number of 1 or more, not -1",
    ),
    (
        stanza(quota={"requests_per_second": 0}),
        'quota.requests_per_second is greater than 0, not 0; to stop a tenant, write state = "suspended".',
    ),
    (
        stanza(quota={"tokens_per_day": 2, "tokens_per_month": 1}),
        "quota.tokens_per_day is greater than tokens_per_month; lower it or raise tokens_per_month.",
    ),
    (
        stanza(models={}),
        (
            "it has no models; grant at least one, for example nova = "
            '{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] }.'
        ),
    ),
    (
        stanza(models={"No Va": nova()["nova"]}),
        "an alias consists of lower-case letters and digits, with single hyphens between them, not No Va.",
    ),
    (
        stanza(models={"a-1": nova()["nova"], "a1": nova()["nova"]}),
        "a-1 and a1 would give two policy statements the same Sid; rename one of them.",
    ),
    (
        stanza(models=nova(model="amazon.*")),
        (
            "write each model as its full id, such as amazon.nova-lite-v1:0, without an ARN or a "
            "wildcard, not amazon.*."
        ),
    ),
    (
        stanza(models=nova(model="arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova")),
        "write each model as its full id, such as amazon.nova-lite-v1:0, without an ARN",
    ),
    (
        stanza(models=nova(model="eu.amazon.nova-lite-v1:0")),
        (
            "write the model's own id and use route and profile instead of a prefix; remove the prefix "
            "from eu.amazon.nova-lite-v1:0."
        ),
    ),
    (
        stanza(models=nova(regions=[])),
        "list at least one Region in regions for nova, and each only once.",
    ),
    (
        stanza(models=nova(regions=["eu-west-1", "eu-west-1"])),
        "list at least one Region in regions for nova, and each only once.",
    ),
    *(
        (
            stanza(models=nova(regions=["eu-central-1", region])),
            f"a Region is written like eu-central-1, not {region}.",
        )
        for region in ("eu-cental-1", "*", "eu-central-1a")
    ),
    (geographic(destinations=["*"]), "a Region is written like eu-central-1, not *."),
    (
        stanza(models=nova(route="regional")),
        'route is "on-demand", "geographic" or "global" for nova, not "regional".',
    ),
    *(
        (
            wrong,
            (
                'profile is the prefix of a system-defined inference profile, such as "eu."; route = '
                '"geographic" requires it and no other route allows it; correct nova.'
            ),
        )
        for wrong in (
            geographic(profile=None),
            geographic(profile="eu"),
            geographic(profile="*."),
            stanza(models=nova(profile="eu.")),
            stanza(models=nova(profile="eu.", route="global")),
        )
    ),
    (
        stanza(models=nova(destinations=["eu-west-1"])),
        'destinations are allowed only with route = "geographic"; remove them from nova.',
    ),
    (
        geographic(profile="xy."),
        ("the Regions behind the profile xy. of nova are not known; list them in destinations."),
    ),
    *(
        (
            geographic(profile=profile, regions=[region]),
            (
                f"the profile {profile} cannot be called from {region}; use Regions of its geography "
                "for nova, or list the Regions behind it in destinations."
            ),
        )
        for profile, region in (
            ("eu.", "us-east-1"),
            ("us.", "us-gov-west-1"),
            ("us-gov.", "us-west-2"),
            ("jp.", "ap-southeast-1"),
        )
    ),
    *(
        (
            stanza(models=nova(regions=regions, track=True)),
            (
                "nova is tracked by an inference profile in eu-central-1, the operations Region; write regions "
                '= ["eu-central-1"].'
            ),
        )
        for regions in (["eu-west-1"], ["eu-central-1", "eu-west-1"])
    ),
    (
        stanza(models={"n" * 60: nova(track=True)["nova"]}),
        (
            "Bedrock allows 64 characters in the name of an inference profile; shorten the tracked "
            f"alias {'n' * 60} by 18."
        ),
    ),
    (
        stanza(models=nova(previous=nova()["nova"])),
        "previous of nova is what nova grants already; remove previous, or write there what it granted before.",
    ),
    (
        stanza(models=nova(previous={**nova()["nova"], "model": "eu.amazon.nova-pro-v1:0"})),
        (
            "write the model's own id and use route and profile instead of a prefix; remove the prefix "
            "from eu.amazon.nova-pro-v1:0."
        ),
    ),
    (
        stanza(models=nova(previous={"model": "amazon.nova-pro-v1:0"})),
        "list at least one Region in regions for previous of nova, and each only once.",
    ),
    (
        stanza(models=nova(previous={**nova()["nova"], "route": "geographic"})),
        (
            'profile is the prefix of a system-defined inference profile, such as "eu."; route = '
            '"geographic" requires it and no other route allows it; correct previous of nova.'
        ),
    ),
    (
        stanza(models=nova(previous={**nova()["nova"], "regions": ["eu-west-1"], "track": True})),
        "previous of nova is tracked by an inference profile in eu-central-1, the operations Region",
    ),
    (
        stanza(models={"n" * 50: {**nova()["nova"], "previous": nova(track=True)["nova"]}}),
        (
            "Bedrock allows 64 characters in the name of an inference profile; shorten the tracked "
            f"alias {'n' * 50} by"
        ),
    ),
    (
        stanza(guardrail={**GUARDRAIL, "previous": {"arn": GUARDRAIL["arn"]}}),
        'guardrail.previous.version is the number of a published version, such as "1", not ""',
    ),
    (
        stanza(guardrail={**GUARDRAIL, "previous": {**GUARDRAIL, "arn": "abc"}}),
        "guardrail.previous.arn is the ARN of a guardrail in the operations account",
    ),
    (
        stanza(models={**nova(), "nova-quiet": {**nova()["nova"], "streaming": False}}),
        (
            "two aliases call amazon.nova-lite-v1:0 by the same route and only one may stream, but IAM "
            "cannot tell them apart; set streaming alike for both."
        ),
    ),
    (
        stanza(models=nova(fallbacks=["claude"])),
        "fallbacks of nova are other aliases of its stanza, not claude.",
    ),
    (
        stanza(models=nova(fallbacks=["nova"])),
        "fallbacks of nova are other aliases of its stanza, not nova.",
    ),
    (
        stanza(models=looped()),
        "fallbacks of one form a circle or a chain of more than three; remove the fallbacks of the last alias.",
    ),
    (
        stanza(models=chain("one", "two", "three", "four", "five")),
        "fallbacks of one form a circle or a chain of more than three; remove the fallbacks of the last alias.",
    ),
    (
        stanza(accounts={f"{200000000000 + index}": {} for index in range(20)}),
        (
            "the trust policy has 2150 characters, 102 more than IAM allows; give the tenant fewer "
            "accounts, or have AWS raise the limit and write it in limits.trust_policy."
        ),
    ),
    (
        stanza(
            models={
                f"m{index}": {
                    "model": f"anthropic.claude-sonnet-4-5-2025092{index}-v1:0",
                    "profile": "eu.",
                    "regions": ["eu-central-1"],
                    "route": "geographic",
                }
                for index in range(10)
            }
        ),
        (
            "the permissions have 11195 characters with the denial of a suspension, 955 more than the 10,240 that "
            "IAM allows; grant fewer "
            "models or Regions, or finish replacing a model first (`previous`)."
        ),
    ),
    *(
        (
            long_stanza(LONGEST + 1, **state),
            "the permissions have 10241 characters with the denial of a suspension, 1 more than the 10,240 that",
        )
        for state in ({}, {"state": "suspended"})
    ),
    # Null where a value is needed; TENANTS reads the cases from JSON, so every type passes.
    *(
        (
            stanza(external_ids=ids),
            "an ExternalId has 16 to 1,224 characters; mint one with `openssl rand -hex 16`.",
        )
        for ids in (None, {}, {"current": None}, {"current": None, "previous": ID})
    ),
    (stanza(accounts=None), "it has no customer account; add at least one to accounts."),
    (stanza(models=None), "it has no models; grant at least one"),
    (stanza(models={"nova": None}), "nova is null; write its model and regions"),
    (stanza(models=nova(model=None)), "write each model as its full id, such as amazon"),
    (stanza(models=nova(regions=None)), "list at least one Region in regions for nova"),
    (
        stanza(models=nova(regions=["eu-central-1", None])),
        "a Region is written like eu-central-1, not null.",
    ),
    (geographic(destinations=[None]), "a Region is written like eu-central-1, not null."),
    (
        stanza(models=nova(fallbacks=[None])),
        "fallbacks of nova are other aliases of its stanza, not null.",
    ),
    (
        stanza(guardrail={"arn": None, "version": "1"}),
        "guardrail.arn is the ARN of a guardrail in the operations account",
    ),
    (
        stanza(guardrail={**GUARDRAIL, "version": None}),
        "guardrail.version is the number of a published version",
    ),
    (
        stanza(perimeter={"networks": ["203.0.113.0/24", None]}),
        "a network is written in CIDR notation, such as 203.0.113.0/24, not null.",
    ),
    (
        stanza(perimeter={"vpc_endpoints": [None]}),
        "a VPC endpoint is written as its id, such as vpce-0123456789abcdef0, not null.",
    ),
]


@pytest.fixture(scope="module")
def refusal(tenants):
    return tenants({f"t{index}": wrong for index, (wrong, _) in enumerate(BAD)}).refuses()


@pytest.mark.parametrize("index", range(len(BAD)), ids=[sentence[:60] for _, sentence in BAD])
def test_refuses(refusal, index):
    assert f"Tenant t{index}: {BAD[index][1]}" in refusal


def test_accepts_what_keeps_the_rules(tenants):
    assert tenants({f"t{index}": good for index, good in enumerate(GOOD)}).accepts()


def test_a_tenant_that_keeps_the_rules_is_not_blamed(tenants):
    refusal = tenants({"acme": stanza(), "globex": stanza(accounts={})}).refuses()
    assert "Tenant globex: it has no customer account" in refusal
    assert "Tenant acme" not in refusal


def test_no_external_id_is_in_a_refusal(refusal):
    assert ID not in refusal


def test_a_raised_trust_policy_limit_admits_more_accounts(tenants):
    many = stanza(accounts={f"{200000000000 + index}": {} for index in range(20)})
    assert tenants({"acme": many}, trust_policy_limit=4096).accepts()
