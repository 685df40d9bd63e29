"""The end of the Runtime API of an execution environment."""

import threading

from tests.tools.localaws.small_functions import wait_until
from tools.localaws.aws_lambda.runtime_api import RuntimeApi


def test_closing_one_does_not_wait_for_another_that_has_got_its_descriptor() -> None:
    def open_and_close() -> None:
        for _ in range(400):
            RuntimeApi().close()

    threads = [threading.Thread(target=open_and_close, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()

    wait_until(lambda: not any(thread.is_alive() for thread in threads))
