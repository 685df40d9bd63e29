"""The jobs of the CI workflows, run one after the other on the local AWS, with their artifacts handed on."""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.checkout import LOCAL_ENVIRONMENT
from tests.load import client
from tools.paths import ROOT

TENANT = """\
  {name} = {{
    accounts     = {{ "{account}" = {{ readers = ["arn:aws:iam::{account}:user/auditor"] }} }}
    deployer     = {{ external_id = "{deployer}" }}
    external_ids = {{ current = "{external_id}" }}
    models       = {{ nova = {{ model = "amazon.nova-lite-v1:0", regions = ["eu-central-1"] }} }}
  }}
"""
ACCOUNTS = {"acme": "222222222222", "globex": "333333333333"}
TENANTS = "".join(
    TENANT.format(
        name=name,
        account=account,
        deployer=hashlib.sha256(name.encode()).hexdigest()[:32],
        external_id=hashlib.sha256(account.encode()).hexdigest()[:32],
    )
    for name, account in ACCOUNTS.items()
)
JOBS = {
    name: yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())["jobs"]
    for name in ("environment", "drift-environment")
}


@dataclass
class Workflow:
    """Runs jobs in a checkout, whose folder build is each job's own."""

    checkout: object
    artifacts: Path
    outputs: dict = field(default_factory=dict)  # by the id of the step
    printed: dict = field(default_factory=dict)  # by the job and its index

    def job(self, workflow, name, accounts="", index=0, code=0):
        """Run the steps of a job, except those that set up the runner."""
        build = self.checkout.root / "build"
        for folder in build.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)
        values = {
            "${{ inputs.environment }}": "local",
            "${{ strategy.job-index }}": str(index),
            "${{ matrix.accounts }}": accounts,
            "${{ needs.prove.outputs.sha256 }}": self.outputs.get("combine", {}).get("sha256", ""),
        }

        def value(text):
            for expression, known in values.items():
                text = text.replace(expression, known)
            return "" if "${{" in text else text

        job = JOBS[workflow][name]
        texts, codes = [], set()
        for step in job["steps"]:
            action, options = step.get("uses", ""), step.get("with", {})
            if "upload-artifact" in action:
                shutil.copytree(
                    self.checkout.root / options["path"], self.artifacts / value(options["name"])
                )
            if "download-artifact" in action:
                self._download(options, value)
            if "make package" in step.get("run", "make package"):
                continue
            output = self.checkout.root / "output"
            output.write_text("")
            environment = {
                name: value(text)
                for name, text in {**job.get("env", {}), **step.get("env", {})}.items()
            }
            run = self.checkout.shell(
                f"set -e\n{step['run']}",
                ENVIRONMENT="local",
                GITHUB_OUTPUT=str(output),
                GITHUB_STEP_SUMMARY=str(self.checkout.root / "summary"),
                **environment,
            )
            texts += [run.stdout, run.stderr]
            codes.add(run.returncode)
            if "id" in step:
                lines = output.read_text().splitlines()
                self.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
        self.printed[name, index] = "".join(texts)
        assert max(codes) == code, self.printed[name, index]
        return self.printed[name, index]

    def _download(self, options, value):
        target = self.checkout.root / options["path"]
        if "name" in options:
            shutil.copytree(self.artifacts / value(options["name"]), target)
            return
        for artifact in self.artifacts.glob(value(options["pattern"])):
            shutil.copytree(artifact, target / artifact.name)

    def certificate(self, artifact):
        (file,) = [
            file
            for file in (self.artifacts / artifact).rglob("certificate.json")
            if "parts" not in file.parts
        ]
        return json.loads(file.read_text())


