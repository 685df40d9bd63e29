"""One deployment of a tenant on a local AWS, which the tests of this folder change by hand."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.checkout import (
    LOCAL_ENVIRONMENT,
    checkout,  # noqa: F401 - a fixture
)
from tools.cli.local_target import LocalTarget
from tools.cli.session import Session
from tools.environment.hcl import read_hcl
from tools.environment.model import _from_variables
from tools.isolation.certificate import Report
from tools.isolation.prover import prove
from tools.live.live_state import read_live_state

CUSTOMER = "555555555555"
REGION = "eu-central-1"

TFVARS = (
    LOCAL_ENVIRONMENT
    + """\
tenants = {
  initech = {
    accounts = {
      "555555555555" = {
        readers   = ["arn:aws:iam::555555555555:user/auditor"]
        unmaskers = ["arn:aws:iam::555555555555:user/auditor"]
      }
    }
    masking      = ["EmailAddress"]
    deployer     = { external_id = "8d12210f29b004f81d34ee49ade57494" }
    external_ids = { current = "211bbbdc3d8bb28c79b54b02f0386fbd" }
    models = {
      claude = { model = "anthropic.claude-3-haiku-20240307-v1:0", regions = ["eu-central-1"], track = true }
      nova   = { model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"], route = "geographic", profile = "eu." }
    }
    workload = { memory_size = 512, retention_days = 30, timeout = 60 }
  }
}
"""
)
PLANS = """\
import json
from tools.cli.session import open_session
from tools.terraform.state import customer_state
session = open_session("local")
states = [*session.operations_states(), *map(customer_state, session.environment.accounts)]
print(json.dumps([session.terraform.plan_json(state) for state in states]))
"""


@dataclass
class Deployment:
    """A tenant that is applied, with the plans of both roots afterwards."""

    checkout: object
    session: Session
    plans: list

    def client(self, identity, service, region=REGION):
        return self.session.target.client(self.session.target.session(identity), service, region)

    def operations(self, service, region=REGION):
        """A client of the operations account's owner."""
        return self.client("deployer", service, region)

    def customer(self, service):
        """A client of the customer account's administrator."""
        return self.client(f"administrator {CUSTOMER}", service)

    def report(self, plans=None):
        """What STATE=1 finds beyond Terraform's own reading."""
        live = read_live_state(self.session, plans or self.plans, 2)
        proofs = tuple(prove(case) for case in live.cases)
        unread = tuple(part.sentence for part in live.unread)
        now = datetime.now(UTC)
        return Report("local", "the existing resources", proofs, (), 0.0, now, unread=unread)

    def problems(self, root=None):
        """The failures of one root or of both, as sentences, and the parts that could not be read."""
        report = self.report(
            self.plans[:1] if root == "operations" else self.plans[1:] if root else None
        )
        return [*report.problems(), *report.unread]


@pytest.fixture(scope="module")
def deployment(checkout):  # noqa: F811 - the fixture
    tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"
    tfvars.write_text(TFVARS)
    checkout.done("make up")
    checkout.done("make apply ENV=local")
    script = checkout.root / "plans.py"
    script.write_text(PLANS)
    plans = json.loads(checkout.done("PYTHONPATH=. .venv/bin/python plans.py"))
    backend = read_hcl(tfvars.parent / "backend.hcl")
    environment = _from_variables("local", read_hcl(tfvars), backend)
    target = LocalTarget(environment, checkout.root / ".work", lambda _: None)
    return Deployment(checkout, Session(environment, target, None, None), plans)
