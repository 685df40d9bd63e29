"""The CI workflows: linted offline, and what they must never become."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tools.cli.session import part_states
from tools.command_error import CommandError
from tools.environment.job_matrix import JOB_ACCOUNTS, MATRIX_JOBS, PARALLEL_JOBS, job_matrix
from tools.environment.model import CustomerAccount, load_environment
from tools.paths import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
CALLER = WORKFLOWS["terraform"]["jobs"]["environment"]
JOBS = WORKFLOWS["environment"]["jobs"]
DRIFT_CALLER = WORKFLOWS["drift"]["jobs"]["environment"]
DRIFT = WORKFLOWS["drift-environment"]["jobs"]
STEPS = [(name, step) for name, job in JOBS.items() for step in job["steps"]]
DRIFT_STEPS = [step for job in DRIFT.values() for step in job["steps"]]
WITH_AWS = {"plan", "plan-customers", "operations", "customers", "existing", "certificate"}
MATRICES = [
    *(JOBS[name] for name in ("plan-customers", "customers", "existing")),
    DRIFT["part"],
]


def triggers(name):
    return WORKFLOWS[name][True]  # YAML 1.1 reads the key `on` as true


def audited(*inputs):
    """The findings of zizmor's pedantic persona, offline."""
    run = subprocess.run(
        [
            Path(sys.executable).parent / "zizmor",
            *("--offline", "--no-progress", "--no-config", "--strict-collection"),
            *("--persona=pedantic", "--format=json", *inputs),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return {finding["ident"] for finding in json.loads(run.stdout)}


def test_zizmor_finds_nothing():
    assert audited(*FILES) == set()


def test_zizmor_finds_what_the_workflow_avoids(tmp_path):
    careless = (ROOT / ".github" / "workflows" / "environment.yml").read_text()
    careless = re.sub(r"@[0-9a-f]{40} # v(\d+)\S*", r"@v\1", careless)
    careless = careless.replace('"$ENVIRONMENT"', '"${{ inputs.environment }}"')
    (tmp_path / "careless.yml").write_text(careless)
    assert {"template-injection", "unpinned-uses"} <= audited(tmp_path / "careless.yml")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(path):
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\S+\.yml.*", action)


def test_one_action_is_pinned_to_one_commit():
    steps = [*(step for _, step in STEPS), *DRIFT_STEPS]
    pins = {step["uses"] for step in steps if "uses" in step}
    assert len(pins) == len({pin.split("@")[0] for pin in pins}) == 4


def test_it_plans_a_pull_request_and_applies_main_only():
    assert set(triggers("terraform")) == {"pull_request", "push"}
    assert triggers("terraform")["push"]["branches"] == ["main"]
    assert set(triggers("environment")) == {"workflow_call"}
    assert CALLER["with"]["apply"] == "${{ github.event_name == 'push' }}"


# What does not decide what is applied: documents, tests and the packages that only develop.
UNDECIDING = {
    ".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "docs",
    "requirements-dev.txt", "tests",
}  # fmt: skip


def test_it_runs_for_every_file_that_decides_what_is_applied():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    tops = {file.split("/")[0] for file in tracked}
    for event in ("pull_request", "push"):
        folders = {file.split("/")[0] for file in tracked if "/" in file}
        expected = {f"{top}/**" if top in folders else top for top in tops - UNDECIDING}
        expected = {".github/workflows/**" if name == ".github/**" else name for name in expected}
        assert set(triggers("terraform")[event]["paths"]) == expected


def test_jobs_with_aws_credentials_install_only_what_operates():
    for name in ("drift-environment", "environment"):
        assert WORKFLOWS[name]["env"]["DEPENDENCIES"] == "operation"
    jobs = [*JOBS.values(), *DRIFT.values()]
    overriding = [*jobs, *(step for job in jobs for step in job["steps"])]
    assert not [part for part in overriding if "DEPENDENCIES" in part.get("env", {})]


def test_a_forks_pull_request_is_left_out():
    assert "head.repo.full_name == github.repository" in CALLER["if"]


def test_the_token_may_read_the_code_and_prove_who_it_is_and_no_more():
    least = {"contents": "read", "id-token": "write"}
    without_aws = {"contents": "read"}
    assert [workflow["permissions"] for workflow in WORKFLOWS.values()] == [{}] * 4
    assert CALLER["permissions"] == DRIFT_CALLER["permissions"] == least
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        **dict.fromkeys(WITH_AWS, least),
        "approve": {},
        "prove": without_aws,
    }
    assert {name: job["permissions"] for name, job in DRIFT.items()} == {
        "accounts": without_aws,
        "part": least,
        "table": without_aws,
    }


def test_no_key_is_kept_anywhere():
    for path in FILES:
        assert "secrets." not in path.read_text()
        assert "access-key" not in path.read_text()
    steps = [*(step for _, step in STEPS), *DRIFT_STEPS]
    becoming = [step["with"] for step in steps if "aws-actions" in step.get("uses", "")]
    assert len(becoming) == len(WITH_AWS) + 1
    for role in becoming:
        assert role["role-to-assume"] == "${{ vars.AWS_ROLE }}"


def test_no_line_of_shell_is_made_from_an_expression():
    steps = [*(step for _, step in STEPS), *DRIFT_STEPS]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) >= 8
    assert not [script for script in scripts if "${{" in script]


