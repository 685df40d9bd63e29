"""Calls Amazon Bedrock through the operations role and records every call in this account.

``connect().chat("claude")`` is an ordinary LangChain chat model, and
``connect().chat_with_fallbacks("claude")`` one that asks other models when Bedrock fails.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tenant_bedrock import environment

environment.scrub()  # before anything imports LangChain, which reads these variables

if TYPE_CHECKING:
    from tenant_bedrock.connection import Connection, connect
    from tenant_bedrock.delivery import Receipt
    from tenant_bedrock.errors import (
        BadRequestError,
        ModelFailedError,
        ModelNotGrantedError,
        NotRecordedError,
        PromptLeakError,
        RoleRefusedError,
        SettingsError,
        TenantBedrockError,
        TenantSuspendedError,
        ThrottledError,
    )

__all__ = [
    "BadRequestError",
    "Connection",
    "ModelFailedError",
    "ModelNotGrantedError",
    "NotRecordedError",
    "PromptLeakError",
    "Receipt",
    "RoleRefusedError",
    "SettingsError",
    "TenantBedrockError",
    "TenantSuspendedError",
    "ThrottledError",
    "connect",
]


def __getattr__(name: str) -> object:
    """Import a name when it is asked for (PEP 562): the handler gets ready before LangChain comes."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = {"Connection": "connection", "connect": "connection", "Receipt": "delivery"}
    return getattr(import_module(f"{__name__}.{home.get(name, 'errors')}"), name)
