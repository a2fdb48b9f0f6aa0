"""What the HTTP clients of both paths have in common."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .. import __version__

if TYPE_CHECKING:
    import ssl

    import httpx

    from ..core.retry import Fault


# httpx brings a command line, whose libraries take longer to load than all the rest of it.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """Limits of one client; times in seconds.

    ``timeout`` bounds connecting, and each wait for bytes; whole requests are
    bounded by the scope that they are made in.  ``ca_file`` holds the
    certificates to trust; certifi's without it.
    """

    max_connections: int = 100
    max_per_host: int = 10
    timeout: float = 30.0
    ca_file: str | None = None
    proxy: str | None = None


def plain_request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, patience: httpx.Timeout
) -> httpx.Request:
    """A request as it goes to a transport: its own headers, and who asks."""
    import httpx

    headers = {"user-agent": f"codeagent/{__version__}", **headers}
    extensions = {"timeout": patience.as_dict()}
    return httpx.Request(method, _parsed(url), headers=headers, content=body, extensions=extensions)


@lru_cache(64)
def _parsed(url: str) -> httpx.URL:
    import httpx

    return httpx.URL(url)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A context that checks certificates. Raises `OSError` if ``ca_file`` cannot be read."""
    import ssl

    if ca_file is None:
        import certifi

        ca_file = certifi.where()
    return ssl.create_default_context(cafile=ca_file)


def problem_with(ca_file: str | None, proxy: str | None) -> str | None:
    """Why a client could not be opened, and what mends it; None if it can be."""
    try:
        tls_context(ca_file)
    except OSError as error:
        why = error.strerror or str(error)
        return f"ca_file: {ca_file} cannot be used ({why}): name a file of certificates, in PEM"
    if proxy is not None and not proxy.startswith(("http://", "https://")):
        return "proxy must be a URL such as http://proxy.example:3128"
    return None


def fault_of(error: httpx.TransportError) -> Fault:
    """How a request failed, as `core.retry` distinguishes it."""
    import socket
    import ssl

    import httpx

    from ..core.retry import Fault

    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Fault.CERTIFICATE
    if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in causes):
        return Fault.RESOLVE
    if not getattr(error, "may_be_processed", True):  # as `http2.Refused` says of itself
        return Fault.REFUSED
    match error:
        case httpx.PoolTimeout():
            return Fault.POOL
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError():
            return Fault.CONNECT
        case httpx.WriteTimeout() | httpx.WriteError():
            return Fault.WRITE
        case httpx.ReadTimeout():
            return Fault.READ
        case httpx.ReadError() | httpx.CloseError():
            return Fault.CLOSED
        case _:
            return Fault.PROTOCOL


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found
