"""Between HTTP and calls: which operation a request asks for, and how an error is written back.

Operations, parameters and protocols come from botocore's service models, through moto's routers
and parsers. Protocols: https://smithy.io/2.0/aws/protocols/index.html.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from tools.localaws.call import Response, ServiceError
from tools.localaws.moto_app import environ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.localaws.call import Call
    from tools.localaws.http_server import HttpRequest

# Services that sign with another name than their own, or share one: the first whose model has the
# requested operation is meant.
_BY_SIGNING_NAME = {
    "bedrock": ("bedrock-runtime", "bedrock", "bedrock-agent", "bedrock-agent-runtime"),
    "monitoring": ("cloudwatch",),
    "s3": ("s3", "s3control"),
    "tagging": ("resourcegroupstaggingapi",),
}


@dataclass(frozen=True)
class Operation:
    """What a request asks for; ``parameters`` are named as botocore names them."""

    service: str
    name: str
    protocol: str
    parameters: Mapping[str, Any] = field(repr=False)


def read_operation(request: HttpRequest, signing_name: str) -> Operation:
    """Find the operation and its parameters.

    Raises ServiceError (404 UnknownOperationException) when no known service has it, and
    (400 SerializationException) when the body is not what the operation takes.
    """
    parsed = Request(environ(request, account=""))
    for service in _BY_SIGNING_NAME.get(signing_name, (signing_name,)):
        try:
            model, url_parameters = get_service_router(service).match(parsed)
        # NotImplementedError is moto's for a protocol that the service does not speak, so the
        # request is not this service's.
        except (NotFound, NotImplementedError, UnknownServiceError):
            continue
        protocol = determine_request_protocol(get_service_model(service), parsed.content_type)
        if protocol in ("query", "ec2"):
            _refuse_repeats(parsed)
        fields: Any = {
            "body": request.body,
            "headers": parsed.headers,
            "method": request.method,
            "url_params": url_parameters,
            "url_path": request.path,
            "values": parsed.values,
        }
        try:
            parameters = PROTOCOL_PARSERS[protocol](model).parse(fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"The request body is not what {service}:{model.name} takes."
            raise ServiceError("SerializationException", message) from error
        return Operation(service, model.name, protocol, parameters or {})
    message = f"The local AWS knows no such operation of {signing_name}."
    raise ServiceError("UnknownOperationException", message, status=404)


def _refuse_repeats(parsed: Request) -> None:
    """Who reads the address and who reads the body must see the same call."""
    given = [*parsed.args.items(multi=True), *parsed.form.items(multi=True)]
    if len({name for name, _ in given}) != len(given):
        raise ServiceError("MalformedQueryString", "A parameter is given more than once.")


def protocol_of(request: HttpRequest, signing_name: str) -> str:
    """The protocol to write an error in when the operation is not known."""
    if any(name.lower() == "x-amz-target" for name in request.headers):
        return "json"
    service = _BY_SIGNING_NAME.get(signing_name, (signing_name,))[0]
    try:
        return str(get_service_model(service).protocol)
    except UnknownServiceError:
        return "rest-json"


def write_result(call: Call, result: Mapping[str, Any]) -> Response:
    """An operation's result, as the service model says it is written."""
    model = get_service_model(call.service)
    serializer = get_serializer_class(call.service, str(model.protocol))
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


def write_error(error: ServiceError, protocol: str, *, s3: bool = False) -> Response:
    """The error as the service would write it."""
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if protocol in ("json", "rest-json"):
        version = "x-amz-json-1.1" if protocol == "json" else "json"
        body = {"__type": error.code, "message": error.message}
        return Response(
            status=error.status,
            body=json.dumps(body).encode(),
            headers={
                **headers,
                "Content-Type": f"application/{version}",
                "x-amzn-ErrorType": error.code,
            },
        )
    return Response(
        status=error.status,
        body=_xml_error(error, protocol, request_id, s3=s3).encode(),
        headers={**headers, "x-amz-request-id": request_id, "Content-Type": "text/xml"},
    )


def _xml_error(error: ServiceError, protocol: str, request_id: str, *, s3: bool) -> str:
    code, message = escape(error.code), escape(error.message)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if s3:
        return (
            f"{head}<Error><Code>{code}</Code><Message>{message}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
    if protocol == "ec2":
        return (
            f"{head}<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>"
            f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    fault = "Sender" if error.status < 500 else "Receiver"
    return (
        f"{head}<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code>"
        f"<Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
