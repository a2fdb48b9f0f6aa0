"""Sockets for httpcore whose waits end with the caller's scope.

httpcore's own sockets block a thread until their time-outs; on these a
cancelled caller leaves at once, and its connection is closed behind it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

import httpcore

from .sync_names import Names
from .sync_scope import current_scope
from .sync_tasks import timeout as deadline

T = TypeVar("T")


class ScopedStream(httpcore.NetworkStream):
    """A connected socket that never blocks by itself."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Up to ``max_bytes``; b"" at the end."""
        with _within(timeout, httpcore.ReadTimeout), _mapped(httpcore.ReadError):
            return self._ready(lambda: self._socket.recv(max_bytes))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of ``buffer``."""
        view = memoryview(buffer)
        with _within(timeout, httpcore.WriteTimeout), _mapped(httpcore.WriteError):
            while view:
                sent = self._ready(partial(self._socket.send, view), writes=True)
                view = view[sent:]

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted."""
        with _within(timeout, httpcore.ConnectTimeout), _mapped(httpcore.ConnectError):
            try:
                self._socket = wrapped = ssl_context.wrap_socket(
                    self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
                )
                self._ready(wrapped.do_handshake)
            except BaseException:
                self.close()
                raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks of a connection."""
        match info:
            case "ssl_object":
                return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
            case "client_addr":
                return self._socket.getsockname()
            case "server_addr":
                return self._socket.getpeername()
            case "socket":
                return self._socket
            case "is_readable":
                return _is_readable(self._socket)
        return None

    def _ready(self, operation: Callable[[], T], *, writes: bool = False) -> T:
        while True:
            try:
                return operation()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as wants:
                # TLS may have to read before it can write, and the other way round.
                outwards = isinstance(wants, ssl.SSLWantWriteError)
                if outwards or (writes and isinstance(wants, BlockingIOError)):
                    current_scope().wait_writable(self._socket.fileno())
                else:
                    current_scope().wait_readable(self._socket.fileno())


class ScopedBackend(httpcore.NetworkBackend):
    """Makes `ScopedStream`s; ``connected`` counts them."""

    def __init__(self) -> None:
        self.connected = 0
        self._names = Names()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` that answers."""
        with _within(timeout, httpcore.ConnectTimeout), _mapped(httpcore.ConnectError):
            error: OSError = OSError(errno.EHOSTUNREACH, f"{host} has no address")
            for family, kind, protocol, _, address in self._names.addresses(host, port):
                sock = socket.socket(family, kind, protocol)
                try:
                    sock.setblocking(False)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    _connect(sock, address)
                except OSError as problem:
                    sock.close()
                    error = problem
                except BaseException:
                    sock.close()
                    raise
                else:
                    self.connected += 1
                    return ScopedStream(sock)
            raise error

    def sleep(self, seconds: float) -> None:
        """Wait between two attempts to connect."""
        current_scope().sleep(seconds)


def _connect(sock: socket.socket, address: Any) -> None:
    code = sock.connect_ex(address)
    if code == errno.EINPROGRESS:
        current_scope().wait_writable(sock.fileno())
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _is_readable(sock: socket.socket) -> bool:
    """Whether an idle connection has something to say, which means it is closed."""
    if sock.fileno() < 0:
        return True
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    return bool(poller.poll(0))


@contextlib.contextmanager
def _within(seconds: float | None, error: type[Exception]) -> Iterator[None]:
    try:
        with deadline(seconds):
            yield
    except TimeoutError as timed_out:
        raise error(str(timed_out) or "timed out") from None


@contextlib.contextmanager
def _mapped(error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as problem:
        raise error(str(problem)) from problem
