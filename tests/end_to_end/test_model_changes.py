"""New models behind two aliases on the local AWS while the tenant calls both without a pause.

nova is called by the model's own id, and claude through an inference profile of the tenant's own. A second
tenant is self-managed, so nobody can read what its function calls.
"""

import json
from dataclasses import dataclass

import pytest

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import PATHS, Caller, Load, client
from tools.terraform.state_bucket import handover_key

OPERATIONS = "111111111111"
LITE, PRO = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
OLD_CLAUDE, NEW_CLAUDE = (
    "anthropic.claude-3-haiku-20240307-v1:0",
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
)

LOCAL = (
    LOCAL_ENVIRONMENT
    + f"""\
tenants = {{
  acme = {{
    accounts = {{
      "222222222222" = {{ readers = ["arn:aws:iam::222222222222:user/auditor"] }}
    }}
    deployer     = {{ external_id = "90c5a2d5c7a94b5bb3bb0b1f2b8a2f11" }}
    external_ids = {{ current = "269170463fdc32af10a91e67a8fd77bd" }}
    models = {{
      claude = {{
        model   = "{OLD_CLAUDE}" # since March
        regions = ["eu-central-1"]
        track   = true
      }}
      nova = {{ model = "{LITE}", regions = ["eu-central-1"] }}
    }}
  }}
  solo = {{ # applies the module alone
    accounts     = {{ "333333333333" = {{ managed_by = "customer" }} }}
    external_ids = {{ current = "0f6c28ad6d7d4f0b8a3b9d0c5e8f7a61" }}
    models       = {{ nova = {{ model = "{LITE}", regions = ["eu-central-1"] }} }}
  }}
}}
"""
)
NEW = LOCAL.replace(LITE, PRO).replace(OLD_CLAUDE, NEW_CLAUDE)


@dataclass(frozen=True)
class Change:
    """What each step printed, and the calls that were made meanwhile."""

    checkout: object
    caller: Caller
    loads: dict
    planned: str  # of an edit without `previous`
    with_previous: str  # of what `make model` wrote
    proof: dict
    refused: str
    too_early: str
    by_hand: str  # `previous` removed by hand before the functions are applied
    during: dict  # what exists while both are granted
    tfvars: str


def existing(control):
    """The role's policy, and what the tenant's profiles run by their ARN."""
    iam, bedrock = (client(control, OPERATIONS, name) for name in ("iam", "bedrock"))
    policy = iam.get_role_policy(RoleName="bedrock-local-acme", PolicyName="grants")
    listed = bedrock.list_inference_profiles(typeEquals="APPLICATION")
    return {
        "policy": json.dumps(policy["PolicyDocument"]),
        "profiles": {
            profile["inferenceProfileArn"]: profile["models"][0]["modelArn"].rpartition("/")[2]
            for profile in listed["inferenceProfileSummaries"]
        },
    }


@pytest.fixture(scope="module")
def change(checkout):
    file = checkout.root / "environments" / "local" / "terraform.tfvars"
    file.write_text(LOCAL)
    checkout.done("make up")
    checkout.done("make apply ENV=local")
    control = checkout.control
    caller = Caller(control, "222222222222", "bedrock-local-acme")
    make_model = "make model ENV=local TENANT=acme NAME="

    with Load(caller, "nova") as nova, Load(caller, "claude") as claude:
        file.write_text(NEW)
        planned = checkout.shell("make plan ENV=local TENANT=acme").stderr
        refused = checkout.shell("make apply ENV=local").stderr
        file.write_text(LOCAL)

        checkout.done(f"{make_model}nova MODEL={PRO} ROUTE=geographic PROFILE=eu.")
        checkout.done(f"{make_model}claude MODEL={NEW_CLAUDE}")
        checkout.done(f"make model ENV=local TENANT=solo NAME=nova MODEL={PRO}")
        both = file.read_text()
        with_previous = checkout.done("make plan ENV=local")
        proof = json.loads(checkout.done("make prove ENV=local JSON=1"))
        checkout.done("make apply ENV=local PART=operations")
        during = existing(control)
        too_early = checkout.shell(f"{make_model}nova").stderr
        too_early += checkout.shell(f"{make_model}claude").stderr
        too_early += checkout.shell("make model ENV=local TENANT=solo NAME=nova").stderr
        file.write_text(NEW)
        by_hand = checkout.shell("make apply ENV=local PART=operations").stderr
        file.write_text(both)
        checkout.done("make apply ENV=local")
        checkout.done(f"{make_model}nova")
        checkout.done(f"{make_model}claude")
        checkout.done("make model ENV=local TENANT=solo NAME=nova CONFIRM=333333333333")
        checkout.done("make apply ENV=local")
    loads = {"nova": nova, "claude": claude}
    return Change(
        checkout,
        caller,
        loads,
        planned,
        with_previous,
        proof,
        refused,
        too_early,
        by_hand,
        during,
        file.read_text(),
    )


@pytest.mark.parametrize("alias", ["nova", "claude"])
def test_no_call_fails_while_the_model_is_replaced(change, alias):
    assert change.loads[alias].failed == []
    assert change.loads[alias].answered > 20


def test_an_edit_without_previous_is_refused_with_what_still_uses_the_old_model(change):
    for sentence in (
        f"alias nova changes from {LITE} to {PRO}; the old one is still in use in account 222222222222",
        f"alias claude changes from {OLD_CLAUDE} through a profile of the tenant's own to {NEW_CLAUDE}",
        "`make model ENV=local TENANT=",
        (
            f"alias nova changes from {LITE} to {PRO}; the old one is still in use in account 333333333333 (by the "
            "last hand-over)"
        ),
        "write CONFIRM='acme solo'",
    ):
        assert sentence in change.refused
    assert "Nothing was applied" in change.refused


