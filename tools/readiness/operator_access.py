"""What this machine needs: Terraform, credentials of the operations account, the right time, and a way to AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.session import Session as CoreSession
from botocore.utils import get_environ_proxies

from tools.aws_error import (
    aws_sentence,
    credential_advice,
    credential_source,
    is_about_credentials,
)
from tools.command_error import CommandError
from tools.live.granted_models import granted_models, granted_regions
from tools.readiness.readiness_check import ReadinessCheck, cannot_tell, ok, to_do
from tools.terraform.parallel import CALLS_AT_A_TIME, map_in_parallel
from tools.terraform.toolchain import ensure_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tools.cli.session import Session
    from tools.environment.model import CustomerAccount

# "In most cases, a request must reach AWS within five minutes of the time stamp in the request":
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-signing.html
# A clock that is further off than a fifth of that is wrong, and drifts on.
CLOCK_SECONDS = 60.0
ANSWER_SECONDS = 10
_OPERATIONS_SERVICES = ("iam", "s3", "service-quotas", "sts")
_CUSTOMER_SERVICES = ("iam", "kms", "lambda", "logs", "sts")


def toolchain(progress: Callable[[str], None]) -> Iterator[ReadinessCheck]:
    """Look for Terraform and the provider."""
    subject = "Terraform and its provider"
    try:
        yield ok(subject, ensure_toolchain(progress).terraform)
    except CommandError as error:
        yield to_do(subject, "not found", str(error))


def credentials(session: Session) -> list[ReadinessCheck]:
    """Look at the caller's identity and, in AWS's answer, at the time.

    Without credentials of the operations account nothing else can be read.
    """
    subject, account = "credentials", session.environment.operations_account_id
    try:
        sts = session.target.client(session.target.session("deployer"), "sts")
        answer = sts.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        advice = f"{aws_sentence(error)} It needs credentials of the operations account {account}."
        check = (
            to_do(subject, "not usable", advice)
            if is_about_credentials(error)
            else cannot_tell(subject, advice)
        )
        return [check, *(_clock(error.response) if isinstance(error, ClientError) else ())]
    except OSError as error:  # botocore does not find the file of a token
        advice = f"{error.filename}: {error.strerror}. {credential_advice()}"
        return [to_do(subject, "not usable", advice)]
    if answer["Account"] != account:
        state = f"{answer['Arn']}, of account {answer['Account']}"
        advice = f"Use credentials of the operations account {account}. These come from {credential_source().name}."
        return [to_do(subject, state, advice), *_clock(answer)]
    return [ok(subject, answer["Arn"]), *_clock(answer)]


def _clock(answer: Mapping[str, Any]) -> Iterator[ReadinessCheck]:
    """Compare the time of this machine with that in the header of AWS's answer."""
    header = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if header is None:
        yield cannot_tell("clock", "The answer of AWS had no time.")
        return
    seconds = (datetime.now(UTC) - parsedate_to_datetime(header)).total_seconds()
    if abs(seconds) <= CLOCK_SECONDS:
        yield ok("clock", "as AWS's")
        return
    direction = "ahead of" if seconds > 0 else "behind"
    yield to_do(
        "clock",
        f"{abs(seconds):,.0f} s {direction} AWS's",
        "Set it with NTP: AWS refuses requests that were signed more than five minutes ago or ahead.",
    )


def network(session: Session, accounts: Iterable[CustomerAccount]) -> Iterator[ReadinessCheck]:
    """Ask each endpoint that the commands call for an answer, whatever it is, without credentials."""
    urls = _endpoints(session, accounts)
    problems = map_in_parallel(_no_answer, urls, CALLS_AT_A_TIME)
    failed = {url: problem for url, problem in zip(urls, problems, strict=True) if problem}
    answering = len(urls) - len(failed)
    if answering:
        yield ok("network", f"{answering} endpoint{'s answer' if answering > 1 else ' answers'}")
    for url, problem in failed.items():
        host = urlsplit(url).netloc
        advice = (
            f"Allow HTTPS to {host}, or set HTTPS_PROXY; with a proxy that has a certificate of its own, set "
            "AWS_CA_BUNDLE."
        )
        yield to_do(f"network to {host}", problem, advice)


def _endpoints(session: Session, accounts: Iterable[CustomerAccount]) -> list[str]:
    """Return the URLs, each once, as boto3 would call them."""
    environment = session.environment
    home = environment.operations_region
    places = {(service, home) for service in _OPERATIONS_SERVICES}
    models = granted_models(environment.stanzas)
    places |= {("bedrock", region) for region in granted_regions(home, models)}
    places |= {(service, account.region) for account in accounts for service in _CUSTOMER_SERVICES}
    caller = session.target.session("deployer")
    clients = (session.target.client(caller, service, region) for service, region in sorted(places))
    return sorted({client.meta.endpoint_url for client in clients})


def _no_answer(url: str) -> str:
    """Return why a URL gives no answer; an empty text if it gives one, which may be a refusal."""
    http = URLLib3Session(
        verify=CoreSession().get_config_variable("ca_bundle") or True,
        proxies=get_environ_proxies(url),
        timeout=ANSWER_SECONDS,
    )
    try:
        http.send(AWSRequest("GET", url).prepare())
    except BotoCoreError as error:  # HTTPClientError: no name, no way, no answer in time, or no TLS
        return str(error)
    return ""
