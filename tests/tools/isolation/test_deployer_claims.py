"""Prove the deployers that customer-deployer renders, and refute mutants of every policy."""

import copy
import json
from dataclasses import replace

import pytest

from tests.terraform import MODULES, Folder, folder_of
from tests.tools.isolation.mutants import CHANGES, EQUIVALENTS, drop_statement
from tools.iam.evaluator import evaluate
from tools.isolation import deployer_specification, examples, predicate
from tools.isolation.customer_specification import Workload
from tools.isolation.deployer_claims import deployer_claims_for
from tools.isolation.operations_specification import Environment, Tenant
from tools.isolation.prover import prove

KINDS = ("functions", "groups", "keys", "network", "roles")
MAX_MUTANTS = 3  # of one policy by one mutation
SUBJECT = ("everything", "666666666666")  # with a VPC, endpoints, readers, unmaskers and a boundary
BOUNDARY = "arn:aws:iam::666666666666:policy/workload-boundary"

# One module call for every account of the environment; the policies need no provider.
ROOT = f"""\
locals {{
  environment = jsondecode(file("environment.json"))
  accounts = merge([
    for tenant, stanza in local.environment.tenants : {{
      for id, account in stanza.accounts : "${{tenant}} ${{id}}" => {{
        account     = account
        external_id = stanza.deployer.external_id
        id          = id
        tenant      = tenant
      }}
    }}
  ]...)
}}

module "deployer" {{
  source   = "{MODULES / "customer-deployer" / "policies"}"
  for_each = local.accounts

  account_id            = each.value.id
  code_signing_config_arn = try(each.value.account.code_signing_config_arn, null)
  deployment_principals = local.environment.operations.deployment_principals
  environment           = local.environment.environment
  external_id           = each.value.external_id
  operations_account_id = local.environment.operations.account_id
  permissions_boundary  = try(each.value.account.permissions_boundary, null)
  readers               = try(each.value.account.readers, [])
  region                = try(each.value.account.region, local.environment.operations.region)
  tenant                = each.value.tenant
  unmaskers             = try(each.value.account.unmaskers, [])
  vpc                   = try(each.value.account.vpc, null)
}}

output "documents" {{
  value = {{ for key, deployer in module.deployer : key => deployer.documents }}
}}
"""


@pytest.fixture(scope="module")
def variables(environment):
    """The environment's variables; one account has every option."""
    changed = copy.deepcopy(environment)
    account = changed["tenants"][SUBJECT[0]]["accounts"][SUBJECT[1]]
    account.update(
        code_signing_config_arn=f"arn:aws:lambda:eu-central-1:{SUBJECT[1]}:code-signing-config:csc-0123456789abcdef0",
        permissions_boundary=BOUNDARY,
        unmaskers=[account["readers"][0]],
    )
    return changed


@pytest.fixture(scope="module")
def documents(variables, tmp_path_factory):
    """The policies of every deployer, by tenant and account."""
    files = {"environment.json": json.dumps(variables), "main.tf": ROOT}
    root = Folder(folder_of(tmp_path_factory.mktemp("deployers") / "root", [], files)).init()
    outputs = root.plan_json()["planned_values"]["outputs"]
    return {tuple(key.split()): texts for key, texts in outputs["documents"]["value"].items()}


@pytest.fixture(scope="module")
def case(variables, documents):
    return deployer_claims_for(variables, documents)


