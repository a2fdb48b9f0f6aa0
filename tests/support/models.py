"""A model server on the loopback that behaves, or misbehaves, as a test says."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import trustme

Behaviour = Callable[["_Handler"], None]


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    client: tuple[str, int]

    @property
    def prompt(self) -> str:
        content: str = self.body["messages"][0]["content"]
        return content

    @property
    def model(self) -> str:
        name: str = self.body["model"]
        return name


class ModelServer:
    """Answers what ``scripted`` holds next, else what ``answer`` makes of the request."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, port: int = 0) -> None:
        self._tls = tls
        self._port = port
        self.requests: list[Seen] = []
        self.scripted: deque[Behaviour] = deque()
        self.answer: Callable[[Seen], Behaviour] = lambda seen: say("fine")
        self.released = threading.Event()
        self.begun = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self._port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def __enter__(self) -> ModelServer:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.released.set()
        self.kill()

    def start(self) -> None:
        """Listen, on the same port as before if it was killed."""
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.models = self
        self._server.tls = self._tls
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def kill(self) -> None:
        """Stop listening and drop every connection."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def next_behaviour(self, seen: Seen) -> Behaviour:
        with self._lock:
            self.requests.append(seen)
            behaviour = self.scripted.popleft() if self.scripted else self.answer(seen)
        self.begun.set()
        return behaviour

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    models: ModelServer
    tls: ssl.SSLContext | None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none of the test's business."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is not None:
            request = self.tls.wrap_socket(request, server_side=True)
        self.models.opened(request)
        try:
            super().finish_request(request, client_address)
        finally:
            with contextlib.suppress(OSError):
                request.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    server: _Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(content)
        seen = Seen(self.path, headers, body, self.client_address)
        self.server.models.next_behaviour(seen)(self)

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.path, headers, {}, self.client_address)
        self.server.models.next_behaviour(seen)(self)

    def reply(
        self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def completion(text: str, tokens: tuple[int, int] = (10, 5)) -> bytes:
    """An answer as OpenAI's servers give it."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": usage, "model": "m"}).encode()


def say(text: str, **headers: str) -> Behaviour:
    """Answer with ``text``."""
    return lambda handler: handler.reply(completion(text), 200, **headers)


def refuse(status: int, message: str = "no", **headers: str) -> Behaviour:
    """Answer with an error."""
    body = json.dumps({"error": {"message": message}}).encode()
    return lambda handler: handler.reply(body, status, **headers)


def raw(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    """Answer with just these bytes."""
    return lambda handler: handler.reply(body, status, **headers)


def redirect(url: str, status: int = 307) -> Behaviour:
    """Answer that the request is to be sent elsewhere."""
    return lambda handler: handler.reply(b"", status, location=url)


def hang(handler: _Handler) -> None:
    """Answer only when the test releases everybody."""
    handler.server.models.released.wait(30)
    handler.close_connection = True


def late(behaviour: Behaviour) -> Behaviour:
    """Behave so once the test releases everybody."""

    def behave(handler: _Handler) -> None:
        handler.server.models.released.wait(30)
        behaviour(handler)

    return behave


def reset(handler: _Handler) -> None:
    """Drop the connection without an answer."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True
    handler.connection.close()


def stream(pieces: Sequence[str], *, end: bool = True) -> Behaviour:
    """Answer with server-sent events; without ``end`` the connection breaks off."""

    def behave(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream; charset=utf-8")
        handler.send_header("connection", "close")
        handler.end_headers()
        for piece in pieces:
            event = {"choices": [{"delta": {"content": piece}}], "model": "m"}
            handler.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
            handler.wfile.flush()
        if end:
            usage = {"prompt_tokens": 3, "completion_tokens": 4}
            last = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}
            handler.wfile.write(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
        handler.close_connection = True

    return behave


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own."""

    ca_file: str
    server: ssl.SSLContext


def authority(directory: Path, *names: str) -> Authority:
    """An authority, and a server's context with a certificate of it for ``names``."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
    file = directory / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return Authority(str(file), context)


def setup(*servers: tuple[str, str, Sequence[str]], **llm: Any) -> str:
    """The text of an ``llm_settings.yaml``: (provider, URL, models), all of them primary."""
    names = [name for _, _, models in servers for name in models]
    llm.setdefault("model_roles", {"primary": names[:1], "fallback": names[1:]})
    providers = {
        provider: {
            "base_url": url,
            "models": {"all": [_model(name) for name in models]},
        }
        for provider, url, models in servers
    }
    return json.dumps({"llm": llm, "providers": providers})  # which is YAML, too


def _model(name: str) -> dict[str, Any]:
    return {"name": name, "max_tokens": 100, "context_window": 1000}


_KINDS = {
    "Judge how useful": "usefulness",
    "Check this judgement": "self_check",
    "Does the plan below": "plan_match",
    "Decide what follows": "report_verdict",
    "done in part. Go on": "continuation",
    "is marked as done, with": "redo",
    "sequence of steps has": "changed_instructions",
    "ask for the same work": "similar",
    "failed at a step": "failure_comment",
}


class Adviser:
    """Answers Code Agent's questions, which it tells apart by their words.

    ``answers`` maps the kind of a question to what is said: text, something to be
    said as JSON, or a function of the prompt that returns one of the two.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def __call__(self, seen: Seen) -> Behaviour:
        kind = next(kind for words, kind in _KINDS.items() if words in seen.prompt)
        self.asked.append((kind, seen.prompt))
        answer = self.answers.get(kind, "?")
        answer = answer(seen.prompt) if callable(answer) else answer
        return say(answer if isinstance(answer, str) else json.dumps(answer))

    def kinds(self) -> list[str]:
        """The kinds of all questions, in order."""
        return [kind for kind, _ in self.asked]
