"""Faults, each in a plan that differs in one place from a plan that is proved."""

import copy
import json

import pytest

from tests.tools.isolation.plan_mutants import EVERYTHING, RECORDS, deletes_old_records, without
from tests.tools.isolation.small_plan import (
    INVOKE,
    PROJECT,
    STANZA,
    TRUST,
    grants,
    inline_policies,
    plan_json,
    resource,
    role,
    state_of,
)
from tools.environment.tenant_shard import shard_of
from tools.isolation import plan_reader, solvers
from tools.isolation.claims import claims_for
from tools.isolation.prover import prove


def proof_of(plan, **options):
    return prove(claims_for(plan_reader.read(plan, **options)))


def problems(plan):
    proof = proof_of(plan)
    assert not proof.holds
    return [fault.problem for fault in proof.case.faults] + [
        outcome.problem for outcome in proof.failures
    ]


def test_the_unchanged_plan_is_proved():
    assert proof_of(plan_json(role())).holds


def test_a_second_policy_of_a_role_is_a_fault():
    second = grants(name="more")
    assert problems(plan_json(role(), grants(), second)) == [
        "no stanza defines the inline policy bedrock-prod-acme more"
    ]


@pytest.mark.parametrize("names", [(), ("grants", "more")])
def test_a_list_that_lets_a_role_keep_another_inline_policy_is_a_fault(names):
    shown = json.dumps(list(names))
    (problem,) = problems(plan_json(role(), inline_policies(*names)))
    assert problem == (
        "policy_names of the list of inline policies of bedrock-prod-acme "
        f'(aws_iam_role_policies_exclusive.this) is {shown} instead of ["grants"]'
    )


def test_a_list_that_is_missing_or_known_only_after_apply_is_a_fault():
    foreign = inline_policies()
    foreign["change"]["after"]["role_name"] = "bedrock-prod-other"
    assert "the list of inline" in problems(plan_json(role(), foreign))[0]
    for flags in (True, [True]):
        unknown = inline_policies()
        unknown["change"]["after_unknown"] = {"policy_names": flags}
        assert [text for text in problems(plan_json(role(), unknown)) if "policy_names" in text]


GUARDED = {
    "account_id": "111111111111",
    "guard": {},
    "region": "eu-central-1",
}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
DENIALS = [
    "arn:aws:iam::111111111111:policy/bedrock-prod-alias-quota-reached",
    "arn:aws:iam::111111111111:policy/bedrock-prod-quota-reached",
]


def attachment_problems(*arns, **variables):
    """What is wrong with a role that exists and to which these policies are attached."""
    kept = grants()
    kept["change"]["actions"] = ["no-op"]
    attached = existing_role([])
    for values in (attached["change"]["before"], attached["change"]["after"]):
        values["managed_policy_arns"] = list(arns)
    plan = plan_json(attached, kept, inline_policies("grants"), **variables)
    faults = claims_for(plan_reader.read(plan)).faults
    return [fault.problem for fault in faults if "managed_policy_arns" in fault.problem]


def test_only_the_guards_two_policies_may_be_attached_to_a_tenants_role():
    assert attachment_problems() == []
    assert attachment_problems(*DENIALS, operations=GUARDED) == []
    (other,) = attachment_problems(*DENIALS, ADMINISTRATOR, operations=GUARDED)
    command = "aws iam detach-role-policy --role-name bedrock-prod-acme --policy-arn ARN"
    assert other == (
        "managed_policy_arns of the role bedrock-prod-acme (aws_iam_role.this) has "
        f'["{ADMINISTRATOR}"], which no stanza defines; detach it with `{command}`'
    )
    # Without a guard, nothing may be attached.
    assert len(attachment_problems(DENIALS[0])) == 1


def test_a_policy_stays_with_its_role_only_while_the_role_stays():
    kept = grants()
    kept["change"]["actions"] = ["no-op"]
    (problem,) = problems(plan_json(role(), kept))
    assert "stays in the state, although its role is created again without it" in problem
    kept_role = existing_role([])
    assert proof_of(plan_json(kept_role, kept)).holds


