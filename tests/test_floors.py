"""Which part of the product may import which: a room imports only the rooms below it."""

import ast
import subprocess
import sys

import pytest

from tools.paths import ROOT

GROUND = {
    "tools.aws_error",
    "tools.command_error",
    "tools.paths",
    "tools.processes",
    "tools.release",
}
READING = GROUND | {"tools.terraform.toolchain"}  # Terraform reads the tfvars
PRINTING = READING | {"tools.cli.console"}
OPENING = PRINTING | {"tools.environment", "tools.terraform", "tools.cli"}

IMPORT_FUNCTIONS = {"import_module", "__import__"}

# For each room, or a module that is a floor of its own, the rooms that it may import.
FLOORS = {
    "operations_guard": set(),
    "tenant_bedrock": set(),
    "tools.aws_error": set(),
    "tools.command_error": set(),
    "tools.paths": set(),
    "tools.processes": {"tools.command_error"},
    "tools.release": {"tools.paths"},
    "tools.iam": set(),
    "tools.isolation": {"tools.iam"},
    "tools.localaws": {"tools.iam"},
    "tools.cli.console": GROUND,
    "tools.terraform.toolchain": GROUND,
    "tools.environment": READING | {"tools.iam"},
    "tools.packaging": GROUND,
    "tools.terraform": PRINTING | {"tools.environment"},
    "tools.cli": PRINTING
    | {
        "operations_guard",
        "tools.environment",
        "tools.localaws",
        "tools.packaging",
        "tools.terraform",
    },
    "tools.readiness": OPENING | {"operations_guard", "tools.live"},
    "tools.records": OPENING | {"operations_guard"},
    "tools.charges": OPENING | {"tools.records"},
    "tools.live": OPENING | {"operations_guard", "tools.iam", "tools.isolation"},
    "tools.proof": OPENING | {"tools.isolation", "tools.live"},
    "tools.tenants": OPENING | {"tools.isolation", "tools.live", "tools.proof"},
    "tools.acceptance": OPENING
    | {"tools.isolation", "tools.live", "tools.proof", "tools.records", "tools.tenants"},
    "tools.verification": OPENING
    | {"operations_guard", "tools.isolation", "tools.live", "tools.proof"},
    "tools.quotas": OPENING | {"operations_guard"},
    "tools.demo": OPENING | {"tools.live", "tools.proof", "tools.records", "tools.localaws"},
    "tools.bench": OPENING
    | {
        "operations_guard", "tools.packaging", "tools.proof", "tools.records", "tools.localaws", "tools.isolation",
        "tenant_bedrock",
    },
    "tools.documentation": GROUND | {"tools.isolation"},
    "tools.commands": OPENING
    | {
        "operations_guard",
        "tools.acceptance",
        "tools.bench",
        "tools.charges",
        "tools.demo",
        "tools.documentation",
        "tools.iam",
        "tools.isolation",
        "tools.live",
        "tools.localaws",
        "tools.packaging",
        "tools.proof",
        "tools.quotas",
        "tools.readiness",
        "tools.records",
        "tools.tenants",
        "tools.verification",
    },
}  # fmt: skip
FILES = {
    ".".join(path.relative_to(root).with_suffix("").parts): path
    for root, package in (
        (ROOT, "tools"),
        (ROOT / "lambda", "operations_guard"),
        (ROOT / "lambda", "tenant_bedrock"),
    )
    for path in sorted((root / package).rglob("*.py"))
    # The bench's handlers run in a zip of their own, where the package is installed.
    if "handlers" not in path.parent.name
}


def floor_of(module):
    matches = [floor for floor in FLOORS if f"{module}.".startswith(f"{floor}.")]
    return max(matches, key=len, default=None)


