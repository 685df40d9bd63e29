"""The commands as a user types them, with real make; a recorder stands in for the virtual environment's Python."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tools.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)
VARIABLES = re.search(r"override VARIABLES := ((?:.*\\\n)*.*)", MAKEFILE)[1].replace("\\\n", "").split()  # fmt: skip
OPTIONS = set(re.findall(r"call option,([A-Z0-9]+),", MAKEFILE))
FLAGS = set(re.findall(r"call flag,([A-Z]+),", MAKEFILE))
FROM_THE_SHELL = {"DEPENDENCIES", "PYTHON", "TERRAFORM_RELEASES", "TF_PROVIDER_MIRROR"}

RECORDER = """\
#!{python}
import json, os, pathlib, sys
values = {{name: os.environb.get(name.encode()) for name in {variables!r}}}
text = {{name: value.decode("latin-1") for name, value in values.items() if value is not None}}
arguments = [os.fsencode(argument).decode("latin-1") for argument in sys.argv[1:]]
pathlib.Path("recorded.json").write_text(json.dumps([arguments, text]))
"""


class Project:
    """A folder with the project's Makefile, whose commands record how they were called."""

    def __init__(self, root):
        self.root = root
        shutil.copy(ROOT / "Makefile", root)
        (root / "tools/commands").mkdir(parents=True)
        (root / "tools/commands/setup.py").touch()
        python = root / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(RECORDER.format(python=sys.executable, variables=VARIABLES))
        python.chmod(0o755)
        self.trap = root / "trap"

    def make(self, *arguments, **environment):
        (self.root / "recorded.json").unlink(missing_ok=True)
        return subprocess.run(
            [b"make", *map(os.fsencode, arguments)],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, **environment},
            capture_output=True,
            check=False,
        )

    def recorded(self):
        """The arguments and the environment of the command that ran last, one character for each byte."""
        return json.loads((self.root / "recorded.json").read_text())

    @property
    def attacks(self):
        """Values that run a program when make or a shell reads them as its own language."""
        touch = f"touch {self.trap}"
        return [
            f"$(shell {touch})",
            f"${{shell {touch}}}",
            f"$$(shell {touch})",
            f"$(eval X := $(shell {touch}))$(X)",
            f"$(file >{self.trap},x)",
            f"$({touch})",
            f"`{touch}`",
            f"'; {touch}; '",
            f'"; {touch}; "',
            f"x\n{touch}\nx",
            f"x\n\t{touch}",
            f"|{touch};#",
            f"x & {touch} &",
            f")$(shell {touch})(",
            f"x,$(shell {touch}),x",
        ]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("makefile"))


