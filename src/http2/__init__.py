"""An HTTP/2 transport for `httpx.AsyncClient`, on asyncio.

>>> import httpx
>>> from codeagent.http2 import HTTP2Transport
>>> client = httpx.AsyncClient(transport=HTTP2Transport())
"""

from __future__ import annotations

from .exchange import Refused
from .limits import Limits
from .snapshot import Counters, OriginSnapshot, Snapshot
from .transport import HTTP2Transport

__all__ = ["Counters", "HTTP2Transport", "Limits", "OriginSnapshot", "Refused", "Snapshot"]
