"""Windows, dollars and cadence, without AWS."""

from datetime import UTC, datetime

import pytest

from operations_guard.guard_input import read_guard_input
from operations_guard.quota_decision import decide
from operations_guard.quota_windows import period_of, window_at
from operations_guard.token_counts import Counts
from tools.bench.guarded_tenants import MODEL, event, quota

RATE = {MODEL: 100}
PRICES = {MODEL: {"input": 2, "output": 4, "cache_read": 1, "cache_write": 3}}


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "zone", "now", "start", "end"),
    [
        ("day", "UTC", "2026-11-27T18:00", "2026-11-27T00:00", "2026-11-28T00:00"),
        ("month", "UTC", "2026-11-30T23:59", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        # Berlin's clocks go forward and back: days of 23 and of 25 hours.
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("month", "Europe/Berlin", "2026-03-31T22:30", "2026-03-31T22:00", "2026-04-30T22:00"),
        ("day", "Asia/Kathmandu", "2026-11-27T18:00", "2026-11-26T18:15", "2026-11-27T18:15"),
        # Havana's clocks show midnight twice in autumn, here as a month begins; the second one begins nothing.
        ("day", "America/Havana", "2026-11-01T05:30", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("month", "America/Havana", "2026-11-01T05:30", "2026-11-01T04:00", "2026-12-01T05:00"),
        # Beirut's clocks skip midnight in spring.
        ("day", "Asia/Beirut", "2026-03-29T12:00", "2026-03-28T22:00", "2026-03-29T21:00"),
    ],
)
def test_a_window_is_a_day_or_month_of_its_time_zone(kind, zone, now, start, end):
    window = window_at(kind, utc(now), zone)
    assert (window.start, window.end) == (utc(start), utc(end))


@pytest.mark.parametrize(
    ("zone", "period"),
    [
        ("UTC", 86_400),
        ("Europe/Berlin", 3_600),
        ("Asia/Kolkata", 1_800),
        ("Asia/Kathmandu", 900),
    ],
)
def test_no_data_point_lies_in_two_windows(zone, period):
    window = window_at("day", utc("2026-11-27T18:00"), zone)
    assert period_of((window.start, window.end)) == period


NOW = utc("2026-11-27T12:00")


def counts(**metrics):
    start = utc("2026-11-27T06:00").timestamp()
    names = {
        "input": "InputTokenCount",
        "output": "OutputTokenCount",
        "read": "CacheReadInputTokenCount",
        "write": "CacheWriteInputTokenCount",
    }
    return Counts("fast", MODEL, {names[name]: [(start, n)] for name, n in metrics.items()})


def decision(*counted, rate=RATE, by_alias=None, **limits):
    content = event(
        {"acme": quota("fast", by_alias=by_alias, **limits)},
        prices=PRICES,
        tokens_per_minute=rate,
    )
    guard_input = read_guard_input(content)
    return decide(guard_input.tenants["acme"], guard_input, counted, NOW)


def used(decided):
    return [use.used for use in decided.uses]


def test_tokens_are_those_that_count_towards_the_quota_of_aws():
    assert used(decision(counts(input=1, output=2, write=4, read=8), tokens_per_day=100)) == [7]


def test_dollars_are_of_all_tokens():
    million = counts(input=1e6, output=1e6, write=1e6, read=1e6)
    assert used(decision(million, usd_per_month=100)) == [2 + 4 + 3 + 1]


def test_yesterdays_tokens_count_in_the_month_only():
    old = Counts("fast", MODEL, {"InputTokenCount": [(utc("2026-11-26T06:00").timestamp(), 5)]})
    decided = decision(old, counts(input=1), tokens_per_day=100, tokens_per_month=1_000)
    assert used(decided) == [1, 6]


def test_the_limit_of_an_alias_denies_the_alias_alone():
    decided = decision(counts(input=10), by_alias={"fast": {"tokens_per_day": 10}})
    assert (decided.is_denied, decided.denied_aliases) == (False, {"fast"})


def minutes(decided):
    return (decided.next_read - NOW).total_seconds() / 60


def test_the_next_read_is_before_the_limit_can_be_reached_at_the_full_rate():
    assert minutes(decision(counts(input=0), tokens_per_day=10_000)) == 95
    assert minutes(decision(counts(input=9_000), tokens_per_day=10_000)) == 5
    assert minutes(decision(counts(input=0), tokens_per_day=10_000_000)) == 360


def test_the_nearest_limit_decides():
    assert minutes(decision(tokens_per_day=10_000, tokens_per_month=8_000)) == 75


def test_dollars_are_bounded_by_the_dearest_token_and_reads_of_the_cache():
    """A token costs at most 4 dollars a million, and ten reads 10 more: 100 tokens a minute are 0.0014 dollars."""
    assert minutes(decision(usd_per_month=0.14)) == pytest.approx(95)


def test_a_model_without_a_known_rate_is_read_at_each_run():
    assert minutes(decision(rate={}, tokens_per_day=10_000_000)) == 5


def test_a_tenant_with_a_stopped_alias_is_read_at_each_run():
    """A profile that the alias gets meanwhile has no mark yet."""
    stopped = {"fast": {"tokens_per_day": 10}}
    assert minutes(decision(counts(input=10), by_alias=stopped)) == 5
    both = decision(counts(input=10), by_alias=stopped, tokens_per_day=10)
    assert minutes(both) == 360


def test_a_stopped_tenant_is_read_when_its_window_ends():
    assert minutes(decision(counts(input=10), tokens_per_day=10)) == 360
    late = decision(counts(input=10), tokens_per_day=10)
    assert late.is_denied
