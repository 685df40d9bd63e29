import pytest

GOOD = {
    "environment": "prod",
    "operations": {"account_id": "111111111111", "region": "eu-central-1"},
}


def stanza(account="222222222222", current="269170463fdc32af10a91e67a8fd77bd", **changed):
    return {
        "accounts": {account: {}},
        "external_ids": {"current": current},
        "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
        **changed,
    }


OTHER = stanza("333333333333", "e2f2aa7d039ce726c5185bff0d2467ce")


@pytest.mark.parametrize(
    "tenants",
    [
        {},
        {"acme": stanza(), "globex": OTHER},
        {"a1": stanza(), "t" * 41: OTHER},
        {"acme": stanza(accounts={"222222222222": {}, "012345678901": {"region": "eu-west-1"}})},
        {"acme": stanza(deployer={"external_id": "7d1f0c5b9a3e4826"}), "globex": OTHER},
    ],
    ids=lambda value: str(value)[:60],
)
def test_accepts_tenants(rules, tenants):
    assert rules.accepts(**GOOD, tenants=tenants)


@pytest.mark.parametrize(
    ("tenants", "sentence"),
    [
        (
            {"Acme": stanza(), "b": OTHER},
            (
                "A tenant's name consists of 2 or more lower-case letters and digits, with single "
                "hyphens between them, not Acme, b."
            ),
        ),
        ({"acme_1": stanza()}, "with single hyphens between them, not acme_1."),
        (
            {"Acme": stanza(), "acme": OTHER},
            "IAM role names are case-insensitive; rename one of Acme and acme.",
        ),
        (
            {"t" * 42: stanza(), "acme": OTHER},
            f"IAM allows 64 characters in a role name; shorten {'t' * 42} by 1.",
        ),
        (
            {"acme": stanza("111111111111")},
            (
                "The operations account 111111111111 cannot be a customer account, because no record may be "
                "stored in it; use the customer's own account in acme."
            ),
        ),
        (
            {"acme": stanza(), "globex": stanza(current="e2f2aa7d039ce726c5185bff0d2467ce")},
            (
                "A customer account has one tenant; write it in one stanza only, or list it in "
                "accounts_with_several_tenants: 222222222222 is in acme and globex."
            ),
        ),
        (
            {"acme": stanza(), "globex": stanza("333333333333")},
            (
                "Every ExternalId (current, previous or the deployer's) belongs to one tenant and is "
                "used once; mint another with `openssl rand -hex 16` for acme and globex."
            ),
        ),
        (
            {
                "acme": stanza(),
                "globex": {
                    **OTHER,
                    "external_ids": {
                        "current": "e2f2aa7d039ce726c5185bff0d2467ce",
                        "previous": "269170463fdc32af10a91e67a8fd77bd",
                    },
                },
            },
            "mint another with `openssl rand -hex 16` for acme and globex.",
        ),
        (
            {"acme": stanza(external_ids={"current": "x" * 16, "previous": "x" * 16})},
            "mint another with `openssl rand -hex 16` for acme and acme.",
        ),
        (
            {
                "acme": stanza(deployer={"external_id": "7d1f0c5b9a3e4826b0c4d7e1f2a39586"}),
                "globex": {
                    **OTHER,
                    "deployer": {"external_id": "7d1f0c5b9a3e4826b0c4d7e1f2a39586"},
                },
            },
            "mint another with `openssl rand -hex 16` for acme and globex.",
        ),
        (
            {"acme": stanza(deployer={"external_id": "269170463fdc32af10a91e67a8fd77bd"})},
            "mint another with `openssl rand -hex 16` for acme and acme.",
        ),
        *(
            (
                {"acme": stanza(deployer={"external_id": external_id}), "globex": OTHER},
                (
                    "deployer.external_id has 16 to 1,224 characters, all of them letters, digits or "
                    "_+=,.@:/-; mint one with `openssl rand -hex 16` for acme."
                ),
            )
            for external_id in (
                "",
                "short",
                "x" * 1225,
                "with a space in the middle",
                "f" * 32 + "*",
            )
        ),
        (
            {
                "acme": stanza(
                    accounts={
                        "222222222222": {"region": "eu-frankfurt-1"},
                        "333333333333": {"region": "eu-west-1"},
                    }
                )
            },
            'An account\'s region is a Region such as "eu-central-1"; correct eu-frankfurt-1.',
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refuses_tenants(rules, tenants, sentence):
    assert sentence in rules.refuses(**GOOD, tenants=tenants)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"environment": "pre-prod"},
            (
                "environment is 2 to 16 lower-case letters and digits that begin with a letter, such "
                'as "prod", not "pre-prod".'
            ),
        ),
        (
            {"operations": {"account_id": "11111111111", "region": "eu-central-1"}},
            (
                "operations.account_id is 12 digits in quotes (a number without them loses its "
                "leading zero), not 11111111111."
            ),
        ),
        (
            {"operations": {"account_id": "111111111111", "region": "eu-cental-1"}},
            'operations.region is a Region such as "eu-central-1", not "eu-cental-1".',
        ),
        (
            {"accounts_with_several_tenants": ["2222"]},
            "accounts_with_several_tenants lists account ids of 12 digits in quotes, not 2222.",
        ),
        (
            {"limits": {"roles": 0}},
            "limits are whole numbers of 1 or more; correct roles = 0.",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refuses_an_environment(rules, bad, sentence):
    assert sentence in rules.refuses(**{**GOOD, "tenants": {}, **bad})


SHARED = {"acme": stanza(), "globex": stanza(current="e2f2aa7d039ce726c5185bff0d2467ce")}


def test_an_account_may_have_several_tenants_when_it_is_listed(rules):
    assert rules.accepts(**GOOD, tenants=SHARED, accounts_with_several_tenants=["222222222222"])
    assert "222222222222 is in acme and globex." in rules.refuses(
        **GOOD, tenants=SHARED, accounts_with_several_tenants=["333333333333"]
    )


def test_a_lost_leading_zero_is_refused(rules):
    """HCL reads an id without quotes as a number."""
    (rules.path / "number.tfvars").write_text(
        'environment = "prod"\n'
        'operations = { account_id = 011111111111, region = "eu-central-1" }\n'
        "tenants = {}\n"
    )
    assert "loses its leading zero), not 11111111111." in rules.refuses("-var-file=number.tfvars")
