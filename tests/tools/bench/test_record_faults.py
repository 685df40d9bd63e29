"""The bench of records at its smallest: it runs, and counts what it says it counts."""

import argparse
import json

from tools.bench import record_faults as bench_record


def test_a_few_calls_are_all_paid_and_all_in_the_books(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_record, "LATENCY_CALLS", 4)
    monkeypatch.setattr(bench_record, "USUAL_SHARE", 5)
    monkeypatch.setattr(bench_record, "RESULT", tmp_path / "record.json")

    missed = bench_record.record(argparse.Namespace(calls=10))

    assert not missed
    written = json.loads((tmp_path / "record.json").read_text())
    ours, usual = written["tallies"]
    assert (ours["name"], ours["calls"], ours["lost"]) == ("ours", 10, 0)
    assert ours["paid"] == 10
    assert (usual["name"], usual["calls"]) == ("usual", 2)
    assert set(written["latency_ms"]) == {"ours", "usual", "raw"}
    assert "Records while one call in ten goes wrong" in capsys.readouterr().out


def test_the_script_of_faults_is_the_same_each_time():
    def drawn():
        chance = bench_record.random.Random(bench_record.SEED)
        return [bench_record._draw(chance) for _ in range(500)]

    first = drawn()
    assert first == drawn()
    kinds = {trouble.kind for trouble in first}
    assert {"none", "throttled", "failing", "rejecting", "cut off"} <= kinds
