"""A postponed package is imported without being run, and behaves as usual once it is used."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from tenant_bedrock import postponed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A postponed package ``shop`` that notes in the file ``ran`` when its code runs."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from pathlib import Path\n"
        "with Path(__file__).with_name('ran').open('a') as file:\n"
        "    file.write('shop ')\n"
        "from shop.tea import LEAVES\n"
        "__version__ = '1'\n"
        "CUPS = LEAVES + 1\n"
    )
    (folder / "tea.py").write_text("LEAVES = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    finders = list(sys.meta_path)
    postponed.install("shop", "no_such_package")
    yield folder
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]


def ran(folder: Path) -> str:
    record = folder / "ran"
    return record.read_text() if record.exists() else ""


def test_importing_it_or_a_submodule_does_not_run_it(shop: Path) -> None:
    importlib.import_module("shop")

    assert importlib.import_module("shop.tea").LEAVES == 2
    assert ran(shop) == ""


@pytest.mark.parametrize(
    "code",
    [
        "import shop; assert shop.CUPS == 3",
        "from shop import CUPS; assert CUPS == 3",
        "from shop import *; assert CUPS == 3",
        "import shop.tea; assert shop.tea.LEAVES == 2; assert shop.CUPS == 3",
        "import shop; assert shop.__version__ == '1'",
    ],
)
def test_accessing_a_name_runs_it_once(shop: Path, code: str) -> None:
    exec(code, {})  # noqa: S102 - the code of a module
    exec(code, {})  # noqa: S102

    assert ran(shop) == "shop "


def test_a_name_it_does_not_have_is_an_attribute_error(shop: Path) -> None:
    module = importlib.import_module("shop")

    with pytest.raises(AttributeError, match="'shop' has no attribute 'coffee'"):
        _ = module.coffee


def test_its_own_way_to_make_names_is_kept(shop: Path) -> None:
    with (shop / "__init__.py").open("a") as file:
        file.write("def __getattr__(name):\n    return name.upper()\n")

    assert importlib.import_module("shop").coffee == "COFFEE"
    assert importlib.import_module("shop").CUPS == 3


def test_an_error_in_it_is_raised_on_each_access(shop: Path) -> None:
    (shop / "__init__.py").write_text("raise ValueError('closed')\n")
    module = importlib.import_module("shop")

    for _ in range(2):
        with pytest.raises(ValueError, match="closed"):
            _ = module.CUPS


def test_what_is_not_installed_is_still_not_found(shop: Path) -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_package")
