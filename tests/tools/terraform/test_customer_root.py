"""The root of a customer whose account the operator managed before takes over what exists."""

from dataclasses import replace

import pytest

from tools.environment.model import load_environment
from tools.terraform.customer_root import Release, customer_root
from tools.terraform.state_content import StateContent

LOCAL = load_environment("local")
ACCOUNT = replace(
    next(account for account in LOCAL.accounts if account.tenant == "acme"), snap_start=True
)
KEY = "arn:aws:kms:eu-central-1:222222222222:key/1234abcd"
BOUNDARY = "arn:aws:iam::222222222222:policy/bedrock-local-acme-boundary"
NAME = "bedrock-local-acme"
NETWORK = {"id": "vpc-1", "subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
READER = "arn:aws:iam::222222222222:role/auditor"

# Of every resource in the operator's state: its type and name, its key, its attributes, and the id for the import.
RESOURCES = [
    ("aws_cloudwatch_log_group.function", None, {"name": f"/aws/lambda/{NAME}"}, f"/aws/lambda/{NAME}"),
    ("aws_cloudwatch_log_group.records", None, {"name": "/bedrock/records"}, "/bedrock/records"),
    ("aws_iam_role.execution", 0, {"name": f"{NAME}-execution", "permissions_boundary": BOUNDARY}, f"{NAME}-execution"),
    ("aws_iam_role.reader", "reader", {"name": f"{NAME}-reader"}, f"{NAME}-reader"),
    ("aws_iam_role_policy.execution", 0, {"name": "execution"}, None),
    ("aws_lambda_alias.live", 0, {"function_name": NAME, "name": "live"}, f"{NAME}/live"),
    ("aws_lambda_function.this", 0, {"function_name": NAME}, NAME),
    ("aws_vpc_endpoint.this", "sts", {"id": "vpce-1"}, "vpce-1"),
]  # fmt: skip


def resource(name, key, attributes, module="module.customer_workload", mode="managed"):
    kind, _, label = name.partition(".")
    instance = {"attributes": attributes} | ({} if key is None else {"index_key": key})
    return {
        "mode": mode,
        "type": kind,
        "name": label,
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": [instance],
    } | ({"module": module} if module else {})


KEY_READ = resource("aws_kms_key.records", None, {"arn": KEY}, module=None, mode="data")
APPLIED = StateContent(
    {
        "version": 4,
        "resources": [KEY_READ, *(resource(*each[:3]) for each in RESOURCES)],
    }
)


def root(state, tenant_state="active", **details):
    accounts = {"222222222222": {"managed_by": "customer", **details}}
    acme = {**LOCAL.stanzas["acme"], "accounts": accounts}
    environment = replace(LOCAL, stanzas={**LOCAL.stanzas, "acme": acme})
    inputs = {"state": tenant_state}
    return customer_root(environment, ACCOUNT, inputs, Release("1.0", "zip", "0" * 64), state)


def imported(files):
    """The addresses and ids of the import blocks."""
    lines = files.get("imports.tf", "").splitlines()
    texts = [line.partition(" = ")[2] for line in lines if " = " in line]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def address(name, key):
    index = "" if key is None else f'["{key}"]' if isinstance(key, str) else f"[{key}]"
    return f"module.customer_workload.{name}{index}"


def test_imports_what_the_operators_state_holds_and_a_creation_would_fail_on():
    files = root(APPLIED, readers=[READER], vpc=NETWORK)
    expected = {address(name, key): f'"{id_}"' for name, key, _, id_ in RESOURCES if id_}
    assert imported(files) == expected
    assert "## Take over what exists" in files["README.md"]


def test_keeps_the_key_and_the_boundary_that_the_customer_made_for_the_deployer():
    main = root(APPLIED)["main.tf"]
    assert f'key_arn = "{KEY}"' in main
    assert f'permissions_boundary = "{BOUNDARY}"' in main
    other = "arn:aws:iam::222222222222:policy/other"
    assert f'permissions_boundary = "{other}"' in root(APPLIED, permissions_boundary=other)["main.tf"]  # fmt: skip


def test_an_account_that_the_operator_never_applied_imports_nothing():
    files = root(StateContent({}))
    assert "imports.tf" not in files
    assert "Take over" not in files["README.md"]
    assert "key_arn" not in files["main.tf"]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"vpc": NETWORK}, {"aws_iam_role.reader"}),
        ({"readers": [READER]}, {"aws_vpc_endpoint.this"}),
        ({"readers": [READER], "vpc": {**NETWORK, "id": None}}, {"aws_vpc_endpoint.this"}),
        (
            {"readers": [READER], "vpc": NETWORK, "tenant_state": "offboarding"},
            {"aws_lambda_alias.live", "aws_lambda_function.this", "aws_vpc_endpoint.this"},
        ),
        (
            {"readers": [READER], "tenant_state": "offboarding"},
            {
                "aws_iam_role.execution",
                "aws_lambda_alias.live",
                "aws_lambda_function.this",
                "aws_vpc_endpoint.this",
            },
        ),
    ],
)
def test_imports_nothing_that_the_root_does_not_declare(changes, missing):
    expected = {
        address(name, key) for name, key, _, id_ in RESOURCES if id_ and name not in missing
    }
    assert set(imported(root(APPLIED, **changes))) == expected
