"""Round trips on one machine: two network namespaces, joined by a line that is slow.

It needs root, ``ip``, ``/dev/net/tun`` and a C compiler.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.http2.servers import Missing

ROUND_TRIPS = (0, 20, 100)
"""Milliseconds; each is also the last octet of an address of the server's."""


class Network:
    """The names of both namespaces."""

    def __init__(self, mark: str) -> None:
        self.client, self.server = f"bench{mark}a", f"bench{mark}b"
        self.devices = (f"bt{mark}a"[:15], f"bt{mark}b"[:15])

    def address(self, round_trip: int) -> str:
        return f"127.20.1.{round_trip}"

    def inside(self, side: str) -> list[str]:
        """The words that start a command in a namespace."""
        return ["ip", "netns", "exec", side]


def _run(*words: str) -> None:
    """Raises `Missing` where the command is not there, or fails."""
    try:
        subprocess.run(words, check=True, capture_output=True)
    except OSError as error:
        raise Missing(f"emulated round trips: {words[0]} cannot be started: {error}") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()[-500:]
        raise Missing(f"emulated round trips: {shlex.join(words)}: {said}") from error


@contextlib.contextmanager
def slow_network(folder: Path) -> Iterator[Network]:
    """Two namespaces and the line between them.  Raises `Missing` where that is impossible."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if os.geteuid() or not compiler or not shutil.which("ip") or not Path("/dev/net/tun").exists():
        raise Missing("emulated round trips need root, ip, /dev/net/tun and a C compiler")
    program = folder / "delay"
    source = Path(__file__).with_name("delay.c")
    _run(compiler, "-O2", "-o", str(program), str(source))
    network = Network(str(os.getpid()))
    with contextlib.ExitStack() as stack:
        for name in (network.client, network.server):
            _run("ip", "netns", "add", name)
            stack.callback(_delete, name)
            _run(*network.inside(name), "ip", "link", "set", "lo", "up")
        words = [str(program), network.client, network.devices[0], network.server]
        line = subprocess.Popen([*words, network.devices[1]], stdout=subprocess.PIPE)
        stack.callback(_end, line)
        assert line.stdout is not None
        if line.stdout.readline() != b"ready\n":
            raise Missing("the TUN devices cannot be opened")
        _address(network)
        yield network


def _delete(name: str) -> None:
    with contextlib.suppress(Missing):
        _run("ip", "netns", "del", name)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _address(network: Network) -> None:
    """Give both ends addresses from 127/8, which no real network uses."""
    ends = ((network.client, network.devices[0]), (network.server, network.devices[1]))
    for name, device in ends:
        inside = network.inside(name)
        for setting in (
            "net.ipv4.conf.all.route_localnet=1",
            f"net.ipv4.conf.{device}.route_localnet=1",
            "net.ipv4.conf.all.rp_filter=0",
            f"net.ipv4.conf.{device}.rp_filter=0",
            "net.ipv4.conf.all.accept_local=1",
            "net.core.somaxconn=4096",
        ):
            _run(*inside, "sysctl", "-qw", setting)
        _run(*inside, "ip", "link", "set", device, "up", "txqueuelen", "20000", "mtu", "1500")
        table = ("dev", "lo", "table", "local")
        _run(*inside, "ip", "route", "del", "local", "127.0.0.0/8", *table)
        _run(*inside, "ip", "route", "add", "local", "127.0.0.0/16", *table, "src", "127.0.0.1")
    client, server = (network.inside(name) for name, _ in ends)
    near, far = network.devices
    _run(*client, "ip", "addr", "add", "127.20.0.1/32", "dev", near)
    _run(*client, "ip", "route", "add", "127.20.1.0/24", "dev", near, "src", "127.20.0.1")
    for round_trip in ROUND_TRIPS:
        _run(*server, "ip", "addr", "add", f"{network.address(round_trip)}/32", "dev", far)
    _run(*server, "ip", "route", "add", "127.20.0.0/24", "dev", far)
