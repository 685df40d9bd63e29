"""Plans of many tenants; golden/ has the expected policies."""

import json
from pathlib import Path

import pytest

from tests.modules.stanzas import EVERYTHING, ROUTES, by_route, nova, stanza
from tests.terraform import role_resources
from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.release import release_version

GOLDEN = Path(__file__).parent / "golden"
BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"
PROJECT = "arn:aws:bedrock:{}:111111111111:project/default"

# A Region of each partition, a profile prefix there, and the profile's destinations if they are not known.
PARTITIONS = {
    "aws": ("eu-central-1", "eu.", []),
    "aws-us-gov": ("us-gov-west-1", "us-gov.", []),
    "aws-cn": ("cn-north-1", "cn.", ["cn-north-1", "cn-northwest-1"]),
}

PREVIOUS = {
    "model": "amazon.nova-pro-v1:0",
    "profile": "eu.",
    "regions": ["eu-central-1"],
    "route": "geographic",
}
OLD_GUARDRAIL = {
    "arn": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/zyxwvuts9876",
    "version": "3",
}

STANZAS = {
    "acme": stanza(),
    "acme-x": stanza(models={"y": nova(track=True)["nova"]}),
    "everything": EVERYTHING,
    "active": {**EVERYTHING, "state": "active"},
    "guarded": stanza(guardrail=EVERYTHING["guardrail"]),
    "inside": stanza(perimeter={"networks": ["203.0.113.0/24", "2001:db8::/32"]}),
    "connected": stanza(perimeter={"vpc_endpoints": ["vpce-0123456789abcdef0"]}),
    "leaving": stanza(state="offboarding"),
    "london": stanza(
        models=nova(regions=["eu-west-2", "eu-central-1"], route="geographic", profile="eu.")
    ),
    "quiet": stanza(models=nova(streaming=False)),
    "projects": stanza(
        models={
            "quiet": {
                **nova(regions=["eu-central-1", "eu-west-3"], streaming=False)["nova"],
                "previous": {**nova(regions=["eu-north-1"], streaming=False)["nova"]},
            },
            **nova(
                profile="eu.",
                regions=["eu-central-1"],
                route="geographic",
                previous={**PREVIOUS, "regions": ["eu-west-2"]},
            ),
        }
    ),
    "changing": stanza(models=nova(previous=PREVIOUS)),
    "changing-tracked": stanza(
        models=nova(track=True, previous={**PREVIOUS, "count_tokens": True, "track": True})
    ),
    "before-tracked": stanza(models={"nova": {**PREVIOUS, "track": True}}),
    "after-tracked": stanza(models=nova(track=True)),
    "changing-regions": stanza(
        models=nova(track=True, previous={**nova(streaming=False)["nova"], "track": True})
    ),
    "changing-guardrail": stanza(
        guardrail={**EVERYTHING["guardrail"], "previous": OLD_GUARDRAIL},
    ),
    "becoming-guarded": stanza(guardrail={**EVERYTHING["guardrail"], "previous": {}}),
}


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def renamed(policy, tenant, other):
    """The policy of one tenant with the name of another."""
    return json.loads(json.dumps(policy).replace(tenant, other))


@pytest.fixture(scope="module")
def plan(tenants):
    return tenants(STANZAS, permissions_boundary=BOUNDARY).plan()


@pytest.fixture(scope="module")
def plain(tenants):
    """A tenant without a tracked alias and without a boundary, so that everything is known before apply."""
    models = {
        "claude": {
            "fallbacks": ["nova"],
            "model": "anthropic.claude-haiku-4-5-20251001-v1:0",
            "profile": "us-gov.",
            "regions": ["us-gov-west-1", "us-gov-east-1"],
            "route": "geographic",
            "streaming": False,
        },
        **nova(route="global", regions=["us-gov-east-1"]),
    }
    guardrail = {
        "arn": "arn:aws-us-gov:bedrock:us-gov-west-1:111111111111:guardrail/abc",
        "version": "7",
    }
    west = nova(
        regions=["us-gov-west-1"],
        previous={"model": PREVIOUS["model"], "regions": ["us-gov-west-1"]},
    )
    stanzas = {
        "acme": stanza(models=models, quota={"tokens_per_day": 5}),
        "changing": stanza(
            models=west, guardrail={**guardrail, "previous": {**guardrail, "version": "3"}}
        ),
    }
    return tenants(stanzas, partition="aws-us-gov", region="us-gov-west-1").plan()


