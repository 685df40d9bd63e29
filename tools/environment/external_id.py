"""Mints ExternalIds."""

from __future__ import annotations

import secrets


def new_external_id() -> str:
    """Return a new ExternalId of 128 random bits; the operator mints it, never the customer.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    return secrets.token_hex(16)
