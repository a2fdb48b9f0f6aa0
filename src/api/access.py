"""Who may ask for what.

The API listens on the loopback interface, but a browser on this machine runs
programs of strangers.  One that reaches us under a name of its own (DNS
rebinding) gives itself away by the ``Host``, one that sends a request from its
own page by the ``Origin``, or by ``Sec-Fetch-Site`` where the method is simple.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from .messages import Refusal, Request, Route

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def check_source(headers: Mapping[str, str], *, reads: bool) -> None:
    """Refuse what a stranger's page has sent; raises `Refusal`."""
    host = headers.get("host", "").lower()
    if _name(host) not in LOCAL_NAMES:
        raise Refusal(403, "this is only for programs on this machine: ask for 127.0.0.1")
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{host}":
        raise Refusal(403, "pages of other origins may ask for nothing here")
    if not reads and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Refusal(403, "pages of other sites may change nothing here")


def check_token(request: Request, route: Route, token: str) -> None:
    """Refuse what is to change something and does not show the token; raises `Refusal`."""
    if not route.guarded:
        return
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(shown.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not same:
        raise Refusal(
            401,
            "the token is needed: send the header 'Authorization: Bearer TOKEN' with the token "
            "from api.json in the server's state directory",
            {"WWW-Authenticate": "Bearer"},
        )


def _name(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]
