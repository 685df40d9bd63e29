"""AWS's wire protocols: reading an operation from a request, and writing a result or an error.

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
    "tagging": ("resourcegroupstaggingapi",),
}


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


def write_error(error: ServiceError, request: Request, service: str) -> Response:
    """The error response in the form that a caller of the service reads.

    ``service`` is the signing name as long as the operation is not known.
    """
    protocol = _error_protocol(request, service)
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    if protocol in ("json", "rest-json"):
        version = "x-amz-json-1.1" if protocol == "json" else "json"
        headers |= {"Content-Type": f"application/{version}", "x-amzn-ErrorType": error.code}
        body = json.dumps({"__type": error.code, "message": error.message})
    else:
        headers |= {"Content-Type": "text/xml", "x-amz-request-id": request_id}
        body = _xml_error(error, "s3" if service == "s3" else protocol, request_id)
    return Response(error.status, body.encode(), headers)


def _error_protocol(request: Request, service: str) -> str:
    try:
        model = get_service_model(_BY_SIGNING_NAME.get(service, (service,))[0])
        return determine_request_protocol(model, request.content_type)
    except (NotImplementedError, UnknownServiceError):
        return "json" if "x-amz-target" in request.headers else "rest-json"


def _xml_error(error: ServiceError, protocol: str, request_id: str) -> str:
    details = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if protocol == "s3":
        text = f"<Error>{details}<RequestId>{request_id}</RequestId></Error>"
    elif protocol == "ec2":
        errors = f"<Errors><Error>{details}</Error></Errors>"
        text = f"<Response>{errors}<RequestID>{request_id}</RequestID></Response>"
    else:
        fault = "Sender" if error.status < 500 else "Receiver"
        element = f"<Error><Type>{fault}</Type>{details}</Error>"
        text = f"<ErrorResponse>{element}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
