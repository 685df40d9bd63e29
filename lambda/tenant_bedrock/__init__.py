"""Calls Amazon Bedrock through the operations role and records every call in this account.

``connect().chat("claude")`` is an ordinary LangChain chat model, and
``connect().chat_with_fallbacks("claude")`` one that asks other models when Bedrock fails.
"""

from tenant_bedrock import environment

environment.scrub()  # before anything below imports LangChain, which reads these variables

from tenant_bedrock.connection import Connection, connect  # noqa: E402
from tenant_bedrock.delivery import Receipt  # noqa: E402
from tenant_bedrock.errors import (  # noqa: E402
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