@pytest.fixture(scope="module")
def permissions(plan):
    return lambda name: json.loads(plan.granted(f'module.role["{name}"].aws_iam_role.this'))


@pytest.fixture(scope="module")
def trust(plan):
    return lambda name: plan.policy(
        f'module.role["{name}"].aws_iam_role.this', "assume_role_policy"
    )


@pytest.fixture(scope="module")
def routes(tenants):
    """Every route in every partition in one plan, since the partition is an input."""
    stanzas, operations = {}, {}
    for partition, where in PARTITIONS.items():
        for route in ROUTES:
            stanzas[f"{partition}-{route}"] = by_route(route, *where)
            operations[f"{partition}-{route}"] = {"partition": partition, "region": where[0]}
    return tenants(stanzas, operations).plan()


@pytest.fixture(scope="module")
def counting(tenants):
    """Every route with and without count_tokens."""
    stanzas = {}
    for route in ROUTES:
        silent = by_route(route, "eu-central-1", "eu.", [])
        stanzas[f"{route}-silent"] = silent
        stanzas[route] = {**silent, "models": nova(**silent["models"]["nova"], count_tokens=True)}
    plan = tenants(stanzas).plan()

    def permissions(tenant):
        text = plan.granted(f'module.role["{tenant}"].aws_iam_role.this')
        return json.loads(text.replace("-silent", ""))

    return permissions


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_route_grants_exactly_what_it_takes(routes, partition, route):
    role = f'module.role["{partition}-{route}"].aws_iam_role.this'
    assert json.loads(routes.granted(role)) == golden(partition)[route]


def test_everything_a_stanza_can_say_is_in_its_policy(permissions):
    assert permissions("everything") == golden("everything")


def test_suspending_adds_one_statement_that_denies_everything(permissions):
    suspended = permissions("everything")["Statement"]
    assert suspended[1:] == renamed(permissions("active"), "active", "everything")["Statement"]
    assert suspended[0] == {
        "Sid": "SuspendedTenantsMayDoNothing",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
    }


def test_offboarding_denies_everything_too(permissions):
    assert permissions("leaving")["Statement"][0]["Sid"] == "SuspendedTenantsMayDoNothing"


@pytest.mark.parametrize("name", ["active", "acme", "guarded", "inside"])
def test_nothing_but_a_suspension_denies(permissions, name):
    """The handler recognizes a suspension by the words "explicit deny"."""
    assert {each["Effect"] for each in permissions(name)["Statement"]} == {"Allow"}


def test_without_streaming_one_action_is_granted_on_the_model_and_on_the_project(permissions):
    invoke, project = permissions("quiet")["Statement"]
    assert invoke["Action"] == project["Action"] == ["bedrock:InvokeModel"]
    assert project["Resource"] == [PROJECT.format("eu-central-1")]


def test_the_default_project_is_granted_where_calls_are_made_and_to_stream_where_they_may(
    permissions,
):
    """The Regions of a previous model count; those that a profile sends calls to do not."""
    projects = [each for each in permissions("projects")["Statement"] if "Project" in each["Sid"]]
    assert projects == [
        {
            "Sid": "UseTheDefaultProject",
            "Effect": "Allow",
            "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            "Resource": [PROJECT.format("eu-central-1"), PROJECT.format("eu-west-2")],
        },
        {
            "Sid": "UseTheDefaultProjectWithoutStreaming",
            "Effect": "Allow",
            "Action": ["bedrock:InvokeModel"],
            "Resource": [PROJECT.format("eu-north-1"), PROJECT.format("eu-west-3")],
        },
    ]


@pytest.mark.parametrize("name", ["guarded", "changing-guardrail", "becoming-guarded"])
def test_the_default_project_does_not_ask_for_the_guardrail(permissions, name):
    """No page says whether Bedrock names it when it authorizes the project; the model's statement asks."""
    assert "Condition" not in permissions(name)["Statement"][-1]


@pytest.mark.parametrize("route", ROUTES)
def test_a_count_is_granted_on_the_model_itself_in_the_called_regions(counting, route):
    *others, statement = counting(route)["Statement"]
    assert statement == {
        "Sid": "CountTokensOfNova",
        "Effect": "Allow",
        "Action": ["bedrock:CountTokens"],
        "Resource": ["arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"],
    }
    assert others == counting(f"{route}-silent")["Statement"]


