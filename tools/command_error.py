"""The error that every command shows as a sentence."""

from __future__ import annotations


class CommandError(Exception):
    """Something that the user can put right; the message is a sentence that says how."""
