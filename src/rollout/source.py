"""A data source for the SDK that watches a flag file.

The SDK's own one reads JSON with a YAML parser, misses a file that was replaced,
and with its watcher loads a file over and over once it was written in place.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ldclient.config import Config
from ldclient.interfaces import (
    DataSourceErrorInfo,
    DataSourceErrorKind,
    DataSourceState,
    FeatureStore,
    UpdateProcessor,
)
from ldclient.versioned_data_kind import FEATURES, SEGMENTS, VersionedDataKind

from .files import Signature, read, signature
from .flagfile import Document, FlagFileError, parse

Check = Callable[[Document], Sequence[str]]
Data = dict[VersionedDataKind, dict[str, Document]]


class Versions:
    """Gives every item whose content has changed a higher version.

    Listeners are told of a change only then, whoever wrote the file and
    whether or not they thought of it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[bytes, int]] = {}

    def raised(self, data: Data) -> Data:
        """The same items with versions that never fall."""
        known = dict(self._known)
        result: Data = {}
        for kind, items in data.items():
            result[kind] = {}
            for key, item in items.items():
                digest, asked = _digest(item), _version(item)
                before = known.get((kind.namespace, key))
                if before is None:
                    version = asked
                elif before[0] == digest:
                    version = before[1]
                else:
                    version = max(before[1] + 1, asked)
                known[kind.namespace, key] = (digest, version)
                result[kind][key] = {**item, "key": key, "version": version}
        self._known = known
        return result


def _digest(item: Document) -> bytes:
    rest = {name: value for name, value in item.items() if name != "version"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).digest()


def _version(item: Document) -> int:
    version = item.get("version", 1)
    return version if isinstance(version, int) else 1


def decoded(document: Document, versions: Versions) -> Data:
    """The document as the SDK stores it, all of it or `FlagFileError`."""
    data: Data = {}
    kinds: tuple[tuple[VersionedDataKind, str], ...] = (FEATURES, "flags"), (SEGMENTS, "segments")
    for kind, name in kinds:
        items = document.get(name, {})
        if not isinstance(items, dict) or not all(isinstance(i, dict) for i in items.values()):
            raise FlagFileError(f'"{name}" in the flag file must be an object of objects')
        data[kind] = items
    data = versions.raised(data)
    for each, found in data.items():
        for key, item in found.items():
            try:
                each.decode(item)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise FlagFileError(f"{key} in the flag file cannot be used: {error}") from error
    return data


class FileSource(UpdateProcessor):
    """Keeps the client's flags as they are in a file.

    A file that is missing, torn or wrong leaves the last good flags in force and
    the state at INTERRUPTED; without any, every flag has its default.
    """

    def __init__(
        self, path: Path, interval: float, check: Check, sink: Any, ready: threading.Event
    ) -> None:
        self._path = path
        self._interval = interval
        self._check = check
        self._sink = sink
        self._ready = ready
        self._versions = Versions()
        self._seen: Signature | None = None
        self._content: bytes | None = None
        self._trouble: str | None = None
        self._initialized = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read the file, then go on in a thread."""
        self.look()
        self._ready.set()
        self._thread = threading.Thread(target=self._run, name="rollout.flags", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def is_alive(self) -> bool:
        """Whether the file is being watched."""
        return self._thread is not None and self._thread.is_alive()

    def initialized(self) -> bool:
        """Whether good flags have been read at least once."""
        return self._initialized

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self.look()

    def look(self) -> None:
        """Take over what is new in the file."""
        try:
            found = signature(self._path)
            if found is None:
                raise FileNotFoundError(f"{self._path} does not exist")
            if found == self._seen and found.settled():
                return
            self._seen, content = read(self._path)
            if content != self._content or self._trouble is not None:
                self._load(content)
        except Exception as error:  # whatever it is, the last good flags stay
            self._fail(error)
        else:
            self._trouble = None

    def _load(self, content: bytes) -> None:
        document = parse(content)
        found = list(self._check(document))
        if found:
            raise FlagFileError("; ".join(found))
        self._sink.init(decoded(document, self._versions))
        self._content = content
        self._initialized = True
        self._sink.update_status(DataSourceState.VALID, None)

    def _fail(self, error: Exception) -> None:
        trouble = str(error)
        if isinstance(error, OSError):
            self._seen = None
        if trouble == self._trouble:
            return
        self._trouble = trouble
        kind = (
            DataSourceErrorKind.INVALID_DATA
            if isinstance(error, FlagFileError)
            else DataSourceErrorKind.UNKNOWN
        )
        info = DataSourceErrorInfo(kind, 0, time.time(), trouble)
        self._sink.update_status(DataSourceState.INTERRUPTED, info)


def watched_file(
    path: Path, *, interval: float = 0.1, check: Check = lambda document: ()
) -> Callable[[Config, FeatureStore, threading.Event], FileSource]:
    """For ``Config(update_processor_class=...)``; ``check`` names what is wrong in a document."""

    def make(config: Config, store: FeatureStore, ready: threading.Event) -> FileSource:
        return FileSource(path, interval, check, config.data_source_update_sink, ready)

    return make
