"""Preparation of an execution environment on Lambda: a short cold start, and no secret in a snapshot.

Outside Lambda nothing here runs. Nothing depends on it either: if a step fails, or a new version of
a dependency breaks it, the first invocation does the work and reports the error.
"""

from __future__ import annotations

import gc
import random
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tenant_bedrock import postponed, process_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenant_bedrock.aws_sessions import Sessions
    from tenant_bedrock.connection import Connection

# These packages import much that a chat never uses; langsmith.types alone defines 150 pydantic models
# (https://github.com/langchain-ai/langchain/issues/40236). Importing this package from the zip takes
# 0.60 s with them postponed and 1.02 s without.
POSTPONED = ("langchain_aws", "langchain_aws.chat_models", "langsmith.types", "yaml")

SNAP_START = "snap-start"
# Lambda restarts an initialization, or a hook after a restored snapshot, that takes 10 s:
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html
ROLE_SECONDS = 5


class Startup:
    """The start of one process: ``begin`` before LangChain is imported, ``finish`` after."""

    def __init__(self) -> None:
        self.sessions: Sessions | None = None  # set once the role has been assumed
        self._initialization = process_environment.initialization_type()
        self._opener = threading.Thread(target=self._open, name="tenant-bedrock-start", daemon=True)

    def begin(self) -> None:
        """Request the role's keys in a thread, while the caller imports LangChain."""
        if self._initialization is None:
            return
        gc.disable()  # the imports create a million objects, none of which is garbage
        postponed.install(*POSTPONED)
        # Not imported by the thread: two threads that import at once can block each other.
        from tenant_bedrock import aws_sessions, settings  # noqa: F401, PLC0415

        if self._initialization != SNAP_START:
            self._opener.start()
        # Only a few of the models that LangChain defines are used, so each is built on first use:
        # https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build
        BaseModel.model_config["defer_build"] = True

    def finish(self, connect: Callable[[], Connection]) -> None:
        """Do the work of a first call in advance; ``connect`` returns the connection it will use."""
        if self._initialization is None:
            return
        BaseModel.model_config.pop("defer_build", None)
        _import_for_first_call()
        if self._initialization == SNAP_START:
            self._register_hooks(connect)
        else:
            self._connect(connect)
        gc.freeze()
        gc.enable()

    def _register_hooks(self, connect: Callable[[], Connection]) -> None:
        """Leave keys and random numbers until a restore, since a snapshot is restored many times."""
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 - part of Lambda's Python
        from uuid_utils import reseed_rng  # noqa: PLC0415 - LangChain's run ids

        register_after_restore(random.seed)
        register_after_restore(reseed_rng)
        register_after_restore(self._opener.start)
        register_after_restore(self._connect, connect)

    def _connect(self, connect: Callable[[], Connection]) -> None:
        self._opener.join(ROLE_SECONDS)
        if self.sessions is not None:
            with suppress(Exception):  # the first invocation connects again and reports the error
                connection = connect()
                connection.chat_with_fallbacks(next(iter(connection.settings.models)))

    def _open(self) -> None:
        """Assume the role and load the service models; both stay in the sessions' own caches."""
        from tenant_bedrock import aws_sessions, settings  # noqa: PLC0415 - neither imports LangChain

        with suppress(Exception):  # as in ``_connect``
            parsed = settings.parse(process_environment.settings_json())
            sessions = aws_sessions.open_sessions(parsed)
            sessions.bedrock(next(iter(parsed.models.values())).regions[0])
            sessions.logs()
            self.sessions = sessions


def _import_for_first_call() -> None:
    """Run the imports that LangChain leaves for a process's first call."""
    from langchain_core.callbacks.manager import CallbackManager  # noqa: PLC0415
    from langchain_core.messages import HumanMessage  # noqa: PLC0415

    CallbackManager.configure()
    _ = HumanMessage("").content_blocks
