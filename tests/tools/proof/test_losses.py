"""What a plan would take away is found and refused, each beside its twin that takes nothing away."""

import json
from pathlib import Path

import pytest

from tools.cli.confirmation import confirmed_names
from tools.environment.model import load_environment
from tools.proof.loss_check import added_reservation, reservation_problem
from tools.proof.losses import confirmation, losses_of, refusals
from tools.proof.refusal_warnings import warn_of_refusals
from tools.proof.saved_plan import SavedPlan
from tools.terraform.healing import REPLACED_WHEN_HALF_MADE
from tools.terraform.state import customer_state, operations_state

ACCOUNT = load_environment("local").accounts_of("acme")[0]
DELETE, REPLACE, CREATE = ["delete"], ["delete", "create"], ["create"]


def trust(*accounts):
    principals = [f"arn:aws:iam::{account}:root" for account in accounts]
    statement = {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"}
    return json.dumps({"Statement": [statement]})


def change(kind, actions, before=None, after=None, address=None, **more):
    where = address or f"module.customer_workload.{kind}.this"
    values = {"actions": actions, "before": before, "after": after}
    return {"address": where, "mode": "managed", "type": kind, "change": values, **more}


def role_of(tenant, actions, before=None, after=None):
    """A change of a tenant's role; ``before`` and ``after`` are the accounts that its trust policy names."""

    def role(accounts):
        name = f"bedrock-local-{tenant}"
        return accounts and {"name": name, "assume_role_policy": trust(*accounts)}

    address = f'module.operations_role["{tenant}"].aws_iam_role.this'
    return change("aws_iam_role", actions, role(before), role(after), address)


def operations_plan(*changes, tenants=("acme", "globex", "initech")):
    variables = {"tenants": {"value": {tenant: {} for tenant in tenants}}}
    return {"resource_changes": list(changes), "variables": variables}


def customer_plan(*changes, **outputs):
    variables = {"tenant": {"value": "acme"}, "account_id": {"value": "222222222222"}}
    return {"resource_changes": list(changes), "variables": variables, "output_changes": outputs}


def saved(content, state):
    return SavedPlan(state, Path("plan"), content, "", None)


def sentences(plan):
    return [f"{loss.tenant}: {loss.sentence}" for loss in losses_of(plan)]


KINDS = {
    "aws_bedrock_inference_profile": ({"name": "bedrock-local-acme_claude"}, "calls that still name it fail"),
    "aws_cloudwatch_log_data_protection_policy": (
        {"log_group_name": "/bedrock/local/acme/records"},
        "what it masks is written unmasked",
    ),
    "aws_cloudwatch_log_group": ({"name": "/bedrock/local/acme/records"}, "every record in it is deleted"),
    "aws_iam_role": ({"name": "bedrock-local-acme-execution"}, "neither call models nor write records"),
    "aws_iam_role_policy": ({"name": "grants", "role": "bedrock-local-acme"}, "what it allows is refused"),
    "aws_kms_alias": ({"name": "alias/bedrock-local-acme"}, "nothing finds the key"),
    "aws_kms_key": ({"id": "1234abcd"}, "nobody can read the records"),
    "aws_lambda_alias": ({"function_name": "bedrock-local-acme", "name": "live"}, "callers that invoke it fail"),
    "aws_lambda_function": ({"function_name": "bedrock-local-acme"}, "callers that invoke it fail"),
    "aws_sns_topic": ({"id": "a-new-kind"}, "what it did ends"),
    "aws_vpc_endpoint": ({"id": "vpce-1"}, "calls that go through it fail"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_destroyed_or_replaced_is_a_loss_and_whatever_is_made_or_changed_is_not(kind):
    before, consequence = KINDS[kind]
    (destroyed,) = sentences(customer_plan(change(kind, DELETE, before)))
    assert destroyed.startswith("acme: the ")
    assert consequence in destroyed
    assert str(next(iter(before.values()))) in destroyed
    for actions in (REPLACE, REPLACE[::-1]):
        (replaced,) = sentences(customer_plan(change(kind, actions, before, before)))
        assert "is destroyed and made anew: " in replaced
    (deposed,) = sentences(customer_plan(change(kind, DELETE, before, deposed="abcd1234")))
    assert "left over from an earlier apply, which is destroyed" in deposed
    for actions in (CREATE, ["update"], ["no-op"], ["read"]):
        assert sentences(customer_plan(change(kind, actions, before, before))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_interrupted_apply_left_half_made_is_a_loss_unless_it_holds_nothing(kind):
    before, _ = KINDS[kind]
    for actions in (REPLACE, REPLACE[::-1]):
        half_made = change(kind, actions, before, before, action_reason="replace_because_tainted")
        assert bool(sentences(customer_plan(half_made))) == (kind not in REPLACED_WHEN_HALF_MADE)
        unasked = change(
            kind, actions, before, before, action_reason="replace_because_cannot_update"
        )
        assert sentences(customer_plan(unasked))


@pytest.mark.parametrize(
    ("name", "consequence"),
    [
        ("bedrock-local-acme-reader", "nobody can read the records as this role"),
        ("bedrock-local-acme-unmasker", "nobody can read the records as this role"),
        ("bedrock-local-acme-execution", "the function can neither"),
    ],
)
def test_the_end_of_each_role_has_its_own_consequence(name, consequence):
    (sentence,) = sentences(customer_plan(change("aws_iam_role", DELETE, {"name": name})))
    assert consequence in sentence


def test_the_end_of_a_check_and_of_a_data_source_is_no_loss():
    exclusive = change("aws_iam_role_policies_exclusive", DELETE, {"role_name": "r"})
    data = {**change("aws_kms_key", DELETE, {"id": "k"}), "mode": "data"}
    assert sentences(customer_plan(exclusive, data)) == []


def test_a_roles_policy_is_not_named_beside_its_role():
    role = change("aws_iam_role", DELETE, {"name": "bedrock-local-acme-execution"})
    own = change("aws_iam_role_policy", DELETE, {"name": "p", "role": "bedrock-local-acme-execution"})  # fmt: skip
    other = change("aws_iam_role_policy", DELETE, {"name": "p", "role": "bedrock-local-acme-reader"})  # fmt: skip
    assert len(sentences(customer_plan(role, own))) == 1
    assert len(sentences(customer_plan(role, other))) == 2


def test_a_tracked_profile_that_no_function_calls_is_no_loss():
    address = 'module.operations_role["acme"].aws_bedrock_inference_profile.tracked["claude/x"]'
    before = {"name": "bedrock-local-acme_claude"}
    profile = "aws_bedrock_inference_profile"
    assert sentences(operations_plan(change(profile, DELETE, before, address=address))) == []
    assert len(sentences(operations_plan(change(profile, REPLACE, before, before, address)))) == 1


def test_a_profile_that_is_adopted_is_made_anew_without_a_confirmation():
    address = 'module.operations_role["acme"].aws_bedrock_inference_profile.tracked["claude/x"]'
    values = {"arn": "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/1"}
    known = change("aws_bedrock_inference_profile", REPLACE, values, values, address)
    assert sentences(operations_plan(known))
    adopted = {**known, "change": {**known["change"], "importing": {"id": "1"}}}
    assert sentences(operations_plan(adopted)) == []


def test_a_log_group_that_stays_in_aws_is_no_longer_managed():
    group = {"name": "/bedrock/local/acme/records", "skip_destroy": True}
    (sentence,) = sentences(customer_plan(change("aws_cloudwatch_log_group", DELETE, group)))
    assert "it stays with its records, but is no longer managed" in sentence


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (365, 30, "for 30 days instead of 365 days: CloudWatch deletes the records of up to 335 days"),
        (0, 3653, "for 3,653 days instead of for ever: CloudWatch deletes every record older than 3,653"),
        (None, 1, "for 1 days instead of for ever"),
        (30, 365, None),
        (30, 30, None),
        (30, 0, None),
    ],
)  # fmt: skip
def test_a_lower_retention_is_a_loss_of_days_and_a_higher_one_is_not(old, new, words):
    group = {"name": "/bedrock/local/acme/records"}
    before, after = group | {"retention_in_days": old}, group | {"retention_in_days": new}
    found = sentences(customer_plan(change("aws_cloudwatch_log_group", ["update"], before, after)))
    assert [words in sentence for sentence in found] == ([True] if words else [])


def masking(*names):
    identifiers = [f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in names]
    document = {"Statement": [{"DataIdentifier": identifiers}]}
    return {
        "log_group_name": "/bedrock/local/acme/records",
        "policy_document": json.dumps(document),
    }


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (["EmailAddress", "Ssn-US"], ["EmailAddress"], "no longer masks Ssn-US"),
        (["Ssn-US"], ["Ssn-US", "EmailAddress"], None),
    ],
)
def test_a_mask_that_is_taken_off_is_a_loss_and_a_new_one_is_not(old, new, lost):
    kind = "aws_cloudwatch_log_data_protection_policy"
    found = sentences(customer_plan(change(kind, ["update"], masking(*old), masking(*new))))
    assert [lost in sentence for sentence in found] == ([True] if lost else [])