def test_nothing_is_applied_before_its_approval():
    assert JOBS["approve"]["environment"] == "${{ inputs.environment }}-approval"
    assert JOBS["approve"]["needs"] == "prove"
    proved = "${{ !cancelled() && inputs.apply && needs.prove.result == 'success' }}"
    assert JOBS["approve"]["if"] == proved
    assert "approve" in JOBS["operations"]["needs"]
    assert JOBS["operations"]["if"] == "${{ !cancelled() && needs.approve.result == 'success' }}"
    applying = {name for name, step in STEPS if "make apply" in step.get("run", "")}
    assert applying == {"operations", "customers"}
    commands = [step["run"] for _, step in STEPS if "make apply" in step.get("run", "")]
    assert all("PART=" in command for command in commands)


def test_only_the_plans_that_were_proved_and_approved_are_applied():
    """Each apply takes the combined proof, and an output of its job has the hash of its certificate."""
    upload = step_that_uses("prove", "actions/upload-artifact")
    assert JOBS["prove"]["outputs"] == {"sha256": "${{ steps.combine.outputs.sha256 }}"}
    for name in ("operations", "customers"):
        download = step_that_uses(name, "actions/download-artifact")
        assert download["with"]["name"] == upload["with"]["name"]
        apply = next(step for step in JOBS[name]["steps"] if "make apply" in step.get("run", ""))
        assert 'PROOF=build/approved SHA256="$SHA256"' in apply["run"]
        assert apply["env"]["SHA256"] == "${{ needs.prove.outputs.sha256 }}"


def test_a_loss_is_confirmed_for_one_commit_only():
    """The variable begins with the commit's id, and an empty one is not written at all."""
    applies = [step for _, step in STEPS if "make apply" in step.get("run", "")]
    assert len(applies) == 2
    for step in applies:
        assert step["env"]["CONFIRM"] == (
            "${{ startsWith(vars.CONFIRM, format('{0} ', github.sha)) && vars.CONFIRM || '' }}"
        )
        assert '${CONFIRM:+CONFIRM="$CONFIRM"} &' in step["run"]


def test_what_exists_is_proved_after_every_apply():
    assert JOBS["existing"]["needs"] == ["plan", "operations", "customers"]
    (proof,) = [step["run"] for step in JOBS["existing"]["steps"] if "prove" in step.get("run", "")]
    assert "STATE=1" in proof
    assert JOBS["certificate"]["needs"] == ["operations", "existing"]
    # A customer account that failed does not keep the others from being proved, nor a part the certificate.
    for name in ("existing", "certificate"):
        assert JOBS[name]["if"] == "${{ !cancelled() && needs.operations.result == 'success' }}"


def test_the_parts_that_are_combined_are_those_that_the_jobs_of_the_matrix_kept():
    folder = "build/parts"
    for parts, whole, of in (
        (("plan", "plan-customers"), "prove", JOBS),
        (("existing",), "certificate", JOBS),
        (("part",), "table", DRIFT),
    ):
        (fetched,) = [
            step["with"] for step in of[whole]["steps"] if "download" in step.get("uses", "")
        ]
        assert fetched["path"] == folder
        names = [
            step["with"]["name"]
            for part in parts
            for step in of[part]["steps"]
            if "upload" in step.get("uses", "")
        ]
        assert len(names) == len(parts)
        prefix = fetched["pattern"].removesuffix("*")
        assert all(name.startswith(prefix) for name in names)
        assert names[-1] == prefix + "${{ strategy.job-index }}"
        commands = [step["run"] for step in of[whole]["steps"] if "run" in step]
        assert f"COMBINE={folder}" in " ".join(commands)


