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
    account.update(permissions_boundary=BOUNDARY, unmaskers=[account["readers"][0]])
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

    def proofs(document, mutate):
        steps = list(mutate(json.loads(documents[SUBJECT][document])))
        for step, mutant in steps[:: max(1, -(-len(steps) // MAX_MUTANTS))]:
            texts = {**documents[SUBJECT], document: json.dumps(mutant)}
            changed = deployer_claims_for(variables, {**documents, SUBJECT: texts})
            claims = tuple(claim for claim in changed.claims if claim not in set(case.claims))
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
    assert {claim.topic for claim in case.claims} == {"trust", "permissions", "denial", "boundary"}
    assert len(case.claims) == 3 * len(documents) + 1


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
    assert [step for step, proof in proofs if not is_refuted(proof)] == []


def without_entry(element, index):
    """Leave out one Action or Resource of the Deny."""

    def mutate(document):
        statement = document["Statement"][-1]
        assert statement["Effect"] == "Deny"
        left_out = statement[element].pop(index)
        yield f"Deny without {left_out}", document

    return mutate


@pytest.mark.parametrize(
    "mutate",
    [
        CHANGES["a Deny allows"],
        without_entry("Action", 3),
        without_entry("Action", -1),
        without_entry("Resource", 0),
        without_entry("Resource", 1),
    ],
    ids=["a Deny allows", "reading", "unmasking", "the records", "the function's log"],
)
def test_a_weaker_denial_fails(mutants, mutate):
    (_, proof) = next(mutants("permissions", mutate))
    assert "denial" in {outcome.claim.topic for outcome in proof.failures}


def test_a_denial_that_is_missing_fails(mutants):
    (_, proof) = next(mutants("permissions", drop_statement("Deny")))
    assert {outcome.claim.topic for outcome in proof.failures} == {"denial"}


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
            if statement["Action"] == ["route53:AssociateVPCWithHostedZone"]:
                statement.update(changes)
        yield "endpoint names", document

    return mutate


@pytest.mark.parametrize(
    "changes",
    [
        {"Condition": {"ForAllValues:StringEquals": {"route53:VPCs": ["VPCId=vpc-1"]}}},
        {"Condition": {"ForAnyValue:StringEquals": {"route53:VPCs": ["VPCId=vpc-1"]}}},
        {"Action": ["route53:*"]},
        {"Effect": "Deny"},
    ],
    ids=str,
)
def test_registering_other_names_is_a_fault(mutants, changes):
    (_, proof) = next(mutants("permissions", with_vpc_association(**changes)))
    assert "endpoint names" in {fault.topic for fault in proof.case.faults}


def test_only_listed_requests_are_not_limited_to_the_tenants_names_or_tags(variables):
    """The exceptions are actions that take no resource, and the network that the stanza names."""
    workload = Workload(Tenant(Environment.from_variables(variables), SUBJECT[0]), SUBJECT[1])
    requests = examples.witnesses(deployer_specification.permissions(workload))
    others = {
        request.action
        for request in requests
        if "everything" not in request.resource
        and "everything"
        not in (
            request.context.get(key) for key in ("aws:requesttag/tenant", "aws:resourcetag/tenant")
        )
    }
    assert others == {
        *deployer_specification.LISTS,
        *deployer_specification.NETWORK_LISTS,
        *deployer_specification.ENDPOINT_LISTS,
        "ec2:CreateVpcEndpoint",
        "ec2:ModifyVpcEndpoint",
    }


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
