from __future__ import annotations

import functools
import importlib.resources
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tenant_bedrock import connect, handler
from tools.bench.local_tenant import (
    EXECUTION_ARN,
    FUNCTION,
    HAIKU,
    INVOKE,
    PERMISSIONS,
    REGION,
    SETTINGS,
    Function,
    LocalTenant,
    create,
    deploy,
)
from tools.bench.program_runs import pythons
from tools.bench.record_soak import SCENARIOS, measure
from tools.localaws.local_aws import LocalAws

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator


SCHEMA = Draft202012Validator(
    json.loads(
        importlib.resources.files("tenant_bedrock").joinpath("record.schema.json").read_text()
    )
)


@pytest.fixture(autouse=True)
def no_aws_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def tenant() -> Iterator[LocalTenant]:
    """The local AWS with tenant acme set up as Terraform does it."""
    with LocalAws() as local_aws:
        acme = create(local_aws.control_url)
        yield acme
        for record in [*acme.written(), *acme.written_to_stdout()]:
            SCHEMA.validate(record)


@pytest.fixture
def acme(tenant: LocalTenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalTenant]:
    """The tenant, with this process running as its execution role, as on Lambda."""
    keys = tenant.client("sts").assume_role(RoleArn=EXECUTION_ARN, RoleSessionName=FUNCTION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["Credentials"]["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["Credentials"]["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["Credentials"]["SessionToken"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", tenant.url)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", FUNCTION)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("TENANT_BEDROCK", json.dumps(SETTINGS))
    # A new execution environment for each test, as after a deployment.
    monkeypatch.setattr(handler, "_connection", functools.cache(connect))
    yield tenant
    tenant.control.clear_faults()


@pytest.fixture
def permit(tenant: LocalTenant) -> Iterator[Callable[..., None]]:
    """Replaces the operations role's permissions for one test."""
    yield tenant.permit
    tenant.permit(*PERMISSIONS)


@pytest.fixture
def with_settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Changes members of TENANT_BEDROCK; use it before the test's first call."""

    def change(**members: object) -> None:
        monkeypatch.setenv("TENANT_BEDROCK", json.dumps({**SETTINGS, **members}))

    return change


@pytest.fixture
def profile(acme: Any) -> str:
    """The ARN of an application inference profile of claude, tagged as the tenant's."""
    created = acme.client("bedrock", acme.operations).create_inference_profile(
        inferenceProfileName="acme-claude",
        modelSource={"copyFrom": f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}"},
        tags=[{"key": "tenant", "value": "acme"}],
    )
    return str(created["inferenceProfileArn"])


@pytest.fixture
def tracked(profile: str, with_settings: Callable[..., None], permit: Callable[..., None]) -> str:
    """The profile as the settings' only model; the role may call the model only through it."""
    model = {"base_model_id": HAIKU, "model": profile, "regions": ["eu-central-1"]}
    with_settings(models={"claude": model})
    profiles = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/*"
    permit(
        {
            "Action": INVOKE,
            "Resource": profiles,
            "Condition": {"StringEquals": {"aws:ResourceTag/tenant": "acme"}},
        },
        {
            "Action": INVOKE,
            "Resource": f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}",
            "Condition": {"ArnLike": {"bedrock:InferenceProfileArn": profiles}},
        },
    )
    return profile


@pytest.fixture(scope="module")
def deployed(tenant: LocalTenant) -> Function:
    """The function as Terraform makes it."""
    return deploy(tenant, FUNCTION, "tenant_bedrock.handler.handler", {})


@pytest.fixture
def function(deployed: Function, tenant: LocalTenant) -> Iterator[Function]:
    """The function, with the usual settings and no faults left behind."""
    deployed.configure()
    yield deployed
    tenant.control.clear_faults()
    tenant.control.post("lambda_spare", {})


@pytest.fixture
def soak() -> Callable[..., Counter[str]]:
    """Counts the outcomes of one of the bench's scenarios, which runs all of them under both Pythons."""

    def run(name: str, calls: int, release: str) -> Counter[str]:
        (python,) = [each for each in pythons(lambda _: None) if each.release == release]
        (scenario,) = [scenario for scenario in SCENARIOS if scenario.name == name]
        return measure(python, scenario, calls, seconds=60)

    return run
