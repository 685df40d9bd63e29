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
        (
            {"prod": stanza()},
            "A tenant cannot have its environment's name, because CONFIRM=prod would mean both; rename",
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
            {"shared_between_environments": ["2222", "b4bb49679828e437df6c824d53ed9043"]},
            (
                'ids of networks such as "vpc-0123456789abcdef0", and never an ExternalId; 2 of its '
                "entries are none of these."
            ),
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


def test_accepts_what_environments_may_share(rules):
    shared = [
        "222222222222",
        "arn:aws:iam::333333333333:role/path/auditor",
        "vpc-0123456789abcdef0",
        "vpce-0123456789abcdef0",
    ]
    assert rules.accepts(**GOOD, tenants={}, shared_between_environments=shared)


def in_vpc(**vpc):
    groups = {"security_group_ids": ["sg-0123456789abcdef0"], "subnet_ids": ["subnet-1"], **vpc}
    return {"vpc": groups}


def test_refuses_everybody_and_everything_that_belongs_to_another(rules):
    """One plan, because Terraform checks every rule and each names all that break it."""
    readers = [
        "arn:aws:iam::222222222222:user/auditor",
        "arn:aws:iam::999999999999:role/auditor",
        "333333333333",
    ]
    unmaskers = [
        "arn:aws:iam::222222222222:role/auditor",
        "arn:aws:iam::333333333333:role/path/bedrock-prod-acme-execution",
        "arn:aws:iam::333333333333:role/terraform-deployer",
        "arn:aws:iam::333333333333:role/bedrock-prod-globex-inspector",
    ]
    acme = stanza(
        accounts={"222222222222": in_vpc(id="vpc-1", subnet_ids=["subnet-2", "subnet-3"])},
        perimeter={"vpc_endpoints": ["vpce-1"]},
    )
    account = {
        "permissions_boundary": "arn:aws:iam::222222222222:policy/boundary",
        "readers": readers,
        "unmaskers": unmaskers,
        **in_vpc(id="vpc-1", security_group_ids=["sg-9"], subnet_ids=["subnet-2"]),
    }
    globex = {
        **OTHER,
        "accounts": {"333333333333": account},
        "perimeter": {"vpc_endpoints": ["vpce-1"]},
        "trusted_accounts": ["111111111111", "222222222222", "9999"],
    }
    refusal = rules.refuses(**GOOD, tenants={"acme": acme, "globex": globex})
    for sentence in (
        (
            "no tenant may name another tenant's users and roles; remove 111111111111 from globex and "
            "222222222222 from globex and 9999 from globex."
        ),
        (
            "Readers and unmaskers belong to the tenant's own accounts, or to an account that the stanza lists "
            f"in trusted_accounts; remove {readers[2]} from globex and {readers[1]} from globex, or add"
        ),
        (
            "A reader or unmasker is neither the deployer nor a role of a workload, because others act as these; "
            f"remove {unmaskers[3]} from globex and {unmaskers[1]} from globex and {unmaskers[2]} from globex."
        ),
        (
            "A permissions boundary is a policy of the account in which it is used, or one of AWS's; correct "
            "arn:aws:iam::222222222222:policy/boundary of globex."
        ),
        *(
            f"{network} is in the stanzas of acme and globex"
            for network in ("subnet-2", "vpc-1", "vpce-1")
        ),
    ):
        assert sentence in refusal
    untrusting = {**globex, "trusted_accounts": []}
    refusal = rules.refuses(**GOOD, tenants={"acme": acme, "globex": untrusting})
    for arn in (*readers, unmaskers[0]):
        assert f"{arn} from globex" in refusal


def test_accepts_principals_of_own_and_of_trusted_accounts(rules):
    accounts = {
        "333333333333": {
            "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess",
            "readers": ["arn:aws:iam::444444444444:user/auditor"],
        },
        "444444444444": {
            "permissions_boundary": "arn:aws:iam::444444444444:policy/boundary",
            "unmaskers": ["arn:aws:iam::999999999999:role/auditor"],
            **in_vpc(id="vpc-1"),
        },
    }
    globex = {
        **OTHER,
        "accounts": accounts,
        "perimeter": {"vpc_endpoints": ["vpce-1"]},
        "trusted_accounts": ["999999999999"],
    }
    assert rules.accepts(**GOOD, tenants={"acme": stanza(), "globex": globex})


def test_tenants_in_one_account_may_share_its_network(rules):
    shared = {"222222222222": in_vpc(id="vpc-1")}
    perimeter = {"vpc_endpoints": ["vpce-1"]}
    tenants = {
        name: {**tenant, "accounts": shared, "perimeter": perimeter}
        for name, tenant in (("acme", stanza()), ("globex", OTHER))
    }
    assert rules.accepts(**GOOD, tenants=tenants, accounts_with_several_tenants=["222222222222"])


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


COST = {"cost-center": "7", "Owner": "a.b@example.com"}


def tagged(place, tags):
    """The variables of an environment that sets these tags at one of the three places."""
    acme = {
        "environment": stanza(),
        "stanza": stanza(tags=tags),
        "account": stanza(accounts={"222222222222": {"tags": tags}}),
    }[place]
    return {"tenants": {"acme": acme}, **({"tags": tags} if place == "environment" else {})}


@pytest.mark.parametrize("place", ["environment", "stanza", "account"])
def test_accepts_tags(rules, place):
    assert rules.accepts(**GOOD, **tagged(place, COST))


@pytest.mark.parametrize("place", ["environment", "stanza", "account"])
@pytest.mark.parametrize(
    "tags",
    [{"Tenant": "x"}, {"aws:x": "x"}, {"managed-by": "x"}, {"alias": "x"}, {"a*": "x"}, {"a": "ä"}],
    ids=str,
)
def test_refuses_a_tag_that_is_reserved_or_that_aws_refuses(rules, place, tags):
    refusal = rules.refuses(**GOOD, **tagged(place, tags))
    assert f"{next(iter(tags))}" in refusal
    assert "because the roots, the modules or AWS set them" in refusal or "correct" in refusal


def test_refuses_names_of_tags_that_differ_in_case_alone(rules):
    def variables(spelling):
        acme = stanza(tags={"owner": "a"}, accounts={"222222222222": {"tags": {spelling: "2"}}})
        return {**GOOD, "tags": {"CostCenter": "1"}, "tenants": {"acme": acme}}

    assert "CostCenter of acme and costcenter of acme" in rules.refuses(**variables("costcenter"))
    assert rules.accepts(**variables("CostCenter"))