def test_accounts_that_are_not_proved_are_not_approved():
    assert JOBS["prove"]["needs"] == ["plan", "plan-customers"]
    # Not success(), because an environment without customer accounts has no job of the matrix.
    assert JOBS["prove"]["if"] == "${{ !failure() && !cancelled() }}"
    assert JOBS["plan-customers"]["if"] == "needs.plan.outputs.accounts != '[]'"


def step_that_uses(job, action):
    (step,) = [step for step in JOBS[job]["steps"] if action in step.get("uses", "")]
    return step


def test_a_pull_requests_code_never_runs_where_the_applying_role_is_trusted():
    for name in ("plan", "plan-customers"):
        assert JOBS[name]["environment"] == "${{ inputs.environment }}-plan"
    assert "environment" not in JOBS["prove"]
    for name in ("operations", "customers", "existing", "certificate"):
        assert JOBS[name]["environment"] == "${{ inputs.environment }}"


def test_operations_comes_first_and_one_customer_holds_up_no_other():
    assert JOBS["customers"]["needs"] == ["plan", "prove", "operations"]
    assert "needs.operations.result == 'success'" in JOBS["customers"]["if"]
    for job in MATRICES:
        strategy = job["strategy"]
        assert strategy["fail-fast"] is False
        assert strategy["max-parallel"] == PARALLEL_JOBS
        needed = "accounts" if job is DRIFT["part"] else "plan"
        accounts = f"${{{{ fromJSON(needs.{needed}.outputs.accounts) }}}}"
        assert strategy["matrix"]["include"] == accounts


def test_the_operations_account_is_one_job_more_of_the_matrices_that_look_at_everything():
    """An included row that would overwrite a value of the matrix is a job of its own.

    https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
    """
    for job in (JOBS["existing"], DRIFT["part"]):
        assert job["strategy"]["matrix"]["accounts"] == ["operations"]
    assert MATRIX_JOBS + 1 == 256


def test_one_apply_at_a_time_in_an_environment():
    concurrency = CALLER["concurrency"]
    assert concurrency["group"].startswith("terraform-${{ matrix.environment }}-")
    assert "github.event_name == 'push' && 'apply'" in concurrency["group"]
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


APPLYING = [step["run"] for _, step in STEPS if "make apply" in step.get("run", "")]


@pytest.mark.parametrize("script", APPLYING)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_job_passes_the_signal_on_to_make_and_waits_for_it(tmp_path, script, number):
    """GitHub signals the step's shell alone; this make ends like one whose terraform writes its state."""
    make = tmp_path / "make"
    make.write_text(
        "#!/bin/bash\ntrap 'sleep 0.3; touch written; exit 7' TERM\ntouch started\n"
        "while true; do sleep 0.05; done\n"
    )
    make.chmod(0o755)
    step = tmp_path / "step.sh"
    step.write_text(script)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    # As GitHub starts a step: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
    process = subprocess.Popen(["bash", "-e", step], cwd=tmp_path, env=environment)
    while not (tmp_path / "started").exists():
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(timeout=20) == 7
    assert (tmp_path / "written").exists()


@pytest.mark.parametrize("code", [0, 2])
def test_a_step_that_applies_has_makes_exit_code(tmp_path, code):
    make = tmp_path / "make"
    make.write_text(f"#!/bin/bash\nexit {code}\n")
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for script in APPLYING:
        (tmp_path / "step.sh").write_text(script)
        run = subprocess.run(["bash", "-e", "step.sh"], cwd=tmp_path, env=environment, check=False)
        assert run.returncode == code


def test_it_runs_existing_make_targets():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used_targets = {
        target
        for step in (*(step for _, step in STEPS), *DRIFT_STEPS)
        for target in re.findall(r"make ([a-z]+)", step.get("run", ""))
    }
    assert used_targets == {"accounts", "apply", "drift", "package", "plan", "prove"}
    assert used_targets <= targets


# --- the search for drift ---


def test_drift_is_looked_for_every_night_in_every_environment():
    assert set(triggers("drift")) == {"schedule", "workflow_dispatch"}
    (entry,) = triggers("drift")["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", entry["cron"])
    assert DRIFT_CALLER["strategy"]["matrix"]["environment"] == (
        "${{ fromJSON(vars.TERRAFORM_ENVIRONMENTS) }}"
    )
    assert DRIFT_CALLER["strategy"]["fail-fast"] is False
    assert set(triggers("drift-environment")) == {"workflow_call"}


