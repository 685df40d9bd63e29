"""The bench of many environments, with few: what it measures, and that it can fail."""

import pytest

from tools.bench.many_environments import Cells, measure
from tools.command_error import CommandError
from tools.environment import model
from tools.environment.model import load_environment


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    cells = Cells(tmp_path_factory.mktemp("cells") / "root", environments=2, tenants=3)
    cells.root.mkdir()
    cells.write()
    return cells


def test_tenants_with_files_have_the_same_stanzas(tmp_path, monkeypatch):
    cells = Cells(tmp_path / "root", environments=1, tenants=3)
    cells.root.mkdir()
    cells.write()
    monkeypatch.setattr(model, "ENVIRONMENTS", cells.root / "environments")
    in_the_map = load_environment("cell0000")
    cells.move_to_files()
    assert load_environment("cell0000") == in_the_map
    assert len(load_environment("cell0000").files) == 3


def test_both_are_measured_and_a_shared_external_id_is_refused(cells):
    section = measure(cells, runs=1)
    assert [goal.name for goal in section.goals] == [
        "the start of a command for one tenant",
        "the comparison of 6 tenants",
    ]
    assert all(figure.median("ours") > 0 for figure in section.figures)
    # The first measurement has left the shared ExternalId behind.
    with pytest.raises(CommandError, match="Separate environments are not proved"):
        measure(cells, runs=0)
