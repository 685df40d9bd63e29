"""Plans of many accounts, without and with the provider; golden/ has the expected policies."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.modules.deployers import BOUNDARY, DEPLOYERS, DEPLOYMENT, ENDPOINTS, VPC, deployer
from tests.terraform import MODULES, OFFLINE_PROVIDER, Folder, folder_of
from tools.iam.evaluator import Request, Requester, evaluate
from tools.iam.policy import Kind, parse_policy
from tools.release import release_version

GOLDEN = Path(__file__).parent / "golden"

PLANNED = [name for name, inputs in DEPLOYERS.items() if inputs["region"] == "eu-central-1"]

# One module call for all accounts, as in a root that renders a whole environment.
ACCOUNTS = """\
module "deployer" {{
  source   = "{source}"
  for_each = jsondecode(file("accounts.json"))

  account_id            = each.value.account_id
  code_signing_config_arn = try(each.value.code_signing_config_arn, null)
  deployment_principals = each.value.deployment_principals
  environment           = each.value.environment
  external_id           = each.value.external_id
  operations_account_id = each.value.operations_account_id
  partition             = try(each.value.partition, "aws")
  permissions_boundary  = try(each.value.permissions_boundary, null)
  readers               = try(each.value.readers, [])
  region                = each.value.region
  role_name             = try(each.value.role_name, "terraform-deployer")
  tags                  = try(each.value.tags, {{}})
  tenant                = each.value.tenant
  unmaskers             = try(each.value.unmaskers, [])
  vpc                   = try(each.value.vpc, null)
}}

# The ARN of a key is known only after an apply.
output "deployers" {{
  value = {{
    for name, outputs in module.deployer : name => {{
      for output, value in outputs : output => value if output != "key_arn"
    }}
  }}
}}
"""


def accounts(path, source, deployers, extra=None):
    files = {
        "accounts.json": json.dumps(deployers),
        "main.tf": ACCOUNTS.format(source=source),
        **(extra or {}),
    }
    return Folder(folder_of(path / "root", [], files)).init()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """The policies of every account, rendered without a provider."""
    source = MODULES / "customer-deployer" / "policies"
    folder = accounts(tmp_path_factory.mktemp("policies"), source, DEPLOYERS)
    return folder.plan_json()["planned_values"]["outputs"]["deployers"]["value"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The plan of the accounts whose key is in the provider's Region, offline."""
    path = tmp_path_factory.mktemp("deployers")
    source = MODULES / "customer-deployer"
    deployers = {name: DEPLOYERS[name] for name in PLANNED}
    return accounts(path, source, deployers, {"provider.tf": OFFLINE_PROVIDER}).plan()


@pytest.fixture(scope="module")
def documents(rendered):
    """The documents of an account by their names."""

    def parsed(name):
        texts = rendered[name]["documents"].items()
        return {document: json.loads(text) for document, text in texts}

    return parsed


@pytest.fixture(scope="module")
def permissions(documents):
    """The statements of an account's permissions by their Sids."""
    return lambda name: {
        statement["Sid"]: statement for statement in documents(name)["permissions"]["Statement"]
    }


@pytest.mark.parametrize("name", ["plain", "aws", "aws-cn", "aws-us-gov"])
def test_the_documents_are_those_of_the_golden_file(documents, name):
    golden = json.loads((GOLDEN / f"customer-deployer-{name}.json").read_text())
    assert documents(name) == golden


def test_the_version_rises_whenever_a_golden_file_changes(rendered):
    """deployer_versions.json has the SHA-256 of the golden files by version."""
    files = [
        *sorted(GOLDEN.glob("customer-deployer-a*.json")),
        GOLDEN / "customer-deployer-plain.json",
    ]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    versions = json.loads((GOLDEN.parent / "deployer_versions.json").read_text())
    assert len(set(versions.values())) == len(versions)
    version = rendered["plain"]["role"]["tags"]["deployer-version"]
    assert versions.get(version) == digest, (
        f"The golden files have changed: raise the version in names.tf and add its digest {digest}."
    )
    assert list(versions)[-1] == version


