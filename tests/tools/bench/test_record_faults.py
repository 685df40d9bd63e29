"""`make bench ONLY=record` with few calls: it accounts for every paid call."""

import argparse

from tools.bench import record_faults


def test_every_paid_call_has_a_record(monkeypatch):
    monkeypatch.setattr(record_faults, "USUAL_SHARE", 5)
    # tests/lambda runs the programs that make calls outside Lambda.
    monkeypatch.setattr(record_faults, "soak", lambda _: ([], []))

    section = record_faults.record(argparse.Namespace(calls=10))

    assert [goal.is_met for goal in section.goals] == [True]
    counts = {figure.name: figure.samples for figure in section.figures}
    assert counts["calls"] == {"ours": [10], "usual": [2]}
    assert counts["paid"]["ours"] == [10]
    assert counts["lost"]["ours"] == [0]
    assert sum(counts[outcome]["ours"][0] for outcome in record_faults.OUTCOMES[2:]) == 10
    assert set(counts["spilled"]) == {"ours"}


def test_the_faults_are_the_same_in_every_run():
    def draw():
        chance = record_faults.random.Random(record_faults.SEED)
        return [record_faults._draw(chance) for _ in range(500)]

    call_faults = draw()
    assert call_faults == draw()
    kinds = {call_fault.kind for call_fault in call_faults}
    assert {"none", "throttled", "failing", "rejecting", "cut off"} <= kinds
