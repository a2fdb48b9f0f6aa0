"""What the server has to know of an agent, and what one start of it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

from ..streams import Decoder, TextStream

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of an agent.

    ``stdin`` is given to it as a whole; without it, its input is empty.
    ``environment`` is added to the server's own.  ``announces``: the output
    carries an event that says that, and how, the agent has finished; ``greets``:
    and one as soon as it has started.  ``reports``: its success includes a report; without that its exit code decides.
    """

    argv: tuple[str, ...]
    stdin: bytes | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    decoder: Callable[[], Decoder] = TextStream
    announces: bool = False
    greets: bool = True
    reports: bool = True


class Adapter(Protocol):
    """What the server has to know of an agent.

    ``label`` stands in the status file.  ``timeout`` and ``silence`` (seconds)
    replace the instruction's time and the limit without a sign of life.
    ``models`` are those that can be asked for in place of the usual one;
    ``resumes`` says whether an earlier chat can be gone on with, ``announces``
    whether events tell what it does and that it has finished.
    """

    @property
    def label(self) -> str: ...
    @property
    def timeout(self) -> float | None: ...
    @property
    def silence(self) -> float | None: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def resumes(self) -> bool: ...
    @property
    def announces(self) -> bool: ...

    def launch(
        self,
        prompt: str,
        *,
        session: str | None = None,
        model: str | None = None,
        environment: Mapping[str, str] = NOTHING,
        workspace: str | None = None,
        report: str = "",
        phrase: str = "",
    ) -> Launch:
        """The start for ``prompt``.

        ``session`` is the chat to go on with and ``model`` the one to ask for
        instead of the usual; an agent that cannot do so starts anew, with its own.
        ``environment`` goes over the adapter's.  ``workspace`` is the absolute
        path of the directory that the agent is started in, for those that are
        also told.  ``report`` and ``phrase`` stand in the prompt already.
        """


def encoded(prompt: str) -> bytes:
    """A prompt as it goes to standard input."""
    return prompt.encode("utf-8", "replace")
