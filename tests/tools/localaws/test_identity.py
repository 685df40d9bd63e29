"""Access keys, signatures and expiry: which callers the local AWS accepts and which it refuses."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from tests.tools.localaws.aws import ACME, OPERATIONS, assume, make_role, refusal
from tools.localaws.local_aws import LocalAws
from tools.localaws.sts.sessions import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from tests.tools.localaws.conftest import Connect

UNKNOWN = Credentials("AKIAUNKNOWNUNKNOWN12", "x" * 40)


@pytest.fixture
def deployer(local_aws: LocalAws) -> Credentials:
    return local_aws.control.account(ACME)


@pytest.fixture
def session_keys(connect: Connect, deployer: Credentials) -> Credentials:
    role = make_role(connect("iam", deployer), "app", {"Principal": {"AWS": ACME}})
    return assume(connect("sts", deployer), role)


def test_knows_the_account_of_a_users_key(connect: Connect, deployer: Credentials) -> None:
    identity = connect("sts", deployer).get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::222222222222:user/deployer"
    assert identity["Account"] == ACME


def test_knows_the_session_of_a_role(connect: Connect, session_keys: Credentials) -> None:
    identity = connect("sts", session_keys).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::222222222222:assumed-role/app/acme"
    assert identity["UserId"].endswith(":acme")


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("sts", "get_caller_identity", {}, "InvalidClientTokenId"),
        ("iam", "list_roles", {}, "InvalidClientTokenId"),
        ("logs", "describe_log_groups", {}, "UnrecognizedClientException"),
        ("lambda", "list_functions", {}, "UnrecognizedClientException"),
        ("s3", "list_objects_v2", {"Bucket": "bucket"}, "InvalidAccessKeyId"),
    ],
)
def test_refuses_an_unknown_key(
    connect: Connect, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    client = connect(service, UNKNOWN)
    assert refusal(getattr(client, operation), **parameters)[0] == code


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("logs", "describe_log_groups", "InvalidSignatureException"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
    ],
)
def test_refuses_a_wrong_secret(
    connect: Connect, deployer: Credentials, service: str, operation: str, code: str
) -> None:
    client = connect(service, replace(deployer, secret_access_key="x" * 40))
    assert refusal(getattr(client, operation))[0] == code


def test_refuses_a_key_that_was_switched_off(connect: Connect, deployer: Credentials) -> None:
    iam = connect("iam", deployer)
    iam.update_access_key(
        UserName="deployer", AccessKeyId=deployer.access_key_id, Status="Inactive"
    )
    assert refusal(iam.list_roles)[0] == "InvalidClientTokenId"


def test_refuses_temporary_keys_without_their_token(
    connect: Connect, session_keys: Credentials
) -> None:
    bare = replace(session_keys, session_token=None)
    assert refusal(connect("sts", bare).get_caller_identity)[0] == "InvalidClientTokenId"


def test_refuses_temporary_keys_with_another_token(
    connect: Connect, session_keys: Credentials
) -> None:
    forged = replace(session_keys, session_token="forged")
    assert refusal(connect("sts", forged).get_caller_identity)[0] == "InvalidClientTokenId"


def test_refuses_temporary_keys_from_their_expiry_on(
    local_aws: LocalAws, connect: Connect, session_keys: Credentials
) -> None:
    sts, logs = connect("sts", session_keys), connect("logs", session_keys)
    local_aws.control.advance_clock(3590)
    sts.get_caller_identity()
    local_aws.control.advance_clock(10)
    assert refusal(sts.get_caller_identity)[0] == "ExpiredToken"
    assert refusal(logs.describe_log_groups)[0] == "ExpiredTokenException"
    (_, refused) = local_aws.control.calls(allowed=False)
    assert refused.principal_arn == "arn:aws:sts::222222222222:assumed-role/app/acme"
    assert refused.refused_by == "identity"


def test_a_users_keys_do_not_expire(
    local_aws: LocalAws, connect: Connect, deployer: Credentials
) -> None:
    local_aws.control.advance_clock(86_400)
    connect("sts", deployer).get_caller_identity()


def test_refuses_a_body_changed_after_signing(connect: Connect, deployer: Credentials) -> None:
    logs = connect("logs", deployer)
    logs.meta.events.register(
        "before-send.logs.DescribeLogGroups", lambda request, **_: setattr(request, "body", b"{ }")
    )
    assert refusal(logs.describe_log_groups)[0] == "InvalidSignatureException"


def test_refuses_an_object_changed_after_signing(connect: Connect, deployer: Credentials) -> None:
    s3 = connect("s3", deployer)
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_object(Bucket="bucket", Key="k", Body=b"written")
    s3.meta.events.register(
        "before-send.s3.PutObject", lambda request, **_: setattr(request, "body", b"changed")
    )
    assert refusal(s3.put_object, Bucket="bucket", Key="k", Body=b"written")[0] in (
        "SignatureDoesNotMatch",
        "XAmzContentSHA256Mismatch",
    )
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"written"


def test_refuses_an_operation_changed_after_signing(
    connect: Connect, deployer: Credentials
) -> None:
    logs = connect("logs", deployer)

    def ask_for_more(request: Any, **_: object) -> None:
        request.headers["X-Amz-Target"] = "Logs_20140328.DeleteLogGroup"

    logs.meta.events.register("before-send.logs.DescribeLogGroups", ask_for_more)
    assert refusal(logs.describe_log_groups)[0] == "InvalidSignatureException"


def test_refuses_a_header_added_after_signing(connect: Connect, deployer: Credentials) -> None:
    logs = connect("logs", deployer)

    def add(request: Any, **_: object) -> None:
        request.headers["x-amz-added"] = "later"

    logs.meta.events.register("before-send.logs.DescribeLogGroups", add)
    assert refusal(logs.describe_log_groups)[0] == "InvalidSignatureException"


def test_refuses_a_call_without_signature(local_aws: LocalAws) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{local_aws.url}/")
    assert refused.value.code == 403
    assert refused.value.headers["x-amzn-ErrorType"] == "MissingAuthenticationToken"


@pytest.fixture
def presigned(connect: Connect, deployer: Credentials) -> str:
    s3 = connect("s3", deployer)
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_object(Bucket="bucket", Key="k", Body=b"content")
    s3.put_object(Bucket="bucket", Key="other", Body=b"other")
    url: str = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "bucket", "Key": "k"}, ExpiresIn=60
    )
    return url


def test_answers_a_presigned_url(presigned: str) -> None:
    assert urllib.request.urlopen(presigned).read() == b"content"


def test_refuses_a_presigned_url_for_another_object(presigned: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(presigned.replace("/bucket/k?", "/bucket/other?"))


@pytest.fixture
def local_client(connect: Connect, deployer: Credentials) -> Callable[[str], Any]:
    """Makes clients with the deployer's keys."""
    return lambda service: connect(service, deployer)