def test_a_policy_that_the_plan_forgets_is_refused():
    policy = resource("aws_iam_role_policy", {}, name="grants")
    policy["change"] = {"actions": ["forget"], "before": {}, "after": None}
    with pytest.raises(plan_reader.PlanError, match="does not say what aws_iam_role_policy.grants"):
        plan_reader.read(plan_json(role(), policy))


def test_existing_resources_are_proved_from_the_state_in_the_plan():
    plan = plan_json(role())
    plan["prior_state"] = state_of(*plan["resource_changes"])
    plan["resource_changes"] = []
    assert proof_of(plan, state=True).holds
    assert "the role bedrock-prod-acme is missing" in problems(plan)
    resources = plan["prior_state"]["values"]["root_module"]["resources"]
    attached = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
    resources[0]["values"] = {**resources[0]["values"], "managed_policy_arns": attached}
    (fault,) = proof_of(plan, state=True).case.faults
    assert 'policy/AmazonS3FullAccess"], which no stanza defines' in fault.problem


def with_unknown(resource, attribute, value=True):
    resource["change"]["after_unknown"][attribute] = value
    return resource


@pytest.mark.parametrize(
    ("resources", "problem"),
    [
        (
            (with_unknown(role(), "assume_role_policy"),),
            "assume_role_policy of aws_iam_role.this is known only after apply",
        ),
        (
            (role(), with_unknown(grants(), "policy")),
            "policy of aws_iam_role_policy.grants is known only after apply",
        ),
        (
            (with_unknown(role(), "name"),),
            "name of aws_iam_role.this is known only after apply",
        ),
    ],
)
def test_a_value_that_is_known_only_after_apply_is_a_fault(resources, problem):
    assert problems(plan_json(*resources))[0] == problem


def test_a_trust_policy_that_the_code_does_not_state_is_a_fault():
    """Terraform would keep what AWS has."""
    assert problems(plan_json(role(), arguments=("name",)))[0] == (
        "aws_iam_role.this has no assume_role_policy in the code; write it there"
    )


BLOCK = {"name": "more", "policy": json.dumps(TRUST)}
ATTACHED = "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"


def existing_role(before, **arguments):
    """A role that the plan keeps, and what AWS has of its policies."""
    item = role(**arguments)
    values = item["change"]["after"]
    item["change"] |= {
        "actions": ["update"],
        "after": {"inline_policy": before, "managed_policy_arns": [], **values},
        "after_unknown": {},
        "before": {**values, "inline_policy": before, "managed_policy_arns": []},
    }
    return item


@pytest.mark.parametrize(
    ("argument", "value"), [("inline_policy", [BLOCK]), ("managed_policy_arns", [ATTACHED])]
)
def test_policies_that_the_role_itself_states_are_a_fault(argument, value):
    """The role and the resource beside it would change each other's policies."""
    code = {"arguments": ("assume_role_policy", argument)}
    problem = f"aws_iam_role.this has {argument} in the code; write resources beside the role"
    assert problem in problems(plan_json(role(), **code))
    # A dynamic block is not in the plan's configuration.
    created = role(**{argument: value})
    assert f"aws_iam_role.this would be created with {argument}" in problems(plan_json(created))[0]
    late = with_unknown(existing_role([]), argument)
    sentence = f"{argument} of aws_iam_role.this would change; only resources beside it may"
    for changed in (late, existing_role([], **{argument: value})):
        assert sentence in problems(plan_json(changed))


def test_what_somebody_added_by_hand_does_not_stop_the_apply_that_removes_it():
    assert proof_of(plan_json(existing_role([BLOCK]))).holds


@pytest.mark.parametrize(
    "kind",
    ["aws_iam_role_policy_attachment", "aws_s3_bucket", "aws_iam_user", "aws_dynamodb_table"],
)
def test_an_unreviewed_resource_type_is_a_fault(kind):
    (problem,) = problems(plan_json(role(), resource(kind, {"name": "x"}, name="other")))
    assert problem == f"{kind}.other is of a type that is not on the list of reviewed types"


