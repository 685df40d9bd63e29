import re

import pytest

from tests.terraform import LOCAL, role_resources
from tools.environment.tenant_shard import shard_of
from tools.paths import ROOT

STANZAS = re.findall(
    r"^```hcl\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
)


def stanza(**changed):
    return {
        "accounts": {"222222222222": {}},
        "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
        "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
        **changed,
    }


def test_makes_one_role_with_one_policy_for_each_tenant_and_a_profile_for_each_tracked_alias(local):
    roles = [
        role_resources(
            f'module.operations_role["{tenant}"].aws_iam_role.this', "grants", guarded=True
        )
        for tenant in ("acme", "globex", "initech")
    ]
    profiles = 'module.operations_role["initech"].aws_bedrock_inference_profile.tracked'
    profile = f'{profiles}["claude/eu.anthropic.claude-haiku-4-5-20251001-v1:0"]'
    tenants = {address for address in local.addresses if "module.operations_role" in address}
    assert tenants == set.union(*roles, {profile})


def test_a_role_is_tagged_with_its_tenant_and_its_environment(local):
    role = local.resource('module.operations_role["globex"].aws_iam_role.this')
    assert role["tags_all"] == {
        "environment": "local",
        "managed-by": "terraform",
        "tenant": "globex",
    }


def test_one_role_serves_both_accounts_of_a_tenant(local):
    trust = local.policy('module.operations_role["globex"].aws_iam_role.this', "assume_role_policy")
    assert trust["Statement"][0]["Principal"] == {
        "AWS": ["arn:aws:iam::333333333333:root", "arn:aws:iam::444444444444:root"]
    }
    assert trust["Statement"][0]["Condition"]["ArnEquals"]["aws:PrincipalArn"] == [
        "arn:aws:iam::333333333333:role/bedrock-local-globex-execution",
        "arn:aws:iam::444444444444:role/bedrock-local-globex-execution",
    ]


def test_no_account_external_id_or_model_of_one_tenant_is_in_anothers_policies(local):
    acme = local.resource('module.operations_role["acme"].aws_iam_role.this')
    trust = acme["assume_role_policy"]
    for foreign in ("333333333333", "555555555555", "e2f2aa7d039ce726c5185bff0d2467ce", "globex"):
        assert foreign not in trust
    models = local.granted('module.operations_role["acme"].aws_iam_role.this')
    assert "amazon.nova-pro-v1:0" not in models
    assert "us-east-1" not in models


@pytest.fixture(scope="module")
def known(operations):
    return operations.plan(
        environment="prod",
        operations={"account_id": "111111111111", "region": "eu-central-1"},
        tenants={"acme": stanza()},
    )


def test_the_hand_over_is_known_before_apply_where_no_alias_is_tracked(known):
    assert known.outputs["handover"]["acme"]["models"]["nova"] == {
        "base_model_id": "amazon.nova-lite-v1:0",
        "count_tokens": False,
        "fallbacks": [],
        "model": "amazon.nova-lite-v1:0",
        "regions": ["eu-central-1"],
        "streaming": True,
    }
    assert known.outputs["quotas"]["acme"]["role"] == "bedrock-prod-acme"
    assert known.outputs["quotas"]["acme"]["state"] == "active"


def test_a_tenant_is_planned_alone_before_anothers_profile_is_made(operations):
    acme = operations.plan(LOCAL, '-target=module.operations_role["acme"]')
    role = 'module.operations_role["acme"].aws_iam_role.this'
    assert acme.addresses == role_resources(role, "grants", guarded=True)
    assert acme.outputs["handover"]["initech"]["models"]["claude"]["model"] is None


def test_capacity_is_known_before_apply(local):
    capacity = local.outputs["capacity"]
    assert capacity["roles"] == {"limit": 1000, "used": 3}
    assert capacity["inference_profiles"] == {"limit": 1000, "used": 1}
    for name in ("acme", "globex", "initech"):
        granted = local.granted(f'module.operations_role["{name}"].aws_iam_role.this')
        # The denial of a suspension and a comma have 83 characters.
        assert capacity["policy_sizes"][name]["permissions"] == len(granted) + 83
    assert capacity["policy_limits"] == {"permissions": 10240, "trust": 2048}


SHARDED = {"account_id": "111111111111", "region": "eu-central-1", "shards": 3}


def test_a_shard_has_the_roles_of_its_tenants_and_counts_all(operations):
    """The shards are those of tools/environment/tenant_shard.py."""
    accounts = [{f"{number:012}": {}} for number in range(1, 7)]
    tenants = {
        f"tenant-{number}": stanza(accounts=account, external_ids={"current": f"{number:032}"})
        for number, account in enumerate(accounts)
    }
    environment = {"environment": "prod", "operations": SHARDED, "tenants": tenants}
    for shard in range(3):
        planned = operations.plan(**environment, shard=shard)
        names = {name for name in tenants if shard_of(name, 3) == shard}
        roles = {address for address in planned.addresses if address.endswith("aws_iam_role.this")}
        assert roles == {f'module.operations_role["{name}"].aws_iam_role.this' for name in names}
        assert planned.outputs["handover"].keys() == planned.outputs["quotas"].keys() == names
        assert planned.outputs["capacity"]["roles"]["used"] == len(tenants)
    refusal = operations.refuses(**environment, shard=3)
    assert "shard is a number from 0 to 2, not 3." in refusal


