"""The handler of ``plain``, after the package's own handler has prepared the process."""

import tenant_bedrock.handler  # noqa: F401, I001 - it comes first
from plain import handler

__all__ = ["handler"]
