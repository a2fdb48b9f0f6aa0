"""What the conversion would get wrong is reported where it stands, and nothing else is."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from codeagent.twins.config import DEFAULT_BANNED
from codeagent.twins.convert import Converter
from codeagent.twins.findings import CODES, Finding
from codeagent.twins.linting import lint_sources
from codeagent.twins.rules import Settings

RENAMES = {"_async": "_sync", "async_runtime": "sync_runtime", "aclose": "close"}
RENAMES |= {"aclosing": "closing"}
SEAM = """
from .locks import AsyncGate, rest

async def sleep(seconds): ...
async def run_blocking(function, *args): ...

class Event:
    async def wait(self): ...
    def set(self): ...
"""
LOCKS = "async def rest(): ...\nclass AsyncGate:\n    async def open_wide(self): ...\n"


def lint(text: str, *others: str, allow: tuple[str, ...] = ()) -> list[Finding]:
    sources = {"src/_async/module.py": dedent(text)}
    sources |= {f"src/_async/other{n}.py": dedent(other) for n, other in enumerate(others, 1)}
    settings = Settings(("_state",), DEFAULT_BANNED, ("_async",))
    seam = {"src/_runtime/async_runtime.py": SEAM, "src/_runtime/locks.py": LOCKS}
    converter = Converter(RENAMES, "Async")
    return lint_sources(sources, converter, settings, allow_residue=allow, seam=seam)


def codes(text: str, *others: str, allow: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    return [(finding.line, finding.code) for finding in lint(text, *others, allow=allow)]


WORK = "async def work(n): ...\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("work(1)", "TW101"),
        ("x = work(1)", "TW101"),
        ("group.start_soon(work(1))", "TW101"),
        ("return work(1)", "TW101"),
        ("xs = [work(n) for n in range(3)]", "TW102"),
        ("xs = {n: work(n) for n in range(3)}", "TW102"),
        ("xs = [work(1), work(2)]", "TW102"),
        ("await gather(*(work(n) for n in range(3)))", "TW102"),
        ("await task", "TW103"),
        ("await (work(1) if x else task)", "TW103"),
        ("x = (await work(1)).attribute", "TW104"),
        ("x = (await work(1))[0]", "TW104"),
        ("x = (await work(1))()", "TW104"),
        ("x = f'{await work(1)}'", "TW105"),
        ("x = f'{[n async for n in rows()]}'", "TW105"),
        ("x = f'{AsyncThing}'", "TW105"),
        ("x = f'{n:{await work(1)}}'", "TW105"),
        ("x = f'{thing.aclose}'", "TW105"),
        ("async with self._state: pass", "TW107"),
        ("x = inspect.isawaitable(y)", "TW108"),
        ("x = 'aclose'", "TW201"),
        ("x = {'AsyncJob': 1}", "TW201"),
        ("x = 'AsyncJob failed'", "TW201"),
        ("x = 'AsyncIterator[int]'", "TW201"),
        ("x = f'AsyncJob {n}'", "TW201"),
        ("mock.patch('pkg._async.m.f')", "TW202"),
        ("import asyncio", "TW301"),
        ("from asyncio import tasks", "TW301"),
        ("import threading as t", "TW301"),
        ("import subprocess", "TW301"),
        ("import concurrent.futures", "TW301"),
        ("from concurrent import futures", "TW301"),
        ("from time import sleep", "TW301"),
        ("asyncio.sleep(1)", "TW401"),
        ("raise asyncio.CancelledError", "TW302"),
        ("x: Awaitable[int]", "TW303"),
        ("x: abc.Coroutine[object, object, int]", "TW303"),
        ("from typing import AsyncGenerator", "TW304"),
        ("x = _AsyncThing", "TW401"),
        ("x = ThingAsync", "TW401"),
        ("x = async_thing", "TW401"),
        ("x = await_me", "TW401"),
        ("x = Async2", "TW401"),
        ("x = anext(rows)", "TW401"),
        ("x = 'asyncio'", "TW401"),
        ("x = 1  # the event loop", "TW401"),
        ("x = 1  # a Coroutine", "TW401"),
        ("'''An AsyncThing.'''", "TW401"),
        ("'''Waits for the event\n    loop.'''", "TW401"),
        ("mock.assert_awaited_once_with(1)", "TW401"),
    ],
)
def test_each_trap_is_reported_once_where_it_stands(line: str, code: str) -> None:
    text = f"{WORK}async def main(self, group, task, n, y):\n    {line}\n"
    assert codes(text) == [(3, code)]


def test_a_mark_that_names_the_framework_is_residue() -> None:
    assert codes("@pytest.mark.asyncio\nasync def test(): ...\n") == [(1, "TW401")]


def test_time_sleep_is_banned_also_through_the_module() -> None:
    assert codes("import time as t\nt.monotonic()\nt.sleep(1)\n") == [(3, "TW301")]


def test_dunder_await_is_reported() -> None:
    assert codes("class A:\n    def __await__(self): ...\n") == [(2, "TW106")]


@pytest.mark.parametrize(
    "line",
    [
        "await work(1)",
        "x = [await work(n) for n in range(3)]",
        "group.start_soon(work, 1)",
        "await rt.map_concurrently(work, range(3), limit=2)",
        "await rt.shielded(lambda: work(1))",
        "await (work(1) if n else work(2))",
        "x = f'{n} {group!r:>{n}} {{}}'",
        "x = path.read_text()",
        "x = 'state'",
        "x = hasattr(n, 'aclose')",
        "async with aclosing(rows()) as r: pass",
        "x = 'pkg.other.m.f'",
        "import time",
        "import concurrent",
        "import io",
        "return [n async for n in rows()]",
        "pass  # waits, blocks, the caller, a task",
    ],
)
def test_code_that_converts_well_is_left_alone(line: str) -> None:
    text = (
        f"{WORK}async def rows():\n    yield 1\nasync def main(group, n, path, rt):\n    {line}\n"
    )
    assert codes(text) == []


def test_a_parameter_hides_the_function_of_the_same_name() -> None:
    assert codes(f"{WORK}def main(work):\n    return work(1)\n") == []


def test_an_async_generator_and_a_context_manager_are_called_without_await() -> None:
    text = """
        from contextlib import asynccontextmanager

        async def rows():
            yield 1

        @asynccontextmanager
        async def opened():
            yield 1

        async def main():
            async with opened():
                async for row in rows():
                    pass
    """
    assert codes(text) == []


def test_methods_are_known_on_self_and_by_a_distinctive_name() -> None:
    text = """
        class AsyncJob:
            async def get(self): ...
            async def advance(self): ...
            def main(self, table):
                self.get()
                table.get(1)
                table.advance()
                self.advance
    """
    assert codes(text) == [(6, "TW101"), (8, "TW101")]


def test_a_method_that_some_class_has_as_a_plain_one_is_not_judged_by_its_name() -> None:
    text = """
        class AsyncJob:
            async def advance(self): ...

        class Clock:
            def advance(self): ...

        class AsyncRunner:
            def __init__(self, refresh):
                self.refresh = refresh

        class AsyncView:
            async def refresh(self): ...

        def main(job, clock, runner):
            clock.advance()
            runner.refresh()
    """
    assert codes(text) == []


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("from .._runtime import async_runtime as rt", "rt.sleep(1)"),
        ("from pkg._runtime import async_runtime as rt", "rt.sleep(1)"),
        ("from pkg._runtime.async_runtime import sleep", "sleep(1)"),
        ("from .._runtime import async_runtime as rt", "rt.rest()"),
        ("from .other1 import fetch_all", "fetch_all()"),
        ("from . import other1", "other1.fetch_all()"),
        ("from .other1 import fetch_all as f", "f()"),
        ("from .._runtime.async_runtime import AsyncGate", "AsyncGate().open_wide()"),
    ],
)
def test_functions_of_the_seam_and_of_other_modules_are_known(imports: str, call: str) -> None:
    assert codes(f"{imports}\n{call}\n", "async def fetch_all(): ...\n") == [(2, "TW101")]


@pytest.mark.parametrize(
    "text",
    [
        "from shutil import rest\nrest()\n",
        "import sleepy\nsleepy.advance()\n",
        "import other1\nother1.fetch_all()\n",
        "from os import path\npath.fetch_all()\n",
    ],
)
def test_functions_of_foreign_modules_are_not_mistaken_for_own_ones(text: str) -> None:
    other = "async def fetch_all(): ...\nclass A:\n    async def advance(self): ...\n"
    assert codes(text, other) == []


@pytest.mark.parametrize(
    "inside",
    [
        "await self.work()",
        "async with other: pass",
        "async for x in rows: pass",
        "yield 1",
        "x = [n async for n in rows]",
        "if x: await self.work()",
    ],
)
def test_nothing_may_suspend_while_a_state_lock_is_held(inside: str) -> None:
    text = f"""
        class A:
            async def work(self): ...
            async def m(self):
                with self._state:
                    {inside}
    """
    assert {code for _, code in codes(text)} == {"TW107"}


def test_a_function_defined_under_a_state_lock_runs_later() -> None:
    text = """
        class A:
            async def m(self, g):
                with self._state:
                    async def later():
                        await g()
                with self.other:
                    await g()
    """
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("class AsyncX: ...\nclass X: ...\n", 1),
        ("from .a import AsyncX\nfrom .b import X\n", 1),
        ("from .a import AsyncX\nX = 1\n", 1),
        ("def f(X, y: AsyncX): ...\n", 1),
        ("class A:\n    async def aclose(self): ...\n    def close(self): ...\n", 2),
        ("class A:\n    def f(self):\n        self._async = 1\n        self._sync = 2\n", 3),
        ("def aclose(): ...\ndef close(): ...\n", 1),
    ],
)
def test_two_names_that_become_one_are_reported(text: str, line: int) -> None:
    assert codes(text) == [(line, "TW203")]


@pytest.mark.parametrize(
    "text",
    [
        "from collections.abc import AsyncIterator, Iterator\n",
        "from contextlib import aclosing, closing\n",
        "from httpx import AsyncClient\nfrom httpx import Client\n",
        "class AsyncX:\n    async def aclose(self): ...\nclass Y:\n    def close(self): ...\n",
        "class It:\n    def f(self):\n        raise StopAsyncIteration or StopIteration\n",
    ],
)
def test_two_names_of_one_thing_may_become_one(text: str) -> None:
    assert codes(text) == []


def test_a_comment_silences_the_codes_it_names_on_its_line_only() -> None:
    text = (
        "x = 'aclose'  # twins: ignore[TW201]\nx = 'aclose'\nx = 'aclose'  # twins: ignore[TW101]\n"
    )
    assert codes(text) == [(2, "TW201"), (3, "TW201")]
    both = "work(async_x)  # twins: ignore[TW101, TW401]\n"
    assert codes(WORK + both) == []


def test_allowed_residue_excuses_what_lies_within_it() -> None:
    text = "x = asyncio_mode\ny = 'path async'\nz = 'async'\n"
    assert codes(text, allow=("asyncio_mode", "path async")) == [(3, "TW401")]


def test_the_line_of_a_finding_is_that_of_the_source_also_behind_conversions() -> None:
    text = "async def f():\n    x = (await\n        g(\n        1))\n    # coroutine\n"
    assert codes(text) == [(5, "TW401")]


def test_every_message_says_what_to_write_instead() -> None:
    text = f"{WORK}work(1)\nimport asyncio\nx = 'aclose'\n"
    for finding in lint(text):
        assert re.fullmatch(r"src/_async/module\.py:\d+: TW\d{3} [^\n]+: [^\n]+", str(finding))
        assert finding.code in CODES


def test_line_ends_of_other_kinds_do_not_move_the_lines() -> None:
    assert codes("x = '\u2028'\n\x0c\nwork = 'aclose'\n") == [(3, "TW201")]
