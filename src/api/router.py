"""From a request to a response, whatever goes wrong on the way."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from .access import check_source, check_token
from .messages import Refusal, Request, Response, Route, json_response, page

logger = logging.getLogger(__name__)

OURS = ("/v1/", "/rollout/")
"""Where errors are told in JSON; elsewhere they are pages, as the predecessor's were."""


class Router:
    """Finds the route, checks what may be asked, and calls the handler."""

    def __init__(self, routes: Sequence[Route], token: str) -> None:
        self._routes = routes
        self._token = token

    def __call__(self, request: Request) -> Response:
        """Answer; raises nothing."""
        try:
            return self._answer(request)
        except Refusal as refusal:
            return _refused(request, refusal)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return _refused(request, Refusal(500, "that failed; the server's log says why"))

    def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        check_source(request.headers, reads=method in ("GET", "OPTIONS"))
        allowed = set()
        for route in self._routes:
            if (values := route.match(request.path)) is None:
                continue
            if route.method == method:
                check_token(request, route, self._token)
                return route.handler(replace(request, values=values))
            allowed.add(route.method)
        if not allowed:
            raise Refusal(404, f"there is nothing at {request.path}")
        allow = {"Allow": ", ".join(sorted(allowed | _implied(allowed)))}
        if method == "OPTIONS":
            return Response(type="text/plain", headers=allow)
        raise Refusal(405, f"{request.path} does not take {method}", allow)


def _implied(methods: set[str]) -> set[str]:
    return {"OPTIONS", "HEAD"} if "GET" in methods else {"OPTIONS"}


def _refused(request: Request, refusal: Refusal) -> Response:
    if request.path.startswith(OURS) or refusal.status in (401, 403):
        response = json_response({"error": str(refusal)}, refusal.status)
    else:
        response = page(refusal.status)
    return replace(response, headers=refusal.headers)
