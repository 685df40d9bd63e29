"""The order of the tests: whole files go to the workers one after the other, so the longest go first.

A file of minutes that began last would keep one core busy while the others have nothing left.
"""

from pathlib import Path

HERE = Path(__file__).parent
LONGEST = tuple(
    HERE / folder for folder in ("end_to_end", "docs", "environments", "tools/isolation")
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not any(item.path.is_relative_to(folder) for folder in LONGEST))
