"""What two paths answered where they differed, kept for a person to look at."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Redact = Callable[[str], str]


class Evidence:
    """A directory of differences, one JSON file each, readable by their owner only.

    No file is much over ``largest`` bytes and no more than ``most`` are kept: the
    first ones, which say why, not the last.  ``redact`` sees every text before it
    is cut and written.  A difference that is already there is not kept twice.
    """

    def __init__(
        self,
        directory: Path,
        *,
        redact: Redact = lambda text: text,
        largest: int = 64 * 1024,
        most: int = 200,
    ) -> None:
        self._directory = directory
        self._redact = redact
        self._largest = largest
        self._most = most
        self._state = threading.Lock()

    def keep(self, capability: str, fields: Mapping[str, Any], results: Mapping[str, Any]) -> str:
        """Write the results by path; returns the file's name, or "" if there is no room.

        Raises OSError.
        """
        texts = {path: self._redact(_text(result)) for path, result in results.items()}
        joined = "\0".join(f"{path}\0{texts[path]}" for path in sorted(texts))
        digest = hashlib.sha256(joined.encode("utf-8", "backslashreplace")).hexdigest()
        name = f"{capability}-{digest[:16]}.json"
        room = self._largest // (len(texts) or 1)
        document = {
            **fields,
            "capability": capability,
            "results": {path: _cut(text, room) for path, text in texts.items()},
        }
        data = (json.dumps(document, indent=2, default=str) + "\n").encode()
        with self._state:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            target = self._directory / name
            if target.exists():
                return name
            if sum(1 for _ in self._directory.glob("*.json")) >= self._most:
                return ""
            partial = target.with_suffix(".partial")
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
                file.write(data)
            partial.replace(target)
        return name


def _text(result: Any) -> str:
    if isinstance(result, bytes | bytearray):
        return bytes(result).decode("utf-8", "backslashreplace")
    return result if isinstance(result, str) else repr(result)


def _cut(text: str, room: int) -> dict[str, Any]:
    encoded = text.encode("utf-8", "backslashreplace")
    shown = encoded[:room].decode("utf-8", "ignore")
    return {
        "text": shown,
        "bytes": len(encoded),
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "cut": len(encoded) > room,
    }
