"""What a signal does to a command and to the processes that it has started."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tools.paths import ROOT

# The command starts two processes, one after the other when "second" is written.
COMMAND = """\
import os, sys
from pathlib import Path
from tools.cli.console import run
from tools.processes import PROCESSES, InterruptedCommandError

def main():
    folder = Path(sys.argv[1])
    done = PROCESSES.run(["bash", "-c", sys.argv[2]], cwd=folder, environment=os.environ, label="acme 222222222222")
    (folder / "returned").write_text(f"{done.returncode} {done.stdout}")
    try:
        PROCESSES.run(["touch", "second"], cwd=folder, environment=os.environ)
    except InterruptedCommandError as error:
        (folder / "refused").write_text(str(error))
    return 1

run(main)
"""
# Like terraform: the first signal ends it after the call that is under way, the second at once.
GRACEFUL = """\
count=0
received() { count=$((count + 1)); echo "signal $count" >> signals; if [ $count = 2 ]; then exit 9; fi; }
trap received INT TERM
touch started
while [ $count = 0 ]; do sleep 0.05; done
for step in 1 2 3 4 5 6 7 8 9 10; do sleep 0.05; done
while [ -e under-way ]; do sleep 0.05; done
echo finished; touch finished; exit 3
"""


class Command:
    """A command in a process group of its own, as a shell starts it."""

    def __init__(self, folder, script=GRACEFUL):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(folder), script],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.wait_for("started")

    def wait_for(self, name):
        deadline = time.monotonic() + 30
        while not (self.folder / name).exists():
            assert time.monotonic() < deadline, name
            time.sleep(0.02)

    def end(self):
        _, errors = self.process.communicate(timeout=30)
        return errors

    def read(self, name):
        return (self.folder / name).read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_and_the_command_waits(tmp_path, number):
    command = Command(tmp_path)
    command.process.send_signal(number)
    errors = command.end()
    assert command.read("returned") == "3 finished\n"
    assert command.read("signals") == "signal 1\n"
    assert "writes its state (acme 222222222222)" in errors
    assert command.process.returncode == 128 + number


def test_ctrl_c_reaches_a_process_once(tmp_path):
    command = Command(tmp_path)
    os.killpg(command.process.pid, signal.SIGINT)
    command.end()
    assert command.read("signals") == "signal 1\n"
    assert command.read("returned") == "3 finished\n"


def test_a_second_signal_is_passed_on_as_well(tmp_path):
    command = Command(tmp_path)
    (tmp_path / "under-way").touch()
    command.process.send_signal(signal.SIGINT)
    command.wait_for("signals")
    command.process.send_signal(signal.SIGINT)
    errors = command.end()
    assert command.read("signals") == "signal 1\nsignal 2\n"
    assert command.read("returned").startswith("9")
    assert "Stopping at once" in errors


def test_nothing_is_started_after_a_signal(tmp_path):
    command = Command(tmp_path)
    command.process.send_signal(signal.SIGTERM)
    command.end()
    assert "not started" in command.read("refused")
    assert not (tmp_path / "second").exists()


def test_without_a_signal_the_next_process_is_started(tmp_path):
    command = Command(tmp_path, "touch started")
    command.end()
    assert (tmp_path / "second").exists()
    assert command.process.returncode == 1


def test_a_signal_ends_a_command_that_runs_nothing(tmp_path):
    idle = "from tools.cli.console import run\nimport time\nprint('idle', flush=True)\nrun(lambda: time.sleep(30))"
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys\n{idle}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert "Stopped." in process.communicate(timeout=20)[1]
    assert process.returncode == 128 + signal.SIGTERM


def test_a_process_finishes_when_the_command_is_killed(tmp_path):
    """It neither dies with the command nor of a pipe that nobody reads."""
    script = "touch started; while [ ! -e killed ]; do sleep 0.05; done; echo text; echo text >&2; touch finished"
    command = Command(tmp_path, script)
    command.process.kill()
    command.end()
    (tmp_path / "killed").touch()
    command.wait_for("finished")
