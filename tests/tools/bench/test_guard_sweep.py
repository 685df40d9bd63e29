"""The bench of the guard, with few tenants: what it measures."""

from tools.bench.guard_sweep import MOST_CALLS, SHARDS, measure


def test_a_run_that_changes_nothing_is_measured_beside_one_that_reads_every_tenant():
    section = measure(2 * SHARDS, runs=1)
    figures = [(figure.name, figure.median("ours")) for figure in section.figures]
    calls = [value for name, value in figures if name == "its calls"]
    first, nothing_changed, without_rates = calls
    # A shard whose tenants are not to be read asks for less than one that reads them.
    assert 0 < nothing_changed < without_rates <= first
    [_, goal] = section.goals
    assert (goal.name, goal.measured) == ("its calls to AWS", nothing_changed)
    assert goal.measured <= MOST_CALLS
    cost = {figure.name: figure for figure in section.figures if figure.unit == "US dollars"}
    month = cost["metrics of a month, 1,000 tenants"]
    assert month.median("ours") < month.median("usual")