@pytest.fixture(scope="module")
def mutants(variables, documents, case):
    """The proofs of what a mutation of one document of SUBJECT changes."""
    unchanged = set(case.claims)

    def proofs(document, mutate):
        steps = list(mutate(json.loads(documents[SUBJECT][document])))
        for step, mutant in steps[:: max(1, -(-len(steps) // MAX_MUTANTS))]:
            texts = {**documents[SUBJECT], document: json.dumps(mutant)}
            changed = deployer_claims_for(variables, {**documents, SUBJECT: texts})
            claims = tuple(claim for claim in changed.claims if claim not in unchanged)
            yield step, prove(replace(changed, claims=claims))

    return proofs


def is_refuted(proof):
    """Whether a fault is found, or every failure has a true counterexample."""
    return bool(proof.case.faults or proof.failures) and all(
        (example := outcome.counterexample) is not None
        and evaluate(outcome.claim.policies, example.request).allowed == example.allowed
        and predicate.holds(outcome.claim.specification, example.request) != example.allowed
        for outcome in proof.failures
    )


def test_every_deployer_is_proved(case, documents):
    proof = prove(case)
    assert proof.holds
    assert {claim.topic for claim in case.claims} == {
        "boundary",
        "denial",
        "key",
        "permissions",
        "trust",
        *(f"reach: {kind}" for kind in KINDS),
    }
    assert len(case.claims) == (5 + len(KINDS)) * len(documents)


@pytest.mark.parametrize(
    ("document", "change"),
    [
        *(
            ("trust", change)
            for change in (
                "a condition is dropped",
                "a condition need only hold if its key is present",
                "a value may have any suffix",
                "one more value is allowed",
                "another account's root replaces the principal",
            )
        ),
        *(
            ("permissions", change)
            for change in (
                "a condition is dropped",
                "a key need only be present",
                "a whole service is allowed",
                "any account is allowed",
                "a resource is left out",
                "a statement is dropped",
                "a statement allows everything",
            )
        ),
        *(
            ("boundary", change)
            for change in (
                "a whole service is allowed",
                "a resource may have any suffix",
                "another Region is allowed",
                "a statement allows storage",
            )
        ),
    ],
)
def test_every_change_is_refuted(mutants, document, change):
    proofs = list(mutants(document, CHANGES[change]))
    assert proofs
    # The denial refuses all that a wider statement about the log groups would allow.
    equivalent = "ManageTheLogGroups" if change == "a whole service is allowed" else "none"
    accepted = [step for step, proof in proofs if not is_refuted(proof)]
    assert [step for step in accepted if equivalent not in step] == []


TAGGED = {"StringEquals": {"aws:RequestTag/tenant": "everything"}}
OWNED = {"StringEquals": {"aws:ResourceTag/tenant": "everything"}}
LOG_GROUP = f"arn:aws:logs:eu-central-1:{SUBJECT[1]}:log-group:"
NAMED = {"environment": "local", "tenant": "everything"}


def allow(actions, resource="*", condition=None):
    """Add a statement that allows actions."""

    def mutate(document):
        statement = {"Sid": "Added", "Effect": "Allow", "Action": actions, "Resource": resource}
        document["Statement"].append(
            {**statement, **({"Condition": condition} if condition else {})}
        )
        yield f"{actions} on {resource}", document

    return mutate


def undenied(mutate):
    """Drop what is denied before another mutation."""

    def mutate_without_denial(document):
        statements = [each for each in document["Statement"] if each["Effect"] == "Allow"]
        yield from mutate({**document, "Statement": statements})

    return mutate_without_denial


def conditions_of(sid, condition):
    """Replace the condition of a statement."""

    def mutate(document):
        (statement,) = (each for each in document["Statement"] if each["Sid"] == sid)
        statement["Condition"] = condition
        yield f"{sid} with {condition}", document

    return mutate


def ec2(name):
    return f"arn:aws:ec2:eu-central-1:{SUBJECT[1]}:{name}"


@pytest.mark.parametrize(
    ("kind", "mutate"),
    [
        # A key is claimed by tagging it, and then managed by its tag.
        ("keys", allow(["kms:TagResource"], condition=TAGGED)),
        ("keys", allow(["kms:CreateKey", "kms:TagResource"], condition=TAGGED)),
        (
            "keys",
            allow(["kms:PutKeyPolicy"], f"arn:aws:kms:eu-central-1:{SUBJECT[1]}:key/*", OWNED),
        ),
        (
            "keys",
            allow(
                ["kms:CreateAlias"],
                f"arn:aws:kms:eu-central-1:{SUBJECT[1]}:alias/bedrock-local-everything",
            ),
        ),
        (
            "keys",
            allow(
                ["kms:CreateGrant"],
                condition={"StringEquals": {"kms:RequestAlias": "alias/bedrock-local-everything"}},
            ),
        ),
        (
            "keys",
            conditions_of(
                "FindTheKeyByItsAlias",
                {
                    "StringEquals": {
                        "kms:RequestAlias": ["alias/bedrock-local-everything", "alias/other"]
                    }
                },
            ),
        ),
        (
            "keys",
            conditions_of(
                "FindTheKeyByItsAlias",
                {"StringEqualsIfExists": {"kms:RequestAlias": "alias/bedrock-local-everything"}},
            ),
        ),
        # An endpoint is claimed by tagging it, or belongs to another environment of the tenant.
        (
            "network",
            conditions_of(
                "TagTheEndpointsOnCreation",
                {"StringEquals": {f"aws:RequestTag/{tag}": text for tag, text in NAMED.items()}},
            ),
        ),
        (
            "network",
            conditions_of(
                "TagTheEndpointsOnCreation",
                {
                    "StringEquals": {f"aws:RequestTag/{tag}": text for tag, text in NAMED.items()},
                    "StringEqualsIfExists": {"ec2:CreateAction": "CreateVpcEndpoint"},
                },
            ),
        ),
        (
            "network",
            conditions_of(
                "TagTheEndpointsOnCreation",
                {"StringEquals": {"ec2:CreateAction": ["CreateVpcEndpoint", "RunInstances"]}},
            ),
        ),
        ("network", conditions_of("ManageTheEndpoints", OWNED)),
        (
            "network",
            conditions_of(
                "ManageTheEndpoints",
                {
                    "StringEqualsIfExists": {
                        f"aws:ResourceTag/{tag}": text for tag, text in NAMED.items()
                    }
                },
            ),
        ),
        ("network", allow(["ec2:ModifyVpcEndpoint"], ec2("route-table/*"))),
        (
            "network",
            allow(
                ["ec2:AuthorizeSecurityGroupIngress"], ec2("security-group/sg-0123456789abcdef0")
            ),
        ),
        (
            "network",
            allow(
                ["ec2:CreateVpcEndpoint"],
                ec2("vpc-endpoint/*"),
                {
                    "StringEquals": {
                        "ec2:VpceServiceName": "com.amazonaws.vpce.eu-central-1.vpce-svc-1"
                    }
                },
            ),
        ),
        # A role is claimed by putting the boundary on it, or is written without a boundary.
        (
            "roles",
            allow(
                ["iam:PutRolePermissionsBoundary"],
                f"arn:aws:iam::{SUBJECT[1]}:role/app",
                {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}},
            ),
        ),
        (
            "roles",
            conditions_of(
                "ManageRolesWithinTheBoundary",
                {
                    "StringEquals": {
                        "iam:PermissionsBoundary": [
                            BOUNDARY,
                            "arn:aws:iam::aws:policy/AdministratorAccess",
                        ]
                    }
                },
            ),
        ),
        (
            "roles",
            conditions_of(
                "ManageRolesWithinTheBoundary",
                {"StringEqualsIfExists": {"iam:PermissionsBoundary": BOUNDARY}},
            ),
        ),
        (
            "roles",
            allow(
                ["iam:AttachRolePolicy"],
                f"arn:aws:iam::{SUBJECT[1]}:role/bedrock-local-everything-reader",
            ),
        ),
        (
            "roles",
            allow(
                ["iam:DeleteRolePermissionsBoundary"],
                f"arn:aws:iam::{SUBJECT[1]}:role/bedrock-local-everything-execution",
            ),
        ),
        ("roles", allow(["iam:CreatePolicyVersion"], BOUNDARY)),
        ("roles", allow(["iam:PassRole"], f"arn:aws:iam::{SUBJECT[1]}:role/*")),
        # Functions and groups of others.
        (
            "functions",
            allow(
                ["lambda:UpdateFunctionCode"],
                f"arn:aws:lambda:eu-central-1:{SUBJECT[1]}:function:bedrock-local-everything*",
            ),
        ),
        (
            "functions",
            allow(
                ["lambda:UpdateFunctionCode"],
                f"arn:aws:lambda:eu-central-1:{SUBJECT[1]}:function:*",
                OWNED,
            ),
        ),
        (
            "functions",
            allow(
                ["lambda:AddPermission"], f"arn:aws:lambda:eu-central-1:{SUBJECT[1]}:function:other"
            ),
        ),
        # The denial answers for what is not granted on groups, so it is dropped as well.
        ("groups", undenied(allow(["logs:PutRetentionPolicy"], f"{LOG_GROUP}/bedrock/other"))),
        ("groups", undenied(allow(["logs:AssociateKmsKey"], f"{LOG_GROUP}/aws/lambda/other:*"))),
        ("groups", allow(["logs:DescribeSubscriptionFilters"], f"{LOG_GROUP}other:*")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_deployer_touches_nothing_that_it_did_not_make(mutants, kind, mutate):
    (step, proof) = next(mutants("permissions", mutate))
    topics = {outcome.claim.topic for outcome in proof.failures}
    assert f"reach: {kind}" in topics, step
    assert is_refuted(proof)


def without_entry(sid, element, index):
    """Leave out an entry of a Deny, or one more action from its NotAction."""

    def mutate(document):
        (statement,) = (each for each in document["Statement"] if each["Sid"] == sid)
        left_out = statement[element].pop(index)
        yield f"{sid} without {left_out}", document

    return mutate


def except_for(action):
    """Except one more action from the Deny."""

    def mutate(document):
        (statement,) = (each for each in document["Statement"] if "NotAction" in each)
        statement["NotAction"].append(action)
        yield f"Deny except {action}", document

    return mutate


@pytest.mark.parametrize(
    "mutate",
    [
        CHANGES["a Deny allows"],
        except_for("logs:GetLogEvents"),
        except_for("logs:PutSubscriptionFilter"),
        without_entry("NeverReadOrCopyTheRecords", "Resource", 0),
        without_entry("NeverReadOrCopyTheRecords", "Resource", 1),
        without_entry("NeverReadOrCopyTheRecords", "Resource", 2),
        without_entry("NeverReadOrCopyTheRecords", "Resource", 3),
        without_entry("NeverCopyLogsInAnotherWay", "Action", 3),
        without_entry("NeverCopyLogsInAnotherWay", "Action", -1),
    ],
    ids=["a Deny allows", "reading", "copying", "0", "1", "2", "3", "creating", "updating"],
)
def test_a_weaker_denial_fails(mutants, mutate):
    (_, proof) = next(mutants("permissions", mutate))
    assert "denial" in {outcome.claim.topic for outcome in proof.failures}


def test_a_denial_that_is_missing_fails(mutants):
    (_, proof) = next(mutants("permissions", drop_statement("Deny")))
    assert "denial" in {outcome.claim.topic for outcome in proof.failures}


@pytest.mark.parametrize("document", ["trust", "permissions", "boundary"])
@pytest.mark.parametrize(
    "change", ["a statement is split", "statements and lists are in another order"]
)
def test_an_equivalent_policy_is_proved(mutants, document, change):
    proofs = [proof for _, proof in mutants(document, EQUIVALENTS[change])]
    assert [proof.case.faults for proof in proofs if proof.case.faults or proof.failures] == []


def with_vpc_association(**changes):
    """Change the statement that registers the names of endpoints."""

    def mutate(document):
        for statement in document["Statement"]:
            if statement.get("Action") == ["route53:AssociateVPCWithHostedZone"]:
                statement.update(changes)
        yield "endpoint names", document

    return mutate


OWN_VPC = "vpc-0123456789abcdef0"


def vpc_condition(vpc, operator="ForAllValues:StringEquals", null="false"):
    """A condition on the VPCs in the request; without ``null``, the request may have none."""
    condition = {operator: {"route53:VPCs": [vpc]}}
    return {"Condition": condition | ({"Null": {"route53:VPCs": null}} if null else {})}


@pytest.mark.parametrize(
    "changes",
    [
        vpc_condition("VPCId=vpc-1,VPCRegion=eu-central-1"),
        vpc_condition(f"VPCId={OWN_VPC},VPCRegion=eu-west-1"),
        vpc_condition(f"VPCId={OWN_VPC}"),  # not AWS's format: no request has this value
        vpc_condition("VPCId=vpc-*,VPCRegion=eu-central-1", operator="ForAllValues:StringLike"),
        vpc_condition(
            f"VPCId={OWN_VPC},VPCRegion=eu-central-1", operator="ForAnyValue:StringEquals"
        ),
        vpc_condition(f"VPCId={OWN_VPC},VPCRegion=eu-central-1", null=None),
        vpc_condition(f"VPCId={OWN_VPC},VPCRegion=eu-central-1", null="true"),
        {"Action": ["route53:*"]},
        {"Effect": "Deny"},
    ],
    ids=str,
)
def test_registering_other_names_is_a_fault(mutants, changes):
    (_, proof) = next(mutants("permissions", with_vpc_association(**changes)))
    assert "endpoint names" in {fault.topic for fault in proof.case.faults}


def test_only_listed_requests_are_not_limited_to_the_tenants_names_or_tags(variables):
    """The exceptions are actions that take no resource, the stanza's network, and the deployer's look at itself."""
    workload = Workload(Tenant(Environment.from_variables(variables), SUBJECT[0]), SUBJECT[1])
    requests = examples.witnesses(deployer_specification.permissions(workload))
    keys = ("aws:requesttag/tenant", "aws:resourcetag/tenant")
    others = {
        request.action
        for request in requests
        if "everything" not in request.resource
        and "everything" not in (request.context.get(key) for key in keys)
        and request.context.get("kms:requestalias") != "alias/bedrock-local-everything"
    }
    assert others == {
        *deployer_specification.LISTS,
        *deployer_specification.NETWORK_LISTS,
        *deployer_specification.ENDPOINT_LISTS,
        "ec2:CreateVpcEndpoint",
        "ec2:ModifyVpcEndpoint",
        "iam:GetRole",
    }


@pytest.mark.parametrize(
    ("principals", "problem"),
    [
        ([], "operations.deployment_principals names nobody"),
        (
            ["arn:aws:iam::999999999999:role/deployment"],
            "arn:aws:iam::999999999999:role/deployment is not one user or role of the operations account 111111111111",
        ),
        (
            ["arn:aws:iam::111111111111:role/*"],
            "arn:aws:iam::111111111111:role/* is not one user or role of the operations account 111111111111",
        ),
    ],
)
def test_a_deployment_principal_of_another_account_is_a_fault(
    variables, documents, principals, problem
):
    changed = copy.deepcopy(variables)
    changed["operations"]["deployment_principals"] = principals
    assert problem in {fault.problem for fault in deployer_claims_for(changed, documents).faults}


def test_an_account_without_rendered_policies_is_a_fault(variables, documents):
    rest = {key: texts for key, texts in documents.items() if key != SUBJECT}
    (fault,) = deployer_claims_for(variables, rest).faults
    assert (fault.subject, fault.problem) == (" ".join(SUBJECT), "the policies are not rendered")


@pytest.mark.parametrize(
    ("external_id", "problem"),
    [
        ("everything-current", "the deployer's ExternalId is used by everything too"),
        ("hooli-deployer-external-id", "the deployer's ExternalId is used by hooli too"),
        ("", "the tenant's deployer has no ExternalId"),
    ],
)
def test_a_shared_or_missing_external_id_is_a_fault(variables, documents, external_id, problem):
    changed = copy.deepcopy(variables)
    changed["tenants"]["gone"]["deployer"]["external_id"] = external_id
    assert problem in {fault.problem for fault in deployer_claims_for(changed, documents).faults}