def test_a_role_that_is_missing_or_unexpected_or_has_a_path_is_a_fault():
    other = role(name="bedrock-prod-backdoor")
    assert problems(plan_json(role(), other)) == [
        "no stanza defines the role bedrock-prod-backdoor"
    ]
    assert problems(plan_json()) == [
        "the role bedrock-prod-acme is missing",
        "the list of inline policies of bedrock-prod-acme is missing",
        "the inline policy bedrock-prod-acme grants is missing",
    ]
    assert problems(plan_json(role(path="/app/"))) == [
        "the path of bedrock-prod-acme is /app/ instead of /, which changes its ARN"
    ]


@pytest.mark.parametrize("version", ["", "0.2", "2.0", "10.0", 1])
def test_a_plan_in_another_format_is_refused(version):
    """A later major version may mean something else by the same words."""
    with pytest.raises(plan_reader.PlanError, match="the plan cannot be read: format_version"):
        plan_reader.read({**plan_json(role()), "format_version": version})


@pytest.mark.parametrize("flag", [{"errored": True}, {"complete": False}])
def test_an_incomplete_plan_is_refused(flag):
    with pytest.raises(plan_reader.PlanError, match="plan is incomplete"):
        plan_reader.read({**plan_json(role()), **flag})


def test_a_resource_that_the_plan_forgets_is_refused():
    forgotten_role = role()
    forgotten_role["change"] |= {"actions": ["forget"], "after": None}
    with pytest.raises(
        plan_reader.PlanError, match="does not say what aws_iam_role.this will be: forget"
    ):
        plan_reader.read(plan_json(forgotten_role))


def test_json_that_is_not_a_plan_is_refused():
    with pytest.raises(plan_reader.PlanError, match="terraform show -json"):
        plan_reader.read({"format_version": "1.0", "values": {}})


def role_with_trust(**elements):
    policy = copy.deepcopy(TRUST)
    policy["Statement"][0] |= elements
    return role(assume_role_policy=json.dumps(policy))


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (role_with_trust(Principal="*"), "allows any principal that meets its conditions"),
        (role_with_trust(Principal={"AWS": "*"}), "allows any principal that meets its conditions"),
        (
            role_with_trust(Principal={"AWS": ["222222222222", "arn:aws:iam::111111111111:root"]}),
            "names the operations account",
        ),
        (
            role_with_trust(Principal={"Federated": "accounts.google.com"}),
            "the element 'Federated' is unknown",
        ),
        (
            role_with_trust(Principal={"AWS": "arn:aws:iam::222222222222:role/*"}),
            "is not a principal",
        ),
        (
            role_with_trust(Condition={"StringEqual": {"sts:ExternalId": "x"}}),
            "The condition operator",
        ),
        (role_with_trust(Resource="*"), "a trust policy has no Resource"),
    ],
)
def test_a_trust_policy_without_named_principals_or_known_elements_is_a_fault(policy, problem):
    assert problem in problems(plan_json(policy))[0]


def test_a_federated_user_of_the_tenants_account_is_not_its_execution_role():
    condition = copy.deepcopy(TRUST["Statement"][0]["Condition"])
    condition["ArnEquals"]["aws:PrincipalArn"] = [
        condition["ArnEquals"]["aws:PrincipalArn"],
        "arn:aws:sts::222222222222:federated-user/ann",
    ]
    (failed,) = proof_of(plan_json(role_with_trust(Condition=condition))).failures
    caller = failed.counterexample.request.requester
    assert caller.policy_arn == "arn:aws:sts::222222222222:federated-user/ann"


