"""What the server can be told to do: routes that change something."""

from __future__ import annotations

from ..core.status import API_REQUEST
from .bridge import Bridge
from .messages import Request, Response, Route, json_response


class Orders:
    """Handlers that hand commands to the server."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("POST", "/v1/tasks/{task}/cancel", self.cancel),
            Route("POST", "/v1/tasks/{task}/retry", self.retry),
            Route("POST", "/v1/pause", self.pause),
            Route("POST", "/v1/resume", self.resume),
            Route("POST", "/v1/drain", self.drain),
            Route("POST", "/v1/stop", self.stop),
        ]

    def cancel(self, request: Request) -> Response:
        """End a task's attempt; it runs no more until it is retried."""
        return self._about_task("cancel", request)

    def retry(self, request: Request) -> Response:
        """Have a task done from its beginning."""
        return self._about_task("retry", request)

    def pause(self, request: Request) -> Response:
        """Start no more tasks until `resume`."""
        self._bridge.ask("pause")
        return json_response({"paused": True})

    def resume(self, request: Request) -> Response:
        """Start tasks again."""
        self._bridge.ask("resume")
        return json_response({"paused": False})

    def drain(self, request: Request) -> Response:
        """Finish the tasks that run, then end."""
        self._bridge.ask("drain")
        return json_response({"draining": True})

    def stop(self, request: Request) -> Response:
        """Interrupt the tasks that run, then end; asked again: at once."""
        self._bridge.ask("stop", reason=API_REQUEST)
        return json_response({"stopping": True})

    def _about_task(self, name: str, request: Request) -> Response:
        task = self._bridge.ask(name, task=request.values["task"])
        return json_response(
            {
                "id": task.id,
                "text": task.text,
                "state": task.state,
                "attention": task.attention,
            }
        )
