"""Call Amazon Bedrock through the operations role and record every call in this account.

``connect().chat("claude")`` is an ordinary LangChain chat model;
``connect().chat_with_fallbacks("claude")`` also tries other models when Bedrock fails.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tenant_bedrock import process_environment

process_environment.scrub()  # LangChain reads these variables when it is imported

from tenant_bedrock.delivery import Receipt as Receipt  # noqa: E402
from tenant_bedrock.errors import BadRequestError as BadRequestError  # noqa: E402
from tenant_bedrock.errors import DeniedByPolicyError as DeniedByPolicyError  # noqa: E402
from tenant_bedrock.errors import ModelAccessError as ModelAccessError  # noqa: E402
from tenant_bedrock.errors import ModelFailedError as ModelFailedError  # noqa: E402
from tenant_bedrock.errors import ModelNotGrantedError as ModelNotGrantedError  # noqa: E402
from tenant_bedrock.errors import NotRecordedError as NotRecordedError  # noqa: E402
from tenant_bedrock.errors import OutOfTimeError as OutOfTimeError  # noqa: E402
from tenant_bedrock.errors import PromptLeakError as PromptLeakError  # noqa: E402
from tenant_bedrock.errors import QuotaReachedError as QuotaReachedError  # noqa: E402
from tenant_bedrock.errors import RoleRefusedError as RoleRefusedError  # noqa: E402
from tenant_bedrock.errors import SettingsError as SettingsError  # noqa: E402
from tenant_bedrock.errors import TenantBedrockError as TenantBedrockError  # noqa: E402
from tenant_bedrock.errors import TenantSuspendedError as TenantSuspendedError  # noqa: E402
from tenant_bedrock.errors import ThrottledError as ThrottledError  # noqa: E402
from tenant_bedrock.errors import UsageNotReadError as UsageNotReadError  # noqa: E402
from tenant_bedrock.version import __version__ as __version__  # noqa: E402

if TYPE_CHECKING:
    from tenant_bedrock.connection import Connection as Connection
    from tenant_bedrock.connection import connect as connect


def __getattr__(name: str) -> object:
    """Import LangChain on first access to connect (PEP 562), not with the error classes."""
    if name not in {"Connection", "connect"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("tenant_bedrock.connection"), name)