def test_a_guardrail_is_asked_for_by_every_model_and_may_be_applied(permissions):
    apply, invoke, _ = permissions("guarded")["Statement"]
    assert apply["Action"] == ["bedrock:ApplyGuardrail"]
    assert apply["Resource"] == [EVERYTHING["guardrail"]["arn"]]
    assert invoke["Condition"] == {
        "StringEquals": {"bedrock:GuardrailIdentifier": [f"{EVERYTHING['guardrail']['arn']}:7"]}
    }


def test_networks_alone_are_asked_for_without_exception(permissions):
    assert permissions("inside")["Statement"][0]["Condition"] == {
        "IpAddress": {"aws:SourceIp": ["2001:db8::/32", "203.0.113.0/24"]}
    }


def test_endpoints_alone_are_asked_for_without_exception(permissions):
    assert permissions("connected")["Statement"][0]["Condition"] == {
        "StringEquals": {"aws:SourceVpce": ["vpce-0123456789abcdef0"]}
    }


def test_a_perimeter_is_on_every_statement(permissions):
    for each in permissions("active")["Statement"]:
        assert each["Condition"]["IpAddressIfExists"] == {"aws:SourceIp": ["203.0.113.0/24"]}
        assert each["Condition"]["StringEqualsIfExists"] == {
            "aws:SourceVpce": ["vpce-0123456789abcdef0"]
        }


@pytest.mark.parametrize(
    ("way", "allowed"),
    [
        ({"aws:SourceIp": "203.0.113.7"}, True),
        ({"aws:SourceIp": "198.51.100.7"}, False),
        ({"aws:SourceVpce": "vpce-0123456789abcdef0"}, True),
        ({"aws:SourceVpce": "vpce-0fedcba9876543210"}, False),
    ],
    ids=str,
)
def test_one_way_in_suffices_where_two_are_granted(permissions, way, allowed):
    """Decided by the local AWS's evaluator; a request has one of the two keys."""
    guardrail = EVERYTHING["guardrail"]["arn"]
    request = Request(
        action="bedrock:InvokeModel",
        resource="arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
        context={"bedrock:GuardrailIdentifier": f"{guardrail}:7", **way},
        requester=Requester("111111111111", "arn:aws:sts::111111111111:x", "arn:aws:iam::x"),
    )
    policy = parse_policy(json.dumps(permissions("active")), "models", Kind.IDENTITY)
    assert evaluate([policy], request).allowed is allowed


def test_a_profile_may_lead_to_the_region_it_is_called_in_and_to_those_of_the_table(permissions):
    behind = permissions("london")["Statement"][1]["Resource"]
    assert [arn.split(":")[3] for arn in behind] == [
        "eu-central-1",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
    ]


def test_trusts_only_the_tenants_execution_roles_with_its_external_ids_under_its_name(trust):
    assert trust("everything") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyTheTenantsExecutionRoles",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {
                    "AWS": ["arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:root"]
                },
                "Condition": {
                    "ArnEquals": {
                        "aws:PrincipalArn": [
                            "arn:aws:iam::222222222222:role/bedrock-prod-everything-execution",
                            "arn:aws:iam::333333333333:role/bedrock-prod-everything-execution",
                        ]
                    },
                    "StringEquals": {
                        "sts:ExternalId": [
                            "269170463fdc32af10a91e67a8fd77bd",
                            "e2f2aa7d039ce726c5185bff0d2467ce",
                        ],
                        "sts:RoleSessionName": "everything",
                    },
                },
            }
        ],
    }


def test_accepts_only_the_current_external_id_when_no_previous_one_is_set(trust):
    condition = trust("acme")["Statement"][0]["Condition"]["StringEquals"]
    assert condition["sts:ExternalId"] == ["269170463fdc32af10a91e67a8fd77bd"]


def test_a_suspended_tenant_is_trusted_as_before(trust):
    assert trust("everything") == renamed(trust("active"), "active", "everything")


def test_every_trusted_arn_is_in_the_partition(plain):
    trusted = plain.policy('module.role["acme"].aws_iam_role.this', "assume_role_policy")
    assert trusted["Statement"][0]["Principal"] == {
        "AWS": ["arn:aws-us-gov:iam::222222222222:root"]
    }
    assert trusted["Statement"][0]["Condition"]["ArnEquals"] == {
        "aws:PrincipalArn": ["arn:aws-us-gov:iam::222222222222:role/bedrock-prod-acme-execution"]
    }