def test_the_plan_says_that_the_apply_will_be_refused(change):
    assert "`make apply` will refuse this plan" in change.planned
    assert f"alias nova changes from {LITE} to {PRO}" in change.planned


def test_an_account_that_waits_for_a_new_profile_is_not_planned_and_its_changes_are_listed(change):
    _, account = change.with_previous.split("acme 222222222222")
    assert (
        "… acme 222222222222  not planned, models.claude.model of its hand-over: known after"
        in (change.with_previous)
    )
    for line in (
        f"~ models.claude.base_model_id: {OLD_CLAUDE} → {NEW_CLAUDE}",
        "~ models.claude.model: known after the operations apply",
        f"~ models.nova.model: {LITE} → eu.{PRO}",
    ):
        assert line in account
    assert "No changes" not in change.with_previous
    assert "269170463fdc32af10a91e67a8fd77bd" not in change.with_previous


def test_the_certificate_names_the_account_that_waits_as_not_planned(change):
    assert change.proof["proved"]
    assert [plan["root"] for plan in change.proof["plans"]] == ["operations account 111111111111"]
    assert (
        "acme 222222222222 (models.claude.model of its hand-over: known after the operations apply)"
        in change.proof["waiting"]
    )


def test_both_models_are_granted_until_the_functions_have_the_new_one(change):
    assert sorted(change.during["profiles"].values()) == sorted([OLD_CLAUDE, NEW_CLAUDE])
    for model in (LITE, PRO, OLD_CLAUDE, NEW_CLAUDE):
        assert f"foundation-model/{model}" in change.during["policy"]


def test_previous_stays_while_a_function_calls_the_old_model(change):
    for alias in ("nova", "claude"):
        assert (
            f"222222222222 still uses what {alias} called before in bedrock-local-acme"
            in change.too_early
        )


def test_previous_stays_until_the_owner_of_a_self_managed_account_has_confirmed(change):
    assert "account 333333333333 is managed by its customer" in change.too_early
    assert "add CONFIRM= and the account's id" in change.too_early


def test_previous_cannot_be_removed_by_hand_either_while_a_function_calls_the_old_model(change):
    assert f"alias nova changes from {LITE} to {PRO}" in change.by_hand
    assert f"alias claude changes from {OLD_CLAUDE}" in change.by_hand


def test_afterwards_only_the_new_models_are_granted_and_written(change):
    now = existing(change.checkout.control)
    assert list(now["profiles"].values()) == [NEW_CLAUDE]
    assert LITE not in now["policy"]
    assert OLD_CLAUDE not in now["policy"]
    assert "previous" not in change.tfvars
    assert f'model   = "{NEW_CLAUDE}" # since March' in change.tfvars
    assert PRO in change.tfvars


def test_counts_of_the_previous_profile_belong_to_the_tenant(change):
    run = change.checkout.shell("make gaps ENV=local TENANT=acme SINCE=1h JSON=1")
    assert run.stdout, run.stderr
    profiles = json.loads(run.stdout)["profiles"]
    compared = {entry["profile"] for entry in profiles if entry["alias"] == "claude"}
    assert compared == set(change.during["profiles"])
    assert all(entry["recorded"]["calls"] > 0 for entry in profiles)
    assert all(entry["unaccounted_calls"] == 0 for entry in profiles)


def forget_acme(change):
    """Take acme out of the operations state and remove its hand-over, as a bucket of before acme would be."""
    s3 = client(change.checkout.control, OPERATIONS, "s3", config=PATHS)
    [bucket] = [item["Name"] for item in s3.list_buckets()["Buckets"]]
    state = json.load(s3.get_object(Bucket=bucket, Key="operations.tfstate")["Body"])
    state["serial"] += 1
    state["resources"] = [
        item for item in state["resources"] if "acme" not in item.get("module", "")
    ]
    state["outputs"]["handover"]["value"].pop("acme")
    s3.put_object(Bucket=bucket, Key="operations.tfstate", Body=json.dumps(state))
    s3.delete_object(Bucket=bucket, Key=handover_key("acme"))


def test_a_profile_that_a_function_calls_is_not_made_anew_unasked_although_the_hand_over_is_lost(
    change,
):
    """Terraform makes an adopted profile anew, because Bedrock does not say what it was copied from."""
    before = existing(change.checkout.control)["profiles"]
    forget_acme(change)
    refused = change.checkout.shell("make apply ENV=local PART=operations").stderr
    assert (
        '"acme": the inference profile that alias claude calls is made anew, where no `previous` helps; the old '
        "one is still in use in account 222222222222"
    ) in " ".join(refused.split())
    assert existing(change.checkout.control)["profiles"] == before
    change.checkout.done("make apply ENV=local TENANT=acme CONFIRM=acme")
    assert existing(change.checkout.control)["profiles"].keys().isdisjoint(before)
    assert "answer" in change.caller.call("And through the new one?", model="claude")


def test_calls_fail_if_the_operator_confirms_an_edit_without_previous(change):
    """Which shows that the calls above would have failed too."""
    file = change.checkout.root / "environments" / "local" / "terraform.tfvars"
    file.write_text(change.tfvars.replace(PRO, LITE, 1))
    with Load(change.caller, "nova") as load:
        change.checkout.done("make apply ENV=local PART=operations CONFIRM=acme")
        change.caller.call("Once more", model="nova")
    assert load.failed
    assert load.failed[-1]["errorType"] == "ModelNotGrantedError"
