"""The identity behind a request: the access key's owner, if the signature and the key are valid.

Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. The
canonical request is botocore's own, over the headers that the client lists as signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from tools.localaws.call import Caller, Principal, ServiceError
from tools.localaws.moto_state import backend, backends

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moto.core.request import Request

    from tools.localaws.clock import Clock
    from tools.localaws.sts.sessions import Sessions

_ALGORITHM = "AWS4-HMAC-SHA256"
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
# A request must reach AWS within five minutes of its time stamp in most cases, and S3 within fifteen:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationTimeStamp
_MAX_SKEW = timedelta(minutes=5)
_MAX_SKEW_S3 = timedelta(minutes=15)
# X-Amz-Expires is from 1 to 604,800 seconds, which are seven days:
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
_MAX_EXPIRES = 604_800
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
# Only S3 accepts bodies that the signature does not cover. Bodies of which each chunk has a signature
# (STREAMING-AWS4-…) are refused, because the local AWS does not check the chunks:
# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
_UNSIGNED_BODIES = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})


@dataclass(frozen=True)
class Signature:
    """A request's claim about its signer, not verified yet."""

    access_key: str
    region: str
    service: str
    time: datetime
    signed_headers: tuple[str, ...]
    value: str
    token: str | None
    expires_seconds: int | None = None  # of a presigned URL

    @property
    def presigned(self) -> bool:
        """Whether the signature is in the URL."""
        return self.expires_seconds is not None


@dataclass(frozen=True)
class _Key:
    secret: str
    caller: Caller


class UnidentifiedError(ServiceError):
    """The signature is not valid; ``principal`` is the key's owner, if that is known."""

    def __init__(
        self, code: str, message: str, status: int, principal: Principal | None = None
    ) -> None:
        super().__init__(code, message, status)
        self.principal = principal


def read_signature(request: Request) -> Signature:
    """Read the signature from the header or the URL; raises UnidentifiedError if there is none."""
    presigned = request.args.get("X-Amz-Algorithm") == _ALGORITHM
    try:
        # A request with both has two signatures, and the header lacks the fields of a URL.
        in_header = not presigned or "Authorization" in request.headers
        fields = _header_fields(request) if in_header else request.args
        return _signature(fields, presigned=presigned)
    except (KeyError, ValueError) as error:
        message = "The request is not signed with Signature Version 4."
        raise UnidentifiedError("MissingAuthenticationToken", message, status=403) from error


def _header_fields(request: Request) -> dict[str, str]:
    """The fields of a signature in the headers, under the names that they have in a presigned URL."""
    algorithm, _, text = request.headers["Authorization"].partition(" ")
    if algorithm != _ALGORITHM:
        raise ValueError(algorithm)
    pairs = (part.strip().split("=", 1) for part in text.split(","))
    names = ("X-Amz-Date", "X-Amz-Security-Token")
    headers = {name: request.headers[name] for name in names if name in request.headers}
    return headers | {f"X-Amz-{name}": value for name, value in pairs}


def _signature(fields: Mapping[str, str], *, presigned: bool) -> Signature:
    access_key, day, region, service, terminator = fields["X-Amz-Credential"].rsplit("/", 4)
    time = fields["X-Amz-Date"]
    if terminator != "aws4_request" or time[:8] != day:
        raise ValueError(fields["X-Amz-Credential"])
    return Signature(
        access_key=access_key,
        region=region,
        service=service,
        time=datetime.strptime(time, _DATE_FORMAT).replace(tzinfo=UTC),
        signed_headers=tuple(fields["X-Amz-SignedHeaders"].lower().split(";")),
        value=fields["X-Amz-Signature"],
        token=fields.get("X-Amz-Security-Token"),
        expires_seconds=int(fields["X-Amz-Expires"]) if presigned else None,
    )


class Identity:
    """Identifies callers by the access keys in moto's IAM and in the role sessions."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        # The account of each user's key that was found; a key never changes its account.
        self._accounts: dict[str, str] = {}

    def identify(self, request: Request, signature: Signature) -> Caller:
        """Return the caller; raises UnidentifiedError with AWS's error code.

        Codes: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html.
        """
        key = self._find(signature)
        _check_signature(request, signature, key)
        self._check_time(signature, key)
        return key.caller

    def _find(self, signature: Signature) -> _Key:
        session = self._sessions.find(signature.access_key)
        if session is None:
            if signature.token is None and (user := self._user(signature.access_key)):
                return user
            raise _refusal(signature, "unknown key")
        if signature.token != session.credentials.session_token:
            raise _refusal(signature, "unknown key")
        if self._clock.now() >= session.expiration:
            raise _refusal(signature, "expired key", session.principal)
        secret = session.credentials.secret_access_key
        user_id = f"{session.role_id}:{session.principal.session}"
        return _Key(secret, Caller(session.principal, user_id, session))

    def _user(self, access_key: str) -> _Key | None:
        """Return a user's key if it is active, from the account where it was found before, or else from any."""
        if account := self._accounts.get(access_key):
            return _user_key(access_key, list(backend("iam", account).users.values()))
        for _, _, iam in list(backends("iam").iter_backends()):
            if key := _user_key(access_key, list(iam.users.values())):
                self._accounts[access_key] = key.caller.principal.account
                return key
        return None

    def _check_time(self, signature: Signature, key: _Key) -> None:
        principal = key.caller.principal
        if signature.expires_seconds is not None:
            self._check_presigned_time(signature, signature.expires_seconds, principal)
            return
        skew = _MAX_SKEW_S3 if signature.service == "s3" else _MAX_SKEW
        # Clients sign by the clock of this machine, which advance_clock does not change.
        if abs(datetime.now(UTC) - signature.time) > skew:
            raise _refusal(signature, "wrong time", principal)

    def _check_presigned_time(
        self, signature: Signature, seconds: int, principal: Principal
    ) -> None:
        """Refuse a presigned URL before its date, after its time, and if its time is too long."""
        if not 1 <= seconds <= _MAX_EXPIRES:
            raise _presigned_refusal(
                signature,
                "AuthorizationQueryParametersError",
                "X-Amz-Expires must be at least 1 and at most 604800 seconds, which is a week.",
                400,
                principal,
            )
        now = self._clock.now()
        if now < signature.time:
            message = "Request is not valid yet"
            raise _presigned_refusal(signature, "AccessDenied", message, 403, principal)
        if now > signature.time + timedelta(seconds=seconds):
            raise _presigned_refusal(
                signature, "AccessDenied", "Request has expired", 403, principal
            )


