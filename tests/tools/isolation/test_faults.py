"""What is refused by its name, because a proof over it would say nothing: each beside a plan that is proved."""

import copy
import json

import pytest

from tests.tools.isolation.small_plan import INVOKE, STANZA, TRUST, resource, role, shown
from tools.isolation import claims, solvers
from tools.isolation import plan_reader as plan
from tools.isolation.prover import prove


def proved(told, **options):
    return prove(claims.of(plan.read(told, **options)))


def problems(told):
    proof = proved(told)
    assert not proof.holds
    return [fault.problem for fault in proof.faults] + [its.problem for its in proof.failed]


def test_the_plan_that_the_others_differ_from_is_proved():
    assert proved(shown(role())).holds


def test_a_policy_beside_its_role_is_the_same():
    block = role()["change"]["after"]["inline_policy"][0]
    beside = resource("aws_iam_role_policy", {**block, "role": "bedrock-prod-acme"}, name="models")
    assert proved(shown(role(inline_policy=[]), beside, given=("assume_role_policy",))).holds


def test_what_exists_is_proved_from_the_state_in_the_plan():
    told = shown(role())
    applied = {"address": "aws_iam_role.this", "mode": "managed", "type": "aws_iam_role"}
    values = told["resource_changes"][0]["change"]["after"]
    told["prior_state"] = {
        "values": {
            "root_module": {"child_modules": [{"resources": [{**applied, "values": values}]}]}
        }
    }
    told["resource_changes"] = []
    assert proved(told, state=True).holds
    assert problems(told) == ["there is no role bedrock-prod-acme"]
    told["prior_state"]["values"]["root_module"]["child_modules"][0]["resources"][0]["values"] = {
        **values,
        "managed_policy_arns": ["arn:aws:iam::aws:policy/AmazonS3FullAccess"],
    }
    (fault,) = proved(told, state=True).faults
    assert "has managed policies, which the plan does not hold" in fault.problem


def unknown(attribute, value=True):
    hidden = role()
    hidden["change"]["after_unknown"][attribute] = value
    return hidden


@pytest.mark.parametrize(
    ("hidden", "problem"),
    [
        (
            unknown("assume_role_policy"),
            "assume_role_policy of aws_iam_role.this is known only after apply",
        ),
        (
            unknown("inline_policy", [{"policy": True}]),
            "an inline policy of aws_iam_role.this is known only after apply",
        ),
        (unknown("inline_policy"), "inline_policy of aws_iam_role.this is known only after apply"),
        (unknown("name"), "name of aws_iam_role.this is known only after apply"),
    ],
)
def test_what_only_apply_will_tell_is_refused(hidden, problem):
    assert problems(shown(hidden))[0] == problem


def test_managed_policies_are_refused_once_the_code_gives_any():
    given = ("assume_role_policy", "inline_policy", "managed_policy_arns")
    told = problems(shown(role(), given=given))
    assert told[0] == "managed_policy_arns of aws_iam_role.this is known only after apply"
    attached = role(managed_policy_arns=["arn:aws:iam::aws:policy/AmazonBedrockFullAccess"])
    attached["change"]["after_unknown"] = {}
    assert "which the plan does not hold" in problems(shown(attached, given=given))[0]


@pytest.mark.parametrize(
    "kind",
    ["aws_iam_role_policy_attachment", "aws_s3_bucket", "aws_iam_user", "aws_dynamodb_table"],
)
def test_a_type_that_is_not_on_the_list_is_refused(kind):
    (problem,) = problems(shown(role(), resource(kind, {"name": "x"}, name="other")))
    assert problem == f"{kind}.other is of a type that is not on the list of what may exist here"


def test_roles_are_exactly_those_that_the_stanzas_mean():
    other = role(name="bedrock-prod-backdoor")
    assert problems(shown(role(), other)) == ["no stanza means the role bedrock-prod-backdoor"]
    assert problems(shown()) == ["there is no role bedrock-prod-acme"]
    assert problems(shown(role(path="/app/"))) == [
        "bedrock-prod-acme has the path /app/, so another ARN"
    ]


