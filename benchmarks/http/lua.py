"""nginx with Lua in it, so that a server which thinks costs little."""

from __future__ import annotations

from pathlib import Path

from tests.http2.servers import Certificates, Missing, program

_MODULES = (
    Path("/usr/lib/nginx/modules/ndk_http_module.so"),
    Path("/usr/lib/nginx/modules/ngx_http_lua_module.so"),
)
_PARTS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def nginx(folder: Path, name: str, certificates: Certificates, http: str) -> list[str]:
    """Write a configuration with ``http`` in its section of that name; returns the command.

    Raises `Missing` where nginx is not installed, or has no Lua.
    """
    if not all(module.exists() for module in _MODULES):
        raise Missing("nginx has no Lua module (Debian: libnginx-mod-http-lua)")
    load = "".join(f"load_module {module};\n" for module in _MODULES)
    temp = " ".join(f"{part}_temp_path {folder}/{name}-{part};" for part in _PARTS)
    config, errors = folder / f"{name}.conf", f"{folder}/{name}.err"
    config.write_text(
        f"""{load}
daemon off; master_process off; worker_processes 1; user root;
pid {folder}/{name}.pid; error_log {errors} warn; worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
  access_log off; {temp} keepalive_timeout 300s; client_body_buffer_size 256k;
  ssl_certificate {certificates.cert}; ssl_certificate_key {certificates.key};
  ssl_protocols TLSv1.3;
{http}}}
""",
        "utf-8",
    )
    return [program("nginx"), "-c", str(config), "-p", str(folder), "-e", errors]