def test_the_digest_differs_between_stanzas_and_not_between_tags(rendered):
    digests = {name: rendered[name]["role"]["tags"]["deployer-digest"] for name in rendered}
    # A deployer of another name or with further tags has the same rights over the workload.
    assert digests["tagged"] == digests["plain"]
    stanzas = DEPLOYERS.keys() - {"tagged"}
    assert len({digests[name] for name in stanzas}) == len(stanzas)


def test_those_who_deploy_are_trusted_with_the_external_id_only(documents):
    (statement,) = documents("plain")["trust"]["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": [DEPLOYMENT]},
        "StringEquals": {"sts:ExternalId": DEPLOYERS["plain"]["external_id"]},
    }


EXTERNAL_ID = {"sts:ExternalId": DEPLOYERS["plain"]["external_id"]}


@pytest.mark.parametrize(
    ("role", "context", "allowed"),
    [
        (DEPLOYMENT, EXTERNAL_ID, True),
        (DEPLOYMENT, {"sts:ExternalId": "another-external-id"}, False),
        (DEPLOYMENT, {}, False),
        ("arn:aws:iam::111111111111:role/other", EXTERNAL_ID, False),
        ("arn:aws:iam::999999999999:role/deployment", EXTERNAL_ID, False),
    ],
    ids=str,
)
def test_the_trust_policy_as_iam_decides_it(documents, role, context, allowed):
    account, name = role.split(":")[4], role.rpartition("/")[2]
    request = Request(
        action="sts:AssumeRole",
        resource="arn:aws:iam::222222222222:role/terraform-deployer",
        context={**context, "aws:PrincipalAccount": account, "aws:PrincipalArn": role},
        requester=Requester(account, f"arn:aws:sts::{account}:assumed-role/{name}/session", role),
    )
    policy = parse_policy(json.dumps(documents("plain")["trust"]), "trust", Kind.TRUST)
    assert evaluate([policy], request).allowed is allowed


def test_a_vpc_without_an_id_adds_lookups_and_no_endpoints(permissions):
    plain, vpc = permissions("plain"), permissions("vpc")
    assert vpc.pop("ListAndDescribe")["Action"] == [
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        *plain.pop("ListAndDescribe")["Action"],
    ]
    assert vpc == plain


@pytest.mark.parametrize(
    ("vpcs", "allowed"),
    [
        (["VPCId=vpc-0123456789abcdef0,VPCRegion=eu-central-1"], True),
        (["VPCId=vpc-0123456789abcdef0,VPCRegion=eu-west-1"], False),
        (["VPCId=vpc-9,VPCRegion=eu-central-1"], False),
        ([], False),
        (None, False),
    ],
    ids=str,
)
def test_the_workloads_vpc_alone_gets_the_names_of_endpoints(documents, vpcs, allowed):
    policy = parse_policy(json.dumps(documents("endpoints")["permissions"]), "p", Kind.IDENTITY)
    request = Request(
        action="route53:AssociateVPCWithHostedZone",
        resource="arn:aws:route53:::hostedzone/Z1",
        context={} if vpcs is None else {"route53:VPCs": vpcs},
    )
    assert evaluate([policy], request).allowed is allowed


@pytest.mark.parametrize("name", ["execution", "reader", "unmasker"])
def test_the_deployer_never_becomes_a_role_whose_trust_policy_it_writes(documents, name):
    permissions = parse_policy(json.dumps(documents("readers")["permissions"]), "p", Kind.IDENTITY)
    attached = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}  # fmt: skip
    other = parse_policy(json.dumps(attached), "attached", Kind.IDENTITY)
    role = f"arn:aws:iam::222222222222:role/bedrock-prod-acme-{name}"
    for action in ("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"):
        assert not evaluate([permissions, other], Request(action, role)).allowed
        assert evaluate([permissions, other], Request(action, f"{role}s")).allowed


