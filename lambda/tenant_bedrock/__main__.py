"""Make one call, to check that a process is set up: ``python -m tenant_bedrock "prompt"``."""

from __future__ import annotations

import argparse
import sys

from tenant_bedrock import TenantBedrockError, handler


def main() -> int:
    """Print the answer to stdout and its record's id to stderr; return 1 if the call fails."""
    parser = argparse.ArgumentParser(prog="python -m tenant_bedrock", description=__doc__)
    parser.add_argument("prompt", help="the prompt, or - to read it from standard input")
    parser.add_argument("--model", help="an alias in the tenant's stanza, if it has several")
    arguments = parser.parse_args()
    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    model = {"model": arguments.model} if arguments.model else {}
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