def test_the_job_that_looks_for_drift_has_a_role_of_its_own_and_waits_for_nobody():
    environments = {name: job.get("environment") for name, job in DRIFT.items()}
    assert environments == {
        "accounts": None,
        "part": "${{ inputs.environment }}-drift",
        "table": None,
    }
    commands = " ".join(step.get("run", "") for step in DRIFT["part"]["steps"])
    assert set(re.findall(r"make ([a-z]+)", commands)) == {"package", "drift"}
    # What a part found is kept, and the table shown, also where something drifted.
    assert DRIFT["part"]["steps"][-1]["if"] == "${{ !cancelled() }}"
    assert DRIFT["table"]["if"] == "${{ !cancelled() && needs.accounts.result == 'success' }}"


@pytest.mark.parametrize("code", [0, 2])
def test_the_table_of_drift_is_in_the_summary_and_the_step_has_makes_exit_code(tmp_path, code):
    make = tmp_path / "make"
    make.write_text(f'#!/bin/bash\necho "rows of $*"\nexit {code}\n')
    make.chmod(0o755)
    environment = {
        **os.environ,
        "ENVIRONMENT": "prod",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    run = subprocess.run(
        ["bash", "-e", "-c", DRIFT["table"]["steps"][-1]["run"]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code
    table = "```text\nrows of drift ENV=prod COMBINE=build/parts\n```\n"
    assert (tmp_path / "summary").read_text() == run.stdout == table


def accounts(count):
    return [
        CustomerAccount(f"tenant-{index}", f"{index:012}", "eu-central-1") for index in range(count)
    ]


def test_the_matrix_has_a_job_for_each_account():
    assert job_matrix(load_environment("local").accounts_of("globex")) == [
        {"accounts": "globex/333333333333", "name": "globex/333333333333"},
        {"accounts": "globex/444444444444", "name": "globex/444444444444"},
    ]


@pytest.mark.parametrize(
    ("count", "jobs", "sizes"),
    [
        (PARALLEL_JOBS, PARALLEL_JOBS, {1}),
        (PARALLEL_JOBS + 1, PARALLEL_JOBS, {1, 2}),
        (300, PARALLEL_JOBS, {15}),
        (PARALLEL_JOBS * JOB_ACCOUNTS + 1, PARALLEL_JOBS + 1, {47, 48}),
        (2_000, 40, {50}),
        (MATRIX_JOBS * JOB_ACCOUNTS, MATRIX_JOBS, {50}),
        (20_000, MATRIX_JOBS, {78, 79}),
    ],
)
def test_the_jobs_grow_with_the_accounts_up_to_githubs_limit_and_share_them_evenly(
    count, jobs, sizes
):
    matrix = job_matrix(accounts(count))
    assert len(matrix) == jobs
    assert {len(job["accounts"].split()) for job in matrix} == sizes
    assert " ".join(job["accounts"] for job in matrix).split() == [
        f"{account.tenant}/{account.account_id}" for account in accounts(count)
    ]
    assert matrix == job_matrix(accounts(count))


def test_a_job_of_several_accounts_is_named_by_the_first_and_the_last():
    name = job_matrix(accounts(2_000))[0]["name"]
    assert name == "tenant-0/000000000000 to tenant-49/000000000049"


def test_an_environment_without_tenants_has_no_job():
    assert job_matrix([]) == []


def test_a_name_that_make_could_take_for_a_command_is_refused():
    with pytest.raises(CommandError, match="lower-case letters, digits and hyphens"):
        job_matrix([CustomerAccount("$(shell id)", "222222222222", "eu-central-1")])


def test_a_job_finds_its_accounts_by_the_matrixs_names():
    local = load_environment("local")
    share = job_matrix(local.accounts, jobs=2)[1]["accounts"]
    assert [account.account_id for account in local.accounts_named(share)] == [
        "444444444444",
        "555555555555",
    ]
    assert [state.key for state in part_states(local, share)] == [
        "customers/globex/444444444444.tfstate",
        "customers/initech/555555555555.tfstate",
    ]


def test_operations_is_a_part_of_its_own():
    (state,) = part_states(load_environment("local"), "operations")
    assert (state.root, state.key, state.targets) == ("operations", "operations.tfstate", ())


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("", 'write "operations", or accounts such as'),
        ("acme", "write TENANT/ACCOUNT"),
        ("acme/333333333333", 'Tenant "acme" has no account 333333333333'),
        ("umbrella/222222222222", 'has no tenant "umbrella"'),
    ],
)
def test_a_part_that_is_not_there_is_refused(part, sentence):
    with pytest.raises(CommandError, match=sentence):
        part_states(load_environment("local"), part)