NO_VPC = {"id": None, "security_group_ids": None, "subnet_ids": None}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"vpc": NO_VPC}, "vpc needs at least one security group"),
        ({"vpc": {**VPC, "subnet_ids": []}}, "vpc needs at least one security group"),
        (
            {"vpc": {**ENDPOINTS, "security_group_ids": None}},
            "vpc needs at least one security group",
        ),
        (
            {"readers": [None]},
            "A reader is the full ARN of one user or role, without a wildcard, not null",
        ),
        ({"unmaskers": [""]}, "An unmasker is the full ARN"),
        ({"unmaskers": ["arn:aws:iam::222222222222:role/*"]}, "An unmasker is the full ARN"),
    ],
    ids=str,
)
def test_a_null_or_empty_input_never_widens_the_role(rules, changes, sentence):
    assert sentence in rules("customer-deployer").refuses(**deployer(**changes))


@pytest.mark.parametrize("vpc", [None, VPC, ENDPOINTS, {**VPC, "id": None}], ids=str)
def test_null_is_as_good_as_leaving_out(rules, vpc):
    nulls = {"permissions_boundary": None, "readers": None, "role_name": None, "unmaskers": None}
    assert rules("customer-deployer").accepts(**deployer(vpc=vpc, **nulls))


def test_a_vpc_with_an_id_adds_endpoints_in_this_vpc_with_the_workloads_tags(permissions):
    vpc, endpoints = permissions("vpc"), permissions("endpoints")
    assert set(endpoints) - set(vpc) == {
        "PlaceEndpointsInTheVpc",
        "CreateTheEndpoints",
        "TagTheEndpointsOnCreation",
        "ManageTheEndpoints",
        "RegisterTheEndpointsNames",
    }
    arn = "arn:aws:ec2:eu-central-1:222222222222:"
    assert endpoints["PlaceEndpointsInTheVpc"]["Resource"] == [
        f"{arn}vpc/{ENDPOINTS['id']}",
        *(f"{arn}security-group/{group}" for group in sorted(ENDPOINTS["security_group_ids"])),
        *(f"{arn}subnet/{subnet}" for subnet in sorted(ENDPOINTS["subnet_ids"])),
    ]
    requested = {"aws:RequestTag/environment": "prod", "aws:RequestTag/tenant": "acme"}
    services = [f"com.amazonaws.eu-central-1.{name}" for name in ("bedrock-runtime", "logs", "sts")]
    assert endpoints["CreateTheEndpoints"]["Condition"] == {
        "StringEquals": {**requested, "ec2:VpceServiceName": services}
    }
    assert endpoints["TagTheEndpointsOnCreation"]["Condition"] == {
        "StringEquals": {**requested, "ec2:CreateAction": "CreateVpcEndpoint"}
    }
    assert endpoints["ManageTheEndpoints"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/environment": "prod", "aws:ResourceTag/tenant": "acme"}
    }


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("plain", "arn:aws:iam::222222222222:policy/bedrock-prod-acme-boundary"),
        ("boundary", BOUNDARY),
    ],
)
def test_a_boundary_is_required_of_every_role_that_is_changed(permissions, name, arn):
    statement = permissions(name)["ManageRolesWithinTheBoundary"]
    assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": arn}}


def test_the_key_has_the_policy_that_the_workload_gives_one_of_its_own(documents, plain):
    assert documents("plain")["key"] == plain.policy("aws_kms_key.records[0]")


def test_readers_and_unmaskers_widen_the_boundary_and_not_the_permissions(documents, permissions):
    sids = {
        name: [statement["Sid"] for statement in documents(name)["boundary"]["Statement"]]
        for name in ("boundary", "readers", "unmaskers")
    }
    assert sids["readers"] == [*sids["boundary"], "ReadersReadTheRecords"]
    assert sids["unmaskers"] == [*sids["readers"], "UnmaskersSeeWhatIsMasked"]
    assert permissions("readers") == permissions("unmaskers") == permissions("boundary")


@pytest.mark.parametrize("name", PLANNED)
def test_a_plan_shows_the_documents_that_are_rendered_without_the_provider(plan, rendered, name):
    deployed = plan.outputs["deployers"][name]
    assert deployed["policies"] == rendered[name]["documents"]
    assert deployed["cloudformation_template"] == rendered[name]["cloudformation_template"]
    assert deployed["role_arn"] == rendered[name]["role"]["arn"]
    assert deployed["version"] == rendered[name]["version"]


