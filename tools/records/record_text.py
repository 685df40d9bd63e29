"""The text of a record as JSON, also after CloudWatch Logs has masked it.

The package writes the control characters of a record as symbols, so that a mask cannot break the
JSON; see lambda/tenant_bedrock/json_text.py and docs/decisions/0041.
"""

from __future__ import annotations

import json
import re

_SYMBOLS = {chr(0x2400 + code): json.dumps(chr(code))[1:-1] for code in range(0x20)}
# U+2426 precedes a symbol that was in the text before it was written.
_ENCODED = re.compile("\u2426(.)|[\u2400-\u241f]", re.DOTALL)
# Possessive, and a string may lack its end, so that the time is linear in the length of any text.
_LEXEME = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^\s\[\]{}:,"]++', re.DOTALL)


def decode(text: str) -> str:
    """The ordinary JSON text of a whole record or start mark, with escapes for control characters.

    A number that is masked becomes a string of its asterisks. Join the bodies of a record in parts
    before this; a part by itself is ordinary JSON already.
    """
    return _ENCODED.sub(lambda match: match[1] or _SYMBOLS[match[0]], quote_masked_numbers(text))


def quote_masked_numbers(text: str) -> str:
    """JSON text with every number that is masked as a string of its asterisks."""
    return _LEXEME.sub(_quoted, text) if "*" in text else text


def _quoted(match: re.Match[str]) -> str:
    is_string = match[0].startswith('"')
    return match[0] if is_string or "*" not in match[0] else f'"{match[0]}"'