@pytest.mark.parametrize("cut", [{"errored": True}, {"complete": False}])
def test_a_plan_that_is_not_whole_is_refused(cut):
    with pytest.raises(plan.PlanError, match="not whole"):
        plan.read({**shown(role()), **cut})


def test_a_resource_that_would_be_forgotten_is_refused():
    forgotten = role()
    forgotten["change"] |= {"actions": ["forget"], "after": None}
    with pytest.raises(plan.PlanError, match="does not say what aws_iam_role.this will be: forget"):
        plan.read(shown(forgotten))


def test_what_is_no_plan_is_refused():
    with pytest.raises(plan.PlanError, match="terraform show -json"):
        plan.read({"format_version": "1.0", "values": {}})


def trusting(**changed):
    changes = copy.deepcopy(TRUST)
    changes["Statement"][0] |= changed
    return role(assume_role_policy=json.dumps(changes))


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (trusting(Principal="*"), "lets anyone in, but for its conditions"),
        (trusting(Principal={"AWS": "*"}), "lets anyone in, but for its conditions"),
        (
            trusting(Principal={"AWS": ["222222222222", "arn:aws:iam::111111111111:root"]}),
            "names the operations account",
        ),
        (
            trusting(Principal={"Federated": "accounts.google.com"}),
            "the element 'Federated' is unknown",
        ),
        (trusting(Principal={"AWS": "arn:aws:iam::222222222222:role/*"}), "is not a principal"),
        (trusting(Condition={"StringEqual": {"sts:ExternalId": "x"}}), "The condition operator"),
        (trusting(Resource="*"), "a trust policy has no Resource"),
    ],
)
def test_a_trust_policy_that_says_who_in_another_way_is_refused(policy, problem):
    assert problem in problems(shown(policy))[0]


def test_a_federated_user_of_the_tenants_account_is_not_its_execution_role():
    also = copy.deepcopy(TRUST["Statement"][0]["Condition"])
    also["ArnEquals"]["aws:PrincipalArn"] = [
        also["ArnEquals"]["aws:PrincipalArn"],
        "arn:aws:sts::222222222222:federated-user/ann",
    ]
    (failed,) = proved(shown(trusting(Condition=also))).failed
    caller = failed.counterexample.request.requester
    assert caller.policy_arn == "arn:aws:sts::222222222222:federated-user/ann"


def permitting(**condition):
    statement = {**INVOKE, "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return role(inline_policy=[{"name": "models", "policy": policy}])


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
        ({"StringEquals": {"aws:TagKeys": "a"}}, "says of its many values neither all nor any"),
        ({"StringEquals": {"aws:RequestedRegion": "${aws:userid}"}}, "the policy variable"),
        ({"StringEquals": {"aws:RequestedRegion": "é"}}, "which is not ASCII"),
    ],
)
def test_what_has_no_formula_is_not_decided(condition, problem):
    (told,) = problems(shown(permitting(**condition)))
    assert told.startswith("not decided: ")
    assert problem in told


def test_a_policy_that_is_no_json_is_refused():
    assert problems(shown(role(assume_role_policy="{"))) == ["The policy is not JSON."]


OTHER = {
    "accounts": {"333333333333": {}},
    "external_ids": {"current": "e2f2aa7d039ce726c5185bff0d2467ce"},
    "models": STANZA["models"],
}


def sharing(**changed):
    tenants = {"acme": STANZA, "globex": {**OTHER, **changed}}
    told = shown(role(), tenants=tenants)
    found = claims.of(plan.read(told)).faults
    return [fault.problem for fault in found if fault.about == "disjoint"]


def test_tenants_share_no_external_id_and_no_account():
    assert sharing() == []
    current = STANZA["external_ids"]["current"]
    assert sharing(external_ids={"current": current}) == ["acme has an ExternalId too"]
    previous = {**OTHER["external_ids"], "previous": current}
    assert sharing(external_ids=previous) == ["acme has an ExternalId too"]
    assert sharing(external_ids={"current": ""}) == ["it has no ExternalId"]
    assert sharing(accounts={"222222222222": {}}) == ["acme has the account 222222222222 too"]
    assert sharing(accounts={"111111111111": {}}) == [
        "the operations account is one of its accounts"
    ]


