"""One question to AWS: its answer, something that does not exist, or no answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import botocore
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from urllib3.exceptions import NameResolutionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import boto3

# Characters of an error message; a server that is no AWS may send a whole page.
_LONGEST_MESSAGE = 200


class NotReadError(Exception):
    """AWS did not answer a question; the message says which question and why."""


class NoEndpointError(NotReadError):
    """The name of a service's endpoint in a Region does not exist."""


@dataclass(frozen=True)
class AwsReader:
    """Asks questions in one account. ``connect`` makes a client of a session, a service and a Region."""

    session: boto3.Session
    region: str
    connect: Callable[[boto3.Session, str, str], Any]
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    # Threads may share clients and no session:
    # https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(
        self,
        service: str,
        operation: str,
        *,
        missing: Collection[str] = (),
        region: str | None = None,
        most: int | None = None,
        **parameters: Any,  # noqa: ANN401 - botocore checks an operation's parameters
    ) -> dict[str, Any] | None:
        """Return AWS's whole answer, or None if the error code is one of ``missing``.

        ``most`` limits the items of an answer in pages. Raises NotReadError if AWS denies the call, does not support
        it or cannot be reached, and if this botocore does not know the operation.
        """
        place = region or self.region
        question = f"{service}:{operation} in {place}"
        try:
            if not self.offers(service, operation):
                raise NotReadError(f"botocore {botocore.__version__} does not know {question}")
            return self._answer(self.client(service, place), operation, most, parameters)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in missing:
                return None
            message = error.response["Error"].get("Message", "").strip().split("\n")[0]
            raise NotReadError(
                f"{question} failed with {code}: {message[:_LONGEST_MESSAGE]}"
            ) from error
        except EndpointConnectionError as error:
            kind = (
                NoEndpointError
                if isinstance(error.kwargs.get("error"), NameResolutionError)
                else None
            )
            raise (kind or NotReadError)(f"{question} had no answer: {error}") from error
        except BotoCoreError as error:
            raise NotReadError(f"{question} had no answer: {error}") from error

    def offers(self, service: str, operation: str) -> bool:
        """Return whether this release of botocore knows an operation."""
        return operation in self.client(service, self.region).meta.service_model.operation_names

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401 - boto3's clients have no common type
        """Return the client of a service in a Region, which is made once."""
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self.connect(self.session, service, region)
            return self._clients[service, region]

    def _answer(
        self,
        client: Any,  # noqa: ANN401 - boto3's clients have no common type
        operation: str,
        most: int | None,
        parameters: dict[str, Any],
    ) -> dict[str, Any]:
        method = xform_name(operation)
        if client.can_paginate(method):
            limit = {} if most is None else {"PaginationConfig": {"MaxItems": most}}
            pages = client.get_paginator(method).paginate(**parameters, **limit)
            answer: dict[str, Any] = pages.build_full_result()
        else:
            answer = getattr(client, method)(**parameters)
        answer.pop("ResponseMetadata", None)
        return answer
