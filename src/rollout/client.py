"""Where flags come from: one synchronous LaunchDarkly client for both paths.

Evaluating a flag is arithmetic on data in memory, so it needs no second colour.
Whatever could wait (importing the SDK, connecting, sending the last events) happens
in threads of its own.  Without an answer, whatever the reason, the stage is off.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .capability import Capability
from .flagfile import problems
from .stages import Stage, parse_stage
from .subject import Subject

if TYPE_CHECKING:
    from ldclient import LDClient
    from ldclient.config import Config

KEY_VARIABLE = "LAUNCHDARKLY_SDK_KEY"
NOT_READY = "ERROR:CLIENT_NOT_READY"


class Evaluation(NamedTuple):
    """What a flag says: the stage, LaunchDarkly's reason, and which version said it."""

    stage: Stage
    reason: str
    version: int | None = None
    variation: int | None = None

    @property
    def failed(self) -> bool:
        """Whether the stage is off for want of an answer."""
        return self.reason.startswith("ERROR")

    @property
    def unanswered(self) -> bool:
        """Whether there was nobody to ask yet."""
        return self.reason == NOT_READY

    @property
    def switched_off(self) -> bool:
        """Whether the flag itself is off, not just this task outside its share."""
        return self.reason.startswith(("OFF", "PREREQUISITE_FAILED"))


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How the client is connected.

    With ``sdk_key`` it streams from LaunchDarkly, or from a relay at the given
    addresses; without, it watches ``flag_file``.  While there is neither, every flag
    has the stage ``otherwise``, if one is given.  Times are in seconds.
    """

    flag_file: Path
    sdk_key: str = field(default="", repr=False)
    stream_uri: str = ""
    base_uri: str = ""
    events_uri: str = ""
    connect_timeout: float = 1.0
    read_timeout: float = 2.0
    reload_interval: float = 0.1
    prefix: str = ""
    capabilities: tuple[Capability, ...] = ()
    otherwise: Stage | None = None

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        flag_file: Path,
        *,
        prefix: str,
        capabilities: Iterable[Capability],
        otherwise: Stage | None = None,
    ) -> ClientConfig:
        """From ``LAUNCHDARKLY_SDK_KEY`` and ``LAUNCHDARKLY_{STREAM,BASE,EVENTS}_URI``."""
        uris = {
            name: environment.get(f"LAUNCHDARKLY_{name}_URI", "").strip()
            for name in ("STREAM", "BASE", "EVENTS")
        }
        return cls(
            flag_file,
            environment.get(KEY_VARIABLE, "").strip(),
            stream_uri=uris["STREAM"],
            base_uri=uris["BASE"],
            events_uri=uris["EVENTS"],
            prefix=prefix,
            capabilities=tuple(capabilities),
            otherwise=otherwise,
        )


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """``mode`` is streaming or file; ``state`` the SDK's, in small letters, or starting, closed."""

    mode: str
    state: str
    error: str = ""