@pytest.mark.parametrize(
    ("old", "new", "is_lost"),
    [
        ("eu-central-1", "eu-west-1", True),
        ("eu-central-1", "eu-central-1", False),
        (None, "eu-central-1", False),
        ("eu-central-1", None, False),
    ],
)
def test_another_region_of_an_account_is_a_loss_and_a_first_one_is_not(old, new, is_lost):
    found = sentences(customer_plan(region={"actions": ["update"], "before": old, "after": new}))
    assert bool(found) == is_lost
    if is_lost:
        assert "account 222222222222 moves from eu-central-1 to eu-west-1" in found[0]


def test_a_stanza_that_is_gone_names_the_role_the_accounts_and_the_way_back():
    (sentence,) = sentences(
        operations_plan(role_of("umbrella", DELETE, before=["666666666666"])),
    )
    assert "umbrella: umbrella has no stanza. The role bedrock-local-umbrella" in sentence
    assert "account 666666666666 are no longer managed" in sentence
    assert "If the stanza was lost in a merge, put it back" in sentence


def test_a_tenants_profiles_are_not_named_beside_its_role():
    profile = change(
        "aws_bedrock_inference_profile", DELETE, {"name": "bedrock-local-umbrella_claude"},
        address='module.operations_role["umbrella"].aws_bedrock_inference_profile.tracked["claude"]',
    )  # fmt: skip
    role = role_of("umbrella", DELETE, before=["666666666666"])
    assert len(sentences(operations_plan(role, profile))) == 1


