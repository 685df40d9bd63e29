"""`make prove` of plans that are made already: what it prints, what it writes and what it returns."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.tools.isolation.small_plan import INVOKE, PROJECT, grants, plan_json, role
from tools.command_error import CommandError
from tools.commands.prove import _read_plan
from tools.paths import ROOT

SECRET = "269170463fdc32af10a91e67a8fd77bd"


@pytest.fixture
def prove(tmp_path):
    """The command over these plans; its certificates are taken away again."""
    written = []

    def run(*plans, env="prod", options=()):
        files = [tmp_path / f"plan-{number}.json" for number, _ in enumerate(plans)]
        for file, told in zip(files, plans, strict=True):
            file.write_text(json.dumps(told))
        named = ",".join(map(str, files))
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tools.commands.prove",
                f"--env={env}",
                f"--plan={named}",
                *options,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        written.extend(re.findall(r"build/proof/\S+\.md", done.stdout))
        return done

    yield run
    for name in written:
        shutil.rmtree((ROOT / name).parent)


WIDE = {**INVOKE, "Resource": "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0"}


def wide():
    statements = [{"Sid": "Wide", **WIDE}, PROJECT]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return plan_json(role(), grants(policy))


def test_a_plan_that_holds_is_proved_and_certified(prove):
    run = prove(plan_json(role()))
    assert run.returncode == 0
    assert "Proved in" in run.stdout
    certificate = (ROOT / re.search(r"build/proof/\S+\.md", run.stdout)[0]).read_text()
    assert certificate.startswith("# Proved: tenant isolation in the environment prod")
    assert re.search(r"cvc5 1\.\d+\.\d+", certificate)
    assert re.search(r"z3 5\.\d+\.\d+", certificate)
    assert re.search(r"\| operations account 111111111111 \| `[0-9a-f]{64}` \|", certificate)
    assert "## Not covered" in certificate


def test_a_certificate_claims_nothing_about_what_the_files_do_not_contain(prove):
    run = prove(plan_json(role()))
    sentences = re.sub(r"\s+", " ", run.stderr)
    assert (
        "example 222222222222 (no plan of it was named) is not planned, so it is not proved"
        in sentences
    )
    certificate = (ROOT / re.search(r"build/proof/\S+\.md", run.stdout)[0]).read_text()
    assert "Customer accounts that were not planned: example 222222222222" in certificate
    assert (
        "terraform.tfvars and tenants' files | unknown, because the plans were made elsewhere |"
        in certificate
    )


def test_a_plan_that_widens_access_fails_with_a_request_that_shows_it(prove):
    run = prove(wide())
    assert run.returncode == 1
    assert "Not proved in" in run.stdout
    assert (
        "acme, permissions: the policies allow a request that the stanza does not grant"
        in run.stdout
    )
    assert "grants: statement Wide allows bedrock:InvokeModel" in run.stdout
    assert re.search(r'resource +"arn:aws:bedrock:.*::foundation-model/amazon', run.stdout)
    certificate = (ROOT / re.search(r"build/proof/\S+\.md", run.stdout)[0]).read_text()
    assert certificate.startswith("# NOT PROVED")


def test_json_tells_the_same(prove):
    run = prove(wide(), options=["--json"])
    told = json.loads(run.stdout)
    assert not told["proved"]
    (failed,) = told["plans"][0]["failed"]
    assert failed["counterexample"]["allowed"] is True
    assert failed["counterexample"]["because"].startswith("grants: statement Wide allows")


def test_no_external_id_is_printed(prove):
    trust = json.loads(role()["change"]["after"]["assume_role_policy"])
    del trust["Statement"][0]["Condition"]["StringEquals"]["sts:RoleSessionName"]
    run = prove(plan_json(role(assume_role_policy=json.dumps(trust))))
    assert run.returncode == 1
    assert '"(an ExternalId of acme)"' in run.stdout
    assert SECRET not in run.stdout


def test_a_plan_of_another_environment_is_refused(prove):
    run = prove(plan_json(role()), env="dev")
    assert run.returncode == 1
    assert 'The plan is of the environment "prod"; write ENV=prod.' in run.stderr


def test_a_file_that_is_no_plan_is_refused(prove):
    run = prove({"format_version": "1.0"})
    assert run.returncode == 1
    assert "the file is not a plan as printed by `terraform show -json`" in run.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"variables": {}',
        b'{"resource_changes": [{}], "resource_changes": []}',
    ],
)
def test_a_file_that_python_reads_otherwise_than_terraform_wrote_it_is_refused(tmp_path, content):
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=r"plan\.json is not a plan: .*Make one with"):
        _read_plan(file)
