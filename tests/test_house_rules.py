"""What every Terraform file of the project keeps to."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from hcl2.query import DocumentView, ObjectView
from hcl2.rules.containers import ObjectRule

from tests.terraform import ENVIRONMENTS, MODULES, toolchain
from tools.paths import ROOT

FILES = sorted(
    path
    for folder in (MODULES, ENVIRONMENTS)
    for path in folder.rglob("*.tf")
    if ".terraform" not in path.parts and not path.is_symlink()
)
# The examples are data: they name accounts, and so a partition.
CODE = [path for path in FILES if "examples" not in path.parts]
DECLARING = [
    path for path in FILES if re.search(r"^(variable|output) ", path.read_text(), re.MULTILINE)
]
MODULE_NAMES = sorted(path.name for path in MODULES.iterdir())
ROOTS = [ENVIRONMENTS / "operations", ENVIRONMENTS / "customer"]

# What the deployer may do without naming a resource: list and describe, and register endpoint names, which
# have no name before they exist. Lambda describes network interfaces with the boundary's permission.
UNNAMED_RESOURCES = {
    "LambdaFindsItsNetworkInterfaces",
    "ListAndDescribe",
    "RegisterTheEndpointsNames",
}

# These have no resource to name:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
WITHOUT_RESOURCES = {
    "bedrock:GetAccountDataRetention",
    "bedrock:GetAccountDataRetentionStorage",
    "bedrock:GetModelInvocationLoggingConfiguration",
    "bedrock:ListAdvancedPromptOptimizationJobs",
    "bedrock:ListAgents",
    "bedrock:ListAsyncInvokes",
    "bedrock:ListCustomModels",
    "bedrock:ListEvaluationJobs",
    "bedrock:ListFlows",
    "bedrock:ListImportedModels",
    "bedrock:ListInferenceProfiles",
    "bedrock:ListKnowledgeBases",
    "bedrock:ListModelCustomizationJobs",
    "bedrock:ListModelImportJobs",
    "bedrock:ListModelInvocationJobs",
    "bedrock:ListProjects",
    "bedrock:ListPrompts",
    "bedrock:ListSessions",
    "bedrock:ListTrustedAccessPrograms",
    "cloudtrail:LookupEvents",
    "cloudwatch:GetMetricData",
    "cloudwatch:PutMetricData",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "iam:GetAccountAuthorizationDetails",
    "organizations:DescribeOrganization",
}

# Of the organization, whose account and ids are not known where the policy is written.
OF_THE_ORGANIZATION = {
    "organizations:DescribePolicy",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
}

# In a key policy "*" is this key; what goes through an endpoint is for the caller's own policy to say.
OTHERS_DECIDE = {"endpoints.tf", "key.tf", "kms.tf"}

KEY_STATEMENTS = ("AdministersTheKey", "EncryptsOnlyTheseTwoGroups")

# Models that AWS has ended, by the last day: https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle-legacy.html
ENDED_MODELS = {
    "anthropic.claude-3-5-haiku-20241022": "2026-06-19",
    "anthropic.claude-3-7-sonnet-20250219": "2026-04-28",
    "anthropic.claude-3-haiku-20240307": "2026-09-10",
}

GOLDEN = Path(__file__).parent / "modules" / "golden"


def name_of(path):
    return f"{path.parent.name}/{path.name}"


def parsed(path):
    return DocumentView.parse_file(str(path))


def blocks(path, kind):
    return parsed(path).blocks(kind)


def text(block, attribute):
    found = block.attribute(attribute)
    return None if found is None else str(found.value).strip('"')


def statements():
    """Every policy statement written in HCL, with the file it is in."""
    for path in FILES:
        for entry in parsed(path).find_all(ObjectRule):
            if isinstance(entry, ObjectView) and "Effect" in entry.keys:
                yield path, {key: value.to_dict() for key, value in entry.entries}


def rendered(pattern):
    """Every statement of the rendered policies in golden files; tests/modules renders them."""
    for path in GOLDEN.glob(pattern):
        document = json.loads(path.read_text())
        for policy in [document] if "Statement" in document else document.values():
            yield from policy["Statement"] if policy else []


def granted():
    """Every statement of the tenants' policies."""
    for path in ("aws*.json", "everything.json"):
        yield from rendered(path)


