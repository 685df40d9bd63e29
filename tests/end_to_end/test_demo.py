"""`make demo`, as a newcomer runs it."""

import re
import subprocess

import pytest

from tests.checkout import PATH


@pytest.fixture(scope="module")
def demo(checkout):
    # With terraform itself, as everybody else runs the demo.
    return checkout.done("make demo", COLUMNS="160", PATH=PATH)


def section(demo, number):
    return demo.split(f"\n{number}  ")[1].split(f"\n{number + 1}  ")[0]


def test_calls_every_customer_account_and_finds_its_record(demo):
    calls = section(demo, 2)
    for account in ("222222222222", "333333333333", "444444444444", "555555555555"):
        assert re.search(rf"{account} .*/bedrock/local/\w+/records", calls)


def test_finds_each_canary_in_its_own_account_and_nowhere_else(demo):
    rows = [
        line.split()
        for line in section(demo, 3).splitlines()
        if re.match(r"(acme|globex|initech) \d{12} ", line)
    ]
    assert len(rows) == 4
    for index, (_, _, operations, *customers) in enumerate(rows):
        assert operations == "0"
        assert [count != "0" for count in customers] == [other == index for other in range(4)]


def test_every_attack_is_refused_and_every_owner_served(demo):
    attacks = section(demo, 4)
    assert "NOBODY" not in attacks
    assert "25 of 25 were refused by the component that is responsible" in attacks


def test_the_guard_tells_stops_and_lets_in_as_promised(demo):
    story = demo.split("\n5  ")[1]
    for result in (
        "has used 85 % of its quota of 1,000 tokens a day",
        "QuotaReachedError",
        "its open session is refused, acme is answered",
        "initech is answered",
        "invocation logging: Bedrock logs every call of eu-central-1",
        "bedrock-local_guard-silent",
    ):
        assert result in story


def test_fits_on_one_screen(demo):
    assert len(demo.splitlines()) <= 75


def test_leaves_no_process_behind(demo, checkout):
    running = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert str(checkout.root) not in running