class FlagClient:
    """The flags, for any thread and any loop; nothing here waits unless it is called so."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._client: LDClient | None = None
        self._ready = threading.Event()
        self._failure = ""
        self._closed = False
        self._awaited = config.otherwise is not None and not config.sdk_key
        self._ending = threading.Event()
        self._state = threading.Lock()
        self._opening: threading.Thread | None = None
        self._owner = os.getpid()
        self._listeners: tuple[Callable[[str], None], ...] = ()
        self.generation = 0  # rises with every change of a flag

    def start(self) -> None:
        """Begin to connect, in the background."""
        with self._state:
            if self._opening is None and not self._closed:
                self._opening = threading.Thread(
                    target=self._open, name="rollout.client", daemon=True
                )
                self._opening.start()

    def wait(self, seconds: float) -> bool:
        """Block for the first flags; tells whether there are any. Not for event loops."""
        return self._ready.wait(seconds) and self._client is not None

    def add_listener(self, listener: Callable[[str], None]) -> None:
        """Have the key of every changed flag told, in the client's thread: do not tarry there."""
        self._listeners += (listener,)

    def _open(self) -> None:
        try:
            if self._await_file():
                self._connect()
        except Exception as error:  # no flags means the synchronous path, not an outage
            self._failure = f"{type(error).__name__}: {error}"
            self._ready.set()

    def _await_file(self) -> bool:
        """Wait, without the SDK, for there to be flags at all; False if the client is closed."""
        while self._awaited and not self._config.flag_file.exists():
            if self._ending.wait(self._config.reload_interval):
                return False
        self._awaited = False
        return not self._closed

    def _connect(self) -> None:
        from ldclient import LDClient
        from ldclient.interfaces import DataSourceState, DataSourceStatus, FlagChange

        client = LDClient(self._settings(), start_wait=0)

        def on_status(status: DataSourceStatus) -> None:
            if status.state is DataSourceState.VALID:
                self._ready.set()

        def on_change(change: FlagChange) -> None:
            self._changed(change.key)

        client.data_source_status_provider.add_listener(on_status)
        client.flag_tracker.add_listener(on_change)
        with self._state:
            self._client = client
        self.generation += 1  # what came before the listener did
        if client.is_initialized():
            self._ready.set()

    def _settings(self) -> Config:
        from ldclient.config import Config, HTTPConfig

        ours = self._config
        http = HTTPConfig(connect_timeout=ours.connect_timeout, read_timeout=ours.read_timeout)
        if not ours.sdk_key:
            from .source import watched_file

            source = watched_file(
                ours.flag_file,
                interval=ours.reload_interval,
                check=lambda document: _serious(document, ours),
            )
            return Config("local", update_processor_class=source, send_events=False, http=http)
        addresses = {
            name: uri
            for name in ("stream_uri", "base_uri", "events_uri")
            if (uri := getattr(ours, name))
        }
        return Config(ours.sdk_key, http=http, diagnostic_opt_out=True, **addresses)

    def _changed(self, key: str) -> None:
        self.generation += 1
        for listener in self._listeners:
            listener(key)

    def evaluate(self, key: str, subject: Subject) -> Evaluation:
        """The stage of one flag for ``subject``; never raises, never waits."""
        client = self._client
        if self._awaited and self._config.otherwise is not None:
            return Evaluation(self._config.otherwise, "NO_FLAGS")
        if client is None or self._closed or not client.is_initialized():
            return Evaluation(Stage.OFF, NOT_READY)
        try:
            return self._evaluate(client, key, subject)
        except Exception as error:
            return Evaluation(Stage.OFF, f"ERROR:{type(error).__name__}")

    def _evaluate(self, client: LDClient, key: str, subject: Subject) -> Evaluation:
        from ldclient.migrations import Operation, Origin
        from ldclient.migrations import Stage as Theirs

        stage, tracker = client.migration_variation(key, subject.context(), Theirs.OFF)
        event = tracker.operation(Operation.READ).invoked(Origin.OLD).build()
        if isinstance(event, str):
            return Evaluation(Stage.OFF, f"ERROR:{event}")
        ours = parse_stage(stage.value) or Stage.OFF
        version = None if event.flag is None else event.flag.version
        return Evaluation(ours, _reason(event.detail.reason), version, event.detail.variation_index)

    def track(
        self, name: str, subject: Subject, data: Mapping[str, Any], value: float | None = None
    ) -> None:
        """Tell LaunchDarkly of something, if connected; nothing may depend on its arrival."""
        client = self._client
        if client is None or self._closed or not self._config.sdk_key:
            return
        try:
            client.track(name, subject.context(), dict(data), value)
        except Exception as error:
            self._failure = f"{type(error).__name__}: {error}"

    def status(self) -> ClientStatus:
        """How the connection stands."""
        mode = "streaming" if self._config.sdk_key else "file"
        client = self._client
        if self._closed or client is None:
            return ClientStatus(mode, "closed" if self._closed else "starting", self._failure)
        status = client.data_source_status_provider.status
        error = "" if status.error is None else _told(status.error)
        state = status.state.name.lower()
        return ClientStatus(mode, state, "" if state == "valid" else error)

    def close(self, wait: float = 0) -> None:
        """Send what is left to send, in the background; block for at most ``wait`` seconds.

        In a forked child it does nothing: the connection is the parent's.
        """
        with self._state:
            if self._closed:
                return
            self._closed = True
        self._ending.set()
        self._ready.set()
        if os.getpid() != self._owner or self._opening is None:
            return
        closing = threading.Thread(
            target=self._shut, args=(self._opening,), name="rollout.close", daemon=True
        )
        closing.start()
        if wait > 0:
            closing.join(wait)

    def _shut(self, opening: threading.Thread) -> None:
        opening.join()
        client: Any = self._client  # its close() has no annotations
        if client is not None:
            client.close()


def _serious(document: dict[str, Any], config: ClientConfig) -> list[str]:
    """Problems that could put tasks on the asynchronous path by mistake; a missing flag cannot."""
    known = document["flags"]
    present = [c for c in config.capabilities if f"{config.prefix}.{c.name}" in known]
    found = problems(document, present, prefix=config.prefix)
    return [problem for problem in found if ": missing;" not in problem]


def _reason(reason: Mapping[str, Any] | None) -> str:
    """LaunchDarkly's reason in one word, with what it names."""
    reason = reason or {}
    named = (reason.get(name) for name in ("errorKind", "ruleId", "prerequisiteKey"))
    parts = [reason.get("kind", "UNKNOWN"), *(str(name) for name in named if name)]
    return ":".join(parts)


def _told(error: Any) -> str:
    if error.status_code:
        return f"HTTP {error.status_code}"
    return str(error.message or error.kind.name.lower())
