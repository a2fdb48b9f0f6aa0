"""Whom a connection leads to."""

from __future__ import annotations

from typing import NamedTuple

import httpx


class Origin(NamedTuple):
    """Scheme, host and port, and the name that the certificate must bear."""

    scheme: str
    host: str
    port: int
    server_name: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def origin_of(url: httpx.URL, server_name: str | None = None) -> Origin:
    """The origin of ``url``.  Raises `httpx.UnsupportedProtocol` for other schemes than HTTP's."""
    scheme = url.scheme
    if scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"the URL {str(url)!r} must start with http:// or https://")
    host = url.raw_host.decode("ascii")
    if not host:
        raise httpx.UnsupportedProtocol(f"the URL {str(url)!r} names no host")
    port = url.port or (443 if scheme == "https" else 80)
    return Origin(scheme, host, port, server_name or host)
