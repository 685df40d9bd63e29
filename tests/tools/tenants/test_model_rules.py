"""What `make model` checks before it writes is what the module checks in a plan."""

import re

import pytest

from tools.isolation.operations_specification import DESTINATIONS
from tools.paths import ROOT
from tools.tenants import model_rules
from tools.tenants.model_rules import model_problems

MODULE = ROOT / "modules" / "operations-role"
NOVA = {"model": "amazon.nova-lite-v1:0", "regions": ["eu-central-1"]}
GEOGRAPHIC = {**NOVA, "route": "geographic", "profile": "eu."}


@pytest.mark.parametrize(
    "model",
    [
        NOVA,
        GEOGRAPHIC,
        {**NOVA, "route": "global"},
        {**NOVA, "regions": ["eu-central-1", "eu-west-1"]},
        {**NOVA, "track": True},
        {**GEOGRAPHIC, "profile": "ca.", "destinations": ["ca-central-1"]},
    ],
)
def test_accepts_a_model_that_a_plan_accepts(model):
    assert model_problems(model, "eu-central-1") == []


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ({**NOVA, "route": "globall"}, "ROUTE= is on-demand, geographic or global, not globall"),
        ({**NOVA, "route": "geographic"}, "write PROFILE=eu."),
        ({**GEOGRAPHIC, "route": "global"}, "PROFILE= is allowed with ROUTE=geographic only"),
        ({**GEOGRAPHIC, "profile": "eu"}, "a prefix such as eu., not eu"),
        ({**GEOGRAPHIC, "profile": ""}, "a prefix such as eu."),
        ({**GEOGRAPHIC, "profile": "ca."}, "PROFILE= is one of apac., au., eu."),
        ({**GEOGRAPHIC, "profile": "us."}, "us. cannot be called from eu-central-1"),
        (
            {**NOVA, "model": "eu.amazon.nova-pro-v1:0"},
            "write MODEL=amazon.nova-pro-v1:0 ROUTE=geographic PROFILE=eu.",
        ),
        ({**NOVA, "model": "global.amazon.nova-pro-v1:0"}, "nova-pro-v1:0 ROUTE=global."),
        ({**NOVA, "model": "arn:aws:bedrock:*"}, "a model's full id"),
        ({**NOVA, "regions": ["eu-central-1,eu-west-1"]}, "A Region is written like eu-central-1"),
        ({**NOVA, "regions": []}, "at least one Region"),
        ({**NOVA, "regions": ["eu-west-1", "eu-west-1"]}, "each only once"),
        ({**NOVA, "regions": ["eu-west-1"], "track": True}, "write REGIONS=eu-central-1"),
    ],
)
def test_refuses_what_no_plan_accepts_and_says_what_to_write(model, advice):
    [problem] = model_problems(model, "eu-central-1")
    assert advice in problem


def test_the_expressions_are_those_of_the_module():
    rules = (MODULE / "rules-models.tf").read_text()
    for expression in (
        model_rules.MODEL_ID, model_rules.PREFIX, model_rules.PROFILE, model_rules.REGION,
    ):  # fmt: skip
        assert f'regex("{expression}", ' in rules
    routes = re.search(r"!contains\(\[(.*?)\], model.route\)", rules)[1]
    assert sorted(model_rules.ROUTES) == re.findall(r'"(.*?)"', routes)
    geographies = (MODULE / "destinations.tf").read_text()
    assert (
        dict(re.findall(r'"([a-z-]+[.])" = \{\s+from = "(.*?)"', geographies))
        == model_rules.SOURCES
    )
    assert model_rules.SOURCES.keys() == DESTINATIONS.keys()
