"""What both runtimes' HTTP clients are told."""

from __future__ import annotations

import ssl
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """Limits of one client; times in seconds.

    ``timeout`` bounds connecting, and each wait for bytes; whole requests are
    bounded by the scope that they are made in.  ``verify`` is a context, or
    the path of a file with the certificates to trust.
    """

    max_connections: int = 100
    max_per_host: int = 10
    timeout: float = 30.0
    verify: ssl.SSLContext | str | None = None
    proxy: str | None = None


def tls_context(verify: ssl.SSLContext | str | None) -> ssl.SSLContext:
    """The context for ``verify``; certifi's authorities by default."""
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is None:
        import certifi

        verify = certifi.where()
    return ssl.create_default_context(cafile=verify)
