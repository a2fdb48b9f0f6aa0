"""nginx that thinks for as long as it is asked to, in Lua, so that it costs little."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.http2.servers import Certificates, Missing, Server, program

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

MODULES = (
    Path("/usr/lib/nginx/modules/ndk_http_module.so"),
    Path("/usr/lib/nginx/modules/ngx_http_lua_module.so"),
)


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
    """Listens on port 8443 of all addresses; ``?ms=N`` is how long it thinks."""
    if not all(module.exists() for module in MODULES):
        raise Missing("nginx has no Lua module (Debian: libnginx-mod-http-lua)")
    load = "".join(f"load_module {module};\n" for module in MODULES)
    temp = " ".join(
        f"{part}_temp_path {folder}/lua-{part};"
        for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "thinking.conf"
    config.write_text(
        f"""{load}
daemon off; master_process off; worker_processes 1; user root;
pid {folder}/thinking.pid; error_log {folder}/thinking.err warn; worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
  access_log off; {temp} keepalive_timeout 300s; client_body_buffer_size 256k;
  ssl_certificate {certificates.cert}; ssl_certificate_key {certificates.key};
  ssl_protocols TLSv1.3;
  init_worker_by_lua_block {{
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
}}
""",
        "utf-8",
    )
    command = [program("nginx"), "-c", str(config), "-p", str(folder)]
    return _Inside([*command, "-e", f"{folder}/thinking.err"], folder, inside)
