"""`make invoke`: one real call through a tenant's Lambda function; prints answer, usage and record id."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tools.cli import arguments
from tools.cli.console import CommandError, out, run
from tools.cli.workspace import Workspace
from tools.environment import model as environment

# A function may run 900 s at most (Lambda quotas); wait a little longer than that for its answer.
READ_TIMEOUT = 910


def main() -> int:
    """Invoke the function with the prompt in the environment variable PROMPT, or on standard input."""
    options = arguments.parser(__doc__, tenant="required")
    options.add_argument("--account", help="one of the tenant's accounts, when it has several")
    options.add_argument("--model", help="an alias in the tenant's stanza, when it has several")
    options.add_argument("--json", action="store_true", help="the function's answer as it came")
    chosen = options.parse_args()
    env = environment.load(chosen.env)
    account = arguments.only_account(env, chosen.tenant, chosen.account)
    # Not an option: a prompt on a command line is readable by every process of the machine.
    prompt = os.environ.get("PROMPT") or ("" if sys.stdin.isatty() else sys.stdin.read())
    if not prompt.strip():
        raise CommandError('There is no prompt; write PROMPT="…" or pipe one in.')
    answer = invoke(
        Workspace(),
        env,
        account,
        {"prompt": prompt, **({"model": chosen.model} if chosen.model else {})},
    )
    if chosen.json:
        out.print_json(json.dumps(answer))
        return 0
    usage = answer["usage"]
    out.print(answer["answer"], markup=False)
    out.print(
        f"\n[dim]{usage['input_tokens']} tokens in, {usage['output_tokens']} out · "
        f"record {answer['record']['id']} {answer['record']['delivery']}[/dim]"
    )
    return 0


class FunctionError(CommandError):
    """The function answered with an error; ``kind`` is its errorType."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def invoke(
    workspace: Workspace,
    env: environment.Environment,
    account: environment.CustomerAccount,
    event: dict[str, Any],
) -> dict[str, Any]:
    """The function's answer; FunctionError with its errorType, CommandError when it cannot be called."""
    session = workspace.deployer(env, account)
    # An invocation is paid for: never repeat one because its answer was slow.
    client = workspace.client(
        env, session, "lambda", read_timeout=READ_TIMEOUT, retries={"total_max_attempts": 1}
    )
    try:
        result = client.invoke(FunctionName=env.function_of(account), Payload=json.dumps(event))
    except client.exceptions.ResourceNotFoundException:
        raise CommandError(
            f"{account.account_id} has no function {env.name_of(account.tenant)} yet; "
            f"run `make apply ENV={env.name} TENANT={account.tenant}`."
        ) from None
    except client.exceptions.ClientError as error:
        raise CommandError(
            f"The function cannot be called: {error.response['Error']['Message']}"
        ) from None
    answer: dict[str, Any] = json.load(result["Payload"])
    if "FunctionError" in result:
        raise FunctionError(
            answer.get("errorType", "Unknown"), answer.get("errorMessage", "no message")
        )
    return answer


if __name__ == "__main__":
    run(main)
