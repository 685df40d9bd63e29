"""A day with the guard, which `make demo` shows: a quota is reached, a setting is changed by hand, the guard stops."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tools.cli.function_call import FunctionError, call_function
from tools.command_error import CommandError
from tools.demo.parties import Party
from tools.live.tenant_calls import converse
from tools.localaws.scheduler.schedule_change import change_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

    from tools.cli.local_target import LocalTarget
    from tools.environment.model import CustomerAccount

_MINUTES = 60
_DAY = 24 * 60 * _MINUTES
_PROMPT = "word " * 100
_WARNED = 0.8  # of the quota
_REFUSED = "QuotaReachedError"


@dataclass(frozen=True)
class StoryLine:
    """What happened, what followed from it, and whether that is what was promised."""

    event: str
    result: str
    as_expected: bool


class GuardStory:
    """The tenant of the local environment that has a quota, its neighbour, and the operator's mailbox."""

    def __init__(self, target: LocalTarget) -> None:
        environment = target.environment
        limited = [
            account
            for account in environment.accounts
            if (environment.stanzas[account.tenant].get("quota") or {}).get("tokens_per_day")
        ]
        if not limited or not environment.has_guard:
            raise CommandError("The local environment has no tenant with a quota, or no guard.")
        self._target = target
        self._account = limited[0]
        self._quota: dict[str, Any] = environment.stanzas[self._account.tenant]["quota"]
        self._neighbour = next(
            each for each in environment.accounts if each.tenant != self._account.tenant
        )
        self._guard = f"bedrock-{environment.name}_guard"
        self._queue = self._subscribe()
        self._make_customers_bus()

    def lines(self) -> Iterator[StoryLine]:
        """Yield each part of the story after it has happened."""
        self._pass(_DAY)  # each function starts anew, with keys of this day
        yield from self._reach_the_quota()
        yield self._turn_the_day()
        yield self._turn_logging_on()
        yield self._kill_the_guard()

    def _reach_the_quota(self) -> Iterator[StoryLine]:
        name, most = self._account.tenant, int(self._quota["tokens_per_day"])
        used = self._use(most * _WARNED)
        self._pass(5 * _MINUTES)
        [told, *_] = [*self._messages("Quota threshold passed"), "nothing"]
        event = self._customers_event()
        yield StoryLine(
            f"{name} uses {used:,} of its {most:,} tokens a day",
            f'operator: "{told.partition(". ")[0]}."; customer\'s bus: "{event}"',
            f"has used {100 * used / most:.0f} %" in told and event == "Quota threshold passed",
        )
        session = Party.in_account(self._target, self._account).assume_own_role()
        open_before = self._is_let_in(session)
        self._use(most - used)
        self._pass(5 * _MINUTES)
        error, message = self._refusal(self._account)
        until = next((each for each in message.split(". ") if "until" in each), message)
        yield StoryLine(
            "it uses the rest",
            f'its function raises {error}: "{until}"',
            error == _REFUSED and "until" in until,
        )
        open_after, neighbour = self._is_let_in(session), self._refusal(self._neighbour)[0]
        yield StoryLine(
            "the same minute",
            f"its open session is {_let_in(open_after)}, {self._neighbour.tenant} is {_let_in(not neighbour)}",
            open_before and not open_after and not neighbour,
        )

    def _turn_the_day(self) -> StoryLine:
        self._pass(_DAY)
        refused = self._refusal(self._account)[0]
        name = self._account.tenant
        return StoryLine("the next day begins", f"{name} is {_let_in(not refused)}", not refused)

    def _turn_logging_on(self) -> StoryLine:
        bedrock = self._target.client(self._target.operations(), "bedrock")
        role = self._target.environment.role_arn(
            self._target.environment.operations_account_id, "logging"
        )
        logging = {"cloudWatchConfig": {"logGroupName": "calls", "roleArn": role}}
        bedrock.put_model_invocation_logging_configuration(loggingConfig=logging)
        self._pass(_DAY)
        bedrock.delete_model_invocation_logging_configuration()
        [told, *_] = [*self._messages("Memorylessness"), "nothing"]
        line = next((line for line in told.splitlines() if line.startswith("- ")), told)
        alarm = f"{self._guard}-unclean"
        is_raised = alarm in self._alarms()
        return StoryLine(
            "somebody turns invocation logging on",
            f'operator: "{line.removeprefix("- ").partition(". ")[0]}."; alarm {alarm}',
            "invocation logging" in line and is_raised,
        )

    def _kill_the_guard(self) -> StoryLine:
        scheduler = self._target.client(self._target.operations(), "scheduler")
        environment = self._target.environment
        name = f"bedrock-{environment.name}-quotas-0"
        change_schedule(scheduler, name, State="DISABLED")
        for _ in range(7):  # CloudWatch looks back for 25 minutes before it counts a run as missing
            self._pass(5 * _MINUTES)
        refused, neighbour = self._refusal(self._account)[0], self._refusal(self._neighbour)[0]
        alarm = f"{self._guard}-silent"
        is_raised = alarm in self._alarms()
        change_schedule(scheduler, name, State="ENABLED")
        return StoryLine(
            "the guard does not run any more",
            f"{self._account.tenant} is {_let_in(not refused)} when the lease ends, "
            f"{self._neighbour.tenant} is {_let_in(not neighbour)}; alarm {alarm}",
            bool(refused) and not neighbour and is_raised,
        )

    def _use(self, tokens: float) -> int:
        """Call until the tenant has used so many tokens, and return how many it has used."""
        used = 0
        while used < tokens:
            event = self._event(self._account, _PROMPT)
            answer = call_function(self._target, self._account, event)
            used += int(answer["usage"]["total_tokens"])
        return used

    def _event(self, account: CustomerAccount, prompt: str) -> dict[str, Any]:
        models = self._target.environment.stanzas[account.tenant]["models"]
        return {"model": next(iter(models)), "prompt": prompt}

    def _pass(self, seconds: int) -> None:
        """Let time pass, and run what is due then; CommandError for a run that fails."""
        self._target.control.advance_clock(seconds)
        for run in self._target.control.post("run_schedules", {}):
            if run["error"]:
                raise CommandError(f"{run['schedule']} failed: {run['error']} {run.get('answer')}")

    def _refusal(self, account: CustomerAccount) -> tuple[str, str]:
        """Call, and return the kind of error and its message; empty texts for an answer."""
        try:
            call_function(self._target, account, self._event(account, "Good morning."))
        except FunctionError as error:
            return error.error_type, str(error).removeprefix(f"{error.error_type}: ")
        return "", ""

    def _is_let_in(self, session: boto3.Session) -> bool:
        """Whether a session of the tenant's role may call its own profile, by which its tokens are counted."""
        environment = self._target.environment
        bedrock = self._target.client(self._target.operations(), "bedrock")
        profiles = bedrock.list_inference_profiles(typeEquals="APPLICATION")
        name = f"{environment.base_name(self._account.tenant)}_"
        [arn] = [
            profile["inferenceProfileArn"]
            for profile in profiles["inferenceProfileSummaries"]
            if profile["inferenceProfileName"].startswith(name)
        ]
        try:
            converse(self._target, session, arn, environment.operations_region)
        except ClientError:
            return False
        return True

    def _alarms(self) -> set[str]:
        self._target.control.post("evaluate_alarms", {})
        cloudwatch = self._target.client(self._target.operations(), "cloudwatch")
        raised = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        return {alarm["AlarmName"] for alarm in raised}

    def _subscribe(self) -> str:
        """Subscribe a queue to the guard's topic, as the operator would an address."""
        environment, session = self._target.environment, self._target.operations()
        place = f"{environment.operations_region}:{environment.operations_account_id}"
        sqs, sns = (self._target.client(session, service) for service in ("sqs", "sns"))
        queue: str = sqs.create_queue(QueueName="operator")["QueueUrl"]
        sns.subscribe(
            TopicArn=f"arn:{environment.partition}:sns:{place}:{self._guard}",
            Protocol="sqs",
            Endpoint=f"arn:{environment.partition}:sqs:{place}:operator",
        )
        return queue

    def _messages(self, subject: str) -> list[str]:
        """Return the operator's new messages with such a subject, the last one first."""
        sqs = self._target.client(self._target.operations(), "sqs")
        found: list[str] = []
        while messages := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                body = json.loads(message["Body"])
                if (body.get("Subject") or "").startswith(subject):
                    found.insert(0, body["Message"])
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def _make_customers_bus(self) -> None:
        """Do what the customer does who wants the events of its quota."""
        environment, arn = self._target.environment, self._quota["event_bus"]
        *_, region, _, path = arn.split(":")
        customer = self._target.session(f"administrator {self._account.account_id}")
        events = self._target.client(customer, "events", region)
        name = path.partition("/")[2]
        events.create_event_bus(Name=name)
        statement = {
            "Sid": "LetTheGuardSend",
            "Effect": "Allow",
            "Principal": {
                "AWS": environment.role_arn(environment.operations_account_id, self._guard)
            },
            "Action": "events:PutEvents",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        events.put_permission(EventBusName=name, Policy=policy)

    def _customers_event(self) -> str:
        events = self._target.control.post("events", {"bus": self._quota["event_bus"]})
        return events[-1]["detail_type"] if events else "nothing"


def _let_in(is_let_in: bool) -> str:
    return "answered" if is_let_in else "refused"
