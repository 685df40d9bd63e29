"""Every message and alarm of the guard has a runbook, and the index of runbooks names nothing else."""

import re

from operations_guard.quota_notices import PASSED, REACHED, RENEWED
from tools.paths import MODULES, ROOT

INDEX = (ROOT / "docs" / "runbooks" / "README.md").read_text()
NOTIFICATIONS = (MODULES / "operations-guard" / "notifications.tf").read_text()


def test_every_alarm_of_the_guard_has_a_runbook_and_there_is_no_other():
    alarms = re.findall(r"^    (\w+) = \{$", NOTIFICATIONS, re.MULTILINE)
    assert len(alarms) == 4
    assert set(re.findall(r"alarm `bedrock-<env>_guard-(\w+)`", INDEX)) == set(alarms)


def test_every_message_of_a_quota_has_a_runbook():
    for subject in (PASSED, REACHED, RENEWED):
        assert f"`{subject}: <tenant> in <env>`" in INDEX
