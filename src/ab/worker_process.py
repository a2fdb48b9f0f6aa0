"""The worker's end of `codeagent.ab.worker`: one JSON object a line in, one out.

Requests: ``open`` (scenario, arguments, loop_factory), ``settle``, ``run``
(repeats), ``inspect``.  An answer with ``error`` says what went wrong; the worker
goes on.  The end of the input ends it.
"""

from __future__ import annotations

import json
import os
import threading
from importlib import import_module
from typing import Any, BinaryIO

from ..core.errors import first
from .measure import descriptors, memory
from .sides import InProcess


def main() -> None:
    """Serve until the input ends."""
    # What the scenario prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    serve(requests, answers)


def serve(requests: BinaryIO, answers: Any) -> None:
    """Answer every request; what was opened is closed at the end."""
    side: InProcess | None = None
    try:
        for line in requests:
            request = json.loads(line)
            try:
                if request["do"] == "open":
                    side = _opened(request)
                    answer: dict[str, Any] = {}
                else:
                    answer = _answer(side, request)
            except Exception as error:
                cause = first(error)
                answer = {"error": f"{type(cause).__name__}: {cause}"}
            answers.write(json.dumps(answer).encode() + b"\n")
    finally:
        if side is not None:
            side.close()


def _opened(request: dict[str, Any]) -> InProcess:
    factory = request.get("loop_factory")
    side = InProcess(
        request["scenario"],
        load(request["scenario"]),
        arguments=request["arguments"],
        loop_factory=load(factory) if factory else None,
    )
    side.open()
    return side


def _answer(side: InProcess | None, request: dict[str, Any]) -> dict[str, Any]:
    if side is None:
        raise LookupError("no scenario is open")
    match request["do"]:
        case "settle":
            side.settle()
            return {}
        case "run":
            sample = side.run(request["repeats"])
            return {"wall": sample.wall, "cpu": sample.cpu}
        case "inspect":
            now, peak = memory() or (None, None)
            held = descriptors()
            return {
                "rss": now,
                "peak_rss": peak,
                "descriptors": held.total,
                "sockets": held.sockets,
                "connections": held.connections,
                "threads": threading.active_count(),
            }
        case other:
            raise LookupError(f"unknown request {other!r}")


def load(name: str) -> Any:
    """The object that ``"package.module:name"`` stands for.

    Raises:
        ValueError: for anything written otherwise.
        ImportError, AttributeError: if there is no such thing.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"{name!r} is not written as 'package.module:name'")
    found: Any = import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


if __name__ == "__main__":
    main()
