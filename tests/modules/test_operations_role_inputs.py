import pytest

GOOD = {
    "customer_account_ids": ["222222222222"],
    "environment": "prod",
    "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
    "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
    "operations_account_id": "111111111111",
    "partition": "aws",
    "tenant": "acme",
}


def nova(**changed):
    return {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"], **changed}}


@pytest.fixture(scope="module")
def root(rules):
    return rules("operations-role")


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"external_ids": {"current": "AZaz09_+=,.@:/-" + "x"}},
        {"external_ids": {"current": "x" * 1224}},
        {"models": nova(model="zai.glm-4.7")},
        {"models": nova(model="amazon.nova-lite-v1:0:300k")},
        {"models": nova(regions=["us-gov-west-1", "ap-southeast-2", "us-isob-east-1"])},
        {"models": nova(regions=["eusc-de-east-1", "cn-northwest-1", "mx-central-1"])},
    ],
    ids=str,
)
def test_accepts(root, good):
    assert root.accepts(**{**GOOD, **good})


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"customer_account_ids": []},
            "Tenant acme has no customer account; write at least one in accounts.",
        ),
        (
            {"customer_account_ids": ["222222222222", "33333333333"]},
            (
                "Tenant acme: a customer account is 12 digits in quotes (a number without them loses "
                "its leading zero), not 33333333333."
            ),
        ),
        (
            {"external_ids": {"current": "short"}},
            (
                "Tenant acme: an ExternalId has 16 to 1,224 characters; mint one with "
                "`openssl rand -hex 16`."
            ),
        ),
        ({"external_ids": {"current": ""}}, "an ExternalId has 16 to 1,224 characters"),
        ({"external_ids": {"current": "x" * 1225}}, "an ExternalId has 16 to 1,224 characters"),
        (
            {"external_ids": {"current": "269170463fdc32af10a91e67a8fd77b*"}},
            (
                "Tenant acme: an ExternalId is made of letters, digits and _+=,.@:/- only; mint one "
                "with `openssl rand -hex 16`."
            ),
        ),
        (
            {"external_ids": {"current": "x" * 16, "previous": "short"}},
            "an ExternalId has 16 to 1,224 characters",
        ),
        (
            {"external_ids": {"current": "x" * 16, "previous": ""}},
            "an ExternalId has 16 to 1,224 characters",
        ),
        (
            {"external_ids": {"current": "x" * 16, "previous": "with a space in it"}},
            "an ExternalId is made of letters, digits",
        ),
        (
            {"models": {}},
            (
                "Tenant acme has no models; grant at least one, for example nova = "
                '{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] }.'
            ),
        ),
        (
            {"models": {"No Va": nova()["nova"]}},
            "Tenant acme: an alias is lower-case letters, digits and single hyphens, not No Va.",
        ),
        (
            {"models": nova(model="amazon.*")},
            (
                "Tenant acme: write each model by its whole id, such as amazon.nova-lite-v1:0, "
                "without an ARN or a wildcard, not amazon.*."
            ),
        ),
        (
            {"models": nova(model="arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova")},
            "without an ARN or a wildcard, not arn:aws:bedrock:",
        ),
        (
            {"models": nova(model="eu.amazon.nova-lite-v1:0")},
            (
                "Tenant acme: write the model's own id and the Regions to call it in, not an "
                "inference profile: drop the prefix of eu.amazon.nova-lite-v1:0."
            ),
        ),
        (
            {"models": nova(regions=[])},
            "Tenant acme: name at least one Region in regions for nova.",
        ),
        (
            {"models": nova(regions=["eu-central-1", "eu-cental-1"])},
            "Tenant acme: a Region is written like eu-central-1, not eu-cental-1.",
        ),
        ({"models": nova(regions=["*"])}, "a Region is written like eu-central-1, not *."),
        ({"models": nova(regions=["eu-central-1a"])}, "not eu-central-1a."),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refuses(root, bad, sentence):
    assert sentence in root.refuses(**{**GOOD, **bad})
