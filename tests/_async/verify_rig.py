"""A verifier of a directory."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from codeagent._async.git import AsyncGit
from codeagent._async.verify import AsyncVerifier
from codeagent.core.config.verify import VerifySettings
from codeagent.core.verify import Evidence
from codeagent.core.workspace import Changes

from ..support.repositories import ENVIRONMENT


def python(code: str, *arguments: str) -> list[str]:
    """A command that runs ``code``."""
    return [sys.executable, "-S", "-E", "-c", code, *arguments]


class Rig:
    """A verifier of a directory, and where its logs go."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "work"
        self.directory.mkdir()
        self.logs = place / "logs"

    def verifier(self, *commands: object, **sections: object) -> AsyncVerifier:
        settings = VerifySettings.model_validate({"commands": list(commands), **sections})
        return AsyncVerifier(settings, git=AsyncGit(ENVIRONMENT), secrets=["a secret of ours"])

    async def verify(
        self,
        verifier: AsyncVerifier,
        changes: Changes | None = None,
        environment: Mapping[str, str] = ENVIRONMENT,
    ) -> Evidence:
        return await verifier.verify(
            self.directory,
            environment=environment,
            log_directory=self.logs,
            changes=changes,
            label="a1 first",
        )

    async def run(self, *commands: object, **sections: object) -> Evidence:
        return await self.verify(self.verifier(*commands, **sections))
