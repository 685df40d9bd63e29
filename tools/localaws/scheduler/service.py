"""EventBridge Scheduler: invokes functions with the role of a schedule, when the control API asks for it.

On AWS time alone does that. Here ``POST /_control/run_schedules {}`` invokes what is due by the clock of the local
AWS and waits for it, so that a test or a demo knows when it has happened. moto keeps the schedules.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tools.localaws.aws_lambda.authorization import trusts
from tools.localaws.call import ServiceError
from tools.localaws.moto_state import backends
from tools.localaws.scheduler.authorization import SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.localaws.call import Call, Response
    from tools.localaws.context import LocalAwsContext

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CHANGES = ("CreateSchedule", "UpdateSchedule")
_CONFIG = Config(read_timeout=900, retries={"total_max_attempts": 1})


class Scheduler:
    """The service ``scheduler`` of all accounts and Regions."""

    def __init__(self, context: LocalAwsContext) -> None:
        self._context = context
        self._last: dict[
            str, tuple[str, datetime]
        ] = {}  # the expression and time of the last run, by ARN
        context.control_routes["run_schedules"] = self._run_due

    def answer(self, call: Call) -> Response | None:
        """Refuse an expression that is neither a rate nor one time; moto answers."""
        if call.service == "scheduler" and call.operation in _CHANGES:
            expression = call.parameter("ScheduleExpression")
            if not _RATE.fullmatch(expression) and not _AT.fullmatch(expression):
                message = (
                    f"The local AWS runs schedules of rate(…) and at(…), and not {expression}."
                )
                raise ServiceError("ValidationException", message)
            if call.parameter("ScheduleExpressionTimezone") not in ("", "UTC"):
                raise ServiceError("ValidationException", "The local AWS runs schedules in UTC.")
        return None

    def _run_due(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Invoke the targets of the schedules that are due, or of the one named ``schedule``, and what came of it."""
        name = arguments.get("schedule")
        now = self._context.clock.now()
        return [
            self._run(schedule, now)
            for schedule in list(_schedules())
            if schedule.name == (name or schedule.name) and self._is_due(schedule, now)
        ]

    def _is_due(self, schedule: Any, now: datetime) -> bool:  # noqa: ANN401 - moto's schedule
        if schedule.state == "DISABLED":  # moto forgets the default in an update
            return False
        expression = schedule.schedule_expression
        last_expression, last = self._last.get(schedule.arn, ("", None))
        if match := _AT.fullmatch(expression):
            time = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
            return time <= now and expression != last_expression
        match = _RATE.fullmatch(expression)
        interval = timedelta(**{f"{match[2]}s": int(match[1])}) if match else timedelta.max
        return last is None or last + interval <= now

    def _run(self, schedule: Any, now: datetime) -> dict[str, Any]:  # noqa: ANN401 - moto's schedule
        self._last[schedule.arn] = (schedule.schedule_expression, now)
        target = schedule.target
        result = {"schedule": schedule.arn, "target": target["Arn"], "error": ""}
        try:
            error, answer = self._invoke(schedule)
        except (ClientError, LookupError) as refused:
            return {**result, "error": str(refused)}
        return {**result, "error": error, "answer": answer}

    def _invoke(self, schedule: Any) -> tuple[str, str]:  # noqa: ANN401 - moto's schedule
        """Invoke the function as the target's role, and return its error's kind and its answer."""
        role = schedule.target["RoleArn"]
        if not trusts(role, SERVICE):
            raise LookupError(f"{role} does not trust {SERVICE}.")
        keys = self._context.start_role_session(role, "scheduler").credentials
        client = boto3.Session(
            keys.access_key_id, keys.secret_access_key, keys.session_token
        ).client(
            "lambda",
            region_name=schedule.arn.split(":")[3],
            endpoint_url=self._context.url,
            config=_CONFIG,
        )
        answer = client.invoke(
            FunctionName=schedule.target["Arn"], Payload=schedule.target.get("Input", "{}").encode()
        )
        return answer.get("FunctionError", ""), answer["Payload"].read().decode()


def _schedules() -> Iterator[Any]:
    for _, _, scheduler in list(backends("scheduler").iter_backends()):
        for group in list(scheduler.schedule_groups.values()):
            yield from list(group.schedules.values())
