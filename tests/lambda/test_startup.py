"""The preparation of a process on Lambda, which does nothing elsewhere."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tenant_bedrock import startup
from tools.localaws.faults import FOREVER, Fault

ROOT = Path(__file__).resolve().parents[2]


def on_lambda(code: str, kind: str = "on-demand", **variables: str) -> dict[str, Any]:
    """Run ``code`` in a new process as Lambda does and return the ``result`` it filled."""
    run = subprocess.run(
        [sys.executable, "-c", f"import json\nresult = {{}}\n{code}\nprint(json.dumps(result))"],
        env={**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": kind, "PYTHONPATH": "lambda"}
        | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


HANDLER = "from tenant_bedrock import handler\n"
ANSWER = (
    "result['answer'] = handler.handler({'prompt': 'one two', 'model': 'claude'}, None)['answer']\n"
)
HOOKS = "from snapshot_restore_py import get_after_restore, get_before_snapshot\n"
RESTORE = "for function, args, kwargs in get_after_restore(): function(*args, **kwargs)\n"


def test_elsewhere_it_does_nothing() -> None:
    finders, collected = list(sys.meta_path), gc.get_freeze_count()
    starting = startup.Startup()
    starting.begin()
    starting.finish(lambda: pytest.fail("nobody may connect"))

    assert sys.meta_path == finders
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, collected)
    assert starting.sessions is None


def test_the_role_is_assumed_before_the_first_event_and_not_again(acme: Any) -> None:
    before = acme.assume_role_calls()
    on_lambda(HANDLER + "result['ready'] = handler._startup.sessions is not None")
    assert acme.assume_role_calls() == before + 1

    result = on_lambda(HANDLER + ANSWER * 3)
    assert acme.assume_role_calls() == before + 2
    assert result["answer"].endswith("one two")


def test_the_garbage_collector_is_enabled_again_after_startup(acme: Any) -> None:
    result = on_lambda(
        HANDLER + "import gc\nresult['on'] = gc.isenabled()\nresult['kept'] = gc.get_freeze_count()"
    )

    assert result["on"] is True
    assert result["kept"] > 100_000


def test_the_first_call_imports_next_to_nothing(acme: Any) -> None:
    result = on_lambda(
        HANDLER
        + "import sys\nbefore = set(sys.modules)\n"
        + ANSWER
        + "result['new'] = sorted(set(sys.modules) - before)"
    )

    assert result["new"] == []


def test_every_postponed_package_is_imported_and_none_of_them_runs(acme: Any) -> None:
    result = on_lambda(
        HANDLER
        + ANSWER
        + "import sys\nfrom tenant_bedrock.startup import POSTPONED\n"
        + "result['there'] = [name for name in POSTPONED if name in sys.modules]\n"
        + "result['ran'] = [name for name in result['there']"
        + " if '__getattr__' not in vars(sys.modules[name])]"
    )

    assert result["there"] == list(startup.POSTPONED)
    assert result["ran"] == []


def test_without_postponing_the_answer_is_the_same(acme: Any) -> None:
    plain = "from tenant_bedrock import postponed\npostponed.install = lambda *names: None\n"

    assert on_lambda(plain + HANDLER + ANSWER) == on_lambda(HANDLER + ANSWER)


@pytest.mark.parametrize(
    "variables",
    [{"TENANT_BEDROCK": "broken"}, {"TENANT_BEDROCK": ""}],
)
def test_invalid_settings_are_the_first_calls_error(acme: Any, variables: dict[str, str]) -> None:
    result = on_lambda(
        HANDLER
        + "try:\n    handler.handler({'prompt': 'x', 'model': 'claude'}, None)\n"
        + "except Exception as error:\n    result['type'] = type(error).__name__",
        **variables,
    )

    assert result == {"type": "SettingsError"}


def test_a_refused_role_is_the_first_calls_error(acme: Any) -> None:
    acme.control.fault(Fault("sts", "AssumeRole", code="AccessDenied", status=403, times=FOREVER))

    result = on_lambda(
        HANDLER
        + "try:\n    handler.handler({'prompt': 'x', 'model': 'claude'}, None)\n"
        + "except Exception as error:\n    result['type'] = type(error).__name__"
    )

    assert result == {"type": "RoleRefusedError"}


def test_a_snapshot_holds_no_keys_and_nothing_has_been_called(acme: Any) -> None:
    before = len(acme.control.calls())
    result = on_lambda(
        HANDLER
        + HOOKS
        + "import gc\nresult['hooks'] = len(get_after_restore())\n"
        + "gc.unfreeze()\n"
        + "from botocore.credentials import Credentials\n"
        + "result['keys'] = [type(item).__name__ for item in gc.get_objects()"
        + " if isinstance(item, Credentials)]\n"
        + "result['open'] = handler._startup.sessions is not None",
        "snap-start",
    )

    assert result == {"hooks": 4, "keys": [], "open": False}
    assert len(acme.control.calls()) == before


def test_a_restored_snapshot_has_keys_and_random_numbers_of_its_own(acme: Any) -> None:
    before = acme.assume_role_calls()
    result = on_lambda(
        HANDLER
        + HOOKS
        + "import random, uuid_utils\nhooks = [hook[0] for hook in get_after_restore()]\n"
        + "result['reseeds'] = uuid_utils.reseed_rng in hooks\n"
        + "seeded = random.getstate()\n"
        + RESTORE
        + "result['random'] = random.getstate() != seeded\n"
        + "result['open'] = handler._startup.sessions is not None\n"
        + ANSWER,
        "snap-start",
    )

    answer = result.pop("answer")
    assert answer.endswith("one two")
    assert result == {"reseeds": True, "random": True, "open": True}
    assert acme.assume_role_calls() == before + 1
