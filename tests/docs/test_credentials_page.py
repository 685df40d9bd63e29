"""The page of credentials names every command once."""

import re
from collections import Counter

from tools.paths import ROOT

PAGE = (ROOT / "docs" / "reference" / "credentials.md").read_text()
COMMANDS = re.findall(
    r"^### make (\w+)$", (ROOT / "docs" / "reference" / "commands.md").read_text(), re.MULTILINE
)
TABLE = PAGE.partition("## Whose credentials")[2].partition("\n\n`")[0]


def test_each_command_has_one_line_in_the_table_of_credentials():
    cells = [line.split("|")[1] for line in TABLE.splitlines() if line.startswith("| `make")]
    named = Counter(name for cell in cells for name in re.findall(r"`make (\w+)`", cell))
    assert named == Counter(COMMANDS)


def test_the_commands_are_read_from_the_reference():
    assert {"apply", "doctor", "logs", "up"} <= {*COMMANDS}
