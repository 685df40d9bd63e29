"""The bench of a large fleet: the copy that it changes, and the memory that it counts."""

import subprocess
import sys

from tools.bench.fleet import copied
from tools.bench.large_fleet import PeakMemory, matrix_minutes
from tools.environment.hcl import read_hcl

HELD = 40_000_000  # bytes


def test_a_change_gives_the_named_tenants_another_timeout_and_no_others(tmp_path):
    copy = copied(tmp_path / "project", tenants=12, shards=2)
    tfvars = copy.root / "environments" / "local" / "terraform.tfvars"
    before = read_hcl(tfvars)
    assert before["operations"]["shards"] == 2
    for timeout in (61, 62):
        copy.change(["tenant1", "tenant12"], timeout)
        stanzas = read_hcl(tfvars)["tenants"]
        changed = {name for name in stanzas if stanzas[name] != before["tenants"][name]}
        assert changed == {"tenant1", "tenant12"}
        assert {stanzas[name]["workload"]["timeout"] for name in changed} == {timeout}


def test_the_memory_of_processes_in_the_customer_root_is_counted_and_no_other(tmp_path):
    copy = copied(tmp_path / "project", tenants=1)
    script = f"held = bytearray({HELD}); print('ready', flush=True); input()"
    peaks = {}
    for name in ("customer", "operations"):
        with PeakMemory(copy) as memory:
            process = subprocess.Popen(
                [sys.executable, "-c", script],
                cwd=copy.root / "environments" / name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            process.stdout.readline()
            memory.sampled()
            process.communicate(b"\n")
        peaks[name] = memory.megabytes
    assert peaks["customer"] > HELD / 1e6 / 1.1
    assert peaks["operations"] == 0


def test_the_time_of_the_matrix_is_that_of_its_rounds_and_of_a_job_before_and_after_them():
    # 20 accounts are one round of one each, and 2,000 are two rounds of jobs with 50.
    assert matrix_minutes(20, operations=120, account=6) == 3 * 4 + (120 + 6) / 2 / 60
    assert matrix_minutes(2000, operations=120, account=6) == 4 * 4 + (120 + 2 * 50 * 6) / 2 / 60
