"""Gets an execution environment ready on Lambda: fast, and with nothing secret in a snapshot.

Off Lambda nothing here happens. Nothing depends on it either: what fails here, or does not fit a new
version of a dependency, is left to the first invocation, which reports its errors.
"""

from __future__ import annotations

import gc
import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tenant_bedrock import environment, postponed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenant_bedrock.connection import Connection
    from tenant_bedrock.session import Sessions

# Packages that import much of what a chat never uses. langsmith.types alone makes 150 pydantic
# models: https://github.com/langchain-ai/langchain/issues/40236
POSTPONED = ("langchain_aws", "langchain_aws.chat_models", "langsmith.types", "yaml")

SNAP_START = "snap-start"
# Lambda starts over when an initialization, or what follows a restored snapshot, takes 10 s:
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
OPENING_SECONDS = 5


class Start:
    """The start of one process: ``begin`` before LangChain is imported, ``finish`` after."""

    def __init__(self) -> None:
        self.sessions: Sessions | None = None  # once they are open
        self._kind = environment.initialization()
        self._opening = threading.Thread(
            target=self._open, name="tenant-bedrock-start", daemon=True
        )

    def begin(self) -> None:
        """Begin to ask STS for the role's keys; the caller imports LangChain meanwhile."""
        if self._kind is None:
            return
        gc.disable()  # imports make a million objects, and all of them stay
        postponed.install(*POSTPONED)
        # Imported here and not in the thread: two threads that import can block each other.
        from tenant_bedrock import session, settings  # noqa: F401, PLC0415

        if self._kind != SNAP_START:
            self._opening.start()
        # Of the models defined from here on few are ever used; each is built when it is:
        # https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build
        BaseModel.model_config["defer_build"] = True

    def finish(self, connect: Callable[[], Connection]) -> None:
        """Do ahead what a first call would; it will use the connection that ``connect`` gives."""
        if self._kind is None:
            return
        BaseModel.model_config.pop("defer_build", None)
        _import_what_a_call_imports()
        if self._kind == SNAP_START:
            self._after_restore(connect)
        else:
            self._connect(connect)
        gc.freeze()
        gc.enable()

    def _after_restore(self, connect: Callable[[], Connection]) -> None:
        """A snapshot is used many times: keys and random numbers come after it, each time anew."""
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 - part of Lambda's Python
        from uuid_utils import reseed_rng  # noqa: PLC0415 - LangChain's run ids

        register_after_restore(random.seed)
        register_after_restore(reseed_rng)
        register_after_restore(self._opening.start)
        register_after_restore(self._connect, connect)

    def _connect(self, connect: Callable[[], Connection]) -> None:
        self._opening.join(OPENING_SECONDS)
        if self.sessions is not None:
            with suppress(Exception):  # the first invocation connects again, and says what is wrong
                connection = connect()
                connection.chat_with_fallbacks(next(iter(connection.settings.models)))

    def _open(self) -> None:
        from tenant_bedrock import session, settings  # noqa: PLC0415 - LangChain is not needed here

        with suppress(Exception):  # as above
            told = settings.parse(environment.settings_text())
            sessions = session.open_sessions(told)
            region = next(iter(told.models.values())).regions[0]
            clients = sessions.bedrock(region), sessions.logs()
            self.sessions = sessions
            for client in clients:
                _open_connection(client)


def _import_what_a_call_imports() -> None:
    """LangChain keeps these imports for a process's first call."""
    from langchain_core.callbacks.manager import CallbackManager  # noqa: PLC0415
    from langchain_core.messages import HumanMessage  # noqa: PLC0415

    CallbackManager.configure()
    _ = HumanMessage("").content_blocks


def _open_connection(client: Any) -> None:  # noqa: ANN401 - botocore's clients have no common type
    """TCP and TLS to the client's endpoint, kept for its first request.

    botocore has no public name for it; where the layout is another, the first request does it.
    """
    with suppress(Exception):
        manager = client._endpoint.http_session._manager  # noqa: SLF001
        pool = manager.connection_from_url(client.meta.endpoint_url)
        connection = pool._get_conn()  # noqa: SLF001
        connection.connect()
        pool._put_conn(connection)  # noqa: SLF001