def test_tenants_share_an_account_only_where_it_is_listed():
    tenants = {"acme": STANZA, "globex": {**OTHER, "accounts": STANZA["accounts"]}}
    told = shown(role(), tenants=tenants, accounts_with_several_tenants=["222222222222"])
    assert [its for its in claims.of(plan.read(told)).faults if its.about == "disjoint"] == []


def test_names_that_iam_cannot_tell_apart_are_refused():
    told = shown(role(), tenants={"acme": STANZA, "ACME": OTHER})
    found = [fault.problem for fault in claims.of(plan.read(told)).faults]
    assert "acme has the role arn:aws:iam::111111111111:role/bedrock-prod-ACME too" in found


def test_a_profile_carries_the_tags_of_its_own_tenant():
    models = {"nova": {**STANZA["models"]["nova"], "track": True}}
    tags = {"alias": "nova", "environment": "prod", "tenant": "acme"}
    source = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"

    def faults(**changed):
        after = {
            "name": "bedrock-prod-acme_nova",
            "model_source": [{"copy_from": source}],
            "tags_all": tags,
            **changed,
        }
        profile = resource("aws_bedrock_inference_profile", after, {"model_source": [{}]})
        told = shown(role(), profile, tenants={"acme": {**STANZA, "models": models}})
        return [its.problem for its in claims.of(plan.read(told)).faults]

    assert faults() == []
    assert faults(tags_all={**tags, "tenant": "globex"}) == [
        "the tag tenant of bedrock-prod-acme_nova is globex, not acme"
    ]
    assert faults(name="bedrock-prod-acme_other")[0] == "there is no profile bedrock-prod-acme_nova"
    other = source.replace("lite", "pro")
    assert faults(model_source=[{"copy_from": other}]) == [
        f"bedrock-prod-acme_nova is made from {other}, not from {source}"
    ]


def many(tenants):
    """A plan of so many tenants, each in an account of its own."""

    def named(told, number):
        told = json.dumps(told).replace("acme", f"tenant-{number}")
        told = told.replace("222222222222", f"{222222222222 + number}")
        return json.loads(told.replace("269170463fdc32af10a91e67a8fd77bd", f"{number:032x}"))

    roles = [named(role(), number) for number in range(tenants)]
    stanzas = {f"tenant-{number}": named(STANZA, number) for number in range(tenants)}
    return shown(*roles, tenants=stanzas)


def test_many_tenants_are_proved_together_and_what_is_alike_once():
    heard = []
    case = claims.of(plan.read(many(25)))
    proof = prove(case, lambda done, total: heard.append((done, total)))
    assert proof.holds
    assert (len(proof.outcomes), proof.distinct) == (50, 26)
    assert heard[-1] == (26, 26)
    assert len(heard) > 1


def test_among_many_tenants_only_the_wrong_one_fails():
    told = many(25)
    wrong = told["resource_changes"][7]["change"]["after"]
    wrong["assume_role_policy"] = wrong["assume_role_policy"].replace("StringEquals", "StringLike")
    assert prove(claims.of(plan.read(told))).holds
    wrong["assume_role_policy"] = wrong["assume_role_policy"].replace(f"{7:032x}", "*")
    (failed,) = prove(claims.of(plan.read(told))).failed
    assert (failed.claim.subject, failed.claim.about) == ("tenant-7", "trust")
    assert failed.counterexample.allowed


@pytest.mark.parametrize("slow", list(solvers.SOLVERS))
def test_a_solver_that_does_not_answer_proves_nothing(slow, monkeypatch):
    silent = {**solvers.SOLVERS, slow: lambda: lambda _script: "unknown"}
    monkeypatch.setattr(solvers, "SOLVERS", silent)
    proof = proved(shown(role()))
    assert {its.problem for its in proof.failed} == {f"not decided: {slow} says unknown"}


def test_a_question_that_a_solver_cannot_read_is_unknown():
    for solver in solvers.SOLVERS:
        answer = solvers.ask(solver, "(assert (no-such-function))")
        assert answer.verdict is solvers.Verdict.UNKNOWN