def test_makes_a_role_with_its_only_policy_and_nothing_else(plan):
    addresses = {name for name in plan.addresses if '"acme"' in name}
    assert addresses == role_resources(
        'module.role["acme"].aws_iam_role.this', "grants", guarded=True
    )


def test_a_tracked_alias_has_a_profile_with_the_tags_its_grant_asks_for(plan, permissions):
    profile = plan.resource(
        'module.role["everything"].aws_bedrock_inference_profile'
        '.tracked["claude/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"]'
    )
    assert profile["name"] == "bedrock-prod-everything_claude_3dc4"
    assert profile["model_source"] == [
        {
            "copy_from": (
                "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/"
                "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
            )
        }
    ]
    keys = permissions("everything")["Statement"][2]["Condition"]["StringEquals"]
    assert profile["tags"] == {
        "alias": keys["aws:ResourceTag/alias"],
        "environment": keys["aws:ResourceTag/environment"],
        "tenant": keys["aws:ResourceTag/tenant"],
    }


def statements(permissions, tenant, previous):
    """The statements of the previous entries, or of the current ones."""
    return [
        each
        for each in permissions(tenant)["Statement"]
        if each["Sid"].startswith("Still") is previous
    ]


def test_a_previous_model_is_granted_as_it_was_beside_the_current_one(permissions):
    assert statements(permissions, "changing", previous=False) == permissions("acme")["Statement"]
    before = by_route("geographic", "eu-central-1", "eu.", [])
    before["models"]["nova"]["model"] = PREVIOUS["model"]
    through, behind = statements(permissions, "changing", previous=True)
    assert through == {
        "Sid": "StillInvokeNovaThroughItsProfile",
        "Effect": "Allow",
        "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
        "Resource": [
            "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-pro-v1:0"
        ],
    }
    assert behind["Sid"] == "StillInvokeNovaBehindItsProfile"
    assert behind["Condition"] == {
        "StringEquals": {"bedrock:InferenceProfileArn": through["Resource"]}
    }
    assert len(behind["Resource"]) == 6


def test_a_previous_tracked_model_keeps_its_profile_under_its_own_address_and_name(
    plan, permissions
):
    address = 'module.role["changing-tracked"].aws_bedrock_inference_profile.tracked'
    current = plan.resource(f'{address}["nova/amazon.nova-lite-v1:0"]')
    previous = plan.resource(f'{address}["nova/eu.amazon.nova-pro-v1:0"]')
    assert current["name"] == "bedrock-prod-changing-tracked_nova_ca29"
    assert previous["name"] == "bedrock-prod-changing-tracked_nova_8bc9"
    assert previous["tags"] == current["tags"]
    assert previous["model_source"][0]["copy_from"].endswith(
        ":111111111111:inference-profile/eu.amazon.nova-pro-v1:0"
    )
    sids = [each["Sid"] for each in statements(permissions, "changing-tracked", previous=True)]
    assert sids == [
        "StillInvokeNovaThroughItsProfile",
        "StillInvokeNovaBehindItsProfile",
        "StillCountTokensOfNova",
    ]


def test_a_profile_is_the_same_one_when_its_model_becomes_previous(plan):
    """So no step of a change replaces a profile: before, during and after, each has one address."""
    steps = ("before-tracked", "changing-tracked", "after-tracked")
    keys = {
        name: {
            address.partition(".tracked")[2]
            for address in plan.addresses
            if f'"{name}"' in address and ".tracked" in address
        }
        for name in steps
    }
    assert len(keys["changing-tracked"]) == 2
    assert keys["before-tracked"] | keys["after-tracked"] == keys["changing-tracked"]


def test_a_profile_that_copies_the_same_model_is_made_once(plan):
    addresses = [name for name in plan.addresses if '"changing-regions"' in name]
    assert sum("aws_bedrock_inference_profile" in name for name in addresses) == 1


def test_a_previous_guardrail_is_accepted_beside_the_current_one(permissions):
    apply, invoke, _ = permissions("changing-guardrail")["Statement"]
    current = EVERYTHING["guardrail"]
    assert apply["Resource"] == [current["arn"], OLD_GUARDRAIL["arn"]]
    assert invoke["Condition"]["StringEquals"]["bedrock:GuardrailIdentifier"] == [
        f"{current['arn']}:7",
        f"{OLD_GUARDRAIL['arn']}:3",
    ]


