"""Text to text, one case for each construct that the stock converter gets wrong or right."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
from typing import Any

import pytest

from codeagent.twins import ConversionError
from codeagent.twins.convert import Converter, parse

RENAMES = {"_async": "_sync", "aclose": "close", "aclosing": "closing", "AsyncMock": "MagicMock"}


def twin(text: str, renames: dict[str, str] = RENAMES, prefix: str = "Async") -> str:
    return Converter(renames, prefix).convert(text, parse(text, "module.py"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f():\n    await(x)\n", "def f():\n    (x)\n"),
        ("async def f():\n    a = await[x][0]\n", "def f():\n    a = [x][0]\n"),
        ("async def f():\n    a = (await\n      g())\n", "def f():\n    a = (\n      g())\n"),
        ("async def f():\n    a = (await  # why\n g())\n", "def f():\n    a = (# why\n g())\n"),
        ("async def f():\n    a = await \\\n      g()\n", "def f():\n    a = \\\n      g()\n"),
        ("async def f():\n    a = await\\\n      g()\n", "def f():\n    a = \\\n      g()\n"),
        ("async def f():\n    g(*await h(), **await i())\n", "def f():\n    g(*h(), **i())\n"),
        ("async def f():\n    x = not await g()\n", "def f():\n    x = not g()\n"),
        ("async def f():\n    x = lambda: await_me\n", "def f():\n    x = lambda: await_me\n"),
        ("async\tdef f(): pass\n", "def f(): pass\n"),
    ],
)
def test_await_disappears_with_the_blank_after_it_and_nothing_else(
    source: str, expected: str
) -> None:
    assert twin(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "async def f():\n    async with a() as b, c() as d:\n        pass\n",
        "async def f():\n    async for x in y():\n        pass\n    else:\n        pass\n",
        "async def f():\n    return [x async for x in y() if await z(x)]\n",
        "async def f():\n    if (n := await g()) > 1:\n        return -await g() ** 2\n",
        "async def f():\n    match await g():\n        case [x, *y]:\n            return x\n",
        "async def f():\n    try:\n        await g()\n    except* ValueError:\n        pass\n",
        "@deco\n@other(1)\nasync def f():\n    return lambda: await_\n",
    ],
)
def test_valid_code_converts_into_valid_code_line_for_line(source: str) -> None:
    converted = twin(source)
    assert not any(
        isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef))
        for node in ast.walk(ast.parse(converted))
    )
    assert converted.count("\n") == source.count("\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AsyncClient", "Client"),
        ("AsyncExitStack", "ExitStack"),
        ("AsyncIterator", "Iterator"),
        ("asynccontextmanager", "contextmanager"),
        ("StopAsyncIteration", "StopIteration"),
        ("__aenter__", "__enter__"),
        ("AsyncMock", "MagicMock"),
        ("aclose", "close"),
        ("_async", "_sync"),
        ("aclose2", "aclose2"),
        ("_AsyncThing", "_AsyncThing"),
        ("ThingAsync", "ThingAsync"),
        ("Asynchrony", "Asynchrony"),
        ("Async2", "Async2"),
        ("Async", "Async"),
        ("async_thing", "async_thing"),
    ],
)
def test_only_whole_names_of_the_table_and_the_prefix_are_renamed(name: str, expected: str) -> None:
    assert twin(f"{name} = 1\n") == f"{expected} = 1\n"


def test_another_prefix_or_none_can_be_chosen() -> None:
    assert twin("AioFile(AsyncFile)\n", {}, "Aio") == "File(AsyncFile)\n"
    assert twin("AsyncFile\n", {}, "") == "AsyncFile\n"


def test_the_package_in_an_import_is_renamed() -> None:
    assert (
        twin("from .._async.client import AsyncClient\n") == "from .._sync.client import Client\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "x = {'aclose': 1, \"AsyncJob\": 2}\n",
        "raise ValueError('AsyncJob failed')\n",
        "x: 'AsyncIterator[int]'\n",
        "x = r'AsyncJob'\n",
        "x = b'aclose'\n",
        '"""AsyncJob"""\n',
        "# AsyncJob awaits aclose\n",
        "x = 'Async' 'Job'\n",
        "mock.patch('pkg._async.m.f')\n",
        "__all__ = ['Async' 'Job']\n",
        "Э = 'ж' '''a\nb'''; naïve = aclosed\n",
        "monkeypatch.setattr('aclose', 'aclose')\n",
    ],
)
def test_strings_and_comments_stay_as_they_are(text: str) -> None:
    assert twin(text) == text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('__all__ = ["AsyncJob", "aclose"]\n', '__all__ = ["Job", "close"]\n'),
        ("__all__: list[str] = ['AsyncJob']\n", "__all__: list[str] = ['Job']\n"),
        ("__all__ += ('AsyncJob',)\n", "__all__ += ('Job',)\n"),
        ("__all__.extend(['AsyncJob'])\n", "__all__.extend(['Job'])\n"),
        (
            "class A:\n    __slots__ = ('_async', 'x')\n",
            "class A:\n    __slots__ = ('_sync', 'x')\n",
        ),
        ("hasattr(é, 'aclose')\n", "hasattr(é, 'close')\n"),
        ("m.setattr(é, 'aclose', 'aclose')\n", "m.setattr(é, 'close', 'aclose')\n"),
        ("f'{x}{{y}}'; getattr(o, 'aclose')\n", "f'{x}{{y}}'; getattr(o, 'close')\n"),
    ],
)
def test_strings_that_are_names_follow_their_names(source: str, expected: str) -> None:
    assert twin(source) == expected


def test_the_inside_of_an_f_string_is_never_converted() -> None:
    text = "x = f'{AsyncJob} {aclose!r:>{width}}' rf'{AsyncJob}'\n"
    assert twin(text) == text


def test_only_renames_that_occur_count_as_used() -> None:
    converter = Converter(RENAMES, "Async")
    text = "x.aclose()\ny = '_async'\n"
    converter.convert(text, parse(text, "module.py"))
    assert converter.used == {"aclose"}


@pytest.mark.parametrize("text", ["def f(:\n", "x = 'a\n", "\tx\n  y\n", "x = '\0'\n"])
def test_what_is_not_python_is_named_with_its_place(text: str) -> None:
    with pytest.raises(ConversionError, match=r"pkg/module\.py:\d+: not valid Python"):
        parse(text, "pkg/module.py")


def test_an_absent_or_other_library_is_named_with_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from codeagent.twins import ToolMissing

    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0.5.0")
    with pytest.raises(ToolMissing, match=r"unasync 0\.5\.0 is installed.*codeagent\[twins\]"):
        Converter({}, "Async")

    def absent(_name: str) -> Any:
        raise ImportError("No module named unasync")

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ToolMissing, match=r"codeagent\[twins\]"):
        Converter({}, "Async")
