from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.globs import Globs
from codeagent.core.overlap import (
    claims_of,
    claims_overlap,
    condensed,
    is_pattern,
    parse_claim,
    tasks_overlap,
)
from codeagent.core.task import Task


def overlap(one: str, other: str) -> bool:
    found = claims_overlap(parse_claim(one), parse_claim(other))
    assert claims_overlap(parse_claim(other), parse_claim(one)) is found
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/api", "src/api"),
        ("src", "src/api/users.py"),
        ("src/api/", "src/api/users.py"),
        ("./src//api", "src/api"),
        ("/src/api", "src/api"),
        ("src\\api", "src/api/x.py"),
        ("SRC/Api", "src/api"),
        ("caf\u00e9", "cafe\u0301"),
        ("src/*.py", "src/a.py"),
        ("src/*.py", "src"),
        ("src/*_test.py", "src/user*"),
        ("src/**", "src/a/b/c.py"),
        ("**/models.py", "src/app/models.py"),
        ("src/**/x.py", "src/**/y/*.py"),
        ("*.md", "docs/guide.md"),
        ("src/{a,b}.py", "src/a.py"),
        ("src/{a/x,b}/y", "src/a/x/y"),
        ("app/[id]/page.tsx", "app/[id]/page.tsx"),
        ("app/[id]/page.tsx", "app/*/page.tsx"),
        ("src/[ab].py", "src/b.py"),
        (".", "anything/at/all"),
        ("", "x"),
        ("../other", "x"),
        ("src/../x", "y"),
    ],
)
def test_these_may_touch_the_same_file(one: str, other: str) -> None:
    assert overlap(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/api", "src/apis"),
        ("src/api", "docs/api"),
        ("src/*.py", "src/*.md"),
        ("src/*.py", "src/api/x.md"),
        ("src/test_*", "src/user_*"),
        ("README.md", "docs/README.md"),
        ("docs/*.md", "src/x.md"),
        ("src/**/x.py", "docs/x.py"),
        ("src/[ab].py", "src/c.py"),
        ("a/**/c", "b/**/c"),
    ],
)
def test_these_cannot_touch_the_same_file(one: str, other: str) -> None:
    assert not overlap(one, other)


def test_many_wild_parts_are_compared_in_no_time() -> None:
    one = "/".join(["**", "a"] * 60) + "/x"
    other = "/".join(["**", "b"] * 60) + "/y"
    assert overlap(one, other)
    assert not overlap("x/" + one, "y/" + other)


_NAMES = st.sampled_from(["a", "b", "ab", "x.py", "y.py"])
_PARTS = st.sampled_from(["a", "b", "*", "**", "a*", "*b", "?", "[ab]", "x.py", "*.py"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)
_PATTERNS = st.lists(_PARTS, min_size=1, max_size=4).map("/".join)


def matches(pattern: str, path: str) -> bool:
    """As in gitignore, but that a plain name stands for what lies at the top."""
    at_the_top = "/" not in pattern and not is_pattern(pattern)
    return path in Globs([f"/{pattern}" if at_the_top else pattern])


@given(_PATTERNS, _PATTERNS, _PATHS)
@settings(deadline=None, max_examples=400)
def test_two_patterns_that_match_the_same_path_overlap(one: str, other: str, path: str) -> None:
    if matches(one, path) and matches(other, path):
        assert overlap(one, other)


@given(_PATTERNS, _PATHS)
@settings(deadline=None, max_examples=300)
def test_a_pattern_overlaps_with_every_path_that_it_matches(pattern: str, path: str) -> None:
    if matches(pattern, path):
        assert overlap(pattern, path)


@given(st.lists(_PATHS, max_size=30), st.integers(1, 5))
def test_few_claims_cover_all_of_many_paths(paths: list[str], most: int) -> None:
    claims = condensed(tuple(paths), most)
    assert len(claims) <= most
    for path in paths:
        assert any(overlap(claim, path) for claim in claims)
    if len(set(paths)) <= most:
        assert set(claims) == set(paths)


def test_a_task_claims_what_it_says_and_what_its_attempts_touched() -> None:
    plain = Task("t1", "one")
    declared = Task("t2", "two", paths=("src/api",))
    learned = Task("t3", "three", paths=("docs",), learned=("src/api/users.py", "setup.py"))
    assert claims_of(plain) == ()
    assert set(claims_of(learned)) == {"docs", "src/api/users.py", "setup.py"}
    assert tasks_overlap(declared, learned)
    assert not tasks_overlap(plain, learned)
    assert not tasks_overlap(plain, plain)
