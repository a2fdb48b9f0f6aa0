"""Real servers on loopback, each ended by its process id.

Every starter raises `Missing` where the server is not installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import trustme

HERE = Path(__file__).parent
PATIENCE = 20.0


class Missing(Exception):
    """The server is not installed on this machine."""


class Certificates(NamedTuple):
    """An authority of our own, and a server's certificate by it."""

    authority: trustme.CA
    ca: Path
    cert: Path
    key: Path
    both: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))


def make_certificates(folder: Path, *names: str) -> Certificates:
    authority = trustme.CA()
    leaf = authority.issue_cert(*(names or ("localhost", "127.0.0.1")))
    ca, cert, key, both = (folder / name for name in ("ca.pem", "cert.pem", "key.pem", "both.pem"))
    authority.cert_pem.write_to_path(str(ca))
    leaf.private_key_pem.write_to_path(str(key))
    for path in (cert, both):
        for index, blob in enumerate(leaf.cert_chain_pems):
            blob.write_to_path(str(path), append=index > 0)
    leaf.private_key_pem.write_to_path(str(both), append=True)
    return Certificates(authority, ca, cert, key, both)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


class Server:
    """A process that listens on ``port``."""

    def __init__(self, name: str, command: list[str], port: int, folder: Path) -> None:
        self.name = name
        self.port = port
        self.folder = folder
        self._command = command
        self.start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def start(self) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        deadline = time.monotonic() + PATIENCE
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                log_text = (self.folder / f"{self.name}.log").read_text("utf-8", "replace")
                raise RuntimeError(f"{self.name} does not start: {log_text[-2000:]}")
            time.sleep(0.02)

    def listens(self) -> bool:
        """Whether it accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def stop(self) -> None:
        """End it in its own way, or else by force."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def upstream(folder: Path) -> Server:
    port = free_port()
    return Server("upstream", [sys.executable, str(HERE / "upstream.py"), str(port)], port, folder)


def nginx(
    folder: Path,
    certificates: Certificates,
    behind: int,
    *,
    http2: bool = True,
    tls: bool = True,
    streams: int = 128,
    requests: int = 1_000_000,
    idle: str = "75s",
    client_ca: Path | None = None,
    name: str = "nginx",
) -> Server:
    """nginx with one worker under a master, so that SIGHUP reloads it."""
    binary = program("nginx")
    port = free_port()
    config = folder / f"{name}.conf"
    verify = f"ssl_client_certificate {client_ca}; ssl_verify_client on;" if client_ca else ""
    temp = " ".join(
        f"{part}_temp_path {folder}/{name}-{part};"
        for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    secured = "ssl" if tls else ""
    config.write_text(
        f"""
daemon off; master_process on; worker_processes 1; user root;
pid {folder}/{name}.pid; error_log {folder}/{name}.err info;
events {{ worker_connections 4096; }}
http {{
  access_log off; {temp} client_max_body_size 64m; client_body_buffer_size 1m;
  ssl_certificate {certificates.cert}; ssl_certificate_key {certificates.key}; {verify}
  keepalive_timeout {idle}; keepalive_requests {requests};
  upstream up {{ server 127.0.0.1:{behind}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} {secured} {"http2" if http2 else ""} backlog=4096;
    http2_max_concurrent_streams {streams};
    location / {{
      proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
""",
        "utf-8",
    )
    command = [binary, "-c", str(config), "-p", str(folder), "-e", f"{folder}/{name}.err"]
    return Server(name, command, port, folder)


def nghttpx(folder: Path, certificates: Certificates, behind: int, *, streams: int = 100) -> Server:
    binary = program("nghttpx")
    port = free_port()
    command = [
        binary,
        f"--frontend=127.0.0.1,{port}",
        f"--backend=127.0.0.1,{behind}",
        f"--frontend-http2-max-concurrent-streams={streams}",
        "--conf=/dev/null",
        "--workers=1",
        "--errorlog-file=/dev/stderr",
        f"--pid-file={folder}/nghttpx.pid",
        str(certificates.key),
        str(certificates.cert),
    ]
    return Server("nghttpx", command, port, folder)


def haproxy(folder: Path, certificates: Certificates, behind: int, *, streams: int = 100) -> Server:
    binary = program("haproxy")
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(
        f"""
global
  tune.h2.max-concurrent-streams {streams}
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port} ssl crt {certificates.both} alpn h2,http/1.1
  default_backend b
backend b
  server s 127.0.0.1:{behind}
""",
        "utf-8",
    )
    return Server("haproxy", [binary, "-db", "-q", "-f", str(config)], port, folder)


def envoy(
    folder: Path,
    certificates: Certificates,
    behind: int,
    *,
    streams: int = 100,
    requests: int = 0,
) -> Server:
    """Envoy.  With ``requests`` it drains each connection after so many."""
    binary = program("envoy")
    port = free_port()
    config = folder / "envoy.yaml"
    most = f"{{max_requests_per_connection: {requests}}}" if requests else "{}"
    config.write_text(
        f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates:
            - certificate_chain: {{filename: {certificates.cert}}}
              private_key: {{filename: {certificates.key}}}
      filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          codec_type: AUTO
          http2_protocol_options: {{max_concurrent_streams: {streams}}}
          common_http_protocol_options: {most}
          drain_timeout: 0.2s
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: v
              domains: ["*"]
              routes:
              - match: {{prefix: "/"}}
                route: {{cluster: up, timeout: 0s}}
  clusters:
  - name: up
    type: STATIC
    connect_timeout: 1s
    circuit_breakers: {{thresholds: [{{max_requests: 2000, max_pending_requests: 2000, max_connections: 2000}}]}}
    load_assignment:
      cluster_name: up
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {behind}}}}}}}
""",
        "utf-8",
    )
    command = [
        binary, "-c", str(config), "--concurrency", "1", "--log-level", "error",
        "--disable-hot-restart",
    ]  # fmt: skip
    return Server("envoy", command, port, folder)


def hypercorn(folder: Path, certificates: Certificates, behind: int) -> Server:
    """Hypercorn, whose HTTP/2 is hyper-h2 and which answers by itself (see `asgi`)."""
    binary = program("hypercorn")
    port = free_port()
    command = [
        binary, "asgi:app", "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "2",
        "--certfile", str(certificates.cert), "--keyfile", str(certificates.key),
    ]  # fmt: skip
    shutil.copy(HERE / "asgi.py", folder)
    return Server("hypercorn", command, port, folder)


Starter = Callable[..., Server]


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.stop()


def reload(server: Server) -> None:
    """Replace nginx's worker; the old one finishes what it has."""
    server.signal(signal.SIGHUP)
