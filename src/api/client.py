"""The other end of the API, for the commands of this program."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 60.0
"""Seconds to wait for an answer: longer than the server waits before it gives one up."""


class NoAnswer(Exception):
    """The server refused, or could not be reached; the message says why."""


class Client:
    """Sends orders to one server."""

    def __init__(self, url: str, token: str) -> None:
        self._address = urlsplit(url).netloc
        self._token = token

    def post(self, path: str) -> Any:
        """Send an order; what the server answers.  Raises `NoAnswer`."""
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE)
        try:
            connection.request("POST", path, headers={"Authorization": f"Bearer {self._token}"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise NoAnswer(f"the server at {self._address} does not answer: {reason}") from None
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise NoAnswer(f"the server refuses: {answer.get('error', response.reason)}")
        return answer
