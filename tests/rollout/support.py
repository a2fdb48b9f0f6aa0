"""What the tests of the room share: a clock, flags in memory, and a loopback LaunchDarkly."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from codeagent.rollout.capability import Capability
from codeagent.rollout.client import Evaluation
from codeagent.rollout.flagfile import Document, Rung, default_document, set_rung
from codeagent.rollout.observation import Observation
from codeagent.rollout.stages import Operation, Stage
from codeagent.rollout.subject import Subject

PREFIX = "demo"
READ = Capability("files-read")
WRITE = Capability("git-write", Operation.WRITE, (Stage.OFF, Stage.COMPLETE))
SIX = Capability("files-write", Operation.WRITE, tuple(Stage))
CAPABILITIES = (READ, WRITE, SIX)
KEY = f"{PREFIX}.files-read"
LIVE = Rung(Stage.LIVE, 100)


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeFlags:
    """Flags that say what they are told to."""

    stages: dict[str, Stage] = field(default_factory=dict)
    reason: str = "FALLTHROUGH"
    generation: int = 0
    asked: int = 0

    def evaluate(self, key: str, subject: Subject) -> Evaluation:
        self.asked += 1
        stage = self.stages.get(key.partition(".")[2], Stage.OFF)
        return Evaluation(stage, self.reason, 1, 0)

    def change(self, reason: str, **stages: Stage) -> None:
        self.reason = reason
        self.stages = {name.replace("_", "-"): stage for name, stage in stages.items()}
        self.generation += 1


class Seen(list[Observation]):
    """Collects observations and waits for a number of them."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def __call__(self, observation: Observation) -> None:
        with self._changed:
            self.append(observation)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Observation]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self) >= count, 20)
            return list(self)


def document(**rungs: Rung) -> Document:
    """A flag file with some capabilities on some rungs."""
    found = default_document(CAPABILITIES, prefix=PREFIX, salt="salt")
    for name, rung in rungs.items():
        found = set_rung(found, f"{PREFIX}.{name.replace('_', '-')}", rung)
    return found


class LoopbackLaunchDarkly:
    """LaunchDarkly's streaming protocol: ``/all`` as server-sent events, ``/bulk`` for events."""

    def __init__(self, flags: Document, *, status: int = 200, hang: bool = False) -> None:
        self.flags = flags
        self.status = status
        self.hang = hang
        self.events: queue.Queue[Any] = queue.Queue()
        self.asked = threading.Event()
        self._streams: list[queue.Queue[bytes | None]] = []
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def setup(self) -> None:
                super().setup()
                outer._connections.add(self.connection)

            def finish(self) -> None:
                outer._connections.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def do_GET(self) -> None:
                outer.asked.set()
                if outer.hang:
                    outer._released.wait()
                    self.close_connection = True
                elif outer.status != 200:
                    self._empty(outer.status)
                else:
                    self._stream()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.hang:
                    outer._released.wait()
                    self.close_connection = True
                    return
                if self.path == "/bulk":
                    outer.events.put((self.headers["Authorization"], json.loads(body)))
                self._empty(202)

            def _empty(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _stream(self) -> None:
                waiting: queue.Queue[bytes | None] = queue.Queue()
                with outer._lock:
                    data = {"path": "/", "data": {"flags": outer.flags, "segments": {}}}
                    waiting.put(_event("put", data))
                    outer._streams.append(waiting)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                with contextlib.suppress(OSError):
                    while (data_ := waiting.get()) is not None:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(data_), data_))
                        self.wfile.flush()
                self.close_connection = True

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = True

            def handle_error(self, request: Any, address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def patch(self, key: str, flag: Document) -> None:
        """Push one changed flag to every stream."""
        with self._lock:
            self.flags = {**self.flags, key: flag}
            for stream in self._streams:
                stream.put(_event("patch", {"path": f"/flags/{key}", "data": flag}))

    def close(self) -> None:
        """Break every connection and stop."""
        self._released.set()
        self._server.shutdown()
        with self._lock:
            for stream in self._streams:
                stream.put(None)
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


@contextlib.contextmanager
def launchdarkly(flags: Document, **how: Any) -> Iterator[LoopbackLaunchDarkly]:
    """A server for the block."""
    server = LoopbackLaunchDarkly(flags, **how)
    try:
        yield server
    finally:
        server.close()


def until(condition: Callable[[], object], changed: threading.Event) -> None:
    """Wait for a condition that is set right whenever ``changed`` is."""
    while not condition():
        assert changed.wait(20)
        changed.clear()
