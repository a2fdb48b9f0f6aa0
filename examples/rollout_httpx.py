"""An HTTP client under a gradual rollout: ``python rollout_httpx.py DIRECTORY URL``."""

import sys
from pathlib import Path

import httpx

from codeagent.rollout.capability import Capability
from codeagent.rollout.control import Rollout
from codeagent.rollout.router import assigned
from codeagent.rollout.subject import Subject
from codeagent.rollout.switch import Pair


def get(url: str) -> bytes:
    return httpx.get(url).raise_for_status().content


async def aget(url: str) -> bytes:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).raise_for_status().content


HTTP_GET = Pair(Capability("http-get"), get, aget)


def main(directory: str, url: str, tasks: int = 20) -> Rollout:
    rollout = Rollout(Path(directory), [HTTP_GET.capability], prefix="example")
    rollout.install()
    rollout.start(wait=5)
    for number in range(tasks):
        with assigned(rollout.begin(Subject(f"task-{number}"))):
            rollout.call(HTTP_GET, url)
    rollout.close()
    return rollout


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:3]).metrics.prometheus())
