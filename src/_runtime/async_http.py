"""The HTTP client of the asynchronous path. Twin: ``sync_http``.

HTTP/2 where the server speaks it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

import httpx

from ..core.http import PoolState
from ..http2 import HTTP2Transport, Limits
from .network import NetworkOptions, plain_request, tls_context


class HTTPSession(httpx.AsyncClient):
    """To be used as a block; keeps its connections.

    Neither proxies nor credentials are taken from the environment.
    """

    def __init__(self, options: NetworkOptions) -> None:
        self._network = HTTP2Transport(
            verify=tls_context(options.ca_file),
            proxy=options.proxy,
            limits=Limits(
                max_connections=options.max_connections,
                max_connections_per_host=options.max_per_host,
                total_timeout=None,
            ),
        )
        timeout = httpx.Timeout(options.timeout)
        super().__init__(transport=self._network, timeout=timeout, trust_env=False)

    @contextlib.asynccontextmanager
    async def direct(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        patience: httpx.Timeout,
    ) -> AsyncIterator[httpx.Response]:
        """An answer straight from the connection: no cookies, no redirects, no credentials.

        It costs half of what `stream` does.
        """
        request = plain_request(method, url, headers, body, patience)
        response = await self._network.handle_async_request(request)
        response.request = request
        try:
            yield response
        finally:
            await response.aclose()

    def pool(self) -> PoolState:
        """The connections now."""
        seen = self._network.snapshot()
        totals = seen.totals
        return PoolState(
            connections=seen.connections,
            idle=seen.idle,
            streams=seen.streams,
            waiting=seen.waiters,
            requests=totals.requests,
            waited=totals.waited,
            handshakes=totals.handshakes,
            reused=totals.reused,
            goaways=totals.goaways,
            resent=totals.retries,
        )
