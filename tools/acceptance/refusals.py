"""Calls that AWS must refuse, each beside the same call by somebody who may make it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.acceptance.observation import Check, Observation, compared, unknown
from tools.acceptance.sandbox import ACCESS_DENIED, UNOBSERVED
from tools.command_error import CommandError
from tools.isolation.operations_specification import called_id
from tools.live.granted_models import granted_models
from tools.live.tenant_calls import (
    assume,
    model_elsewhere,
    read_record_group,
    single_call_client,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from tools.acceptance.sandbox import Sandbox

GROUP = "refusals"
NOT_GRANTED = ("amazon.nova-pro-v1:0", "amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0")
OTHER_PROJECT = "proj_0123456789ab"
TWO_HOURS = 7200

_ASSUME = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"
_EXTERNAL_ID = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html"
)
_SESSION_NAME = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"
)
_CONDITION_KEYS = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
)
_INFERENCE = "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html"
_EVALUATION = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"
)
_CHAINING = "https://repost.aws/knowledge-center/iam-role-chaining-limit"
_CONVERSE = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"


@dataclass(frozen=True)
class RefusedCall:
    """Observes that ``refused`` fails with one of ``codes`` while ``allowed``, which differs in one thing, works."""

    refused: Callable[[Sandbox], object]
    allowed: Callable[[Sandbox], object]
    codes: frozenset[str] = ACCESS_DENIED

    def __call__(self, sandbox: Sandbox) -> Observation:
        """Make the allowed call first, because without it a refusal says nothing."""
        try:
            self.allowed(sandbox)
        except UNOBSERVED as error:
            reason = sandbox.without_secrets(str(error))
            return unknown(f"The call that is allowed fails: {reason}")
        try:
            self.refused(sandbox)
        except ClientError as error:
            refusal = sandbox.refusal_in(error)
            seen = f"{refusal.code}: {refusal.message}"
            if refusal.code in self.codes:
                return compared(agrees=True, seen=seen, code=refusal.code)
            return unknown(f"It fails for another reason: {seen}", code=refusal.code)
        return compared(agrees=False, seen="AWS answers it.")


# --- roles ---


def _own_role(sandbox: Sandbox) -> object:
    return sandbox.tenant_session()


def _other_role(sandbox: Sandbox) -> object:
    environment = sandbox.environment
    other = next((name for name in environment.tenants if name != sandbox.tenant), None)
    if other is None:
        raise CommandError("The environment has no other tenant, whose role could be tried.")
    account, name = environment.operations_account_id, environment.base_name(other)
    role = environment.role_arn(account, name)
    external_id = str(environment.stanzas[other]["external_ids"]["current"])
    return assume(sandbox.target, sandbox.execution(), role, other, external_id)


def _by_function(**options: Any) -> Callable[[Sandbox], object]:  # noqa: ANN401 - passed on
    def call(sandbox: Sandbox) -> object:
        arguments = {"external_id": sandbox.external_id, **options}
        return sandbox.assume_own_role(sandbox.execution(), **arguments)

    return call


def _with_wrong_external_id(sandbox: Sandbox) -> object:
    """Assume the role with an ExternalId that differs in its last character."""
    external_id = sandbox.external_id
    wrong = external_id[:-1] + ("0" if external_id[-1] != "0" else "1")
    return sandbox.assume_own_role(sandbox.execution(), external_id=wrong)


def _by_administrator(sandbox: Sandbox) -> object:
    return sandbox.assume_own_role(sandbox.administrator, external_id=sandbox.external_id)


def _by_deployer(sandbox: Sandbox) -> object:
    deployer = sandbox.target.deployer(sandbox.account)
    return sandbox.assume_own_role(deployer, external_id=sandbox.external_id)


# --- models ---


def _own_model(sandbox: Sandbox) -> object:
    return sandbox.converse(sandbox.tenant_session())


def model_not_granted(sandbox: Sandbox) -> str:
    """Return the id of a model that no alias of the stanza grants."""
    grants = granted_models(sandbox.environment.stanzas, [sandbox.tenant])
    granted = {grant.model for grant in grants}
    other = next((name for name in NOT_GRANTED if name not in granted), None)
    if other is None:
        raise CommandError(
            f"The stanza grants all models that could be tried: {', '.join(NOT_GRANTED)}."
        )
    return other


def _other_model(sandbox: Sandbox) -> object:
    return sandbox.converse(sandbox.tenant_session(), model=model_not_granted(sandbox))


def _other_region(sandbox: Sandbox) -> object:
    model = sandbox.stanza_model
    granted = {
        region
        for grant in granted_models(sandbox.environment.stanzas, [sandbox.tenant])
        for region in grant.granted
    }
    other = model_elsewhere(called_id(model), model["model"], granted)
    if other is None:
        raise CommandError("The stanza grants every Region that could be tried.")
    name, region = other
    return sandbox.converse(sandbox.tenant_session(), model=name, region=region)


def _other_project(sandbox: Sandbox) -> object:
    return sandbox.converse(sandbox.tenant_session(), project=OTHER_PROJECT)


def _settings(caller: Callable[[Sandbox], boto3.Session]) -> Callable[[Sandbox], object]:
    def call(sandbox: Sandbox) -> object:
        client = single_call_client(sandbox.target, caller(sandbox), "bedrock", sandbox.region)
        return client.get_model_invocation_logging_configuration()

    return call


def _buckets(caller: Callable[[Sandbox], boto3.Session]) -> Callable[[Sandbox], object]:
    def call(sandbox: Sandbox) -> object:
        return single_call_client(sandbox.target, caller(sandbox), "s3").list_buckets()

    return call


def _operations(sandbox: Sandbox) -> boto3.Session:
    return sandbox.target.operations()


def _tenant(sandbox: Sandbox) -> boto3.Session:
    return sandbox.tenant_session()


# --- records ---


def _records(caller: Callable[[Sandbox], boto3.Session]) -> Callable[[Sandbox], object]:
    def call(sandbox: Sandbox) -> object:
        read_record_group(sandbox.target, caller(sandbox), sandbox.account)
        return None

    return call


def _administrator(sandbox: Sandbox) -> boto3.Session:
    return sandbox.administrator


def _deployer(sandbox: Sandbox) -> boto3.Session:
    return sandbox.target.deployer(sandbox.account)


def refusal_checks() -> list[Check]:
    """Return the checks of this group, in the order in which they are made."""
    roles = [
        (
            "another tenant's role with that tenant's ExternalId",
            "The tenant's function may assume its own role and no other.",
            _EVALUATION,
            RefusedCall(_other_role, _own_role),
        ),
        (
            "a wrong ExternalId",
            "STS compares the whole ExternalId.",
            _EXTERNAL_ID,
            RefusedCall(_with_wrong_external_id, _own_role),
        ),
        (
            "no ExternalId",
            "A condition on sts:ExternalId refuses a call without one.",
            _EXTERNAL_ID,
            RefusedCall(_by_function(external_id=None), _own_role),
        ),
        (
            "another session name",
            "A condition on sts:RoleSessionName fixes the name that CloudTrail stores.",
            _SESSION_NAME,
            RefusedCall(_by_function(session_name="alice"), _own_role),
        ),
        (
            "a session longer than an hour",
            "A role that another role assumes has at most one hour.",
            _CHAINING,
            RefusedCall(_by_function(seconds=TWO_HOURS), _own_role, frozenset({"ValidationError"})),
        ),
        (
            "the customer's administrator takes the tenant's role",
            "aws:PrincipalArn admits the execution role alone, whatever the customer's account allows.",
            _CONDITION_KEYS,
            RefusedCall(_by_administrator, _own_role),
        ),
        (
            "the deployer takes the tenant's role",
            "The role that Terraform uses in the customer account cannot call models.",
            _ASSUME,
            RefusedCall(_by_deployer, _own_role),
        ),
    ]
    calls = [
        (
            "a model that is not granted",
            "Bedrock authorizes each call on its model.",
            _INFERENCE,
            RefusedCall(_other_model, _own_model),
        ),
        (
            "a Region that is not granted",
            "Bedrock authorizes each call in the Region that is called.",
            _INFERENCE,
            RefusedCall(_other_region, _own_model),
        ),
        (
            "a project that is not granted",
            "Bedrock authorizes a call on the project that it names.",
            _CONVERSE,
            RefusedCall(_other_project, _own_model),
        ),
        (
            "the tenant reads Bedrock's settings",
            "The tenant's role may call models and nothing else.",
            _EVALUATION,
            RefusedCall(_settings(_tenant), _settings(_operations)),
        ),
        (
            "the tenant lists the buckets of the operations account",
            "The tenant's role may call models and nothing else.",
            _EVALUATION,
            RefusedCall(_buckets(_tenant), _buckets(_operations)),
        ),
        (
            "the deployer reads the records",
            "A denial in the deployer's policy outweighs every grant.",
            _EVALUATION,
            RefusedCall(_records(_deployer), _records(_administrator)),
        ),
        (
            "the operations account reads the records",
            "CloudWatch Logs admits no other account without a resource policy.",
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html",
            RefusedCall(_records(_operations), _records(_administrator)),
        ),
    ]
    only_aws = {"a project that is not granted", "a session longer than an hour"}
    return [
        Check(GROUP, name, expected, page, observe, only_aws=name in only_aws)
        for name, expected, page, observe in (*roles, *calls)
    ]
