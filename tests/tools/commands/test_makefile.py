"""The commands as a user types them."""

import subprocess

import pytest

from tools.paths import ROOT


def make(*arguments):
    return subprocess.run(
        ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "target", ["apply", "destroy", "plan", "invoke", "logs", "handover", "tenant"]
)
def test_a_command_without_an_environment_is_an_error(target):
    run = make(target)
    assert run.returncode != 0
    assert f"{target} needs ENV=" in run.stderr


def test_an_environment_from_the_shell_does_not_count():
    run = subprocess.run(
        ["make", "-n", "apply"],
        cwd=ROOT,
        env={"ENV": "prod", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "apply needs ENV=" in run.stderr


def test_an_environment_is_passed_on():
    assert "--env 'local'" in make("apply", "ENV=local").stdout.replace(
        "--env='local'", "--env 'local'"
    )


def test_a_value_cannot_become_a_command():
    assert "'local'\\''; touch x'" in make("apply", "ENV=local'; touch x").stdout


def test_the_prompt_is_never_an_argument():
    assert (
        "secret words"
        not in make("invoke", "ENV=local", "TENANT=acme", "PROMPT=secret words").stdout
    )


def test_make_alone_lists_the_commands():
    run = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make demo " in run.stdout
    assert "make apply " in run.stdout


def test_a_value_is_never_run_by_make(tmp_path):
    trap = tmp_path / "trap"
    make(
        "invoke", "ENV=local", f"TENANT=$(shell touch {trap})acme", f"PROMPT=$(shell touch {trap})"
    )
    assert not trap.exists()


@pytest.mark.parametrize("target", ["bench", "check", "demo", "docs", "test", "up"])
def test_a_developers_command_is_refused_without_the_development_packages(target):
    run = make(target, "DEPENDENCIES=operation")
    assert run.returncode != 0
    assert f"{target} needs the development packages" in run.stderr
    assert make(target).returncode == 0


def test_an_operators_command_runs_without_the_development_packages():
    assert make("plan", "ENV=local", "DEPENDENCIES=operation").returncode == 0
