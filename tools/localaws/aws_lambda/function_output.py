"""A function's output as log events: lines of stdout and stderr, and framed log messages.

The frame format is awslambdaric's (FramedTelemetryLogSink): 4 bytes type, 4 bytes length, 8 bytes time in
microseconds since 1970, then the message; big-endian. A frame is one event whatever it contains.
"""

from __future__ import annotations

import os
import selectors
import struct
import threading
import time

from tools.localaws.logs.log_delivery import MESSAGE_BYTES, LogEvent

_HEADER = struct.Struct("!IIQ")
_CHUNK = 64 * 1024


class FunctionOutput:
    """Reads both pipes of one environment continuously, so that the function never blocks.

    ``lines`` and ``telemetry`` are the write ends for the process; call ``start_reading`` once the
    process has them.
    """

    def __init__(self) -> None:
        self._lines_end, self.lines = os.pipe()
        self._frames_end, self.telemetry = os.pipe()
        for end in (self._lines_end, self._frames_end):
            os.set_blocking(end, False)
        self._line = b""
        self._frame = b""
        self._events: list[LogEvent] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read_all, name="function-output", daemon=True)

    def start_reading(self) -> None:
        """Close this process's copies of the write ends and start reading."""
        os.close(self.lines)
        os.close(self.telemetry)
        self._thread.start()

    def take(self) -> list[LogEvent]:
        """All events until now; an unfinished line counts as a line."""
        with self._lock:
            self._read(self._lines_end)
            self._read(self._frames_end)
            self._end_line()
            events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Wait for the end of both pipes, which follows the end of the process group."""
        self._thread.join(timeout=1)
        if not self._thread.is_alive():  # a process outside the group may hold a pipe open
            os.close(self._lines_end)
            os.close(self._frames_end)

    def _read_all(self) -> None:
        with selectors.DefaultSelector() as selector:
            for end in (self._lines_end, self._frames_end):
                selector.register(end, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    with self._lock:
                        if not self._read(key.fd):
                            selector.unregister(key.fd)

    def _read(self, end: int) -> bool:
        """Read all available data; False at the end of the pipe."""
        while True:
            try:
                chunk = os.read(end, _CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            if end == self._lines_end:
                self._add_lines(chunk)
            else:
                self._add_frames(chunk)

    def _add_lines(self, chunk: bytes) -> None:
        *lines, self._line = (self._line + chunk).split(b"\n")
        for line in lines:
            self._add(line, _now())
        if len(self._line) >= MESSAGE_BYTES:
            self._end_line()

    def _end_line(self) -> None:
        self._add(self._line, _now())
        self._line = b""

    def _add_frames(self, chunk: bytes) -> None:
        self._frame += chunk
        while len(self._frame) >= _HEADER.size:
            _, length, microseconds = _HEADER.unpack_from(self._frame)
            end = _HEADER.size + length
            if len(self._frame) < end:
                return
            self._add(self._frame[_HEADER.size : end].rstrip(b"\n"), microseconds // 1000)
            self._frame = self._frame[end:]

    def _add(self, message: bytes, timestamp: int) -> None:
        if message:
            self._events.append(LogEvent(timestamp, message.decode(errors="replace")))


def _now() -> int:
    return time.time_ns() // 1_000_000
