"""What commands print."""

import subprocess
import sys

from tools.paths import ROOT


def test_a_line_is_not_wrapped_in_a_pipe():
    code = "from tools.cli.console import out; out.print('x' * 9000, markup=False)"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert process.stdout == "x" * 9000 + "\n"