def deployed():
    """Every statement of the deployer's policies that allows, without those of a key policy."""
    for statement in rendered("customer-deployer-*.json"):
        if statement["Effect"] == "Allow" and not statement["Sid"].endswith(KEY_STATEMENTS):
            yield statement


def actions(statement):
    found = statement["Action"]
    return {action.strip('"') for action in (found if isinstance(found, list) else [found])}


@pytest.mark.parametrize("path", DECLARING, ids=name_of)
def test_variables_and_outputs_are_in_alphabetical_order(path):
    for kind in ("variable", "output"):
        names = [block.name_labels[0] for block in blocks(path, kind)]
        assert names == sorted(names)


@pytest.mark.parametrize("path", DECLARING, ids=name_of)
def test_variables_and_outputs_are_described_in_a_sentence(path):
    for block in [*blocks(path, "variable"), *blocks(path, "output")]:
        assert re.fullmatch(r"[A-Z].{15,}\.", text(block, "description")), block.labels


@pytest.mark.parametrize("path", DECLARING, ids=name_of)
def test_variables_are_typed_and_never_any(path):
    for block in blocks(path, "variable"):
        assert not re.search(r"\bany\b", text(block, "type")), block.labels


@pytest.mark.parametrize("path", DECLARING, ids=name_of)
def test_variables_say_whether_null_means_something(path):
    for block in blocks(path, "variable"):
        default = block.attribute("default")
        means_something = default is not None and default.to_dict() == {"default": None}
        assert text(block, "nullable") == str(means_something), block.labels


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_are_short(path):
    # The stanza is one variable, and a block cannot be split into files.
    limit = 200 if path.name == "variables-tenants.tf" else 150
    assert len(path.read_text().splitlines()) <= limit


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_no_partition_is_written(path):
    assert "arn:aws" not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_policy_document_data_source(path):
    assert not [
        block.labels for block in blocks(path, "data") if "policy_document" in block.labels[1]
    ]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_comments_begin_with_a_hash(path):
    assert not re.search(r"^\s*(//|/\*)", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "folder", [*[MODULES / name for name in MODULE_NAMES], *ROOTS], ids=lambda path: path.name
)
def test_terraform_and_provider_are_held_to_the_supported_range(folder):
    (terraform,) = blocks(folder / "versions.tf", "terraform")
    (required,) = terraform.blocks("required_providers")
    assert text(terraform, "required_version") == ">= 1.11"
    assert required.attribute("aws").to_dict()["aws"]["version"] == '">= 5.100, < 7.0"'


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: path.name)
def test_every_provider_works_in_one_named_account_only(root):
    providers = [block for path in root.glob("*.tf") for block in blocks(path, "provider")]
    assert providers
    for provider in providers:
        assert len(provider.attribute("allowed_account_ids").to_dict()["allowed_account_ids"]) == 1


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: path.name)
def test_the_shape_of_an_environment_is_declared_once(root):
    declaring = sorted(ENVIRONMENTS.glob("variables*.tf"))
    assert [path.name for path in declaring] == [
        "variables-patterns.tf",
        "variables-tenants.tf",
        "variables.tf",
    ]
    for path in declaring:
        assert (root / path.name).is_symlink()
        assert (root / path.name).resolve() == path


def test_environments_hold_data_and_roots_hold_code():
    with_code = {path.parent for path in ENVIRONMENTS.glob("*/*.tf")}
    with_data = {path.parent for path in ENVIRONMENTS.glob("*/*.tfvars")}
    assert with_code == {*ROOTS, ENVIRONMENTS / "stanzas"}
    assert not with_code & with_data


