"""Threads that are kept for the next piece of work.

There is no limit: a call that crosses twice occupies two threads, so that a full
pool would wait for itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], object]
_SPARE = 8  # idle threads worth keeping


class Workers:
    """Runs functions, each in a thread that does nothing else meanwhile."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: list[SimpleQueue[Work | None]] = []
        self._threads: set[threading.Thread] = set()
        self._state = threading.Lock()
        self._closed = False

    def submit(self, work: Work) -> None:
        """Run ``work``, which must not raise; raises RuntimeError when closed."""
        with self._state:
            if self._closed:
                raise RuntimeError("the workers have been dismissed")
            inbox = self._idle.pop() if self._idle else None
            if inbox is None:
                inbox = SimpleQueue()
                thread = threading.Thread(
                    target=self._run, args=(inbox,), name=self._name, daemon=True
                )
                self._threads.add(thread)
                thread.start()
        inbox.put(work)

    def _run(self, inbox: SimpleQueue[Work | None]) -> None:
        while (work := inbox.get()) is not None:
            work()
            del work  # its result must not live until the next one comes
            with self._state:
                if self._closed or len(self._idle) >= _SPARE:
                    break
                self._idle.append(inbox)
        with self._state:
            self._threads.discard(threading.current_thread())

    def close(self) -> None:
        """Let every thread end, and wait for those that are at work."""
        with self._state:
            self._closed = True
            idle, self._idle = self._idle, []
            threads = self._threads - {threading.current_thread()}
        for inbox in idle:
            inbox.put(None)
        for thread in threads:
            thread.join()
