"""What is written down of a local cloud, and what a pipe gets."""

import json
import subprocess
import sys

from tools.cli.workspace import Workspace
from tools.commands import local
from tools.paths import ROOT


def test_down_leaves_a_stranger_alone_whose_pid_was_the_clouds(tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    workspace = Workspace(tmp_path)
    workspace.cloud_file.write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": stranger.pid}))
    assert not local.down(workspace)
    assert stranger.poll() is None
    assert not workspace.cloud_file.exists()
    stranger.communicate(b"\n")


def test_a_pipe_gets_each_line_whole():
    shown = "from tools.cli.console import out; out.print('x' * 9000, markup=False)"
    run = subprocess.run(
        [sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "x" * 9000 + "\n"
