"""`make bench ONLY=record` with few calls: it accounts for every paid call."""

import argparse
import json

from tools.bench import record_faults


def test_every_paid_call_has_a_record(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(record_faults, "LATENCY_CALLS", 4)
    monkeypatch.setattr(record_faults, "USUAL_SHARE", 5)
    monkeypatch.setattr(record_faults, "RESULT", tmp_path / "record.json")

    missed = record_faults.record(argparse.Namespace(calls=10))

    assert not missed
    figures = json.loads((tmp_path / "record.json").read_text())
    ours, usual = figures["tallies"]
    assert (ours["name"], ours["calls"], ours["lost"]) == ("ours", 10, 0)
    assert ours["paid"] == 10
    assert (usual["name"], usual["calls"]) == ("usual", 2)
    assert set(figures["latency_ms"]) == {"ours", "usual", "raw"}
    assert "Records while one call in ten meets a fault" in capsys.readouterr().out


def test_the_faults_are_the_same_in_every_run():
    def draw():
        chance = record_faults.random.Random(record_faults.SEED)
        return [record_faults._draw(chance) for _ in range(500)]

    troubles = draw()
    assert troubles == draw()
    kinds = {trouble.kind for trouble in troubles}
    assert {"none", "throttled", "failing", "rejecting", "cut off"} <= kinds
