"""The questions about a task, put in one of three ways by a process of its own.

usage: python -m benchmarks.http.asking async|sync|predecessor CA DIRECTORY
"""

from __future__ import annotations

import asyncio
import io
import json
import queue
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import dotenv
import httpx
import yaml

from codeagent._runtime.loops import choose_loop
from codeagent._sync.documentation import Documentation
from codeagent.core.config import Config
from codeagent.core.layout import plan
from codeagent.core.llm.asking import Ask, scoring_prompt
from codeagent.core.llm.questions import plan_match, usefulness
from codeagent.core.llm.settings import LLMSetup, parse_llm_settings
from codeagent.core.llm.wire import build_request
from codeagent.core.task import Task

KEYS = {"OPENAI_API_KEY": "sk-0123456789abcdef0123"}
MODELS = ("quick", "thorough", "judge")
PLAN = "1. Look at what is there.\n2. Change it.\n3. Test it.\n" * 20
DOCS = "The shop sells bicycles and what belongs to them.\n" * 60

Ways = Callable[[LLMSetup, str, list[list[Task]]], list[float]]


def settings(base: str) -> str:
    """Two models that answer questions for JSON, and one that judges their answers."""
    models = [{"name": name, "max_tokens": 500, "context_window": 32_000} for name in MODELS]
    llm = {
        "model_roles": {"primary": ["quick"], "reserve": ["thorough"], "fallback": ["judge"]},
        "parallel": {"models": ["quick", "thorough"], "evaluator_model": "judge"},
    }
    return json.dumps(
        {"llm": llm, "providers": {"openai": {"base_url": base, "models": {"all": models}}}}
    )


def project(directory: Path, tasks: list[Task]) -> None:
    """Documentation, and a plan for each task."""
    results = directory / "docs" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (directory / "docs" / "readme.md").write_text(DOCS, "utf-8")
    for task in tasks:
        (results / f"current_plan_{task.id}.md").write_text(PLAN, "utf-8")


class Predecessor:
    """One question after the other, each with settings, client and event loop of its own.

    Tasks that are asked about at once have a thread each.
    """

    def __init__(self, ca: str, directory: Path) -> None:
        self._ca = ca
        config = Config()
        layout = plan(config, root=directory, project=directory)
        self._documentation = Documentation(config, layout)

    def ask_about(self, setup: LLMSetup, text: str, rounds: list[list[Task]]) -> list[float]:
        self._setup, self._text = setup, text
        seconds: queue.SimpleQueue[float] = queue.SimpleQueue()

        def timed(task: Task) -> None:
            began = time.perf_counter()
            docs = self._documentation.read()
            self._check(usefulness(task.text, docs).ask, both=True)
            self._check(plan_match(task.text, PLAN).ask, both=False)
            seconds.put(time.perf_counter() - began)

        for tasks in rounds:
            threads = [threading.Thread(target=timed, args=(task,)) for task in tasks]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        waits = [seconds.get() for _ in range(seconds.qsize())]
        return waits[len(rounds[0]) :]

    def _check(self, ask: Ask, *, both: bool) -> None:
        yaml.safe_load(self._text)
        dotenv.dotenv_values(stream=io.StringIO("OPENAI_API_KEY=sk-0123456789abcdef0123\n"))
        asyncio.run(self._put(ask, both=both))

    async def _put(self, ask: Ask, *, both: bool) -> None:
        context = httpx.create_ssl_context()
        context.load_verify_locations(self._ca)
        async with httpx.AsyncClient(verify=context, timeout=60) as client:
            names = MODELS[:2] if both else MODELS[:1]
            answers = await asyncio.gather(*(self._post(client, name, ask) for name in names))
            if both:
                scores = [Ask(prompt=scoring_prompt(ask.prompt, each, ())) for each in answers]
                await asyncio.gather(*(self._post(client, MODELS[2], each) for each in scores))

    async def _post(self, client: httpx.AsyncClient, model: str, ask: Ask) -> str:
        request = build_request(
            self._setup.models[model], ask.prompt, response_format=ask.response_format
        )
        answer = await client.post(request.url, content=request.body, headers=request.headers)
        text: str = answer.json()["choices"][0]["message"]["content"]
        return text


def _own(path: str, ca: str, directory: Path) -> Ways:
    """One of Code Agent's paths, as it is."""
    work = import_module(f"benchmarks._{path}.phase").ask_about
    if path == "sync":
        return lambda setup, text, rounds: work(directory, ca, setup, rounds)
    runner = asyncio.Runner(loop_factory=choose_loop().factory)
    return lambda setup, text, rounds: runner.run(work(directory, ca, setup, rounds))


def _main() -> None:
    variant, ca, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    ask: Ways
    if variant == "predecessor":
        ask = Predecessor(ca, directory).ask_about
    else:
        ask = _own(variant, ca, directory)
    for line in sys.stdin:
        given: dict[str, Any] = json.loads(line)
        text = settings(given["base"])
        setup = parse_llm_settings(text, source="llm_settings.yaml", environment=KEYS)
        rounds = [[Task(id=name, text=f"Do {name}") for name in names] for names in given["tasks"]]
        project(directory, [task for tasks in rounds for task in tasks])
        cpu = time.process_time()
        try:
            waits = ask(setup, text, rounds)
            result: dict[str, Any] = {
                "seconds": sum(waits) / len(waits),
                "cpu": (time.process_time() - cpu) / len(waits),
            }
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    _main()
