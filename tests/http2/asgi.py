"""The upstream's answers as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    number, path = int(query.get("n", "10")), scope["path"]
    status = int(query.get("code", "200"))
    headers = [(b"retry-after", query["after"].encode())] if "after" in query else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if path == "/tokens":
        for index in range(number):
            await asyncio.sleep(float(query.get("gap", "0")) / 1000)
            part = f"data: {index}\n\n".encode()
            await send({"type": "http.response.body", "body": part, "more_body": True})
        answer = b""
    elif path == "/echo":
        seen = {"method": scope["method"], "length": len(body), "crc": zlib.crc32(body)}
        answer = json.dumps(seen).encode()
    elif path == "/bytes":
        answer = b"z" * number
    elif path == "/think":
        await asyncio.sleep(float(query.get("ms", "0")) / 1000)
        answer = json.dumps({"text": "x" * 1200}).encode()
    else:
        answer = b"" if status == 204 else b"{}"
    await send({"type": "http.response.body", "body": answer})
