"""A thread that does nothing, as every server has some."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def company() -> Iterator[None]:
    """Make this a process with several threads.

    On Linux each call on a file takes a twentieth longer there, since the kernel
    counts who uses the descriptor (fdget).  Servers of both paths have threads, for
    the store at least, and to be alone would be an advantage that none of them has.
    """
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
