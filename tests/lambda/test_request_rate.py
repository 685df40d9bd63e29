"""A request that stops waiting for its turn gives the turn back."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tenant_bedrock import OutOfTimeError
from tenant_bedrock.invocation import Invocation
from tenant_bedrock.request_rate import RequestRate
from tenant_bedrock.time_budget import TimeBudget

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

# A turn every 1,000 s in an invocation of 1,800 s: there is time for one more turn and not for two.
TURNS_PER_SECOND = 0.001
INVOCATION_SECONDS = 1_800.0


@pytest.fixture
def rate() -> Iterator[RequestRate]:
    """A rate whose first turn has been used."""
    budget = TimeBudget()
    end = time.monotonic() + INVOCATION_SECONDS
    with budget.during(Invocation("an-invocation", end, end)):
        rate = RequestRate(TURNS_PER_SECOND, budget)
        assert rate.acquire()
        yield rate


class _AlarmError(BaseException):
    pass


@pytest.fixture(params=[KeyboardInterrupt, SystemExit, _AlarmError])
def interruption(request: pytest.FixtureRequest) -> Iterator[type[BaseException]]:
    """An exception that a signal handler raises again and again in the main thread."""
    error: type[BaseException] = request.param

    def interrupt(*_: Any) -> None:
        raise error

    former = signal.signal(signal.SIGALRM, interrupt)
    yield error
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, former)


def _interrupted(rate: RequestRate, error: type[BaseException]) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    with pytest.raises(error):
        rate.acquire()


def test_an_interrupted_request_gives_its_turn_back(
    rate: RequestRate, interruption: type[BaseException]
) -> None:
    _interrupted(rate, interruption)
    _interrupted(rate, interruption)  # it waits for the same turn


async def _waiting(rate: RequestRate) -> Coroutine[Any, Any, bool]:
    """A coroutine that waits for its turn, in a running event loop."""
    waiting = rate.aacquire()
    waiting.send(None)
    return waiting


def test_a_turn_that_is_not_given_back_is_waited_for(rate: RequestRate) -> None:
    async def call_twice() -> None:
        waiting = await _waiting(rate)
        with pytest.raises(OutOfTimeError):
            await rate.aacquire()
        waiting.close()

    asyncio.run(call_twice())


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt, RuntimeError])
def test_an_interrupted_coroutine_gives_its_turn_back(
    rate: RequestRate, error: type[BaseException]
) -> None:
    async def interrupt() -> None:
        for _ in range(2):
            waiting = await _waiting(rate)
            with pytest.raises(error):
                waiting.throw(error())

    asyncio.run(interrupt())


def test_a_collected_coroutine_gives_its_turn_back(rate: RequestRate) -> None:
    async def leave() -> None:
        for _ in range(2):
            await _waiting(rate)
            gc.collect()

    asyncio.run(leave())


def test_a_turn_is_given_back_without_the_lock(rate: RequestRate) -> None:
    async def close() -> None:
        waiting = await _waiting(rate)
        with rate._lock:
            closer = threading.Thread(target=waiting.close, daemon=True)
            closer.start()
            closer.join(10)
            assert not closer.is_alive()

    asyncio.run(close())
