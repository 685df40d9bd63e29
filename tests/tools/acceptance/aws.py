"""AWS as documented, on the wire of botocore's clients, and every way in which it may differ from that.

Requests are checked and serialized by botocore; only what a server would answer is made here. The clock is the fake's
own, so delays cost no time.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from tools.acceptance.sandbox import Sandbox
from tools.acceptance.waiting import Clock
from tools.cli.targets import AwsTarget
from tools.command_error import CommandError
from tools.environment.model import CustomerAccount, Environment
from tools.localaws.logs.masking import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OPERATIONS, CUSTOMER, REGION = "111111111111", "222222222222", "eu-central-1"
MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE = f"eu.{MODEL}"
EXTERNAL_ID = "957de22fad53ba4a185d28da6ab59943"
PROFILE_ARN = f"arn:aws:bedrock:{REGION}:{OPERATIONS}:application-inference-profile/abcdefghijkl"
NO_GRANT = "because no identity-based policy allows the action"
OWN_DENIAL = "with an explicit deny in an identity-based policy"
USAGE = {"inputTokens": 12, "outputTokens": 4, "totalTokens": 16}


class AwsError(Exception):
    """An error of a service: its code, its message and its status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def denied(action: str, words: str = NO_GRANT) -> AwsError:
    """Return a refusal as Bedrock words it."""
    message = f"User: somebody is not authorized to perform: {action} on resource: x:project/default {words}"
    return AwsError("AccessDeniedException", message, 403)


@dataclass(frozen=True)
class Request:
    """Who asks what, and where."""

    identity: str
    region: str
    params: Mapping[str, Any]
    body: bytes


class FakeClock(Clock):
    """A clock that only sleeping and calls move."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        """Return the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.seconds += seconds


