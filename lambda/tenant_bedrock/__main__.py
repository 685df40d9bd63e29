"""``python -m tenant_bedrock "prompt"``: one call, to see whether a process is set up."""

from __future__ import annotations

import argparse
import sys

from tenant_bedrock import TenantBedrockError, handler


def main() -> int:
    """Print the answer, and its record on stderr; 1 and a sentence when the call fails."""
    options = argparse.ArgumentParser(prog="python -m tenant_bedrock", description=__doc__)
    options.add_argument("prompt", help="what to ask; - reads it from standard input")
    options.add_argument("--model", help="an alias in the tenant's stanza, when it has several")
    chosen = options.parse_args()
    prompt = sys.stdin.read() if chosen.prompt == "-" else chosen.prompt
    model = {"model": chosen.model} if chosen.model else {}
    try:
        answer = handler.handler({"prompt": prompt, **model}, None)
    except TenantBedrockError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(answer["answer"])
    record = answer["record"]
    print(f"record {record['id']} {record['delivery']}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
