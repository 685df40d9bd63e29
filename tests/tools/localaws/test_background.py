"""A local AWS in a process of its own."""

import json
import subprocess
import sys

from tools.localaws.background import LocalAwsProcess


def test_stop_does_not_end_another_process_that_has_the_recorded_id(tmp_path):
    other_process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    local_aws = LocalAwsProcess(tmp_path)
    local_aws.file.write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": other_process.pid}))
    assert not local_aws.stop()
    assert other_process.poll() is None
    assert not local_aws.file.exists()
    other_process.communicate(b"\n")
