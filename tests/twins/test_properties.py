"""Properties over small generated modules."""

from __future__ import annotations

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.twins.compare import Kind, compare
from codeagent.twins.convert import Converter, parse
from codeagent.twins.residue import residue

RENAMES = {"aclose": "close", "_async": "_sync", "aclosing": "closing"}

names = st.sampled_from(
    ["x", "AsyncThing", "aclose", "_async", "aclosing", "AsyncIterator", "naïve", "asynchrony", "Э"]
)
literals = st.sampled_from(
    ["1", "'AsyncThing'", '"aclose"', "f'{x}{{}}'", 'rb"_async"', "'''a\nb'''", "f'{x!r:>{x}}'"]
)


def _calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("await {}({})".format, names, inner),
        st.builds("await({})".format, inner),
        st.builds("(await\n  # why\n {})".format, inner),
        st.builds("[{} async for x in {}]".format, inner, inner),
        st.builds("{}.{}".format, names, names),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("(lambda {}: {})".format, names, names),
        st.builds("{{{}: {}}}".format, inner, inner),
    )


expressions = st.recursive(st.one_of(names, literals), _calls, max_leaves=6)
statements = st.one_of(
    st.builds("{} = {}".format, names, expressions),
    st.builds("async with {} as {}: pass".format, expressions, names),
    st.builds("async for {} in {}: {}".format, names, expressions, expressions),
    st.builds("return {}".format, expressions),
    st.builds("yield  # {}".format, names),
    st.builds("from .{} import {}".format, names, names),
    st.just("pass \\\n"),
)


@st.composite
def modules(draw: st.DrawFn) -> str:
    functions = draw(st.lists(st.tuples(names, st.lists(statements, min_size=1)), max_size=3))
    text = "".join(
        f"async def {name}():\n" + "".join(f"  {statement}\n" for statement in body)
        for name, body in functions
    )
    return text + draw(st.sampled_from(["", "__all__ = ['AsyncThing', 'aclose']", "# end"]))


def convert(text: str) -> str | None:
    try:
        tree = ast.parse(text)
    except SyntaxError:  # a generator that returns a value, and the like
        return None
    return Converter(RENAMES, "Async").convert(text, tree)


@settings(deadline=None, max_examples=150)
@given(modules())
def test_a_twin_keeps_the_lines_loses_the_colour_and_is_its_own_twin(text: str) -> None:
    converted = convert(text)
    if converted is None:
        return
    assert converted.count("\n") == text.count("\n")
    tree = parse(converted, "twin.py")
    coloured = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef)
    assert not any(isinstance(node, coloured) for node in ast.walk(tree))
    assert convert(converted) == converted


@settings(deadline=None, max_examples=100)
@given(modules())
def test_comments_and_strings_outside_name_lists_survive(text: str) -> None:
    converted = convert(text)
    if converted is None or "__all__" in text:
        return
    assert constants(converted) == constants(text)
    assert converted.count("#") == text.count("#")


def constants(text: str) -> list[str]:
    nodes = ast.walk(parse(text, "module.py"))
    return sorted(repr(node.value) for node in nodes if isinstance(node, ast.Constant))


files = st.dictionaries(st.sampled_from("abc"), st.binary(max_size=4))


@given(files, files)
def test_a_comparison_is_empty_only_for_equal_trees_and_names_every_file(
    wanted: dict[str, bytes], present: dict[str, bytes]
) -> None:
    found = compare(wanted, present)
    assert (found == []) == (wanted == present)
    expected = {
        Kind.MISSING: wanted.keys() - present.keys(),
        Kind.SURPLUS: present.keys() - wanted.keys(),
        Kind.CHANGED: {p for p in wanted.keys() & present.keys() if wanted[p] != present[p]},
    }
    for kind, paths in expected.items():
        assert {d.path for d in found if d.kind is kind} == paths


@given(st.text(alphabet="asyncwit# \nE_", max_size=60))
def test_residue_is_on_a_line_that_exists(text: str) -> None:
    for finding in residue(text, "a.py", ()):
        line = text.split("\n")[finding.line - 1].lower()
        assert "async" in line or "await" in line
