"""The HTTP client of the asynchronous path. Twin: ``sync_http``."""

from __future__ import annotations

import httpx

from ..http2 import HTTP2Transport, Limits
from .network import NetworkOptions, tls_context

HTTPClient = httpx.AsyncClient


def open_client(options: NetworkOptions) -> HTTPClient:
    """A client to be used as a block; it keeps its connections."""
    transport = HTTP2Transport(
        verify=tls_context(options.verify),
        proxy=options.proxy,
        limits=Limits(
            max_connections=options.max_connections,
            max_connections_per_host=options.max_per_host,
            total_timeout=None,
        ),
    )
    return httpx.AsyncClient(
        transport=transport, timeout=httpx.Timeout(options.timeout), follow_redirects=False
    )