def test_more_tenants_than_a_shard_takes_are_refused_with_the_number_to_write(operations):
    tenants = {
        f"tenant-{number}": stanza(
            accounts={f"{number:012}": {}}, external_ids={"current": f"{number:032}"}
        )
        for number in range(1, 252)
    }
    one_shard = {**SHARDED, "shards": 1}
    assert (
        "Shard 0 would have more than 250 of the 251 tenants, and a plan of it would take minutes; write "
        "shards = 2 in operations, and run `make shards ENV=prod`."
    ) in operations.refuses(environment="prod", operations=one_shard, tenants=tenants)


def test_one_tenant_too_many_is_refused_before_apply(operations):
    tracked = {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"], "track": True}
    environment = {
        "environment": "prod",
        "operations": {"account_id": "111111111111", "region": "eu-central-1"},
        "tenants": {
            # Two profiles, until the previous model goes.
            "acme": stanza(
                models={
                    "nova": {**tracked, "previous": {**tracked, "model": "amazon.nova-pro-v1:0"}}
                }
            ),
            "globex": stanza(
                accounts={"333333333333": {}},
                external_ids={"current": "e2f2aa7d039ce726c5185bff0d2467ce"},
                models={"nova": tracked},
            ),
        },
    }
    assert operations.accepts(**environment, limits={"inference_profiles": 3, "roles": 2})
    refusal = operations.refuses(**environment, limits={"inference_profiles": 2, "roles": 1})
    assert (
        "2 tenants need 1 more roles than IAM allows in the account; have AWS raise the limit and "
        "write it in limits.roles, or start a second environment in another operations account."
    ) in refusal
    assert (
        "3 tracked aliases need 1 more inference profiles than Bedrock allows in eu-central-1; have "
        "AWS raise the quota L-40EC9882 and write it in limits.inference_profiles, or track fewer "
        "aliases."
    ) in refusal


def test_two_environments_side_by_side_make_nothing_of_one_name(operations, known):
    """Beyond IAM's limit of roles, a second environment uses another operations account."""
    second = operations.plan(
        environment="prod2",
        operations={"account_id": "999999999999", "region": "eu-central-1"},
        tenants={"acme": stanza()},
    )
    assert [plan.outputs["handover"]["acme"]["role_arn"] for plan in (known, second)] == [
        "arn:aws:iam::111111111111:role/bedrock-prod-acme",
        "arn:aws:iam::999999999999:role/bedrock-prod2-acme",
    ]


def test_the_boundary_of_the_environment_is_on_every_tenants_role(operations):
    prod = operations.plan("-var-file=../prod/terraform.tfvars")
    role = prod.resource('module.operations_role["example"].aws_iam_role.this')
    assert role["permissions_boundary"] == "arn:aws:iam::111111111111:policy/tenant-boundary"


def test_the_dev_example_plans(operations):
    assert operations.accepts("-var-file=../dev/terraform.tfvars")


def test_the_partition_is_that_of_the_operations_region(operations):
    planned = operations.plan(
        environment="prod",
        operations={"account_id": "111111111111", "region": "cn-north-1"},
        tenants={"acme": stanza()},
    )
    assert planned.outputs["handover"]["acme"]["role_arn"] == (
        "arn:aws-cn:iam::111111111111:role/bedrock-prod-acme"
    )


def test_a_stanza_that_its_role_cannot_have_is_refused_with_the_tenants_name(operations):
    refusal = operations.refuses(
        environment="prod",
        operations={"account_id": "111111111111", "region": "eu-central-1"},
        tenants={
            "acme": stanza(),
            "globex": stanza(
                accounts={"3333333333": {}}, external_ids={"current": "short"}, models={}
            ),
        },
    )
    assert "Tenant globex: a customer account is 12 digits" in refusal
    assert "Tenant globex: an ExternalId has 16 to 1,224 characters" in refusal
    assert "Tenant globex: it has no models" in refusal
    assert "Tenant acme" not in refusal


@pytest.mark.parametrize("stanza_text", STANZAS)
def test_each_stanza_of_readme_is_one_that_plans(operations, tmp_path, stanza_text):
    tfvars = tmp_path / "terraform.tfvars"
    tfvars.write_text(
        f"""
environment = "prod"
operations  = {{ account_id = "111111111111", region = "eu-central-1" }}
tenants = {{
{stanza_text}
}}
"""
    )
    planned = operations.plan(f"-var-file={tfvars}")
    assert 'module.operations_role["acme"].aws_iam_role.this' in planned.addresses
