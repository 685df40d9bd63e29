"""Runs the aws provider for many Terraform commands, and shortens its schema to the types that this project names.

Terraform starts the provider anew for every command and reads the schemas of its 2,100 types, which takes nine
tenths of the processor time of a command in the tests. This program starts the provider once and prints the
value of TF_REATTACH_PROVIDERS with which terraform reaches it:
https://developer.hashicorp.com/terraform/plugin/debugging#terraform-cli-environment-variables

It passes every call on, byte for byte, except that the answer to GetSchema holds the types only that stand in
quotation marks in a file of this project. Terraform says of any other that the provider does not support it.
A process of the provider has one configuration. The operations root has a second one, for another Region, which names
the Region of STS; a connection that configures that gets a second process.

The calls are described in
https://github.com/hashicorp/terraform/blob/v1.11.4/docs/plugin-protocol/tfplugin5.9.proto

Arguments: the provider's binary, and the id of the process with which this program and the provider end.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".work" / "terraform"
SUFFIXES = (".md", ".py", ".tf")
NAMED_TYPE = re.compile(rb'"(aws_\w+)"')
SCHEMA = "/tfplugin5.Provider/GetSchema"
CONFIGURE = "/tfplugin5.Provider/Configure"
# In MessagePack: the key, and a value that is not nil.
NAMES_STS_REGION = re.compile(rb"\xaasts_region[^\xc0]")
# Fields of GetProviderSchema.Response, which are maps by type: resources, data sources, ephemeral resources.
BY_TYPE = {2, 3, 8}
# A whole schema is larger than gRPC's limit of 4 MB.
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def main() -> None:
    """Start the provider, print how to attach it, and serve until it or the process of the tests ends."""
    binary, testing_process = sys.argv[1], int(sys.argv[2])
    providers: list[subprocess.Popen[str]] = []

    def start() -> tuple[dict[str, Any], grpc.Channel]:
        provider = subprocess.Popen(
            [binary, "-debug"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        providers.append(provider)
        attached = _address(provider)
        [description] = attached.values()
        channel = grpc.insecure_channel(
            f"unix:{description['Addr']['String']}",
            # Go refuses the name that gRPC makes of the socket's path.
            options=[*OPTIONS, ("grpc.default_authority", "localhost")],
        )
        return attached, channel

    def end(*_: object) -> None:
        for provider in providers:
            provider.kill()
        os._exit(0)  # without waiting for the threads of open streams

    signal.signal(signal.SIGTERM, end)
    attached, channel = start()
    # Terraform keeps two streams open for each command and configuration.
    handler = PassedOn(channel, lambda: start()[1], schema_file(binary))
    server = grpc.server(ThreadPoolExecutor(64), handlers=[handler], options=OPTIONS)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    [description] = attached.values()
    description["Addr"] = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    print(json.dumps(attached), flush=True)
    while _all_run(providers) and _is_running(testing_process):
        time.sleep(1)
    end()


def _all_run(providers: list[subprocess.Popen[str]]) -> bool:
    return all(provider.poll() is None for provider in list(providers))


def _address(provider: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what the provider prints for TF_REATTACH_PROVIDERS."""
    for line in provider.stdout or ():
        if match := re.search(r"TF_REATTACH_PROVIDERS='(.+)'", line):
            attached: dict[str, Any] = json.loads(match[1])
            return attached
    sys.exit("The aws provider ended before it said how to attach it.")


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class PassedOn:
    """Passes every call on to the provider, and keeps the shortened schema; a grpc.GenericRpcHandler.

    ``start`` starts the second process and returns its channel.
    """

    def __init__(
        self, channel: grpc.Channel, start: Callable[[], grpc.Channel], file: Path
    ) -> None:
        self._channel = channel
        self._start = start
        self._file = file
        self._second: grpc.Channel | None = None
        self._starting = threading.Lock()
        self._peers: set[str] = set()  # connections with the second configuration

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Return what answers a call: the provider's own are of one message, go-plugin's are streams."""
        method = handler_call_details.method
        if method == SCHEMA:
            return grpc.unary_unary_rpc_method_handler(self._shortened)
        if method.startswith("/tfplugin5.Provider/"):
            return grpc.unary_unary_rpc_method_handler(self._unary(method))
        return grpc.stream_stream_rpc_method_handler(_stream(self._channel.stream_stream(method)))

    def _unary(self, method: str) -> Any:  # noqa: ANN401 - gRPC has no types
        def passed_on(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                channel = self._channel_for(method, request, context.peer())
                answer: bytes = channel.unary_unary(method)(request)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            return answer

        return passed_on

    def _channel_for(self, method: str, request: bytes, peer: str) -> grpc.Channel:
        """Return the process that a connection has configured; the ports of old connections are used again."""
        if method == CONFIGURE:
            if not NAMES_STS_REGION.search(request):
                self._peers.discard(peer)
                return self._channel
            self._peers.add(peer)
        if peer not in self._peers:
            return self._channel
        with self._starting:
            self._second = self._second or self._start()
        return self._second

    def _shortened(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        if not self._file.is_file():
            schema = shortened(self._channel.unary_unary(SCHEMA)(request), named_types())
            with tempfile.NamedTemporaryFile(dir=self._file.parent, delete=False) as partial:
                partial.write(schema)
            Path(partial.name).replace(self._file)
        return self._file.read_bytes()


def _stream(call: Any) -> Any:  # noqa: ANN401 - gRPC has no types
    def passed_on(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        answers = call(requests)
        context.add_callback(answers.cancel)
        try:
            yield from answers
        except grpc.RpcError as error:
            if context.is_active():
                context.abort(error.code(), error.details())

    return passed_on


def schema_file(binary: str) -> Path:
    """Return where the shortened schema is kept, because the provider needs 0.5 GB of memory and 1 s to make it."""
    inputs = repr((binary, sorted(named_types()))).encode()
    return FOLDER / f"schema-{hashlib.sha256(inputs).hexdigest()[:16]}"


def named_types() -> frozenset[bytes]:
    """Return every type of the aws provider that stands in quotation marks in a file of the project."""
    folders = ("docs", "environments", "modules", "tests", "tools")
    files = [ROOT / "README.md"]
    for folder in folders:
        files += (file for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES)
    return frozenset(name for file in files for name in NAMED_TYPE.findall(file.read_bytes()))


def shortened(schema: bytes, types: frozenset[bytes]) -> bytes:
    """Return a GetProviderSchema.Response without the schemas of other types.

    The encoding is that of https://protobuf.dev/programming-guides/encoding/; the key of an entry of a map is
    its field 1.
    """
    return b"".join(
        field
        for number, value, field in _fields(schema)
        if number not in BY_TYPE or _key(value) in types
    )


def _key(entry: bytes) -> bytes:
    return next(value for number, value, _ in _fields(entry) if number == 1)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each field's number, its value and the whole field; all are length-delimited."""
    place = 0
    while place < len(message):
        start = place
        tag, place = _number(message, place)
        if tag & 7 != 2:
            raise ValueError(f"Field {tag >> 3} of the schema has the unknown wire type {tag & 7}.")
        length, place = _number(message, place)
        value, place = message[place : place + length], place + length
        yield tag >> 3, value, message[start:place]


def _number(message: bytes, place: int) -> tuple[int, int]:
    """Return a variable-width integer, and the place after it."""
    number = shift = 0
    while True:
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place


if __name__ == "__main__":
    main()