def _presigned_refusal(
    signature: Signature, s3_code: str, message: str, status: int, principal: Principal
) -> UnidentifiedError:
    """The refusal of a presigned URL's time: S3 has codes of its own for it."""
    if signature.service == "s3":
        return UnidentifiedError(s3_code, message, status, principal)
    return _refusal(signature, "wrong time", principal)


def _check_signature(request: Request, signature: Signature, key: _Key) -> None:
    if not _covers_request(signature, request):
        raise _refusal(signature, "wrong signature", key.caller.principal)
    signer = _signer(signature, key.secret)
    aws_request = AWSRequest(
        method=request.method,
        url=_unsigned_url(request),
        headers={
            name: value
            for name, value in request.headers.items(lower=True)
            if name in signature.signed_headers
        },
        data=request.get_data(),
    )
    aws_request.context["timestamp"] = signature.time.strftime(_DATE_FORMAT)
    text = signer.string_to_sign(aws_request, signer.canonical_request(aws_request))
    computed_value = signer.signature(text, aws_request)
    if not hmac.compare_digest(computed_value.encode(), signature.value.encode()):
        raise _refusal(signature, "wrong signature", key.caller.principal)
    body_hash = request.headers.get("x-amz-content-sha256", "")
    computed_hash = hashlib.sha256(request.get_data()).hexdigest()
    if _HEX_SHA256.fullmatch(body_hash) and body_hash != computed_hash:
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise UnidentifiedError("XAmzContentSHA256Mismatch", message, 400, key.caller.principal)


def _signer(signature: Signature, secret: str) -> SigV4Auth:
    kinds: Mapping[tuple[bool, bool], type[SigV4Auth]] = {
        (False, False): SigV4Auth,
        (False, True): SigV4QueryAuth,
        (True, False): S3SigV4Auth,
        (True, True): S3SigV4QueryAuth,
    }
    signer = kinds[signature.service == "s3", signature.presigned](
        BotocoreCredentials(signature.access_key, secret, signature.token),
        signature.service,
        signature.region,
    )
    # botocore omits headers that it never signs itself, but the client may have signed them.
    signer.headers_to_sign = lambda request: request.headers  # type: ignore[method-assign]
    return signer


def _covers_request(signature: Signature, request: Request) -> bool:
    """Whether the signature covers all headers that define the call, and the body.

    The headers are listed in order, once each, and are all in the request:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    names = {name for name, _ in request.headers.items(lower=True)}
    required = {name for name in names if name == "host" or name.startswith("x-amz-")}
    signed = {*signature.signed_headers} & names
    body_hash = request.headers.get("x-amz-content-sha256", "")
    return (
        required <= signed
        and signature.signed_headers == tuple(sorted(signed))
        and (
            body_hash == ""
            or (signature.service == "s3" and body_hash in _UNSIGNED_BODIES)
            or _HEX_SHA256.fullmatch(body_hash) is not None
        )
    )


def _unsigned_url(request: Request) -> str:
    """The URL without the signature itself, which a presigned URL contains once."""
    address, _, query = request.raw_url.partition("?")
    pairs = query.split("&")
    signatures = [pair for pair in pairs if pair.startswith("X-Amz-Signature=")]
    if signatures:
        pairs.remove(signatures[0])
    return f"{address}?{'&'.join(pairs)}"


def _user_key(access_key: str, users: Iterable[Any]) -> _Key | None:
    for user in users:
        for key in user.access_keys:
            if key.access_key_id == access_key and key.status == "Active":
                principal = Principal(
                    account=user.account_id,
                    arn=user.arn,
                    policy_arn=user.arn,
                    kind="user",
                    name=user.name,
                )
                return _Key(key.secret_access_key, Caller(principal, user.id))
    return None


# Error codes for services with the Query protocol, for services with JSON, and for S3; the message.
_REFUSALS = {
    "unknown key": (
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "The security token included in the request is invalid.",
    ),
    "wrong signature": (
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        (
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method."
        ),
    ),
    "expired key": (
        "ExpiredToken",
        "ExpiredTokenException",
        "ExpiredToken",
        "The security token included in the request is expired",
    ),
    "wrong time": (
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "RequestTimeTooSkewed",
        "Signature expired: the request was signed too long ago or in the future.",
    ),
}
_QUERY_SERVICES = frozenset({"ec2", "iam", "sts"})


def _refusal(
    signature: Signature, kind: str, principal: Principal | None = None
) -> UnidentifiedError:
    query_code, json_code, s3_code, message = _REFUSALS[kind]
    if signature.service == "s3":
        status = 400 if kind == "expired key" else 403
        return UnidentifiedError(s3_code, message, status, principal)
    if signature.service in _QUERY_SERVICES:
        return UnidentifiedError(query_code, message, 403, principal)
    status = 403 if kind == "expired key" else 400
    return UnidentifiedError(json_code, message, status, principal)