def test_every_statement_has_a_sid_that_reads_as_a_sentence():
    written = [statement["Sid"].strip('"') for _, statement in statements()]
    rendered_sids = [statement["Sid"] for statement in [*granted(), *deployed()]]
    written.remove("${grant.sid}")  # operations-role renders one for each alias
    assert len(written) >= 8
    assert len(rendered_sids) >= 30
    for sid in [*written, *rendered_sids]:
        assert re.fullmatch(r"([A-Z][a-z]+\w*){2,}", sid), sid


def test_no_statement_allows_all_actions_of_a_service():
    for path, statement in statements():
        if statement["Effect"] == '"Allow"':
            assert not [action for action in actions(statement) if action.endswith("*")] or (
                path.name in ("key.tf", "kms.tf")
            ), path
    for statement in granted():
        if statement["Effect"] == "Allow":
            assert not [action for action in statement["Action"] if "*" in action]
    for statement in deployed():
        assert not [action for action in statement["Action"] if action.endswith("*")]


def test_all_resources_are_named_except_in_a_key_policy_or_where_aws_has_none_to_name():
    for path, statement in statements():
        if statement["Effect"] == '"Allow"' and statement.get("Resource") == '"*"':
            allowed = WITHOUT_RESOURCES | OF_THE_ORGANIZATION
            assert path.name in OTHERS_DECIDE or actions(statement) <= allowed, path
    for statement in granted():
        if statement["Effect"] == "Allow":
            assert "*" not in statement["Resource"]
    unnamed = {each["Sid"] for each in deployed() if "*" in each.get("Resource", ())}
    assert unnamed == UNNAMED_RESOURCES


def test_no_call_that_creates_depends_on_the_tags_of_what_it_creates():
    """Tags decide only some time after they are written, so a condition on them would fail the first calls."""
    by_tags = [
        statement
        for statement in deployed()
        for operator in (statement.get("Condition") or {}).values()
        if any("ResourceTag/" in key for key in operator)
    ]
    assert (
        {action for statement in by_tags for action in actions(statement)}
        == {
            "ec2:CreateTags",  # those of a new endpoint come with ec2:CreateAction, in a statement of their own
            "ec2:DeleteTags",
            "ec2:DeleteVpcEndpoints",
            "ec2:ModifyVpcEndpoint",
        }
    )


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("customer-deployer/key.tf", "aws_kms_key"),
        ("customer-workload/kms.tf", "aws_kms_key"),
        ("customer-workload/logs.tf", "aws_cloudwatch_log_group"),
    ],
)
def test_what_keeps_the_records_readable_cannot_be_destroyed(file, kind):
    protected = blocks(MODULES / file, "resource")
    found = [block for block in protected if block.labels[1] == kind]
    assert found
    for block in found:
        (lifecycle,) = block.blocks("lifecycle")
        assert lifecycle.attribute("prevent_destroy").to_dict() == {"prevent_destroy": True}


def test_files_are_formatted():
    for folder in (MODULES, ENVIRONMENTS):
        checked = subprocess.run(
            [toolchain().terraform, "fmt", "-check", "-recursive", "-diff"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout


def test_no_example_default_or_message_names_a_model_that_has_ended():
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    tools = [path for path in (ROOT / "tools").iterdir() if path.name not in {"bench", "localaws"}]
    for folder in (MODULES, ENVIRONMENTS, ROOT / "lambda", *tools):
        files += [
            path
            for pattern in ("*.py", "*.tf", "*.tfvars", "*.md")
            for path in folder.rglob(pattern)
            if ".terraform" not in path.parts
        ]
    ended = [
        f"{path.relative_to(ROOT)} names {model}, which ended {day}"
        for path in files
        for model, day in ENDED_MODELS.items()
        if model in path.read_text()
    ]
    assert ended == []
