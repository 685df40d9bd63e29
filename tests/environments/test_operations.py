def stanza(**changed):
    return {
        "accounts": {"222222222222": {}},
        "external_ids": {"current": "269170463fdc32af10a91e67a8fd77bd"},
        "models": {"nova": {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}},
        **changed,
    }


def test_makes_one_role_with_one_policy_for_each_tenant(local):
    assert local.addresses == {
        f'module.operations_role["{tenant}"].{resource}'
        for tenant in ("acme", "globex", "initech")
        for resource in ("aws_iam_role.this", "aws_iam_role_policy.models")
    }


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
    models = local.resource('module.operations_role["acme"].aws_iam_role_policy.models')["policy"]
    assert "amazon.nova-pro-v1:0" not in models


def test_the_hand_over_is_known_before_apply(local):
    assert sorted(local.outputs["handover"]) == ["acme", "globex", "initech"]
    assert local.outputs["handover"]["globex"] == {
        "external_id": "e2f2aa7d039ce726c5185bff0d2467ce",
        "models": {"nova": {"model": "amazon.nova-pro-v1:0", "regions": ["us-east-1"]}},
        "regions": ["us-east-1"],
        "role_arn": "arn:aws:iam::111111111111:role/bedrock-local-globex",
    }


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
    assert "Tenant globex has no models" in refusal
    assert "Tenant acme" not in refusal
