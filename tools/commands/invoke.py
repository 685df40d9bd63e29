"""`make invoke`: send one prompt through a tenant's function, and print the answer and its record id."""

from __future__ import annotations

import json
import os
import sys

from tools.cli.arguments import Arguments
from tools.cli.console import out, run
from tools.cli.function_call import call_function
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
    prompt = os.environ.get("PROMPT") or ("" if sys.stdin.isatty() else sys.stdin.read())
    if not prompt.strip():
        raise CommandError('There is no prompt; write PROMPT="…" or pipe one in.')
    session = open_session(options.env)
    account = session.environment.only_account(options.tenant, options.account)
    event = {"prompt": prompt, **({"model": options.model} if options.model else {})}
    answer = call_function(session.target, account, event)
    if options.json:
        out.print_json(json.dumps(answer))
        return 0
    usage = answer["usage"]
    out.print(answer["answer"], markup=False)
    out.print(
        f"\n[dim]{usage['input_tokens']} tokens in, {usage['output_tokens']} out · "
        f"record {answer['record']['id']} {answer['record']['delivery']}[/dim]"
    )
    return 0


if __name__ == "__main__":
    run(main)