def grants_with_condition(**condition):
    statement = {**INVOKE, "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement, PROJECT]})
    return grants(policy)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        (
            {"StringEquals": {"aws:FederatedProvider": "x"}},
            "key aws:federatedprovider is not modelled",
        ),
        (
            {"NumericLessThan": {"aws:RequestedRegion": "7"}},
            "operator NumericLessThan is not modelled",
        ),
        ({"DateLessThan": {"aws:RequestedRegion": "2026-01-01"}}, "DateLessThan is not modelled"),
        ({"BinaryEquals": {"aws:RequestedRegion": "QQ=="}}, "BinaryEquals is not modelled"),
        (
            {"StringEquals": {"aws:SourceIp": "10.0.0.1"}},
            "StringEquals of aws:SourceIp is not modelled",
        ),
        (
            {"IpAddress": {"aws:SourceVpce": "10.0.0.1"}},
            "IpAddress of aws:SourceVpce is not modelled",
        ),
        (
            {"StringEquals": {"aws:TagKeys": "a"}},
            "needs ForAllValues or ForAnyValue, because the key is multivalued",
        ),
        ({"StringEquals": {"aws:RequestedRegion": "${aws:userid}"}}, "the policy variable"),
        ({"StringEquals": {"aws:RequestedRegion": "é"}}, "which is not ASCII"),
    ],
)
def test_a_condition_without_a_formula_is_not_decided(condition, problem):
    (sentence,) = problems(plan_json(role(), grants_with_condition(**condition)))
    assert sentence.startswith("not decided: ")
    assert problem in sentence


def test_a_policy_that_is_not_json_is_a_fault():
    assert problems(plan_json(role(assume_role_policy="{"))) == ["The policy is not JSON."]


OTHER = {
    "accounts": {"333333333333": {}},
    "external_ids": {"current": "e2f2aa7d039ce726c5185bff0d2467ce"},
    "models": STANZA["models"],
}


def separation_problems(**stanza):
    tenants = {"acme": STANZA, "globex": {**OTHER, **stanza}}
    return separation_faults(plan_json(role(), tenants=tenants))


def separation_faults(plan):
    faults = claims_for(plan_reader.read(plan)).faults
    return [fault.problem for fault in faults if fault.topic == "separation"]


def test_shared_external_ids_and_accounts_are_faults():
    assert separation_problems() == []
    current = STANZA["external_ids"]["current"]
    assert separation_problems(external_ids={"current": current}) == [
        "an ExternalId is used by acme too"
    ]
    previous = {**OTHER["external_ids"], "previous": current}
    assert separation_problems(external_ids=previous) == ["an ExternalId is used by acme too"]
    assert separation_problems(external_ids={"current": ""}) == ["the tenant has no ExternalId"]
    assert separation_problems(accounts={"222222222222": {}}) == [
        "the account 222222222222 is used by acme too"
    ]
    assert separation_problems(accounts={"111111111111": {}}) == [
        "the operations account is listed as one of the tenant's accounts"
    ]


def proof_for_acme(plan, **options):
    targets = ('module.operations_role["acme"]',)
    return prove(claims_for(plan_reader.read(plan, targets=targets, **options), "acme"))


def test_a_plan_that_is_limited_to_a_tenant_is_proved_for_this_tenant_alone():
    tenants = {"acme": STANZA, "globex": OTHER}
    limited = {**plan_json(role(), tenants=tenants), "complete": False}
    proof = proof_for_acme(limited)
    assert proof.holds
    assert (proof.case.root, proof.case.tenants) == (
        "operations account 111111111111, acme only",
        ("acme",),
    )
    with pytest.raises(plan_reader.PlanError, match="without -target"):
        plan_reader.read(limited)
    shared = {"acme": STANZA, "globex": {**OTHER, "accounts": STANZA["accounts"]}}
    assert not proof_for_acme({**limited, **plan_json(role(), tenants=shared)}).holds


def test_a_plan_that_is_limited_to_a_tenant_changes_no_other_role():
    tenants = {"acme": STANZA, "globex": OTHER}
    both = plan_json(role(), role(name="bedrock-prod-globex"), tenants=tenants)
    assert [fault.problem for fault in proof_for_acme(both).case.faults] == [
        "no stanza defines the role bedrock-prod-globex"
    ]


def test_of_what_exists_a_limited_plan_reads_its_tenant_alone():
    """Terraform reads only the targets anew; the rest of the state may be out of date."""
    resources = [
        {**item, "address": f'module.operations_role["{tenant}"].{item["address"]}'}
        for tenant, items in (
            ("acme", (role(), grants(), inline_policies("grants"))),
            ("globex", (role(name="bedrock-prod-globex"),)),
        )
        for item in items
    ]
    plan = plan_json(tenants={"acme": STANZA, "globex": OTHER})
    plan["prior_state"] = state_of(*resources)
    assert proof_for_acme(plan, state=True).holds
    assert not proof_of(plan, state=True).holds