def test_the_release_is_a_tag_of_the_role(rendered):
    tags = rendered["tagged"]["role"]["tags"]
    assert tags["deployer-release"] == rendered["tagged"]["version"] == release_version()
    template = json.loads(rendered["tagged"]["cloudformation_template"])
    role = template["Resources"]["DeployerRole"]["Properties"]
    assert {"Key": "deployer-release", "Value": release_version()} in role["Tags"]


@pytest.mark.parametrize("name", PLANNED)
def test_the_role_has_its_trust_and_its_one_policy(plan, documents, name):
    address = f'module.deployer["{name}"].aws_iam_role.this'
    assert plan.resource(address)["name"] == DEPLOYERS[name].get("role_name", "terraform-deployer")
    assert plan.policy(address, "assume_role_policy") == documents(name)["trust"]
    assert json.loads(plan.granted(address)) == documents(name)["permissions"]


@pytest.mark.parametrize(
    ("name", "path", "policy_name"),
    [("plain", "/", "bedrock-prod-acme-boundary"), ("boundary", "/bedrock/", "workload-boundary")],
)
def test_the_boundary_is_always_created(plan, rendered, name, path, policy_name):
    boundary = plan.resource(f'module.deployer["{name}"].aws_iam_policy.boundary')
    assert (boundary["path"], boundary["name"]) == (path, policy_name)
    assert boundary["policy"] == rendered[name]["documents"]["boundary"]


def test_the_key_of_another_region_is_refused(tmp_path):
    source = MODULES / "customer-deployer"
    deployers = {"elsewhere": deployer(region="eu-west-1")}
    provider = OFFLINE_PROVIDER.replace("{", '{\n  region = "eu-central-1"', 1)
    folder = accounts(tmp_path, source, deployers, {"provider.tf": provider})
    assert "configure the provider for eu-west-1, not eu-central-1." in folder.refuses()


def test_the_key_is_created_with_its_alias_and_rotates(plan, rendered):
    key = plan.resource('module.deployer["plain"].aws_kms_key.records')
    assert key["policy"] == rendered["plain"]["documents"]["key"]
    assert (key["enable_key_rotation"], key["deletion_window_in_days"]) == (True, 30)
    alias = plan.resource('module.deployer["plain"].aws_kms_alias.records')
    assert alias["name"] == "alias/bedrock-prod-acme"


def tag_list(resource):
    """The tags of a planned resource as CloudFormation writes them."""
    return [{"Key": name, "Value": text} for name, text in sorted(resource["tags"].items())]


def test_the_tags_of_the_customer_are_on_role_boundary_and_key(plan):
    resources = {
        address: plan.resource(f'module.deployer["tagged"].{address}')["tags"]
        for address in ("aws_iam_role.this", "aws_iam_policy.boundary", "aws_kms_key.records")
    }
    for tags in resources.values():
        assert tags.items() >= {"cost-center": "7", "tenant": "acme"}.items()
    assert resources["aws_iam_role.this"]["deployer-version"] == "2"