RECIPES = dict(re.findall(r"^([a-z]+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE))


def variables_of(target):
    """The variables that a command takes."""
    recipe = RECIPES[target]
    if "call run" not in recipe:
        return set(VARIABLES)  # help and setup take no options
    shared = {name for name in ("ENV", "TENANT") if f"{name}_OPTION" in recipe}
    return (
        shared | FROM_THE_SHELL | set(re.findall(r"call (?:option|flag|take),([A-Z0-9]+)", recipe))
    )


def required_by(target):
    """The variables without which commands stop, as far as this one takes them."""
    required = ["ENV=local", "TENANT=acme", "NAME=n", "ACCOUNT=a"]
    return [item for item in required if item.split("=")[0] in variables_of(target)]


def every_variable(target, value):
    """Every variable that the command takes with this value, except those that another value would stop."""
    texts = {name: value for name in sorted(variables_of(target)) if name != "PYTHON"}
    texts |= dict.fromkeys(FLAGS & texts.keys(), "1")
    return [f"{name}={text}" for name, text in texts.items()]


def test_every_variable_of_a_recipe_is_known():
    assert set(VARIABLES) == OPTIONS | FLAGS | FROM_THE_SHELL | {"PROMPT"}


@pytest.mark.parametrize("target", TARGETS)
def test_a_value_of_any_variable_is_never_run(project, target):
    run = project.make(target, *every_variable(target, "".join(project.attacks)))
    assert run.returncode == 0, run.stderr
    assert not project.trap.exists()


@pytest.mark.parametrize("name", VARIABLES)
def test_a_value_is_never_run_when_make_lists_the_commands(project, name):
    value = project.attacks[0]
    for run in (
        project.make("help", f"{name}={value}"),
        project.make("help", "-n", f"{name}={value}"),
        project.make("help", **{name: value}),
        project.make("help", "-e", **{name: value}),
    ):
        assert run.returncode == 0
        assert not project.trap.exists()
    project.make("logs", "ENV=local", "TENANT=acme", f"{name}={value}")  # PYTHON and switches fail
    project.make("logs", "ENV=local", "TENANT=acme", "-e", **{name: value})
    assert not project.trap.exists()


@pytest.mark.parametrize("target", [name for name in TARGETS if "call run" in RECIPES[name]])
def test_a_variable_that_the_command_does_not_take_is_refused(project, target):
    assert project.make(target, *required_by(target)).returncode == 0
    (project.root / "recorded.json").unlink()
    for name in sorted(set(VARIABLES) - variables_of(target))[::5]:
        run = project.make(target, *required_by(target), f"{name}=$(shell touch {project.trap})")
        assert run.returncode != 0
        assert f"{target} takes no {name}=; make help lists what" in run.stderr.decode()
        assert not (project.root / "recorded.json").exists()
    assert not project.trap.exists()


@pytest.mark.parametrize("target", ["aply", "plan.x", "Plan", "; touch trap", "%"])
def test_a_command_that_does_not_exist_is_refused(project, target):
    run = project.make("ENV=local", "--", target)
    assert f"There is no command {target}; make help lists the commands." in run.stderr.decode()
    assert run.returncode != 0
    assert not project.trap.exists()


def test_no_form_of_value_is_run(project):
    for value in project.attacks:
        assert project.make("logs", *every_variable("logs", value)).returncode == 0
        assert project.make("tenant", "-e", *every_variable("tenant", value)).returncode == 0
        project.make("logs", "ENV=local", "TENANT=acme", f"PYTHON={value}")
        project.make("logs", "ENV=local", "TENANT=acme", f"UNMASK={value}")
        assert not project.trap.exists(), value


@pytest.mark.parametrize(
    "name",
    ["RUN", "SET_UP", "SHELL", ".SHELLFLAGS", "MAKEFLAGS", "MAKE", "MAKEFILE_LIST", "MAKEOVERRIDES",
     "CURDIR", ".VARIABLES", ".DEFAULT_GOAL", "BASH_ENV", "PATH", "VPATH", "option", "required",
     "ENV_OPTION", "TENENT", "@"],
)  # fmt: skip
def test_an_unknown_variable_is_refused_before_anything_runs(project, name):
    for target in ("help", "plan"):
        run = project.make(target, "ENV=local", f"{name}=$(shell touch {project.trap})x")
        assert run.returncode != 0
        assert b"There is no variable" in run.stderr
        assert not project.trap.exists()
        assert not (project.root / "recorded.json").exists()


@pytest.mark.parametrize("name", ["VARIABLES", "written", "unknown"])
def test_the_names_of_the_check_cannot_be_replaced(project, name):
    run = project.make("help", f"{name}=$(shell touch {project.trap})TENENT", "TENENT=acme")
    assert b"There is no variable TENENT" in run.stderr
    assert not project.trap.exists()


def test_a_definition_of_the_shell_cannot_replace_a_recipe(project):
    project.make("plan", "-e", "ENV=local", RUN="touch trap", ENV_OPTION="; touch trap", SET_UP=":")
    assert project.recorded()[0] == ["-m", "tools.commands.plan", "--env=local"]
    assert not project.trap.exists()


EVERY_BYTE = bytes(range(1, 256))


@pytest.mark.parametrize("name", sorted(OPTIONS - {"ENV", "TENANT"}))
def test_a_value_reaches_the_command_byte_for_byte(project, name):
    target = next(target for target, recipe in RECIPES.items() if f"call option,{name}," in recipe)
    value = b"x$$ $ \\ ' \" ` # % ~ * \n\n\xff" + EVERY_BYTE + b" \n"
    others = [item for item in required_by(target) if not item.startswith(name)]
    run = project.make(target, *others, name.encode() + b"=" + value)
    assert run.returncode == 0, run.stderr
    arguments, environment = project.recorded()
    assert environment[name].encode("latin-1") == value
    [argument] = [text for text in arguments if text.endswith(value.decode("latin-1"))]
    assert re.fullmatch(r"--[a-z0-9]+=", argument[: -len(value)])


def test_the_prompt_reaches_the_command_byte_for_byte_and_is_no_argument(project):
    prompt = b"costs $5, $$5 $(shell touch trap)\n`touch trap` 'x' \"y\" " + EVERY_BYTE + b"\n"
    project.make("invoke", "ENV=local", "TENANT=acme", b"PROMPT=" + prompt)
    arguments, environment = project.recorded()
    assert environment["PROMPT"].encode("latin-1") == prompt
    assert arguments == ["-m", "tools.commands.invoke", "--env=local", "--tenant=acme"]
    assert not project.trap.exists()


def test_make_alone_removes_blanks_before_a_value(project):
    project.make("plan", "ENV=local", "TENANT= \t acme ")
    assert project.recorded()[0][-1] == "--tenant=acme "


def test_a_value_from_the_shell_does_not_count(project):
    run = project.make("apply", ENV="prod")
    assert b"apply needs ENV=" in run.stderr
    project.make("invoke", "ENV=local", "TENANT=acme", PROMPT="%n@%m", MODEL="mine", JSON="1")
    arguments, environment = project.recorded()
    assert arguments == ["-m", "tools.commands.invoke", "--env=local", "--tenant=acme"]
    assert environment["PROMPT"] == ""


@pytest.mark.parametrize("name", sorted(FLAGS))
@pytest.mark.parametrize("value", ["", "0", "no", "1 0", "=1="])
def test_a_switch_takes_only_1(project, name, value):
    target = next(target for target, recipe in RECIPES.items() if f"call flag,{name}," in recipe)
    run = project.make(target, "ENV=local", "TENANT=acme", f"{name}={value}")
    assert f"write {name}=1, or leave it out" in run.stderr.decode()
    assert not (project.root / "recorded.json").exists()


@pytest.mark.parametrize(
    "target", ["apply", "destroy", "plan", "invoke", "logs", "handover", "tenant"]
)
def test_a_command_without_an_environment_is_an_error(project, target):
    run = project.make(target)
    assert run.returncode != 0
    assert f"{target} needs ENV=" in run.stderr.decode()
    assert not (project.root / "recorded.json").exists()


def test_make_alone_lists_the_commands(project):
    listing = project.make().stdout.decode()
    assert "make demo " in listing
    assert "make apply " in listing


def test_a_python_whose_path_has_a_space_sets_up(project):
    link = project.root / "a python"
    link.symlink_to(sys.executable)
    assert project.make("plan", "ENV=local", f"PYTHON={link}").returncode == 0


@pytest.mark.parametrize("target", ["bench", "check", "demo", "docs", "test", "up"])
def test_a_developers_command_is_refused_without_the_development_packages(project, target):
    for run in (
        project.make(target, "DEPENDENCIES=operation"),
        project.make(target, DEPENDENCIES="operation"),
    ):
        assert run.returncode != 0
        assert f"{target} needs the development packages" in run.stderr.decode()
    assert project.make(target).returncode == 0


def test_an_operators_command_runs_without_the_development_packages(project):
    assert project.make("plan", "ENV=local", "DEPENDENCIES=operation").returncode == 0
    assert project.recorded()[1]["DEPENDENCIES"] == "operation"
