"""A server that answers as models do, and the way to it, with round trips where they can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from codeagent.ab.measure import MeasureError
from tests.http2 import servers as real
from tests.http2.servers import Missing

from .network import ROUND_TRIPS, Network, slow_network
from .thinking import PORT, thinking


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is asked; ``inside`` are the words that start a client."""

    ca: Path
    inside: list[str]
    network: Network | None
    missing: str = ""

    @property
    def round_trip(self) -> int:
        """Milliseconds: 20 where round trips can be emulated."""
        return 20 if self.network is not None else 0

    def url(self, round_trip: int = 0, think: float = 0.0) -> str:
        """An address that is so many milliseconds away and thinks for so many.

        Raises `MeasureError` where round trips cannot be emulated.
        """
        return f"{self._base(round_trip)}/v1?ms={think:g}"

    def questions(self, round_trip: int = 0) -> str:
        """Where advice is given, after 50 to 300 ms that depend on what is asked."""
        return f"{self._base(round_trip)}/phase/v1"

    def _base(self, round_trip: int) -> str:
        if self.network is not None:
            return f"https://{self.network.address(round_trip)}:{PORT}"
        if round_trip:
            raise MeasureError(self.missing)
        return f"https://127.0.0.1:{PORT}"


@contextmanager
def opened_place(folder: Path, *, near: bool = False) -> Iterator[Place]:
    """Start the server; ``near``, or without network namespaces, it is reached without delay.

    Raises `MeasureError` where the server is not installed.
    """
    names = [f"127.20.1.{round_trip}" for round_trip in ROUND_TRIPS]
    certificates = real.make_certificates(folder, "127.0.0.1", *names)
    with ExitStack() as stack:
        network, missing = None, ""
        try:
            network = None if near else stack.enter_context(slow_network(folder))
        except Missing as error:
            missing = str(error)
        try:
            server = thinking(
                folder, certificates, network.inside(network.server) if network else []
            )
        except Missing as error:
            raise MeasureError(str(error)) from error
        stack.enter_context(real.running(server))
        inside = network.inside(network.client) if network else []
        yield Place(certificates.ca, inside, network, missing)
