"""Streams that are left are recorded, whoever closes them, and their finalizers do nothing else."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.localaws.small_functions import wait_until
from tools.packaging.variant import HOST_PYTHON, RUNTIME

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from types import FrameType

# Where a thread may wait for another one, or for the network.
WAITING = ("/http/client.py", "/logging/__init__.py", "/queue.py", "/socket.py", "/threading.py")


@pytest.mark.parametrize(
    ("name", "release"), [("garbage collector", RUNTIME), ("abandoned streams", HOST_PYTHON)]
)
def test_no_call_is_lost_and_no_process_hangs(
    soak: Callable[..., Counter[str]], name: str, release: str
) -> None:
    count = soak(name, 120, release)

    assert count["incomplete"] > 10
    wrong = ("lost", "named gaps", "damaged", "hung", "failed")
    assert {outcome: count[outcome] for outcome in wrong} == dict.fromkeys(wrong, 0)


@contextmanager
def _calls_of_this_thread() -> Iterator[list[str]]:
    """The files of all functions that this thread calls in the block, the collector's included."""
    files: list[str] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            files.append(frame.f_code.co_filename)

    sys.setprofile(profile)
    try:
        yield files
    finally:
        sys.setprofile(None)


def _waiting(files: list[str]) -> set[str]:
    return {name for name in WAITING for file in files if file.endswith(name)}


def _leave_in_a_cycle(stream: Any) -> None:
    next(iter(stream))
    cycle = [stream]
    cycle.append(cycle)


@pytest.mark.parametrize("form", ["stream", "converse_stream"])
def test_a_finalizer_waits_for_nothing(acme: Any, form: str) -> None:
    chat = acme.connect().chat("claude")
    chat.invoke("makes the imports of a first call")
    before = len(acme.records())
    gc.collect()
    gc.disable()
    try:
        stream = chat.stream("hello") if form == "stream" else _raw_stream(chat, "hello")
        _leave_in_a_cycle(stream)
        del stream
        with _calls_of_this_thread() as files:
            gc.collect()
    finally:
        gc.enable()

    assert _waiting(files) == set()
    chat.invoke("the next call")
    wait_until(lambda: len(acme.records()) == before + 2)
    phases = sorted(record["tenantBedrock"]["phase"] for record in acme.records()[before:])
    assert phases == ["end", "incomplete"]


def test_the_event_loop_does_not_wait_when_a_stream_is_left(acme: Any) -> None:
    chat = acme.connect().chat("claude")
    chat.invoke("makes the imports of a first call")
    before = len(acme.records())
    senders: list[str] = []

    async def leave() -> None:
        loop_thread = threading.get_ident()
        stream = chat.astream("hello")
        await anext(stream)

        def profile(frame: FrameType, event: str, _: object) -> None:
            is_sending = event == "call" and frame.f_code.co_name == "endheaders"
            if is_sending and threading.get_ident() == loop_thread:
                senders.append(frame.f_code.co_filename)

        sys.setprofile(profile)
        try:
            await stream.aclose()
            await asyncio.sleep(0)
        finally:
            sys.setprofile(None)

    asyncio.run(leave())

    assert senders == []
    wait_until(lambda: len(acme.records()) == before + 1)
    assert acme.records()[-1]["tenantBedrock"]["phase"] == "incomplete"


def test_a_raw_stream_left_by_break_is_recorded_while_the_process_goes_on(acme: Any) -> None:
    chat = acme.connect().chat("claude")
    before = len(acme.records())

    for _ in _raw_stream(chat, "left by break"):
        break
    gc.collect()
    chat.invoke("the next call")

    wait_until(lambda: len(acme.records()) == before + 2)
    prompts = {_prompt(record): record for record in acme.records()[before:]}
    assert prompts["left by break"]["tenantBedrock"]["phase"] == "incomplete"


def test_a_stream_left_by_a_caught_interrupt_is_recorded_while_the_process_goes_on(
    acme: Any,
) -> None:
    chat = acme.connect().chat("claude")
    before = len(acme.records())

    # A background job of a shell starts with SIGINT ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        for _ in _raw_stream(chat, "interrupted"):
            signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, handler)
    gc.collect()
    chat.invoke("the next call")

    wait_until(lambda: len(acme.records()) == before + 2)
    prompts = {_prompt(record): record for record in acme.records()[before:]}
    assert prompts["interrupted"]["tenantBedrock"]["phase"] == "incomplete"


def _raw_stream(chat: Any, prompt: str) -> Any:
    """The events of ConverseStream by the chat's own client."""
    messages = [{"role": "user", "content": [{"text": prompt}]}]
    return chat.client.converse_stream(modelId=chat.model_id, messages=messages)["stream"]


def _prompt(record: dict[str, Any]) -> str:
    return str(record["input"]["inputBodyJson"]["messages"][0]["content"][0]["text"])
