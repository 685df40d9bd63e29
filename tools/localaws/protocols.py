"""AWS's wire protocols: reading an operation from a request, and writing a result or an error.

Operations, parameters and protocols come from botocore's service models, through moto's routers
and parsers. Protocols: https://smithy.io/2.0/aws/protocols/index.html.
"""

from __future__ import annotations

import base64
import json
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.model import NoShapeFoundError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from tools.localaws.call import Response, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.core.request import Request

    from tools.localaws.call import Call

# Services whose signing name is not their own or is shared: the first service whose model has the
# requested operation serves it.
_BY_SIGNING_NAME = {
    "bedrock": ("bedrock-runtime", "bedrock", "bedrock-agent", "bedrock-agent-runtime"),
    "monitoring": ("cloudwatch",),
    "s3": ("s3", "s3control"),
    "servicequotas": ("service-quotas",),
    "tagging": ("resourcegroupstaggingapi",),
}

# A router describes the operations of its service when it is first used. While one thread does that, moto's models
# may give another one botocore's description, which the router cannot use: both share one cache.
_ROUTING = threading.Lock()


@dataclass(frozen=True)
class Operation:
    """The operation that a request calls; ``parameters`` have botocore's names."""

    service: str
    name: str
    parameters: Mapping[str, Any] = field(repr=False)


def read_operation(request: Request, signing_name: str) -> Operation:
    """Read the operation and its parameters.

    Raises ServiceError (404 UnknownOperationException) when no service has such an operation, and
    (400 SerializationException) when the body does not fit the operation.
    """
    for service in _BY_SIGNING_NAME.get(signing_name, (signing_name,)):
        try:
            with _ROUTING:
                model, url_parameters = get_service_router(service).match(request)
        # moto raises NotImplementedError for a protocol that the service does not use, so the
        # request is for another service.
        except (NotFound, NotImplementedError, UnknownServiceError):
            continue
        protocol = determine_request_protocol(get_service_model(service), request.content_type)
        if protocol in ("query", "ec2"):
            _refuse_repeated_parameters(request)
        fields: Any = {
            "body": request.get_data(),
            "headers": request.headers,
            "method": request.method,
            "url_params": url_parameters,
            "url_path": request.raw_path,
            "values": request.values,
        }
        try:
            parameters = PROTOCOL_PARSERS[protocol](model).parse(fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"The request body does not fit {service}:{model.name}."
            raise ServiceError("SerializationException", message) from error
        return Operation(service, model.name, parameters or {})
    message = f"{signing_name} has no such operation in the local AWS."
    raise ServiceError("UnknownOperationException", message, status=404)


def _refuse_repeated_parameters(request: Request) -> None:
    """Refuse a repeated parameter: the URL and the body must not hold two different calls."""
    pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
    if len({name for name, _ in pairs}) != len(pairs):
        raise ServiceError("MalformedQueryString", "A parameter occurs more than once.")


def write_result(call: Call, result: Mapping[str, Any]) -> Response:
    """The response with an operation's result, in the form that the service model defines."""
    model = get_service_model(call.service)
    # A service may speak several protocols: it answers in the caller's.
    protocol = determine_request_protocol(model, call.headers.get("content-type"))
    serializer = get_serializer_class(call.service, protocol)
    written = serializer(
        model.operation_model(call.operation), SerializationContext(str(uuid.uuid4()))
    ).serialize(result)
    body = written["body"]
    return Response(
        status=written["status_code"],
        body=body.encode() if isinstance(body, str) else body,
        headers={
            "x-amzn-RequestId": str(uuid.uuid4()),
            **{str(name): str(value) for name, value in written["headers"].items()},
        },
    )


def write_error(error: ServiceError, request: Request, service: str) -> Response:
    """The error response in the form that a caller of the service reads.

    ``service`` is the signing name as long as the operation is not known. The forms:
    https://smithy.io/2.0/aws/protocols/index.html, and for S3
    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#RESTErrorResponses.
    """
    protocol = _error_protocol(request, service)
    request_id = str(uuid.uuid4())
    if service == "s3":
        host_id = base64.b64encode(uuid.uuid4().bytes * 3).decode()
        headers = {"x-amz-request-id": request_id, "x-amz-id-2": host_id}
        headers["Content-Type"] = "application/xml"
        body = _s3_error(error, request.path, request_id, host_id).encode()
        return Response(error.status, body, headers)
    headers = {"x-amzn-RequestId": request_id}
    if protocol == "smithy-rpc-v2-cbor":
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        body = _cbor_error(error)
    elif protocol == "json":
        headers["Content-Type"] = f"application/x-amz-json-{_json_version(request, service)}"
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
    elif protocol == "rest-json":
        headers |= {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
        body = json.dumps(_rest_json_error(error, service)).encode()
    else:
        headers["Content-Type"] = "text/xml"
        body = _xml_error(error, protocol, request_id).encode()
    return Response(error.status, body, headers)


def _rest_json_error(error: ServiceError, service: str) -> dict[str, str]:
    """The members of the error's structure, such as Lambda's Type, which is User or Service."""
    body = {"message": error.message}
    with suppress(NoShapeFoundError, UnknownServiceError):
        shape = get_service_model(_first_service(service)).shape_for(error.code)
        if "Type" in getattr(shape, "members", {}):
            body["Type"] = "User" if error.status < 500 else "Service"
    return body


def _cbor_error(error: ServiceError) -> bytes:
    """A map of two texts in CBOR, RFC 8949 section 3.1: __type and message."""
    return b"\xa2" + b"".join(
        _cbor_text(text) for text in ("__type", error.code, "message", error.message)
    )


def _cbor_text(text: str) -> bytes:
    encoded = text.encode()
    return b"\x7a" + len(encoded).to_bytes(4, "big") + encoded  # a text whose length has 4 bytes


def _json_version(request: Request, service: str) -> str:
    """The version of the service's AWS JSON protocol, 1.0 or 1.1; the caller's if it is not known."""
    try:
        version = get_service_model(_first_service(service)).metadata.get("jsonVersion")
    except UnknownServiceError:
        version = None
    return str(version or (request.content_type or "").rpartition("-")[2] or "1.1")


def _first_service(service: str) -> str:
    return _BY_SIGNING_NAME.get(service, (service,))[0]


def _error_protocol(request: Request, service: str) -> str:
    try:
        model = get_service_model(_first_service(service))
        return determine_request_protocol(model, request.content_type)
    # moto raises NotImplementedError for a protocol that the service does not use; the error still needs a form.
    except (NotImplementedError, UnknownServiceError):
        return "json" if "x-amz-target" in request.headers else "rest-json"


def _xml_error(error: ServiceError, protocol: str, request_id: str) -> str:
    details = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if protocol == "ec2":
        errors = f"<Errors><Error>{details}</Error></Errors>"
        text = f"<Response>{errors}<RequestID>{request_id}</RequestID></Response>"
    else:
        fault = "Sender" if error.status < 500 else "Receiver"
        element = f"<Error><Type>{fault}</Type>{details}</Error>"
        text = f"<ErrorResponse>{element}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'


def _s3_error(error: ServiceError, path: str, request_id: str, host_id: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message><Resource>{escape(path)}</Resource>"
        f"<RequestId>{request_id}</RequestId><HostId>{host_id}</HostId></Error>"
    )