def shard_plan(*resources, shard, shards=3, **stanzas):
    operations = {"account_id": "111111111111", "region": "eu-central-1", "shards": shards}
    tenants = {"acme": STANZA, "globex": OTHER, **stanzas}
    return plan_json(*resources, operations=operations, shard=shard, tenants=tenants)


def test_the_plan_of_a_shard_has_the_roles_of_its_tenants_and_no_others():
    """Of three shards, acme is in the second and globex in the first."""
    assert [shard_of(name, 3) for name in ("acme", "globex")] == [1, 0]
    for shard in (1, "1"):  # Terraform takes both
        proof = proof_of(shard_plan(role(), shard=shard))
        assert proof.holds
        assert proof.case.root == "operations account 111111111111, shard 1 of 3"
        assert proof.case.tenants == ("acme",)
    assert "no stanza defines the role bedrock-prod-acme" in problems(
        shard_plan(role(), shard=0, shards=3)
    )
    assert "the role bedrock-prod-acme is missing" in problems(shard_plan(shard=1))


def test_the_plan_of_a_shard_is_about_what_the_tenants_of_all_shards_share():
    shared = {"external_ids": STANZA["external_ids"]}
    assert separation_faults(shard_plan(role(), shard=1)) == []
    assert separation_faults(shard_plan(role(), shard=1, globex={**OTHER, **shared})) == [
        "an ExternalId is used by acme too"
    ]


@pytest.mark.parametrize("number", ["x", 1.5, True, [1], "-1"])
def test_a_shard_that_is_not_a_number_is_refused(number):
    with pytest.raises(plan_reader.PlanError, match="do not describe an environment: shard"):
        claims_for(plan_reader.read(shard_plan(role(), shard=number)))


def test_tenants_may_share_an_account_that_is_listed():
    tenants = {"acme": STANZA, "globex": {**OTHER, "accounts": STANZA["accounts"]}}
    plan = plan_json(role(), tenants=tenants, accounts_with_several_tenants=["222222222222"])
    assert separation_faults(plan) == []


def test_role_names_that_differ_only_in_case_are_a_fault():
    plan = plan_json(role(), tenants={"acme": STANZA, "ACME": OTHER})
    faults = [fault.problem for fault in claims_for(plan_reader.read(plan)).faults]
    assert "the role arn:aws:iam::111111111111:role/bedrock-prod-ACME is used by acme too" in faults


def test_a_profile_has_its_tenants_name_tags_and_source():
    models = {"nova": {**STANZA["models"]["nova"], "track": True}}
    tags = {"alias": "nova", "environment": "prod", "tenant": "acme"}
    source = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"

    def faults(**arguments):
        after = {
            "name": "bedrock-prod-acme_nova_ca29",
            "model_source": [{"copy_from": source}],
            "tags": tags,
            "tags_all": tags,
            **arguments,
        }
        profile = resource("aws_bedrock_inference_profile", after, {"model_source": [{}]})
        plan = plan_json(role(), profile, tenants={"acme": {**STANZA, "models": models}})
        return [fault.problem for fault in claims_for(plan_reader.read(plan)).faults]

    assert faults() == []
    label = "the profile bedrock-prod-acme_nova_ca29 (aws_bedrock_inference_profile.this)"
    assert faults(tags_all={**tags, "tenant": "globex"}) == [
        f"tags_all of {label} has globex for the tag tenant instead of acme"
    ]
    assert faults(name="bedrock-prod-acme_other") == [
        "the profile bedrock-prod-acme_nova_ca29 is missing",
        "no stanza defines the profile bedrock-prod-acme_other",
    ]
    other = source.replace("lite", "pro")
    assert faults(model_source=[{"copy_from": other}]) == [
        f"model_source of {label} has a wrong copy_from: it is {other} instead of {source}"
    ]