@pytest.mark.parametrize(
    ("call", "minutes", "code"),
    [
        (("sts", "get_caller_identity"), -4.5, None),
        (("sts", "get_caller_identity"), 4.5, None),
        (("sts", "get_caller_identity"), -5.5, "SignatureDoesNotMatch"),
        (("sts", "get_caller_identity"), 5.5, "SignatureDoesNotMatch"),
        (("logs", "describe_log_groups"), -4.5, None),
        (("logs", "describe_log_groups"), -5.5, "InvalidSignatureException"),
        (("logs", "describe_log_groups"), 5.5, "InvalidSignatureException"),
        (("s3", "list_buckets"), -14.5, None),
        (("s3", "list_buckets"), -15.5, "RequestTimeTooSkewed"),
        (("s3", "list_buckets"), 15.5, "RequestTimeTooSkewed"),
    ],
)
def test_refuses_a_signature_outside_its_services_time_window(
    local_client: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    call: tuple[str, str],
    minutes: float,
    code: str | None,
) -> None:
    client, operation = local_client(call[0]), call[1]
    signed = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: signed)
    if code is None:
        getattr(client, operation)()
    else:
        assert refusal(getattr(client, operation))[0] == code


@pytest.mark.usefixtures("presigned")
@pytest.mark.parametrize("seconds", [1, 604_800])
def test_a_presigned_url_is_valid_for_up_to_seven_days(
    local_client: Callable[[str], Any], seconds: int
) -> None:
    assert urllib.request.urlopen(presigned_for(local_client("s3"), seconds)).read() == b"content"


@pytest.mark.usefixtures("presigned")
@pytest.mark.parametrize("seconds", [604_801, 0, -1])
def test_refuses_a_presigned_url_for_more_than_seven_days_or_no_time(
    local_client: Callable[[str], Any], seconds: int
) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        urllib.request.urlopen(presigned_for(local_client("s3"), seconds))
    assert b"<Code>AuthorizationQueryParametersError</Code>" in refused.value.read()


def presigned_for(s3: Any, seconds: int) -> str:
    url: str = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "bucket", "Key": "k"}, ExpiresIn=seconds
    )
    return url


def test_refuses_a_presigned_url_before_its_date(local_aws: LocalAws, presigned: str) -> None:
    local_aws.control.advance_clock(-60)
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(presigned)
    assert b"Request is not valid yet" in refused.value.read()


def test_refuses_a_presigned_call_of_another_service_past_its_time(
    local_aws: LocalAws, connect: Connect, deployer: Credentials
) -> None:
    url = connect("sts", deployer).generate_presigned_url(
        "get_caller_identity", ExpiresIn=60, HttpMethod="GET"
    )
    assert b"user/deployer" in urllib.request.urlopen(url).read()
    local_aws.control.advance_clock(61)
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(url)
    assert b"<Code>SignatureDoesNotMatch</Code>" in refused.value.read()


