"""The applied environment that a run observes: its accounts, who calls in them, and what the run has learned."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from tools.acceptance.budget import OUTPUT_TOKENS, Budget
from tools.acceptance.temporary import (
    Cleanup,
    function_of,
    inference_profiles,
    log_groups,
    prefix_of,
    probe_roles,
)
from tools.acceptance.waiting import Clock
from tools.command_error import CommandError
from tools.live import tenant_calls
from tools.live.tenant_calls import assume, execution_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3

    from tools.cli.targets import Target
    from tools.environment.model import CustomerAccount, Environment

_Value = TypeVar("_Value")

ROLE_PATH = "/bedrock-acceptance/"
# Errors of a call that mean that something could not be observed.
UNOBSERVED = (BotoCoreError, ClientError, CommandError)
ACCESS_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True)
class Refusal:
    """AWS's error code and its message, in which nothing is secret."""

    code: str
    message: str


@dataclass
class Sandbox:
    """One tenant of an applied environment, in one of its accounts.

    ``model`` is what the tenant passes to Bedrock for ``alias`` in ``region``, as the hand-over says.
    """

    target: Target
    account: CustomerAccount
    alias: str
    model: str
    region: str
    profile: str | None = None  # of the AWS configuration: an administrator of the customer account
    clock: Clock = field(default_factory=Clock)
    budget: Budget = field(default_factory=Budget)
    # Letters alone, because a data identifier for numbers would mask digits.
    canary: str = field(
        default_factory=lambda: "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
    )
    _outcomes: dict[Callable[[Sandbox], Any], tuple[Any, Exception | None]] = field(
        default_factory=dict
    )

    @property
    def environment(self) -> Environment:
        """The environment's data."""
        return self.target.environment

    @property
    def tenant(self) -> str:
        """The tenant's name."""
        return self.account.tenant

    @property
    def stanza(self) -> Mapping[str, Any]:
        """The tenant's stanza."""
        stanza: Mapping[str, Any] = self.environment.stanzas[self.tenant]
        return stanza

    @property
    def stanza_model(self) -> Mapping[str, Any]:
        """What the stanza says of the alias."""
        model: Mapping[str, Any] = self.stanza["models"][self.alias]
        return model

    @property
    def external_id(self) -> str:
        """The ExternalId that the tenant's role demands."""
        return str(self.stanza["external_ids"]["current"])

    @property
    def role_arn(self) -> str:
        """The tenant's role."""
        environment = self.environment
        account, name = environment.operations_account_id, environment.base_name(self.tenant)
        return environment.role_arn(account, name)

    @property
    def prefix(self) -> str:
        """The beginning of the names of all that a run makes."""
        return prefix_of(self.environment.name, self.tenant)

    def name(self, purpose: str) -> str:
        """Return a name for something temporary, which no earlier run has used."""
        return tenant_calls.unused_name(f"{self.prefix}-{purpose}")

    def prompt(self) -> str:
        """Return the prompt of every call; its canary is not in any other text."""
        return f"Say {self.canary}."

    # --- who calls ---

    @cached_property
    def administrator(self) -> boto3.Session:
        """The customer account's administrator; CommandError if no usable profile was named."""
        return self.target.administrator(self.account, self.profile)

    def execution(self) -> boto3.Session:
        """Return a session with the keys of the tenant's function."""
        return self.once(_execution)

    def tenant_session(self) -> boto3.Session:
        """Return a session of the tenant's role, assumed as its function assumes it."""
        return self.once(_tenant_session)

    def assume_own_role(
        self,
        caller: boto3.Session,
        *,
        external_id: str | None,
        session_name: str | None = None,
        seconds: int | None = None,
    ) -> boto3.Session:
        """Assume the tenant's role as somebody else, or in another way."""
        name = session_name or self.tenant
        return assume(self.target, caller, self.role_arn, name, external_id, seconds=seconds)

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return a client in the operations account, which repeats throttled requests."""
        session, place = self.target.operations(), region or self.region
        return self.target.client(session, service, place, retries={"mode": "standard"})

    # --- calls of models ---

    def converse(
        self,
        caller: boto3.Session,
        *,
        model: str | None = None,
        region: str | None = None,
        project: str | None = None,
        streamed: bool = False,
    ) -> dict[str, Any]:
        """Call a model, by default the alias's, with the acceptance's own prompt; ClientError if it is refused.

        A stream is counted by whoever reads it.
        """
        self.budget.check()
        options: dict[str, Any] = {"inferenceConfig": {"maxTokens": OUTPUT_TOKENS}}
        if guardrail := self.stanza.get("guardrail"):
            options["guardrailConfig"] = {
                "guardrailIdentifier": guardrail["arn"],
                "guardrailVersion": guardrail["version"],
            }
        answer = tenant_calls.converse(
            self.target,
            caller,
            model or self.model,
            region or self.region,
            project,
            prompt=self.prompt(),
            streamed=streamed,
            **options,
        )
        if not streamed:
            self.budget.add(answer.get("usage") or {})
        return answer

    def refusal(self, call: Callable[[], object]) -> Refusal | None:
        """Return how AWS denies a call, or None if it answers; other errors are raised."""
        try:
            call()
        except ClientError as error:
            refusal = self.refusal_in(error)
            if refusal.code not in ACCESS_DENIED:
                raise
            return refusal
        return None

    def refusal_in(self, error: ClientError) -> Refusal:
        """Return the code and the message of an error of AWS, without ExternalIds."""
        details = error.response["Error"]
        message = " ".join(str(details.get("Message", "")).split())
        return Refusal(str(details["Code"]), self.without_secrets(message))

    def without_secrets(self, text: str) -> str:
        """Return a text for the evidence, without ExternalIds."""
        return self.environment.without_external_ids(text)

    # --- what the run has learned and made ---

    def once(self, experiment: Callable[[Sandbox], _Value]) -> _Value:
        """Return what an experiment returns or raise what it raises, and make it once in a run."""
        if experiment not in self._outcomes:
            try:
                self._outcomes[experiment] = (experiment(self), None)
            except UNOBSERVED as error:
                self._outcomes[experiment] = (None, error)
        value, problem = self._outcomes[experiment]
        if problem is not None:
            raise problem
        result: _Value = value
        return result

    def own_policy(self) -> dict[str, Any]:
        """Return what the tenant's role grants at present, as AWS has it."""
        answer = self.client("iam").get_role_policy(
            RoleName=self.environment.base_name(self.tenant), PolicyName="grants"
        )
        policy: dict[str, Any] = json.loads(json.dumps(answer["PolicyDocument"]))
        return policy

    def cleanup(self) -> Cleanup:
        """Return what removes everything that this run or an interrupted one has made."""
        kinds = [
            probe_roles(self.client("iam"), self.prefix, ROLE_PATH),
            inference_profiles(self.client("bedrock"), self.prefix),
            log_groups(self.client("logs"), f"/{self.prefix}"),
        ]
        try:
            owner = self.administrator
        except UNOBSERVED:  # nothing was made in the customer account either
            return Cleanup(self.clock, kinds)
        region = self.account.region
        function = f"{self.prefix}-keys"
        kinds += [
            function_of(self.target.client(owner, "lambda", region), function),
            log_groups(self.target.client(owner, "logs", region), f"/aws/lambda/{function}"),
        ]
        return Cleanup(self.clock, kinds)


def _execution(sandbox: Sandbox) -> boto3.Session:
    name = f"{sandbox.prefix}-keys"
    return execution_session(sandbox.target, sandbox.account, sandbox.administrator, name)


def _tenant_session(sandbox: Sandbox) -> boto3.Session:
    return sandbox.assume_own_role(sandbox.execution(), external_id=sandbox.external_id)
