"""The same, once the zip's own handler has got the process ready in its own way."""

import tenant_bedrock.handler  # noqa: F401, I001 - it comes first
from plain import handler

__all__ = ["handler"]