def test_a_stanza_under_a_new_name_with_the_same_account_is_called_a_change_of_name():
    (sentence,) = sentences(
        operations_plan(
            role_of("acme", DELETE, before=["222222222222"]),
            role_of("acme-eu", CREATE, after=["222222222222"]),
            role_of("hooli", CREATE, after=["777777777777"]),
            tenants=("acme-eu", "hooli"),
        )
    )
    assert "acme is gone and acme-eu is new with the same account 222222222222" in sentence
    assert "keep the name" in sentence


def test_a_lost_and_a_new_stanza_with_different_accounts_are_no_change_of_name():
    (sentence,) = sentences(
        operations_plan(
            role_of("acme", DELETE, before=["222222222222"]),
            role_of("hooli", CREATE, after=["777777777777"]),
            tenants=("hooli",),
        )
    )
    assert "acme has no stanza" in sentence


def test_a_role_that_is_replaced_is_a_loss_of_a_tenant_with_a_stanza():
    (sentence,) = sentences(
        operations_plan(role_of("acme", REPLACE, ["222222222222"], ["222222222222"]))
    )
    assert "the role bedrock-local-acme is destroyed and made anew" in sentence


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (["222222222222"], ["777777777777"], "moves from account 222222222222 to account 777777777777"),
        (["222222222222", "333333333333"], ["333333333333"], "acme loses account 222222222222"),
        (["222222222222"], ["222222222222", "777777777777"], None),
        (["222222222222"], ["222222222222"], None),
    ],
)  # fmt: skip
def test_an_account_that_leaves_a_stanza_is_a_loss_and_a_second_one_is_not(old, new, words):
    found = sentences(operations_plan(role_of("acme", ["update"], old, new)))
    assert [words in sentence for sentence in found] == ([True] if words else [])


TWO_LOST = operations_plan(
    role_of("acme", DELETE, before=["222222222222"]),
    role_of("globex", DELETE, before=["333333333333"]),
    tenants=("initech",),
)


@pytest.mark.parametrize("confirm", [None, "acme", "globex", "local", "acm globe", "acme/globex"])
def test_a_plan_that_loses_two_tenants_is_refused_unless_both_are_confirmed(confirm):
    plan = saved(TWO_LOST, operations_state(0, 1))
    text = refusals([plan], confirmed_names(confirm))["operations account"]
    assert "acme has no stanza" in text
    assert "globex has no stanza" in text
    assert text.endswith('add CONFIRM="acme globex" to `make apply`.')


@pytest.mark.parametrize("confirm", ["acme globex", "globex,acme", "acme, globex initech"])
def test_a_plan_that_loses_two_tenants_is_applied_if_both_are_confirmed(confirm):
    assert refusals([saved(TWO_LOST, operations_state(0, 1))], confirmed_names(confirm)) == {}


def test_one_states_loss_does_not_refuse_another_state():
    lossy = customer_plan(change("aws_lambda_function", DELETE, {"function_name": "f"}))
    plans = [
        saved(operations_plan(), operations_state(0, 1)),
        saved(lossy, customer_state(ACCOUNT)),
    ]
    assert list(refusals(plans, frozenset())) == ["acme 222222222222"]


def test_a_whole_fleet_that_is_lost_is_listed_in_part_and_confirmed_in_full():
    names = [f"t{index:03}" for index in range(300)]
    plan = operations_plan(*(role_of(name, DELETE, before=["666666666666"]) for name in names), tenants=())  # fmt: skip
    text = refusals([saved(plan, operations_state(0, 1))], frozenset(names[1:]))[
        "operations account"
    ]
    assert text.count("has no stanza") == 20
    assert "and 280 more" in text
    assert refusals([saved(plan, operations_state(0, 1))], frozenset(names)) == {}


