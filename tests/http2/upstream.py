"""A slow HTTP/1.1 server, run as a process: what a language model's API looks like from behind.

``/think?ms=N`` answers after N milliseconds, ``/tokens?n=N&gap=MS`` streams
server-sent events, ``/bytes?n=N`` sends that many, ``/echo`` returns the body's
length and checksum, ``/status?code=C`` answers with that status, ``/cut?n=N``
breaks off after N of 1,000 bytes, ``/count`` says how many requests came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import zlib
from collections import Counter
from urllib.parse import parse_qs, urlsplit

SEEN: Counter[str] = Counter()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readline()
        return b"".join(parts)
    return await reader.readexactly(int(headers.get("content-length", "0")))


def _reply(status: int, body: bytes, kind: str = "application/json", extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode() + body


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            method, target, _ = line.decode("latin-1").split(" ", 2)
            headers = {}
            while (field := (await reader.readline()).decode("latin-1").strip()) != "":
                name, _, value = field.partition(":")
                headers[name.lower()] = value.strip()
            body = await _body(reader, headers)
            if not await _answer(writer, method, target, headers, body):
                break
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _answer(
    writer: asyncio.StreamWriter, method: str, target: str, headers: dict[str, str], body: bytes
) -> bool:
    url = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    number = int(query.get("n", "10"))
    SEEN[url.path] += 1
    if "key" in query:
        SEEN[query["key"]] += 1
    if url.path == "/think":
        await asyncio.sleep(float(query.get("ms", "0")) / 1000)
        writer.write(_reply(200, json.dumps({"text": "x" * 1200}).encode()))
    elif url.path == "/tokens":
        chunked = "Transfer-Encoding: chunked\r\n"
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{chunked}\r\n".encode()
        )
        for index in range(number):
            await asyncio.sleep(float(query.get("gap", "0")) / 1000)
            event = f"data: {index}\n\n".encode()
            writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    elif url.path == "/bytes":
        writer.write(_reply(200, b"z" * number, "application/octet-stream"))
    elif url.path == "/echo":
        seen = {"method": method, "length": len(body), "crc": zlib.crc32(body), "headers": headers}
        writer.write(_reply(200, json.dumps(seen).encode()))
    elif url.path == "/status":
        code = int(query["code"])
        if code == 204:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            after = f"Retry-After: {query['after']}\r\n" if "after" in query else ""
            writer.write(_reply(code, b"{}" if method != "HEAD" else b"", extra=after))
    elif url.path == "/cut":
        writer.write(_reply(200, b"c" * 1000)[: number - 1000])
        return False
    elif url.path == "/count":
        writer.write(_reply(200, json.dumps(SEEN).encode()))
    else:
        writer.write(_reply(404, b"{}"))
    await writer.drain()
    return True


async def _main(port: int) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", port, limit=2**22, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