def plan_of(tenants):
    """A plan of this many tenants, each with its own account."""

    def with_number(document, number):
        text = json.dumps(document).replace("acme", f"tenant-{number}")
        text = text.replace("222222222222", f"{222222222222 + number}")
        return json.loads(text.replace("269170463fdc32af10a91e67a8fd77bd", f"{number:032x}"))

    kinds = (role(), grants(), inline_policies("grants"))
    resources = [with_number(item, number) for item in kinds for number in range(tenants)]
    stanzas = {f"tenant-{number}": with_number(STANZA, number) for number in range(tenants)}
    return plan_json(*resources, tenants=stanzas)


def test_many_tenants_are_proved_together_and_equal_claims_once():
    progress = []
    case = claims_for(plan_reader.read(plan_of(25)))
    proof = prove(case, lambda *counts: progress.append(counts))
    assert proof.holds
    assert (len(proof.outcomes), proof.distinct_claims) == (50, 26)
    assert progress[-1] == (26, 26)
    assert len(progress) > 1


def test_only_the_tenant_with_a_wrong_policy_fails():
    plan = plan_of(25)
    wrong_role = plan["resource_changes"][7]["change"]["after"]
    wrong_role["assume_role_policy"] = wrong_role["assume_role_policy"].replace(
        "StringEquals", "StringLike"
    )
    assert prove(claims_for(plan_reader.read(plan))).holds
    wrong_role["assume_role_policy"] = wrong_role["assume_role_policy"].replace(f"{7:032x}", "*")
    (failed,) = prove(claims_for(plan_reader.read(plan))).failures
    assert (failed.claim.subject, failed.claim.topic) == ("tenant-7", "trust")
    assert failed.counterexample.allowed


@pytest.mark.parametrize("slow", list(solvers.SOLVERS))
def test_nothing_is_proved_if_a_solver_returns_unknown(slow, monkeypatch):
    undecided = {**solvers.SOLVERS, slow: lambda: lambda _script: "unknown"}
    monkeypatch.setattr(solvers, "SOLVERS", undecided)
    proof = proof_of(plan_json(role()))
    assert {outcome.problem for outcome in proof.failures} == {
        f"not decided: {slow} returned unknown"
    }


def test_a_question_that_a_solver_cannot_read_is_unknown():
    for solver in solvers.SOLVERS:
        answer = solvers.solve(solver, "(assert (no-such-function))")
        assert answer.verdict is solvers.Verdict.UNKNOWN


def test_a_role_without_any_policy_is_a_failure_with_an_example():
    plan = plan_json(role())
    changes = plan["resource_changes"]
    plan["resource_changes"] = [item for item in changes if item["type"] != "aws_iam_role_policy"]
    (failure,) = proof_of(plan).failures
    assert failure.problem == "the policies refuse a request that the stanza grants"
    assert failure.counterexample.request.action.startswith("bedrock:")


def test_an_offboarded_tenant_without_readers_has_no_claim_and_is_proved(plans):
    plan = copy.deepcopy(plans["gone 123456789012"])
    account = plan["variables"]["tenants"]["value"]["gone"]["accounts"]["123456789012"]
    del account["readers"], account["vpc"]
    for item in list(plan["resource_changes"]):
        if item["type"].startswith("aws_iam_role"):
            without(item["address"])(plan)
    proof = proof_of(plan)
    assert (proof.holds, proof.outcomes) == (True, ())
    without(RECORDS)(plan)
    assert problems(plan) == ["the log group /bedrock/local/gone/records is missing"]


def test_a_log_group_that_the_state_keeps_may_be_deleted_from_the_plan(plans):
    plan = copy.deepcopy(plans[EVERYTHING])
    deletes_old_records(plan)
    assert any("skip_destroy = true to it first" in problem for problem in problems(plan))
    plan["resource_changes"][-1]["change"]["before"]["skip_destroy"] = True
    assert claims_for(plan_reader.read(plan)).faults == ()


@pytest.mark.parametrize("operator", ["StringEquals", "Null", "ForAllValues:StringLike", "Unknown"])
def test_an_operator_without_a_condition_key_is_a_fault(operator):
    condition = {**TRUST["Statement"][0]["Condition"], operator: {}}
    (problem,) = problems(plan_json(role_with_trust(Condition=condition)))
    assert problem == f"trust policy: statement 1: {operator} has no condition key."
