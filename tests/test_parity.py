"""Both paths offer the same: names, methods, parameters."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import codeagent
from codeagent._runtime import async_runtime, sync_runtime

SPELLING = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
}
GIVEN = ("Task",)  # nobody makes one
PACKAGE = Path(codeagent.__file__).parent


def spelled(name: str) -> str:
    """The name that the twin gives to ``name``."""
    return SPELLING.get(name, name.removeprefix("Async"))


def offered(cls: type[Any]) -> dict[str, Any]:
    """The public methods and properties of a class and its protocol methods."""
    found = {}
    for name in dir(cls):
        protocol = name in SPELLING or name in SPELLING.values()
        if protocol or not name.startswith("_"):
            found[spelled(name)] = inspect.getattr_static(cls, name)
    if cls.__name__ not in GIVEN:
        found["__init__"] = cls.__init__
    return found


def parameters(fn: Any) -> list[tuple[str, object, object]]:
    """The names, kinds and defaults of what a function takes; one function is like another."""
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return []
    return [
        (p.name, p.kind, type(p.default) if inspect.isfunction(p.default) else p.default)
        for p in signature.parameters.values()
    ]


def summary(fn: Any) -> str:
    """The first sentence or two of a docstring."""
    return (inspect.getdoc(fn) or "").split("\n\n")[0]


def differences(one: type[Any], other: type[Any]) -> list[str]:
    """What the two classes do not have in common."""
    ours, theirs = offered(one), offered(other)
    found = [f"{one.__name__}.{name}" for name in ours.keys() ^ theirs.keys()]
    for name in sorted(ours.keys() & theirs.keys()):
        mine, its = ours[name], theirs[name]
        if name in ("__exit__", "__enter__", "__iter__", "__next__"):
            continue  # the interpreter calls them in one way
        if isinstance(mine, property) or isinstance(its, property):
            if not (isinstance(mine, property) and isinstance(its, property)):
                found.append(f"{one.__name__}.{name} is a property on one path only")
        elif callable(mine) and parameters(mine) != parameters(its):
            found.append(f"{one.__name__}.{name} takes other parameters")
    return found


def classes(module: ModuleType) -> dict[str, type[Any]]:
    """The public classes that a module defines."""
    found = inspect.getmembers(module, inspect.isclass)
    return {
        spelled(name): cls
        for name, cls in found
        if cls.__module__ == module.__name__ and not name.startswith("_")
    }


def pairs() -> list[str]:
    """The modules that exist in two colours."""
    names = {
        path.stem for colour in ("_async", "_sync") for path in (PACKAGE / colour).glob("*.py")
    }
    return sorted(names - {"__init__"})


def test_the_runtimes_offer_the_same_names() -> None:
    assert async_runtime.__all__ == sync_runtime.__all__
    for runtime in (async_runtime, sync_runtime):
        assert all(hasattr(runtime, name) for name in runtime.__all__)
    assert (async_runtime.PATH, sync_runtime.PATH) == ("async", "sync")


@pytest.mark.parametrize("name", async_runtime.__all__)
def test_what_the_runtimes_offer_is_used_in_the_same_way(name: str) -> None:
    one, other = getattr(async_runtime, name), getattr(sync_runtime, name)
    if inspect.isclass(one) and name != "Cancelled":
        assert differences(one, other) == []
    elif inspect.isfunction(one):
        assert parameters(one) == parameters(other)
        assert summary(one) == summary(other) or name in ("run", "loop_name", "timeout")


@pytest.mark.parametrize("module", pairs())
def test_the_classes_of_a_pair_of_modules_agree(module: str) -> None:
    one = classes(importlib.import_module(f"codeagent._async.{module}"))
    other = classes(importlib.import_module(f"codeagent._sync.{module}"))
    assert one.keys() == other.keys()
    assert [text for name in one for text in differences(one[name], other[name])] == []