@pytest.mark.parametrize("name", PLANNED)
def test_the_cloudformation_template_creates_what_terraform_creates(
    plan, rendered, documents, name
):
    template = json.loads(rendered[name]["cloudformation_template"])
    role = template["Resources"].pop("DeployerRole")
    planned = plan.resource(f'module.deployer["{name}"].aws_iam_role.this')
    assert role == {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": documents(name)["trust"],
            "Description": planned["description"],
            "Policies": [
                {"PolicyName": "deployer", "PolicyDocument": documents(name)["permissions"]}
            ],
            "RoleName": planned["name"],
            "Tags": tag_list(planned),
        },
    }
    boundary = template["Resources"].pop("WorkloadBoundary")
    planned = plan.resource(f'module.deployer["{name}"].aws_iam_policy.boundary')
    assert boundary == {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "Description": planned["description"],
            "ManagedPolicyName": planned["name"],
            "Path": planned["path"],
            "PolicyDocument": documents(name)["boundary"],
        },
    }
    key = template["Resources"].pop("RecordsKey")
    planned = plan.resource(f'module.deployer["{name}"].aws_kms_key.records')
    assert key == {
        "Type": "AWS::KMS::Key",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": planned["description"],
            "EnableKeyRotation": True,
            "KeyPolicy": documents(name)["key"],
            "PendingWindowInDays": planned["deletion_window_in_days"],
            "Tags": tag_list(planned),
        },
    }
    assert template["Resources"].pop("RecordsKeyAlias") == {
        "Type": "AWS::KMS::Alias",
        "Properties": {
            "AliasName": plan.resource(f'module.deployer["{name}"].aws_kms_alias.records')["name"],
            "TargetKeyId": {"Ref": "RecordsKey"},
        },
    }
    assert template["Resources"] == {}


# In an ARN, these would stand for the names of others, or for none.
NOT_NAMES = ["", "*", "acm?", "acme/x", "acme:x", "${aws:username}", "acme\n"]


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"account_id": "22222222222"},
            (
                "account_id is 12 digits in quotes (a number without them loses its leading "
                "zero), not 22222222222."
            ),
        ),
        (
            {"account_id": "111111111111"},
            "account_id is the customer's own account and not the operations account 111111111111.",
        ),
        (
            {"external_id": "short"},
            (
                "external_id has 16 to 1,224 characters; use deployer.external_id of the tenant's "
                "stanza."
            ),
        ),
        ({"external_id": "x" * 1225}, "external_id has 16 to 1,224 characters"),
        (
            {"external_id": "with a space in it"},
            "external_id consists of letters, digits and _+=,.@:/- only",
        ),
        ({"deployment_principals": []}, "deployment_principals names at least one user or role"),
        (
            {"deployment_principals": ["arn:aws:iam::999999999999:role/deployment"]},
            "one user or role of the operations account 111111111111, without a wildcard, not",
        ),
        (
            {"deployment_principals": ["arn:aws:iam::111111111111:root"]},
            "A deployment principal is",
        ),
        ({"operations_account_id": "1"}, "operations_account_id is 12 digits in quotes"),
        ({"partition": "amazon"}, 'partition is the second part of an ARN, such as "aws"'),
        (
            {"permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"},
            (
                "permissions_boundary is the ARN of a policy in the customer account, such as "
                "arn:aws:iam::222222222222:policy/workload-boundary, not "
                "arn:aws:iam::aws:policy/PowerUserAccess."
            ),
        ),
        (
            {"region": "eu-cental-1"},
            'region is a Region such as "eu-central-1", not "eu-cental-1".',
        ),
        *(
            ({"tags": {name: "x"}}, f"tags cannot have {name}, because")
            for name in (
                "Tenant",
                "managed-by",
                "environment",
                "deployer-release",
                "deployer-version",
                "aws:x",
            )
        ),
        ({"tags": {"a*": "x"}}, "tags has at most 40 entries"),
        (
            {"tags": {"a": "x" * 257}},
            "256 letters, digits, spaces and _.:/=+-@ characters; correct a.",
        ),
        ({"tags": {"a": None}}, "256 letters, digits"),
        ({"role_name": "a/b"}, "role_name has 1 to 64 letters, digits and _+=,.@- characters"),
        *(({"tenant": name}, "tenant consists of 2 or more") for name in NOT_NAMES),
        *(({"environment": name}, "environment is 2 to 16 lower-case") for name in NOT_NAMES),
        *(
            ({"vpc": {**ENDPOINTS, **change}}, "vpc has the ids of AWS, such as")
            for change in (
                {"id": "vpc-*"},
                {"id": ""},
                {"security_group_ids": ["*"]},
                {"subnet_ids": ["subnet-1", "subnet-?"]},
                {"subnet_ids": ["subnet-1/../x"]},
            )
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_refuses(rules, bad, sentence):
    assert sentence in rules("customer-deployer").refuses(**deployer(**bad))