@pytest.fixture(scope="module")
def workflow(checkout, tmp_path_factory):
    tfvars = checkout.root / "environments" / "local" / "terraform.tfvars"
    # Both tenants are in shard 1, and shard 0 is empty.
    variables = LOCAL_ENVIRONMENT.replace("operations = {", "operations = {\n  shards = 2")
    tfvars.write_text(f"{variables}tenants = {{\n{TENANTS}}}\n")
    checkout.done("make up")
    return Workflow(checkout, tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def run(workflow):
    """Every job of the workflow that applies, in the order in which GitHub runs them."""
    workflow.job("environment", "plan")
    parts = [part["accounts"] for part in json.loads(workflow.outputs["accounts"]["accounts"])]
    for index, part in enumerate(parts):
        workflow.job("environment", "plan-customers", part, index)
    workflow.job("environment", "prove")
    workflow.job("environment", "operations", "operations")
    for index, part in enumerate(parts):
        workflow.job("environment", "customers", part, index)
    for index, part in enumerate(["operations", *parts]):
        workflow.job("environment", "existing", part, index)
    workflow.job("environment", "certificate")
    return workflow


def test_each_job_has_its_own_accounts(run):
    accounts = json.loads(run.outputs["accounts"]["accounts"])
    assert [part["accounts"] for part in accounts] == ["acme/222222222222", "globex/333333333333"]


def test_the_reviewers_see_every_plan_once(run):
    printed = [run.printed["plan", 0], *(run.printed["plan-customers", index] for index in (0, 1))]
    for name, account in ACCOUNTS.items():
        lines = re.findall(rf"✓ {name} {account}  Plan: \d+ to add", "".join(printed))
        assert len(lines) == 1


def test_the_combined_proof_is_of_every_plan(run):
    certificate = run.certificate("proof-local")
    assert certificate["proved"] is True
    assert certificate["waiting"] == certificate["unchanged"] == []
    assert {file["state"] for file in certificate["plan_files"]} == {
        "operations.tfstate",
        "operations-1.tfstate",
        "customers/acme/222222222222.tfstate",
        "customers/globex/333333333333.tfstate",
    }
    parts = [run.certificate(f"part-local-{name}") for name in ("operations", 0, 1)]
    for name in ("claims", "distinct"):
        counts = [part["counts"][name] for part in parts]
        assert certificate["counts"][name] == sum(counts) > max(counts)
    assert certificate["counts"]["tenants"] == 2


def test_exactly_the_plans_of_the_parts_are_applied(run):
    for index in (0, 1):
        printed = run.printed["customers", index]
        assert "was not in the proof" not in printed
        assert "is planned and proved again" not in printed
        assert "Applied" in printed or "Apply complete" in printed or "added" in printed


def test_what_exists_is_proved_of_every_account(run):
    certificate = run.certificate("certificate-local")
    assert certificate["proved"] is True
    assert certificate["subject"] == "the existing resources"
    roots = {plan["root"] for plan in certificate["plans"]}
    assert {f"customer account {account}" for account in ACCOUNTS.values()} <= roots
    assert [len(part["covered"]) for part in certificate["parts"]] == [2, 1, 1]


def test_a_second_run_has_nothing_to_prove_in_the_accounts(run):
    """And nothing in the shards of the operations account, and the parts are combined all the same."""
    shutil.rmtree(run.artifacts)
    run.artifacts.mkdir()
    printed = run.job("environment", "plan")
    assert "2 shards of the operations account are as they were applied" in printed
    for index, (name, account) in enumerate(ACCOUNTS.items()):
        printed = run.job("environment", "plan-customers", f"{name}/{account}", index)
        assert "1 account is as it was applied" in printed
    assert "Nothing to prove" in printed
    run.job("environment", "prove")
    certificate = run.certificate("proof-local")
    assert certificate["proved"] is True
    shards = [f"operations account, shard {shard}" for shard in range(2)]
    accounts = [f"{name} {account}" for name, account in ACCOUNTS.items()]
    assert sorted(certificate["unchanged"]) == sorted([*shards, *accounts])
    run.job("environment", "operations", "operations")
    for index, account in enumerate(ACCOUNTS.items()):
        printed = run.job("environment", "customers", "/".join(account), index)
        assert "1 account is as it was applied" in printed


def test_a_change_of_one_stanza_is_proved_with_the_plan_of_its_shard_alone(run):
    shutil.rmtree(run.artifacts)
    run.artifacts.mkdir()
    tfvars = run.checkout.root / "environments" / "local" / "terraform.tfvars"
    text = tfvars.read_text()
    tfvars.write_text(text.replace("models       =", 'tags = { team = "a" }\n    models =', 1))
    run.job("environment", "plan")
    for index, account in enumerate(ACCOUNTS.items()):
        run.job("environment", "plan-customers", "/".join(account), index)
    run.job("environment", "prove")
    certificate = run.certificate("proof-local")
    unchanged = {"operations account, shard 0", "globex 333333333333"}
    assert set(certificate["unchanged"]) == unchanged
    assert {file["state"] for file in certificate["plan_files"]} == {
        "operations-1.tfstate",
        "customers/acme/222222222222.tfstate",
    }
    tfvars.write_text(text)
    tfvars.write_text(text)


def test_the_drift_of_all_parts_is_one_table(run):
    group = "/bedrock/local/globex"
    logs = client(run.checkout.control, ACCOUNTS["globex"], "logs")
    names = [item["logGroupName"] for item in logs.describe_log_groups()["logGroups"]]
    logs.put_retention_policy(logGroupName=names[0], retentionInDays=1)
    run.job("drift-environment", "accounts")
    parts = ["operations", "acme/222222222222", "globex/333333333333"]
    codes = [0, 0, 2]
    for index, (part, code) in enumerate(zip(parts, codes, strict=True)):
        run.job("drift-environment", "part", part, index, code)
    printed = run.job("drift-environment", "table", code=2)
    assert "Error 1" in printed
    assert re.search(r"^globex 333333333333 +plan +drifted", printed, re.MULTILINE), group
    assert "In the operations account and 2 customer accounts, " in printed
    assert (run.checkout.root / "summary").read_text().startswith("```text\naccount")

    shutil.rmtree(run.artifacts / "drift-local-1")
    printed = run.job("drift-environment", "table", code=2)
    assert re.search(
        r"^acme 222222222222 +everything +cannot tell +no part has looked at it",
        printed,
        re.MULTILINE,
    )