def test_an_empty_previous_guardrail_accepts_calls_without_one(permissions):
    apply, invoke, _ = permissions("becoming-guarded")["Statement"]
    assert apply == permissions("guarded")["Statement"][0]
    assert "Condition" not in invoke


def test_what_is_previous_is_granted_and_not_handed_over(plain):
    granted = plain.granted('module.role["changing"].aws_iam_role.this')
    assert PREVIOUS["model"] in granted
    assert "guardrail/abc:3" in granted
    handover = plain.outputs["roles"]["changing"]["handover"]
    assert handover["models"]["nova"].keys() == {
        "base_model_id",
        "count_tokens",
        "fallbacks",
        "model",
        "regions",
        "streaming",
    }
    assert handover["models"]["nova"]["model"] == "amazon.nova-lite-v1:0"
    assert handover["guardrail"].keys() == {"arn", "version"}
    assert handover["guardrail"]["version"] == "7"


def test_no_two_tenants_make_profiles_of_one_name(plan):
    profile = plan.resource(
        'module.role["acme-x"].aws_bedrock_inference_profile.tracked["y/amazon.nova-lite-v1:0"]'
    )
    assert (
        profile["name"] == "bedrock-prod-acme-x_y_ca29"
    )  # acme's x-y would be bedrock-prod-acme_x-y


def test_the_role_is_named_for_the_tenant_and_lasts_an_hour_within_its_boundary(plan):
    role = plan.resource('module.role["acme"].aws_iam_role.this')
    assert role["name"] == "bedrock-prod-acme"
    assert role["max_session_duration"] == 3600
    assert role["permissions_boundary"] == BOUNDARY
    assert role["tags"] == {"tenant": "acme"}


def test_has_no_boundary_unless_one_is_given(plain):
    assert plain.resource('module.role["acme"].aws_iam_role.this')["permissions_boundary"] is None


def test_every_role_says_which_release_made_it(plain):
    assert {role["version"] for role in plain.outputs["roles"].values()} == {release_version()}


def test_hands_over_all_the_customer_side_needs_before_apply(plain):
    """Only the ARN of a tracked alias's inference profile is not known."""
    role = plain.outputs["roles"]["acme"]
    quota = {
        "max_tokens_per_call": None,
        "requests_per_second": None,
        "tokens_per_day": 5,
        "tokens_per_month": None,
    }
    assert role["handover"] == {
        "destinations": {"claude": ["us-gov-east-1", "us-gov-west-1"]},
        "external_id": "269170463fdc32af10a91e67a8fd77bd",
        "guardrail": None,
        "models": {
            "claude": {
                "base_model_id": "anthropic.claude-haiku-4-5-20251001-v1:0",
                "count_tokens": False,
                "fallbacks": ["nova"],
                "model": "us-gov.anthropic.claude-haiku-4-5-20251001-v1:0",
                "regions": ["us-gov-west-1", "us-gov-east-1"],
                "streaming": False,
            },
            "nova": {
                "base_model_id": "amazon.nova-lite-v1:0",
                "count_tokens": False,
                "fallbacks": [],
                "model": "global.amazon.nova-lite-v1:0",
                "regions": ["us-gov-east-1"],
                "streaming": True,
            },
        },
        "perimeter": None,
        "quota": quota,
        "regions": ["us-gov-east-1", "us-gov-west-1"],
        "role_arn": "arn:aws-us-gov:iam::111111111111:role/bedrock-prod-acme",
        "state": "active",
        "usage": None,
    }
    assert role["quota"] == {
        "limits": {
            **quota,
            "aliases": {},
            "event_bus": None,
            "time_zone": "UTC",
            "usd_per_month": None,
            "warn_at": [50, 80, 95],
        },
        "previous_profiles": {},
        "profiles": {},
        "role": "bedrock-prod-acme",
        "state": "active",
    }


def test_sizes_are_those_of_the_policies_with_room_for_the_denial_of_a_suspension(plain):
    sizes = plain.outputs["roles"]["acme"]["sizes"]
    role = plain.resource('module.role["acme"].aws_iam_role.this')
    policy = json.loads(plain.granted('module.role["acme"].aws_iam_role.this'))
    denial = {
        "Sid": "SuspendedTenantsMayDoNothing",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
    }
    suspended = {**policy, "Statement": [denial, *policy["Statement"]]}
    assert sizes == {
        "permissions": len(json.dumps(suspended, separators=(",", ":"))),
        "trust": len(role["assume_role_policy"]),
    }