def test_refuses_a_presigned_url_past_its_time(local_aws: LocalAws, presigned: str) -> None:
    local_aws.control.advance_clock(61)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(presigned)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AWS4-HMAC-SHA256 ", ""),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA1 "),
        ("/{day}/", "//"),
        ("/{day}/", "/{day:.4}/"),
        ("/eu-central-1/", "/us-east-1/"),
        ("/aws4_request", "/aws5_request"),
        ("SignedHeaders=", "SignedHeaders=absent;"),
        ("SignedHeaders=host;x-amz-date", "SignedHeaders=x-amz-date;host"),
        ("SignedHeaders=host;", "SignedHeaders=host;host;"),
        ("Signature=", "Signature=\xe9"),
        ("Signature=", "Signature=0"),
    ],
)
def test_refuses_an_authorization_header_of_another_form(
    local_aws: LocalAws, deployer: Credentials, old: str, new: str
) -> None:
    url = f"{local_aws.url}/?Action=GetCallerIdentity&Version=2011-06-15"
    keys = BotocoreCredentials(deployer.access_key_id, deployer.secret_access_key)
    request = AWSRequest("GET", url, headers={"Host": local_aws.url.partition("//")[2]})
    SigV4Auth(keys, "sts", "eu-central-1").add_auth(request)
    assert status_of(url, request.headers) == 200
    text, day = request.headers["Authorization"], request.headers["X-Amz-Date"][:8]
    old, new = (part.format(day=day) for part in (old, new))
    assert old in text
    assert status_of(url, {**request.headers, "Authorization": text.replace(old, new)}) == 403


def status_of(url: str, headers: Any, data: bytes | None = None, method: str = "GET") -> int:
    sent = urllib.request.Request(url, data, dict(headers), method=method)
    try:
        with urllib.request.urlopen(sent) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("body_hash", "status"),
    [
        ("UNSIGNED-PAYLOAD", 200),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 403),  # the chunks' signatures are not checked
        ("unsigned-payload", 403),
        ("nonsense", 403),
    ],
)
def test_s3_takes_a_body_that_is_not_signed_and_no_unknown_hash(
    local_aws: LocalAws, connect: Connect, deployer: Credentials, body_hash: str, status: int
) -> None:
    connect("s3", deployer).create_bucket(
        Bucket="bodies", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    url = f"{local_aws.url}/bodies/k"
    headers = {
        "Host": local_aws.url.partition("//")[2],
        "X-Amz-Content-SHA256": body_hash,
        "Content-Type": "text/plain",
    }
    request = AWSRequest("PUT", url, headers=headers, data=b"body")
    keys = BotocoreCredentials(deployer.access_key_id, deployer.secret_access_key)
    signer = S3SigV4Auth(keys, "s3", "eu-central-1")
    signer.payload = lambda request: body_hash  # type: ignore[method-assign]
    signer.add_auth(request)
    assert status_of(url, request.headers, b"body", "PUT") == status


@pytest.mark.parametrize("second", ["a signature in the URL", "a header"])
def test_refuses_a_presigned_url_with_a_second_signature(presigned: str, second: str) -> None:
    assert status_of(presigned, {}) == 200
    if second == "a header":
        assert status_of(presigned, {"Authorization": "AWS4-HMAC-SHA256 x"}) == 403
    else:
        assert status_of(f"{presigned}&X-Amz-Signature=00", {}) == 403


def test_a_key_gives_access_to_one_account_only(local_aws: LocalAws, connect: Connect) -> None:
    in_acme = connect("logs", local_aws.control.account(ACME))
    in_operations = connect("logs", local_aws.control.account(OPERATIONS))
    in_acme.create_log_group(logGroupName="mine")
    assert len(in_acme.describe_log_groups()["logGroups"]) == 1
    assert in_operations.describe_log_groups()["logGroups"] == []


def test_a_header_cannot_select_another_account(
    local_aws: LocalAws, connect: Connect, deployer: Credentials
) -> None:
    victim = connect("logs", local_aws.control.account(OPERATIONS))
    victim.create_log_group(logGroupName="theirs")
    logs = connect("logs", deployer)

    def claim(request: Any, **_: object) -> None:
        request.headers["x-moto-account-id"] = OPERATIONS

    logs.meta.events.register("before-send.logs.DescribeLogGroups", claim)
    assert logs.describe_log_groups()["logGroups"] == []


def test_keeps_connections_open(connect: Connect, deployer: Credentials) -> None:
    sts = connect("sts", deployer)
    answer = sts.get_caller_identity()
    assert "connection" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_only_one_local_aws_runs_in_a_process(local_aws: LocalAws) -> None:
    with pytest.raises(RuntimeError, match="stop it first"):
        LocalAws().start()


def test_a_stopped_local_aws_does_not_answer(session: boto3.Session) -> None:
    with LocalAws() as local_aws:
        assert local_aws.control.health()
    with pytest.raises(OSError, match="refused"):
        local_aws.control.health()
