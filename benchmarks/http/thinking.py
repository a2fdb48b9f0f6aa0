"""nginx that thinks for as long as it is asked to, in Lua, so that it costs little."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.http2.servers import Certificates, Server

from .lua import nginx

PORT = 8443
ADVICE = json.dumps(
    {
        "choices": [
            {
                "message": {
                    "content": json.dumps(
                        {"usefulness_percent": 90, "matches": True, "comment": "fine " * 200}
                    )
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 250},
    }
)
"""What is said to every question below /phase/, after 50 to 300 ms that depend on its text."""


class _Inside(Server):
    """A server in a network namespace, which cannot be reached from here."""

    def __init__(self, command: list[str], folder: Path, inside: list[str]) -> None:
        self._inside = inside
        super().__init__("thinking", [*inside, *command], PORT, folder)

    def listens(self) -> bool:
        words = [*self._inside, "ss", "-Hltn", f"sport = :{PORT}"]
        return bool(subprocess.run(words, capture_output=True).stdout)


def thinking(
    folder: Path, certificates: Certificates, inside: list[str], *, requests: int = 10_000_000
) -> Server:
    """Listens on port 8443 of all addresses; ``?ms=N`` is how long it thinks. Raises `Missing`."""
    http = f"""  init_worker_by_lua_block {{
    BODY = string.rep("x", 1400)
    ADVICE = [[{ADVICE}]]
  }}
  server {{
    listen {PORT} ssl http2 backlog=4096; http2_max_concurrent_streams 1024;
    keepalive_requests {requests};
    location /phase/ {{ content_by_lua_block {{
      ngx.req.read_body()
      ngx.sleep((50 + ngx.crc32_long(ngx.req.get_body_data()) % 251) / 1000)
      ngx.header["content-type"] = "application/json"
      ngx.say(ADVICE)
    }} }}
    location / {{ content_by_lua_block {{
      ngx.req.read_body()
      local ms = tonumber(ngx.var.arg_ms) or 0
      if ms > 0 then ngx.sleep(ms / 1000) end
      ngx.say(BODY)
    }} }}
  }}
"""
    return _Inside(nginx(folder, "thinking", certificates, http), folder, inside)
