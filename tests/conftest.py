"""The order of the tests, and a garbage collector that passes over what all of them import.

Whole files go to the workers one after the other, so the longest go first: a file of minutes that began last
would keep one core busy while the others have nothing left.
"""

import gc
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONGEST = tuple(
    HERE / folder
    for folder in (
        "end_to_end",
        "docs",
        "environments",
        "tools/isolation",
        "tools/live",
        "tools/terraform",
    )
)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    # Imports and test items are no garbage, and each collection would look at all of them again.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not any(item.path.is_relative_to(folder) for folder in LONGEST))