def test_the_confirmation_is_written_as_a_shell_reads_it():
    assert confirmation(["acme"]) == "CONFIRM=acme"
    assert confirmation(["globex", "acme"]) == 'CONFIRM="acme globex"'


def reserving(old, new):
    before, after = (value and {"reserved_concurrent_executions": value} for value in (old, new))
    return customer_plan(change("aws_lambda_function", ["update"], before, after))


@pytest.mark.parametrize(
    ("old", "new", "added"),
    [(None, 20, 20), (-1, 20, 20), (10, 30, 20), (30, 10, 0), (20, -1, 0), (None, None, 0)],
)
def test_only_more_reserved_executions_count(old, new, added):
    assert added_reservation(reserving(old, new)) == added


def test_a_reservation_beyond_what_lambda_leaves_is_refused_and_one_up_to_it_is_not():
    assert reservation_problem(900, 1000, "222222222222") is None
    problem = reservation_problem(901, 1000, "222222222222")
    assert "reserves 901 more concurrent executions" in problem
    assert "account 222222222222 can reserve 900 more" in problem
    assert "can reserve 0 more" in reservation_problem(1, 50, "222222222222")


def grants(*, suspended, **policy):
    """A side of a change of acme's policy; without ``suspended`` it allows calls."""
    allow = {"Sid": "Call", "Effect": "Allow", "Action": ["bedrock:InvokeModel"], "Resource": ["a"]}
    denial = {
        "Sid": "SuspendedTenantsMayDoNothing",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
    }
    statements = [denial, allow] if suspended else [allow]
    return {"name": "grants", "policy": json.dumps({"Statement": statements}), **policy}


def grants_plan(before, after, state=None):
    address = 'module.operations_role["acme"].aws_iam_role_policy.grants'
    plan = operations_plan(change("aws_iam_role_policy", ["update"], before, after, address))
    plan["variables"]["tenants"]["value"]["acme"] = {"state": state}
    return plan


def test_lifting_a_suspension_is_a_loss_and_imposing_or_keeping_one_is_not():
    suspended, active = grants(suspended=True), grants(suspended=False)
    plan = grants_plan(suspended, active)
    (sentence,) = sentences(plan)
    assert sentence.startswith(
        "acme: the suspension of acme is lifted: its role denies everything now"
    )
    file = saved(plan, operations_state(0, 1))
    assert "CONFIRM=acme" in refusals([file], frozenset())["operations account"]
    assert refusals([file], {"acme"}) == {}
    for before, after in [(active, suspended), (suspended, suspended), (active, active)]:
        assert sentences(grants_plan(before, after)) == []


def test_a_denial_of_everything_is_a_suspension_whatever_its_name_is():
    renamed = grants(suspended=True)
    renamed["policy"] = renamed["policy"].replace("SuspendedTenantsMayDoNothing", "Incident7")
    assert len(sentences(grants_plan(renamed, grants(suspended=False)))) == 1


def test_the_stanza_decides_while_the_new_policy_is_unknown():
    unknown = {"name": "grants"}
    for state, count in ((None, 1), ("active", 1), ("suspended", 0), ("offboarding", 0)):
        assert len(sentences(grants_plan(grants(suspended=True), unknown, state))) == count


class Session:
    """A session in an environment whose tenants have no hand-over, so no function uses anything."""

    environment = load_environment("local")
    bucket = type("Bucket", (), {"tenants_with_handover": lambda _: frozenset()})()


def test_a_plan_says_that_its_apply_will_be_refused_in_either_account(capsys):
    gone = operations_plan(role_of("acme", DELETE, before=["222222222222"]), tenants=("globex",))
    warn_of_refusals(Session(), saved(gone, operations_state(0, 1)))
    printed = " ".join(capsys.readouterr().err.split())
    assert (
        "operations account: `make apply` will refuse this plan. An apply of this plan" in printed
    )
    assert "acme has no stanza. The role bedrock-local-acme" in printed
    assert "add CONFIRM=acme to `make apply`." in printed
    key = customer_plan(change("aws_kms_key", DELETE, {"id": "1234abcd"}))
    warn_of_refusals(Session(), saved(key, customer_state(ACCOUNT)))
    printed = " ".join(capsys.readouterr().err.split())
    assert "acme 222222222222: `make apply` will refuse this plan. An apply of this plan" in printed
    assert "nobody can read the records" in printed


def test_a_plan_that_takes_nothing_away_is_printed_without_a_warning(capsys):
    warn_of_refusals(Session(), saved(operations_plan(), operations_state(0, 1)))
    warn_of_refusals(Session(), saved(customer_plan(), customer_state(ACCOUNT)))
    assert capsys.readouterr().err == ""
