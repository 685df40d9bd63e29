"""The bytes of a call's events, with which `make cost` computes, are those that a real function writes."""

import pytest

from tools.bench.local_tenant import LOG, RECORDS
from tools.charges.logged_bytes import EVENT_BYTES, logged_bytes


def written(tenant, function, prompt):
    """The answer to a prompt, and the sizes of the events that its call has added to each group."""
    before = {group: len(tenant.messages(group)) for group in (RECORDS, LOG)}
    answer = function.invoke({"prompt": prompt})["answer"]
    added = {group: tenant.messages(group)[count:] for group, count in before.items()}
    return answer, {
        group: {event: len(event.encode()) + EVENT_BYTES for event in events}
        for group, events in added.items()
    }


@pytest.mark.parametrize("repetitions", [1, 400])
@pytest.mark.parametrize("content", ["full", "hashed", "metadata"])
def test_a_call_writes_as_many_bytes_as_are_computed(tenant, function, content, repetitions):
    function.configure(content=content)
    function.invoke({"prompt": "The first call starts an execution environment, which logs more."})
    prompt = "What is a confused deputy? " * repetitions
    answer, events = written(tenant, function, prompt)
    computed = logged_bytes(content, len(prompt.encode()), len(answer.encode()))
    marks = {event for event in events[LOG] if '"phase":"start"' in event}
    lines = events[LOG].keys() - marks
    assert (len(events[RECORDS]), len(marks), len(lines)) == (1, 1, 2)
    assert computed.record == pytest.approx(sum(events[RECORDS].values()), rel=0.05)
    assert computed.mark == pytest.approx(sum(events[LOG][event] for event in marks), rel=0.15)
    assert computed.function == pytest.approx(sum(events[LOG][line] for line in lines), rel=0.05)
    assert computed.total == computed.record + computed.mark + computed.function


def test_a_record_without_content_does_not_grow_with_it():
    assert logged_bytes("metadata", 10_000, 10_000) == logged_bytes("metadata", 0, 0)
    assert logged_bytes("full", 10_000, 5_000).record == logged_bytes("full", 0, 0).record + 15_000
