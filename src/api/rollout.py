"""The routes of the rollout: where it stands, and orders to it.

Parameters are in the query: ``capability``, ``stage``, ``share``, ``reason``, ``actor``,
``force``, and ``now=1`` for a core that is not to wait for the end of an instruction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from .messages import Refusal, Request, Response, Route, json_response

if TYPE_CHECKING:
    from ..rollout.control import Rollout

T = TypeVar("T")

ACTOR = "API"


class Source(Protocol):
    """Whose rollout it is; `routing.Routing` is one."""

    @property
    def rollout(self) -> Rollout:
        """The rollout."""

    def hurry(self) -> None:
        """What is asked next is to be at once."""

    def look(self) -> None:
        """Have what was asked come into force."""

    def instrument(self) -> bool | None:
        """What the A/B gate said of this version; None if it said nothing."""


class RolloutRoutes:
    """Handlers that see and move the rollout."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("GET", "/rollout/status", self.status),
            Route("POST", "/rollout/set", self.set),
            Route("POST", "/rollout/rollback", self.rollback),
            Route("POST", "/rollout/lift", self.lift),
            Route("POST", "/rollout/advance", self.advance),
            Route("POST", "/rollout/hurry", self.hurry),
        ]

    def status(self, request: Request) -> Response:
        """Every capability's stage, figures, verdict and next rung."""
        from ..routing.operator import status

        rollout, instrument = self._source.rollout, self._source.instrument()
        rows = _obeyed(lambda: status(rollout, instrument))
        flags = rollout.flags.status()
        source = {"mode": flags.mode, "state": flags.state, "error": flags.error}
        trouble = rollout.watch.trouble or rollout.audit.trouble
        return json_response(
            {"at": time.time(), "source": source, "trouble": trouble, "capabilities": rows}
        )

    def set(self, request: Request) -> Response:
        """Put a capability on a stage."""
        from ..routing.operator import rung_of, set_rung

        name, stage = _needed(request, "capability"), _needed(request, "stage")
        share = request.query.get("share")
        self._hurry_if_asked(request)

        def work() -> str:
            rung = rung_of(stage, None if share is None else _number(share))
            set_rung(self._source.rollout, name, rung, **_by(request, "set through the API"))
            return str(rung)

        return json_response({"capability": name, "rung": _obeyed(work)})

    def rollback(self, request: Request) -> Response:
        """Put a capability, or everything, off."""
        from ..routing.operator import roll_back

        name = request.query.get("capability", "*")
        self._hurry_if_asked(request)
        by = _by(request, "rolled back through the API")
        names = _obeyed(lambda: roll_back(self._source.rollout, name, **by))
        self._source.look()
        return json_response({"rolled_back": names})

    def lift(self, request: Request) -> Response:
        """Take a rollback away."""
        from ..routing.operator import lift

        name = _needed(request, "capability")
        by = _by(request, "lifted through the API")
        return json_response({"lifted": _obeyed(lambda: lift(self._source.rollout, name, **by))})

    def advance(self, request: Request) -> Response:
        """Climb one rung if everything holds."""
        from ..routing.operator import advance

        name, force = _needed(request, "capability"), request.query.get("force", "")
        actor, instrument = request.query.get("actor", ACTOR), self._source.instrument()
        found = _obeyed(
            lambda: advance(
                self._source.rollout, name, actor=actor, instrument=instrument, force=force
            )
        )
        to = None if found.to is None else str(found.to)
        return json_response({"to": to, "unmet": list(found.unmet), "forced": found.forced})

    def hurry(self, request: Request) -> Response:
        """A change of the core within the next seconds is to be at once."""
        self._source.hurry()
        return json_response({"hurry": True})

    def _hurry_if_asked(self, request: Request) -> None:
        if request.query.get("now") == "1":
            self._source.hurry()


def _by(request: Request, reason: str) -> dict[str, str]:
    return {
        "actor": request.query.get("actor", ACTOR),
        "reason": request.query.get("reason", reason),
    }


def _needed(request: Request, name: str) -> str:
    value = request.query.get(name, "").strip()
    if not value:
        raise Refusal(400, f"say which {name}: ?{name}=…")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Refusal(400, f"{text!r} is no share in per cent") from None


def _obeyed(work: Callable[[], T]) -> T:
    from ..rollout.control import RolloutError

    try:
        return work()
    except RolloutError as error:
        raise Refusal(409, str(error)) from None
    except OSError as error:
        raise Refusal(500, str(error)) from None
