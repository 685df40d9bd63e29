"""Calls Amazon Bedrock through the operations role and records every call in this account.

``connect().chat("claude")`` is an ordinary LangChain chat model.
"""

from tenant_bedrock import environment

environment.scrub()  # before anything below imports LangChain, which reads these variables

from tenant_bedrock.connection import Connection, connect  # noqa: E402
from tenant_bedrock.delivery import Receipt  # noqa: E402
from tenant_bedrock.errors import (  # noqa: E402
    BadRequestError,
    ModelFailedError,
    ModelNotGrantedError,
    PromptLeakError,
    RoleRefusedError,
    SettingsError,
    TenantBedrockError,
    ThrottledError,
)

__all__ = [
    "BadRequestError",
    "Connection",
    "ModelFailedError",
    "ModelNotGrantedError",
    "PromptLeakError",
    "Receipt",
    "RoleRefusedError",
    "SettingsError",
    "TenantBedrockError",
    "ThrottledError",
    "connect",
]
