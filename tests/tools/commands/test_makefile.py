"""The commands as a user types them, with real make; a recorder stands in for the virtual environment's Python."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)
USAGES = dict(re.findall(r"^override usage_([a-z]+) := ?(.*)", MAKEFILE, re.MULTILINE))
FROM_THE_SHELL = {"DEPENDENCIES", "PYTHON", "TERRAFORM_RELEASES", "TF_PROVIDER_MIRROR"}


def names_in(usage):
    return re.findall(r"[A-Z0-9_]+(?==)", usage)


def taken_by(target):
    """The variables that a target takes, with those of the set-up, which every command runs first."""
    return {*names_in(USAGES[target])} | (FROM_THE_SHELL if target != "help" else set())


VARIABLES = sorted({name for usage in USAGES.values() for name in names_in(usage)})
FLAGS = {name for usage in USAGES.values() for name in re.findall(r"([A-Z]+)=1", usage)}
OPTIONS = set(VARIABLES) - FLAGS - FROM_THE_SHELL - {"PROMPT"}
# A target that takes each variable.
TARGET_OF = {name: next(t for t in TARGETS if name in names_in(USAGES[t])) for name in VARIABLES}


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
        (root / "tools/cli").mkdir()
        shutil.copy(ROOT / "tools/cli/similar_name.py", root / "tools/cli")
        python = root / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(RECORDER.format(python=sys.executable, variables=VARIABLES))
        python.chmod(0o755)
        self.trap = root / "trap"
        # A shim of a version manager takes ten times as long as the Python that it starts.
        (root / "bin").mkdir()
        (root / "bin/python3").symlink_to(Path(sys.executable).resolve())
        self.path = f"{root / 'bin'}:{os.environ['PATH']}"

    def make(self, *arguments, **environment):
        (self.root / "recorded.json").unlink(missing_ok=True)
        return subprocess.run(
            [b"make", *map(os.fsencode, arguments)],
            cwd=self.root,
            env={"PATH": self.path, "PYTHON": sys.executable, **environment},
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


def every_variable_of(target, value):
    """Every variable of a target with this value, except those that another value would stop."""
    values = dict.fromkeys(taken_by(target) - {"PYTHON"}, value)
    values |= dict.fromkeys(FLAGS & values.keys(), "1")
    return [f"{name}={text}" for name, text in values.items()]


def required_by(target, *, without=""):
    """A value of each variable that a target must have."""
    needed = [item for item in USAGES[target].split() if not item.startswith("[")]
    return [f"{item}value" for item in needed if item != f"{without}="]


def refusal(project, *arguments, **environment):
    """Why make refuses these arguments; nothing has run."""
    run = project.make(*arguments, **environment)
    assert run.returncode != 0, arguments
    assert not (project.root / "recorded.json").exists(), arguments
    return run.stderr.decode()


def test_every_target_has_a_usage_and_the_set_up_has_what_is_read_from_the_shell():
    assert set(USAGES) == set(TARGETS)
    assert set(names_in(USAGES["setup"])) == FROM_THE_SHELL


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_refuses_every_variable_that_it_does_not_take_and_accepts_its_own(project, target):
    for name in VARIABLES:
        written = [
            *required_by(target, without=name),
            f"{name}={'1' if name in FLAGS else 'value'}",
        ]
        if name in taken_by(target):
            assert project.make("-n", target, *written).returncode == 0, name
            continue
        words = refusal(project, target, *written)
        assert f"make {target} does not take {name}=" in words
        assert f"it takes {USAGES[target].strip() or 'no variables of its own'};" in words


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_refuses_every_misspelt_variable_and_names_the_one_that_is_meant(project, target):
    for position, name in enumerate(sorted(taken_by(target))):
        doubled, swapped = f"{name[:2]}{name[1:]}", f"{name[:-2]}{name[-1]}{name[-2]}"
        misspelt = (doubled, swapped if len(name) > 3 else doubled, name.lower())[position % 3]
        words = refusal(project, target, *required_by(target), f"{misspelt}=umbrella")
        assert f"There is no variable {misspelt} (did you mean {name}?)" in words


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_refuses_an_empty_variable(project, target):
    for name in taken_by(target) - FLAGS:
        for value in ("", "  \t "):
            words = refusal(project, target, *required_by(target, without=name), f"{name}={value}")
            assert f"{name}= is empty; write its value, or leave it out" in words


def test_a_word_that_is_no_command_stops_those_before_it(project):
    words = refusal(project, "destroy", "ENV=local", "umbrella")
    assert "There is no command umbrella" in words
    assert "(did you mean destroy?)" in refusal(project, "destory", "ENV=local")


def test_a_variable_of_one_command_only_stops_both(project):
    words = refusal(project, "apply", "plan", "ENV=local", "UNLOCK=1")
    assert "make plan does not take UNLOCK=" in words


def test_a_name_without_a_similar_one_is_refused_without_a_question(project):
    words = refusal(project, "plan", "ENV=local", "QQQQ=1")
    assert "There is no variable QQQQ; make help lists what each command takes" in words


def test_the_list_of_commands_shows_what_each_takes(project):
    listing = project.make("help").stdout.decode()
    for target in set(TARGETS) - {"help"}:
        usage = f"{USAGES[target]} · " if USAGES[target] else ""
        summary = re.search(rf"^{target}: ## (.*)", MAKEFILE, re.MULTILINE)[1]
        assert f"make {target:10} {usage}{summary}\n" in listing


@pytest.mark.parametrize("target", TARGETS)
def test_a_value_of_any_variable_is_never_run(project, target):
    run = project.make(target, *every_variable_of(target, "".join(project.attacks)))
    assert run.returncode == 0, run.stderr
    assert not project.trap.exists()


@pytest.mark.parametrize("name", VARIABLES)
def test_a_value_is_never_run_when_make_refuses_it(project, name):
    value = project.attacks[0]
    for run in (
        project.make("help", f"{name}={value}"),
        project.make("-n", "help", f"{name}={value}"),
    ):
        assert run.returncode != 0
        assert not project.trap.exists()
    for run in (project.make("help", **{name: value}), project.make("help", "-e", **{name: value})):
        assert run.returncode == 0
        assert not project.trap.exists()
    project.make("logs", "ENV=local", "TENANT=acme", f"{name}={value}")  # PYTHON and switches fail
    project.make("logs", "ENV=local", "TENANT=acme", "-e", **{name: value})
    assert not project.trap.exists()


@pytest.mark.parametrize("target", ["aply", "plan.x", "Plan", "; touch trap", "%"])
def test_a_command_that_does_not_exist_is_refused(project, target):
    run = project.make("ENV=local", "--", target)
    assert re.search(r"There is no command .*; make help lists the commands", run.stderr.decode())
    assert run.returncode != 0
    assert not project.trap.exists()


def test_no_form_of_value_is_run(project):
    for value in project.attacks:
        for arguments in (["logs"], ["tenant", "-e"]):
            written = every_variable_of(arguments[0], value)
            assert project.make(*arguments, *written).returncode == 0
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


@pytest.mark.parametrize(
    "name",
    ["written", "unknown", "known", "goals", "commands", "taken", "usage_help", "usage_plan"],
)
def test_the_names_of_the_check_cannot_be_replaced(project, name):
    run = project.make("help", f"{name}=$(shell touch {project.trap})TENENT", "TENENT=acme")
    assert b"There is no variable " in run.stderr
    assert not project.trap.exists()


def test_a_definition_of_the_shell_cannot_replace_a_recipe(project):
    replaced = {"RUN": "touch trap", "options": "; touch trap", "SET_UP": ":", "usage_plan": "A="}
    project.make("plan", "-e", "ENV=local", **replaced)
    assert project.recorded()[0] == ["-m", "tools.commands.plan", "--env=local"]
    assert not project.trap.exists()


EVERY_BYTE = bytes(range(1, 256))


@pytest.mark.parametrize("name", sorted(OPTIONS - {"ENV", "TENANT"}))
def test_a_value_reaches_the_command_byte_for_byte(project, name):
    target = TARGET_OF[name]
    value = b"x$$ $ \\ ' \" ` # % ~ * \n\n\xff" + EVERY_BYTE + b" \n"
    run = project.make(target, *required_by(target, without=name), name.encode() + b"=" + value)
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
    target = TARGET_OF[name]
    run = project.make(target, *required_by(target), f"{name}={value}")
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


@pytest.mark.parametrize(
    "words",
    [
        ("TENANT=acme", "TENANT=globex"),
        ("TENANT=acme", "TENANT=acme"),
        ("TENANT=acme", "TENANT:=globex"),
        ("TENANT=acme\nNAME=x", "CONFIRM=acme", "TENANT =globex"),
    ],
)
def test_a_variable_that_is_written_twice_is_refused(project, words):
    run = project.make("destroy", "ENV=local", *words)
    # Without /proc, as on macOS, make's command line cannot be read exactly, and the last value counts.
    is_refused = Path("/proc/self/cmdline").exists()
    assert (run.returncode == 2) == is_refused
    assert (b"TENANT= is written more than once" in run.stderr) == is_refused
    assert (project.root / "recorded.json").exists() != is_refused


@pytest.mark.parametrize("prompt", ["TENANT=globex", "x TENANT=globex", "x\nTENANT=globex\n"])
def test_a_value_that_looks_like_a_variable_is_no_repetition(project, prompt):
    run = project.make("invoke", "ENV=local", "TENANT=acme", f"PROMPT={prompt}")
    assert run.returncode == 0, run.stderr
    assert "--tenant=acme" in project.recorded()[0]