def imported_modules(source):
    """What a source imports by a statement, or by name with importlib; ruff bans relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and called_name(node) in IMPORT_FUNCTIONS:
            argument = node.args[0]
            if isinstance(argument, ast.JoinedStr):  # the name's beginning tells the room
                argument = argument.values[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def called_name(call):
    return getattr(call.func, "attr", getattr(call.func, "id", None))


def crossings(module, source):
    """The imports of a module that its floor does not allow."""
    floor = floor_of(module)
    return [
        target
        for target in imported_modules(source)
        if target.split(".")[0] in {"operations_guard", "tests", "tools", "tenant_bedrock"}
        and floor_of(target) not in {floor} | FLOORS[floor]
    ]


@pytest.mark.parametrize("module", [name for name in FILES if floor_of(name)])
def test_a_module_imports_only_what_its_floor_allows(module):
    assert crossings(module, FILES[module].read_text()) == []


def test_every_module_belongs_to_a_floor():
    assert [name for name in FILES if floor_of(name) is None and name != "tools.__init__"] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tools.iam.policy", "from tools.command_error import CommandError"),
        ("tools.isolation.prover", "from tools.localaws.control import Control"),
        ("tools.localaws.trail", "import tools.isolation.claims"),
        ("tools.environment.model", "from tools.cli.session import open_session"),
        ("tools.terraform.runner", "def late():\n    from tools.commands import plan"),
        ("tools.commands.plan", "from tests.terraform import Folder"),
        (
            "tools.isolation.claims",
            "from importlib import import_module\nimport_module('tools.cli')",
        ),
        ("tools.iam.policy", "__import__('tests.terraform')"),
        ("tools.iam.globs", "if TYPE_CHECKING:\n    from tools.paths import ROOT"),
        ("tenant_bedrock.record", "from tools.paths import ROOT"),
        ("tenant_bedrock.record", "from operations_guard.leftovers import KINDS"),
        ("operations_guard.leftovers", "from tools.paths import ROOT"),
        ("operations_guard.leftovers", "from tenant_bedrock.record import Record"),
    ],
)
def test_a_crossing_is_found(module, source):
    assert crossings(module, source)


def test_a_command_imports_no_other_command():
    for module, path in FILES.items():
        # docs collects the arguments of all commands, for the reference page.
        if module.startswith("tools.commands.") and module != "tools.commands.docs":
            imports = imported_modules(path.read_text())
            assert not [name for name in imports if name.startswith("tools.commands")], module


def test_every_make_target_is_a_command_of_the_same_name():
    makefile = (ROOT / "Makefile").read_text()
    targets = {
        line.split(":")[0] for line in makefile.splitlines() if line[:1].isalpha() and ":" in line
    }
    targets -= {name for name in targets if not name.islower() or " " in name}
    commands = {name.rpartition(".")[2] for name in FILES if name.startswith("tools.commands.")}
    assert targets - {"help"} == commands - {"__init__"}


# Names that say what a module is inside its own folder: the service of a folder of the local AWS, or the
# command `make model` beside the model of an environment.
SHARED_NAMES = {"__init__", "__main__", "authorization", "handler", "model", "service"}


def test_no_two_modules_share_a_name():
    stems = [module.rpartition(".")[2] for module in FILES]
    stems = [stem for stem in stems if stem not in SHARED_NAMES]
    assert sorted({stem for stem in stems if stems.count(stem) > 1}) == []


# What develops the project or runs the local AWS, which needs the development packages.
DEVELOPERS_COMMANDS = {
    "__init__", "bench", "check", "demo", "docs", "down", "lock", "setup", "test", "up",
}  # fmt: skip


def test_the_floors_are_a_ladder():
    remaining = {floor: rooms - {floor} for floor, rooms in FLOORS.items()}
    # A module that is a floor of its own lies below the rest of its room.
    remaining["tools.records"] -= {"tools.cli.console"}
    while remaining:
        lowest = {floor for floor, rooms in remaining.items() if not rooms & remaining.keys()}
        assert lowest, f"these import each other: {sorted(remaining)}"
        remaining = {floor: rooms for floor, rooms in remaining.items() if floor not in lowest}


def test_the_operators_commands_need_none_of_the_development_packages():
    """The jobs that hold AWS credentials install requirements.txt alone."""
    names = {name.rpartition(".")[2] for name in FILES if name.startswith("tools.commands.")}
    commands = sorted(names - DEVELOPERS_COMMANDS)
    assert len(commands) >= 15
    script = f"""
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

locked = {{
    line.split("==")[0].lower()
    for line in Path("requirements.txt").read_text().splitlines()
    if "==" in line
}}
owners = packages_distributions()


class Refusal:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        names = {{owner.lower().replace("_", "-").replace(".", "-") for owner in owners.get(top, ())}}
        if names and not names & (locked | {{"pip", "setuptools"}}):
            raise ImportError(f"{{name}} is a development package")


sys.meta_path.insert(0, Refusal())
for command in {commands!r}:
    import_module(f"tools.commands.{{command}}")
for name in ("moto", "pytest", "hypothesis"):
    try:
        import_module(name)
    except ImportError:
        continue
    raise SystemExit(f"{{name}} can be imported, so this test proves nothing")
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
