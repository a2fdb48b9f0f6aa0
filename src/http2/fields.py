"""A request's head in the form that each version of HTTP wants."""

from __future__ import annotations

from typing import NamedTuple

import httpx
from hpack import NeverIndexedHeaderTuple

_CONNECTION_FIELDS = frozenset(
    (b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_SECRET_FIELDS = frozenset(
    (b"authorization", b"cookie", b"proxy-authorization", b"x-api-key", b"api-key",
     b"x-goog-api-key")
)  # fmt: skip
_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))


class RequestHead(NamedTuple):
    """What goes before a request's body.  ``headers`` are as the caller spelled them."""

    method: bytes
    scheme: bytes
    authority: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]


def head_of(request: httpx.Request) -> RequestHead:
    """The head of an httpx request."""
    url = request.url
    return RequestHead(
        request.method.encode("ascii"), url.raw_scheme, url.netloc, url.raw_path,
        request.headers.raw,
    )  # fmt: skip


def is_idempotent(request: httpx.Request) -> bool:
    """Whether doing it twice is as good as once (RFC 9110, section 9.2.2, or an explicit key)."""
    return request.method in _IDEMPOTENT or "idempotency-key" in request.headers


def http2_fields(head: RequestHead) -> list[tuple[bytes, bytes]]:
    """The field section for HTTP/2 (RFC 9113, section 8.3.1).

    Secrets are marked as never to be put into a compression table (RFC 7541,
    section 7.1.3).  Raises `httpx.LocalProtocolError` for a value with a line break.
    """
    fields: list[tuple[bytes, bytes]] = [
        (b":method", head.method),
        (b":scheme", head.scheme),
        (b":authority", head.authority),
        (b":path", head.target),
    ]
    for raw_name, value in head.headers:
        name = raw_name.lower()
        if name in _CONNECTION_FIELDS or (name == b"te" and value.lower() != b"trailers"):
            if name == b"host" and value:
                fields[2] = (b":authority", value)
            continue
        if b"\n" in value or b"\r" in value or b"\0" in value:
            raise httpx.LocalProtocolError(
                f"the request's field {name.decode('ascii', 'replace')!r} has a line break or a "
                "NUL in its value"
            )
        field = (name, value.strip(b" \t"))
        fields.append(NeverIndexedHeaderTuple(*field) if name in _SECRET_FIELDS else field)
    return fields