@dataclass
class Facts:
    """What is documented; a test changes one of them. Delays are in seconds."""

    role_error: str = ""  # the code of every refusal of a role
    ignored: str = ""  # the condition or permission that AWS does not check
    retention: str = "none"
    logging: bool = False
    project_is_required: bool = True
    default_may_be_named: bool = True
    role_delay: float = 5.0
    policy_delay: float = 8.0
    denial_delay: float = 6.0
    end_of_denial_delay: float = 6.0
    tag_delay: float = 20.0
    end_of_tag_delay: float = 20.0
    tag_is_required: bool = True
    events: tuple[str, ...] = (
        "messageStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    )
    lacking: str = ""  # a member of events or answers that is missing
    no_grant: str = NO_GRANT
    own_denial: str = OWN_DENIAL
    request_id: str = "5f0c9b1e"
    delivery: str = "delivered"
    record_phase: str | None = "end"
    recorded_tokens: int = 12
    record_text: str = ""  # another event among the records
    retention_days: int = 30
    retention_policy: str = ""
    key_account: str = CUSTOMER
    unmasked: str = ""  # a place beside which nothing is masked
    mask: str = "*"
    garbled: str = ""  # a place in which a mask leaves no JSON that can be repaired
    metric_delay: float = 90.0
    missing_metric: str = ""
    counted_as: str = "ARN"
    more_calls: int = 0
    more_tokens: int = 0
    trail_delay: float = 300.0
    inference_region: str = "eu-west-1"
    trail_text: str = ""
    trail_session: str = "acme"
    undeletable: str = ""  # an operation that does not delete


@dataclass
class Role:
    """A probe: its policies with the time from which each counts, and until when."""

    created: float
    policies: dict[str, tuple[str, float]] = field(default_factory=dict)
    removed: dict[str, tuple[str, float]] = field(default_factory=dict)

    def statements(self, now: float) -> Iterator[dict[str, Any]]:
        """Yield the statements that count now."""
        current = [text for text, since in self.policies.values() if since <= now]
        old = [text for text, until in self.removed.values() if until > now]
        for text in (*current, *old):
            yield from json.loads(text)["Statement"]


class FakeAws:
    """All services that the acceptance calls."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.clock = facts, FakeClock()
        self.roles: dict[str, Role] = {}
        self.profile: str | None = None
        self.tagged: tuple[bool, float] = (False, 0.0)  # and the time from which it counts
        self.groups: dict[str, list[dict[str, Any]]] = {}
        self.functions: set[str] = set()
        self.profile_calls: list[float] = []
        self.tenant_calls: list[float] = []
        self.prompts: set[str] = set()
        self.deleted: list[str] = []

    def answer(self, service: str, operation: str, request: Request) -> dict[str, Any]:
        """Return what a service answers; raises AwsError."""
        self.clock.seconds += 0.01
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        method: Callable[[Request], dict[str, Any]] | None
        method = getattr(self, f"{service.replace('-', '_')}_{name}", None)
        if method is None:
            raise AwsError("NotImplemented", f"{service}:{operation} is not here.", 501)
        answer: dict[str, Any] = method(request)
        return answer

    # --- sts ---

    def sts_get_caller_identity(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Everybody is the operator."""
        return {"Account": OPERATIONS, "Arn": f"arn:aws:iam::{OPERATIONS}:user/deployer"}

    def sts_assume_role(self, request: Request) -> dict[str, Any]:
        """Evaluate the trust policy of a tenant's role, of a probe or of a deployer."""
        name = request.params["RoleArn"].rpartition("/")[2]
        if name in self.roles:
            if self.clock.now() < self.roles[name].created + self.facts.role_delay:
                raise AwsError("AccessDenied", "not yet", 403)
            return _keys(name)
        if name == "terraform-deployer":
            return _keys("deployer of acme")
        ignored = self.facts.ignored
        reasons = {
            "other role": name != "bedrock-dev-acme",
            "principal": request.identity != "execution",
            "ExternalId": request.params.get("ExternalId") != EXTERNAL_ID
            and name == "bedrock-dev-acme",
            "session name": request.params["RoleSessionName"] != name.removeprefix("bedrock-dev-"),
        }
        if any(reasons[reason] for reason in reasons if reason != ignored):
            code = self.facts.role_error or "AccessDenied"
            raise AwsError(code, "not authorized to perform: sts:AssumeRole", 403)
        if request.params.get("DurationSeconds", 3600) > 3600 and ignored != "duration":
            raise AwsError("ValidationError", "exceeds the 1 hour session limit")
        return _keys("tenant")

    # --- iam ---

    def iam_create_role(self, request: Request) -> dict[str, Any]:
        """Make a probe."""
        self.roles[request.params["RoleName"]] = Role(self.clock.now())
        return {"Role": _role(request.params["RoleName"], request.params["Path"])}

    def iam_put_role_policy(self, request: Request) -> dict[str, Any]:
        """Store a policy, which counts later."""
        params, facts = request.params, self.facts
        name = params["PolicyName"]
        delay = facts.denial_delay if name == "denial" else facts.policy_delay
        policy = (params["PolicyDocument"], self.clock.now() + delay)
        self.roles[params["RoleName"]].policies[name] = policy
        return {}

    def iam_delete_role_policy(self, request: Request) -> dict[str, Any]:
        """Remove a policy, which counts for a while yet."""
        role = self.roles[request.params["RoleName"]]
        text, since = role.policies.pop(request.params["PolicyName"])
        if since <= self.clock.now():
            role.removed[request.params["PolicyName"]] = (
                text,
                self.clock.now() + self.facts.end_of_denial_delay,
            )
        return {}

    def iam_list_role_policies(self, request: Request) -> dict[str, Any]:
        """List a probe's policies."""
        return {
            "PolicyNames": list(self.roles[request.params["RoleName"]].policies),
            "IsTruncated": False,
        }

    def iam_delete_role(self, request: Request) -> dict[str, Any]:
        """Delete a probe."""
        if self.facts.undeletable == "role":
            raise AwsError("DeleteConflict", "Cannot delete entity.", 409)
        self.deleted.append(request.params["RoleName"])
        del self.roles[request.params["RoleName"]]
        return {}

    def iam_list_roles(self, request: Request) -> dict[str, Any]:
        """List the probes."""
        return {
            "Roles": [_role(name, request.params["PathPrefix"]) for name in self.roles],
            "IsTruncated": False,
        }

    def iam_get_role_policy(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Return what the tenant's role grants."""
        allow = {"Effect": "Allow", "Action": ["bedrock:InvokeModel"]}
        projects = [f"arn:aws:bedrock:{REGION}:{OPERATIONS}:project/default"]
        statements = [
            {**allow, "Resource": [f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"]},
            {**allow, "Resource": projects},
        ]
        return {
            "PolicyDocument": quote(json.dumps({"Version": "2012-10-17", "Statement": statements}))
        }

    # --- bedrock ---

    def bedrock_runtime_converse(self, request: Request) -> dict[str, Any]:
        """Answer a call that is authorized."""
        self._authorize(
            request.identity, request.region, request.params["modelId"], json.loads(request.body)
        )
        usage = {name: count for name, count in USAGE.items() if name != self.facts.lacking}
        answer = {
            "metrics": {"latencyMs": 5},
            "output": {"message": {"role": "assistant", "content": [{"text": "OK"}]}},
            "stopReason": "end_turn",
            "usage": usage,
        }
        return {name: value for name, value in answer.items() if name != self.facts.lacking}

    def bedrock_runtime_converse_stream(self, request: Request) -> dict[str, Any]:
        """Answer with events."""
        self._authorize(
            request.identity, request.region, request.params["modelId"], json.loads(request.body)
        )
        members: dict[str, dict[str, Any]] = {
            "messageStart": {"role": "assistant"},
            "contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "OK"}},
            "contentBlockStop": {"contentBlockIndex": 0},
            "messageStop": {"stopReason": "end_turn"},
            "metadata": {"metrics": {"latencyMs": 5}, "usage": USAGE},
        }
        lacking = self.facts.lacking
        events = [
            {name: {key: value for key, value in members[name].items() if key != lacking}}
            for name in self.facts.events
        ]
        return {"stream": events}

    def _authorize(
        self, identity: str, region: str, model: str, request: Mapping[str, Any]
    ) -> None:
        ignored, facts, now = self.facts.ignored, self.facts, self.clock.now()
        project = request.get("projectIdentifier")
        self.prompts.add(request["messages"][0]["content"][0]["text"])
        if identity == "tenant":
            if (
                (model.partition(".")[2] != MODEL and ignored != "model")
                or (region != REGION and ignored != "region")
                or (project not in (None, "default") and ignored != "project")
            ):
                raise denied("bedrock:InvokeModel")
            self.tenant_calls.append(now)
            return
        statements = list(self.roles[identity].statements(now))
        if any(statement["Effect"] == "Deny" for statement in statements):
            raise denied("bedrock:InvokeModel", facts.own_denial)
        text = json.dumps(statements)
        is_tagged = self.tagged[0] is (self.tagged[1] <= now)
        if (
            not statements
            or (facts.project_is_required and ":project/" not in text)
            or (model == PROFILE_ARN and facts.tag_is_required and not is_tagged)
            or (model not in (PROFILE_ARN, PROFILE))
        ) and not (model.startswith("amazon") and ignored == "probe's model"):
            raise denied("bedrock:InvokeModel", facts.no_grant)
        if project == "default" and not facts.default_may_be_named:
            raise denied("bedrock:InvokeModel")
        if model == PROFILE_ARN:
            self.profile_calls.append(now)

    def bedrock_create_inference_profile(self, request: Request) -> dict[str, Any]:
        """Make the only profile."""
        self.profile = request.params["inferenceProfileName"]
        return {"inferenceProfileArn": PROFILE_ARN, "status": "ACTIVE"}

    def bedrock_get_inference_profile(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Return the models behind it."""
        return {"models": [{"modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"}]}

    def bedrock_list_inference_profiles(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """List the profile."""
        name, arn = self.profile, PROFILE_ARN
        summary = {"inferenceProfileName": name, "inferenceProfileArn": arn}
        return {"inferenceProfileSummaries": [summary] if name else []}

    def bedrock_delete_inference_profile(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Delete the profile, unless AWS keeps it."""
        if self.facts.undeletable != "profile":
            self.profile = None
        return {}

    def bedrock_tag_resource(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Tag the profile, which counts later."""
        self.tagged = (True, self.clock.now() + self.facts.tag_delay)
        return {}

    def bedrock_untag_resource(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Take the tag away, which counts later."""
        self.tagged = (False, self.clock.now() + self.facts.end_of_tag_delay)
        return {}

    def bedrock_get_account_data_retention(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Return the mode."""
        return {"mode": self.facts.retention}

    def bedrock_get_model_invocation_logging_configuration(
        self, request: Request
    ) -> dict[str, Any]:
        """Return the configuration to the operator."""
        if request.identity == "tenant" and self.facts.ignored != "settings":
            raise denied("bedrock:GetModelInvocationLoggingConfiguration")
        bucket = {"s3Config": {"bucketName": "logs"}}
        return {"loggingConfig": bucket} if self.facts.logging else {}

    def s3_list_buckets(self, request: Request) -> dict[str, Any]:
        """List the buckets to the operator."""
        if request.identity == "tenant" and self.facts.ignored != "buckets":
            raise AwsError("AccessDenied", "Access Denied", 403)
        return {"Buckets": []}

    # --- the customer account ---

    def lambda_create_function(self, request: Request) -> dict[str, Any]:
        """Make the function that returns its keys."""
        self.functions.add(request.params["FunctionName"])
        return {}

    def lambda_get_function(self, request: Request) -> dict[str, Any]:
        """Return its state."""
        if request.params["FunctionName"] not in self.functions:
            raise AwsError("ResourceNotFoundException", "Function not found.", 404)
        return {"Configuration": {"State": "Active"}}

    def lambda_delete_function(self, request: Request) -> dict[str, Any]:
        """Delete it."""
        self.functions.discard(request.params["FunctionName"])
        return {}

    def lambda_invoke(self, request: Request) -> dict[str, Any]:
        """Return keys, or the answer of the tenant's function."""
        if request.params["FunctionName"] in self.functions:
            answer: Any = ["execution", "secret", "token"]
        else:
            self.prompts.add(json.loads(request.params["Payload"])["prompt"])
            record = {"id": "0f6c28ad-6d7d-4f0b-8a3b-9d0c5e8f7a61", "delivery": self.facts.delivery}
            answer = {"record": record, "usage": {"input_tokens": 12, "output_tokens": 4}}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}

    # --- logs ---

    def logs_create_log_group(self, request: Request) -> dict[str, Any]:
        """Make a group."""
        self.groups[request.params["logGroupName"]] = []
        return {}

    def logs_delete_log_group(self, request: Request) -> dict[str, Any]:
        """Delete a group."""
        del self.groups[request.params["logGroupName"]]
        return {}

    def logs_put_data_protection_policy(self, request: Request) -> dict[str, Any]:
        """Check the policy."""
        read_policy(request.params["policyDocument"], 0)
        return {}

    def logs_create_log_stream(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Make a stream."""
        return {}

    def logs_put_log_events(self, request: Request) -> dict[str, Any]:
        """Replace the events of a group."""
        self.groups[request.params["logGroupName"]] = request.params["logEvents"]
        return {}

    def logs_describe_log_groups(self, request: Request) -> dict[str, Any]:
        """Return the records' group, or those that the run made."""
        facts = self.facts
        names = [
            name for name in self.groups if name.startswith(request.params["logGroupNamePrefix"])
        ]
        if request.params["logGroupNamePrefix"].startswith("/bedrock/"):
            key = f"arn:aws:kms:{REGION}:{facts.key_account}:key/1"
            policy = (
                {"retentionPolicyName": facts.retention_policy} if facts.retention_policy else {}
            )
            group = {"retentionInDays": facts.retention_days, "kmsKeyId": key, **policy}
            return {"logGroups": [{"logGroupName": request.params["logGroupNamePrefix"], **group}]}
        return {"logGroups": [{"logGroupName": name} for name in names]}

    def logs_filter_log_events(self, request: Request) -> dict[str, Any]:
        """Return masked events, or records to the customer's administrator alone."""
        name = request.params.get("logGroupName", "")
        if name in self.groups:
            return {"events": [self._masked(event) for event in self.groups[name]]}
        if (
            request.identity != "administrator"
            and self.facts.ignored != f"records of {request.identity}"
        ):
            raise AwsError(
                "AccessDeniedException", "not authorized to perform: logs:FilterLogEvents"
            )
        if not name.startswith("/bedrock/"):
            return {"events": []}
        texts = [self.facts.record_text] if self.facts.record_text else []
        texts += [json.dumps(self._record())] if self.facts.record_phase else []
        return {"events": [{"message": text} for text in texts]}

    def _masked(self, event: dict[str, Any]) -> dict[str, Any]:
        facts, message = self.facts, event["message"]
        place = json.loads(message)["place"]
        if place != facts.unmasked:
            pattern = re.compile(r"[\w.+-]+@[\w-]+\.com")
            message = pattern.sub(lambda match: facts.mask * len(match[0]), message)
        return {"message": message.removesuffix('"}') if place == facts.garbled else message}

    def _record(self) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        [prompt] = self.prompts
        record_id = "0f6c28ad-6d7d-4f0b-8a3b-9d0c5e8f7a61"
        return {
            "timestamp": now,
            "modelId": PROFILE,
            "region": REGION,
            "operation": "Converse",
            "input": {
                "inputBodyJson": {"text": prompt},
                "inputTokenCount": self.facts.recorded_tokens,
            },
            "output": {"outputBodyJson": {}, "outputTokenCount": 4},
            "tenantBedrock": {"recordId": record_id, "phase": self.facts.record_phase},
        }

    # --- CloudWatch and CloudTrail ---

    def cloudwatch_get_metric_data(self, request: Request) -> dict[str, Any]:
        """Return the sums of calls that are old enough, under the form that counts."""
        facts, now = self.facts, self.clock.now()
        calls = sum(1 for time in self.profile_calls if time + facts.metric_delay <= now)
        sums = {
            "Invocations": calls + facts.more_calls,
            "InputTokenCount": 12 * calls + facts.more_tokens,
            "OutputTokenCount": 4 * calls,
            "InvocationLatency": 5 * calls,
        }
        results = []
        for query in request.params["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            [dimension] = metric["Dimensions"]
            form = "ARN" if dimension["Value"].startswith("arn:") else "id"
            name = metric["MetricName"]
            has_values = calls and form == facts.counted_as and name != facts.missing_metric
            values = [float(sums[name])] if has_values and name in sums else []
            results.append(
                {
                    "Id": query["Id"],
                    "StatusCode": "Complete",
                    "Timestamps": [request.params["StartTime"]] * len(values),
                    "Values": values,
                }
            )
        return {"MetricDataResults": results}

    def cloudtrail_lookup_events(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Return the tenant's calls that are old enough."""
        facts, now = self.facts, self.clock.now()
        if not any(time + facts.trail_delay <= now for time in self.tenant_calls):
            return {"Events": []}
        region = {"inferenceRegion": facts.inference_region} if facts.inference_region else {}
        arn = f"arn:aws:sts::{OPERATIONS}:assumed-role/bedrock-dev-acme/{facts.trail_session}"
        event = {
            "eventName": "Converse",
            "userIdentity": {"arn": arn},
            "additionalEventData": region,
            "text": "".join(self.prompts) if facts.trail_text else "",
        }
        return {"Events": [{"CloudTrailEvent": json.dumps(event)}]}


def _keys(identity: str) -> dict[str, Any]:
    expiration = datetime(2030, 1, 1, tzinfo=UTC)
    keys = {"AccessKeyId": identity, "SecretAccessKey": "secret", "SessionToken": "token"}
    return {"Credentials": {**keys, "Expiration": expiration}}


def _role(name: str, path: str) -> dict[str, Any]:
    return {"RoleName": name, "Arn": f"arn:aws:iam::{OPERATIONS}:role{path}{name}"}


class Wire(AwsTarget):
    """A target whose clients are answered by a fake; they are made once for all tests."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.aws = FakeAws(Facts())
        self._session = boto3.Session("any", "any", region_name=REGION)
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._identity = ""

    def session(self, identity: str) -> boto3.Session:  # noqa: ARG002 - AWS has only the caller's identity
        """Return the operator's session."""
        return boto3.Session("operations", "secret", region_name=REGION)

    def administrator(self, account: CustomerAccount, profile: str | None) -> boto3.Session:  # noqa: ARG002
        """Return the administrator's session if a profile was named."""
        if profile is None:
            raise CommandError("This needs an administrator.")
        return boto3.Session("administrator", "secret", region_name=REGION)

    def client(
        self,
        session: boto3.Session,
        service: str,
        region: str | None = None,
        **config: Any,  # noqa: ANN401, ARG002 - as the target declares it
    ) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return a client that the fake answers as the session's identity."""
        credentials = session.get_credentials()
        identity = credentials.access_key if credentials else ""
        place = region or REGION
        # A caller may register handlers with a client of Bedrock's runtime, so it gets its own.
        client = self._session.client(service, region_name=place)  # type: ignore[call-overload]

        def keep(params: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401
            context["asked"] = dict(params)

        def respond(
            model: Any,  # noqa: ANN401 - botocore's
            params: dict[str, Any],
            context: dict[str, Any],
            **_: object,
        ) -> tuple[AWSResponse, dict[str, Any]]:
            body = params.get("body") or b""
            name = model.service_model.service_name
            try:
                parsed = self.aws.answer(
                    name, model.name, Request(identity, place, context["asked"], body)
                )
            except AwsError as error:
                details = {"Code": error.code, "Message": error.message}
                metadata = {"HTTPStatusCode": error.status}
                parsed = {"Error": details, "ResponseMetadata": metadata}
                return AWSResponse("", error.status, HTTPHeaders(), None), parsed
            request_id = (
                {"RequestId": self.aws.facts.request_id} if self.aws.facts.request_id else {}
            )
            return AWSResponse("", 200, HTTPHeaders(), None), {
                **parsed,
                "ResponseMetadata": request_id,
            }

        client.meta.events.register("before-parameter-build", keep)
        client.meta.events.register("before-call", respond)
        return client


def environment() -> Environment:
    """Return an environment of two tenants."""
    entry = {"model": MODEL, "regions": [REGION], "route": "geographic", "profile": "eu."}
    stanzas: dict[str, Any] = {
        name: {
            "accounts": {account: {}},
            "external_ids": {"current": external_id},
            "deployer": {"external_id": f"deployer-of-{name}-{external_id}"},
            "models": {"claude": entry},
            "workload": {"retention_days": 30},
        }
        for name, account, external_id in (
            ("acme", CUSTOMER, EXTERNAL_ID),
            ("globex", "333333333333", "f98f7c17e9867145035ca51382f4d295"),
        )
    }
    return Environment(
        name="dev",
        operations_account_id=OPERATIONS,
        operations_region=REGION,
        deployer_role_name="terraform-deployer",
        accounts=tuple(
            CustomerAccount(name, account, REGION)
            for name, stanza in stanzas.items()
            for account in stanza["accounts"]
        ),
        stanzas=stanzas,
        backend={},
    )


def sandbox_on(wire: Wire, facts: Facts, profile: str | None = "acme-admin") -> Sandbox:
    """Return a sandbox in which AWS is as the facts say."""
    wire.aws = FakeAws(facts)
    [account] = wire.environment.accounts_of("acme")
    return Sandbox(
        target=wire,
        account=account,
        alias="claude",
        model=PROFILE,
        region=REGION,
        profile=profile,
        clock=wire.aws.clock,
    )
