"""How many connections, for how long, and how patiently."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The transport's limits.  Times are in seconds, sizes in bytes; ``None`` means no limit.

    ``max_connections`` counts all connections, ``max_connections_per_host``
    those to one origin; connections that only finish what they have under way
    are not counted.  ``max_streams_per_connection`` applies beside the peer's
    SETTINGS_MAX_CONCURRENT_STREAMS.  ``total_timeout`` bounds a request from
    its start to the end of its body; a request's extension ``total_timeout``
    replaces it.  ``idle_timeout`` should be below the servers' own.
    ``ping_interval`` is the silence after which a peer that owes an answer is
    asked for a sign of life, ``ping_timeout`` the time it has to give one.
    ``stream_window`` is also the most that is buffered for a slow reader.
    Raises `ValueError` for a value that makes no sense.
    """

    max_connections: int = 100
    max_connections_per_host: int = 10
    max_streams_per_connection: int = 100
    total_timeout: float | None = 30.0
    idle_timeout: float | None = 50.0
    max_age: float | None = 3_600.0
    ping_interval: float | None = 20.0
    ping_timeout: float = 10.0
    max_retries: int = 8
    stream_window: int = 2_097_152
    connection_window: int = 33_554_432

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "max_retries" else 1
            if field.name.endswith("window"):
                least = 65_535
            if "int" in str(field.type):
                if not isinstance(value, int) or value < least:
                    raise ValueError(f"{field.name} is {value!r}: give a whole number >= {least}")
                if field.name.endswith("window") and value >= 2**31:
                    raise ValueError(f"{field.name} is {value!r}: HTTP/2 allows up to 2**31 - 1")
            elif value is None and "None" in str(field.type):
                continue
            elif not isinstance(value, int | float) or not value > 0:
                raise ValueError(f"{field.name} is {value!r}: give seconds above 0")
