"""Accepts connections and gives each of them a thread."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from .messages import Request, Response

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"

LAST_WORDS = 1.0
"""Seconds that clients have at the end to take what is left for them."""

MOST_CONNECTIONS = 64
"""Connections beyond these are closed at once."""


def bind(port: int) -> socket.socket:
    """A socket that listens on the loopback interface, on any free port for 0.

    Raises `OSError` if the port is taken; nothing is done about that.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would share the port of another program
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening


class Listener:
    """Serves the clients of a listening socket until it is closed."""

    def __init__(self, listening: socket.socket, answer: Callable[[Request], Response]) -> None:
        self._listening = listening
        self._answer = answer
        self.port: int = listening.getsockname()[1]
        self._lock = threading.Lock()
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._ended = threading.Event()
        # Daemons, for an API that nobody closed must not keep the process alive.
        self._thread = threading.Thread(target=self._accept, name="api", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody, who may finish what is being said, and let go of the port."""
        with self._lock:
            self._ended.set()
            clients = dict(self._clients)
            _shut(clients, socket.SHUT_RD)
        with suppress(OSError):  # wakes whoever waits for the next client
            socket.create_connection((LOOPBACK, self.port), 1).close()
        self._thread.join()
        self._listening.close()
        deadline = time.monotonic() + LAST_WORDS
        for thread in clients.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            _shut(self._clients, socket.SHUT_RDWR)
        for thread in clients.values():
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                if self._ended.is_set():
                    return
                logger.exception("a connection could not be accepted")
                self._ended.wait(1)  # there may be too many open files
                continue
            with self._lock:
                if self._ended.is_set() or len(self._clients) >= MOST_CONNECTIONS:
                    client.close()
                    if self._ended.is_set():
                        return
                    continue
                thread = threading.Thread(
                    target=self._serve, args=(client,), name="api client", daemon=True
                )
                self._clients[client] = thread
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        from .connection import serve  # HTTP is loaded when somebody speaks it

        try:
            serve(client, self._answer)
        except OSError:  # gone, or too slow
            pass
        except Exception:
            logger.exception("a connection of the API ended with an error")
        finally:
            with self._lock:
                self._clients.pop(client, None)
            client.close()


def _shut(clients: Iterable[socket.socket], how: int) -> None:
    for client in clients:
        with suppress(OSError):
            client.shutdown(how)
