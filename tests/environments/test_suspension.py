"""The denial that suspends a tenant is the statement that an apply of the suspended stanza writes."""

import json

from tools.tenants.stanza_state import DENIAL

ROLE = 'module.operations_role["acme"].aws_iam_role.this'


def test_the_denial_is_that_of_the_module(operations, local):
    suspended = operations.path / "suspended.tfvars"
    text = (operations.path.parent / "local" / "terraform.tfvars").read_text()
    suspended.write_text(text.replace("acme = {", 'acme = {\n    state = "suspended"', 1))
    active = json.loads(local.granted(ROLE))["Statement"]
    denied = json.loads(operations.plan("-var-file=suspended.tfvars").granted(ROLE))["Statement"]
    assert denied == [DENIAL, *active]
