"""Operations are read from requests that arrive at once, before anything of their service is known."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.test import EnvironBuilder

from tools.localaws.protocols import read_operation

THREADS = 16
ROUNDS = 6  # without the lock, one fails now and then


@pytest.fixture
def impatient_threads():
    """Threads that give way to each other after a microsecond."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("impatient_threads")
def test_requests_at_once_are_all_read_although_they_are_the_first():
    def read(_):
        environ = EnvironBuilder(path="/data-retention", base_url="http://bedrock.local")
        return read_operation(Request(environ.get_environ()), "bedrock").name

    for _ in range(ROUNDS):
        get_service_router.cache_clear()
        get_service_model.cache_clear()
        with ThreadPoolExecutor(THREADS) as pool:
            assert set(pool.map(read, range(THREADS))) == {"GetAccountDataRetention"}
