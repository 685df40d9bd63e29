"""`make invoke`: send one prompt through a tenant's function, and print the answer and its record id."""

from __future__ import annotations

import json
import os
import sys

from tools.cli.arguments import Arguments
from tools.cli.console import out, print_json_text, run
from tools.cli.function_call import answer_text
from tools.cli.session import open_session
from tools.command_error import CommandError


def parser() -> Arguments:
    """Return the command's arguments."""
    arguments = Arguments(__doc__, tenant="required")
    arguments.add_account()
    arguments.add_argument(
        "--model", help="an alias in the tenant's stanza; needed when it has several"
    )
    arguments.add_json("the function's answer, unchanged")
    return arguments


def main() -> int:
    """Invoke the function with the prompt in the environment variable PROMPT, or on standard input."""
    options = parser().parse_args()
    # Every process of the machine can read a command line, so the prompt is not an argument.
    prompt = os.environb.get(b"PROMPT") or (b"" if sys.stdin.isatty() else sys.stdin.buffer.read())
    if not prompt.strip():
        raise CommandError('There is no prompt; write PROMPT="…" or pipe one in.')
    try:
        text = prompt.decode()
    except UnicodeDecodeError:
        raise CommandError(
            "The prompt is not UTF-8 text; convert it, for example by iconv."
        ) from None
    session = open_session(options.env, tenant=options.tenant)
    account = session.environment.only_account(options.tenant, options.account)
    event = {"prompt": text, **({"model": options.model} if options.model else {})}
    answer = answer_text(session.target, account, event)
    if options.json:
        print_json_text(answer)
    else:
        show(answer)
    return 0


def show(text: str) -> None:
    """Print the answer in a function's JSON; CommandError when the function is not this project's."""
    try:
        answer = json.loads(text)
        usage, record = answer["usage"], answer["record"]
        receipt = (
            f"\n{usage['input_tokens']} tokens in, {usage['output_tokens']} out · "
            f"record {record['id']} {record['delivery']}"
        )
        words = str(answer["answer"])
    except (KeyError, RecursionError, TypeError, ValueError):
        raise CommandError(
            "The function's answer is not of this project's handler; write JSON=1 to see it."
        ) from None
    out.print(words)
    out.print(receipt, style="dim")


if __name__ == "__main__":
    run(main)
