"""Patterns of paths."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.globs import Globs


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (".env", ".env"),
        (".env", "deploy/.env"),
        (".env", ".env/x"),
        ("*.pem", "certs/A.PEM"),
        ("id_rsa*", "home/id_rsa.pub"),
        (".git/**", ".git/hooks/pre-commit"),
        ("docs/*.md", "docs/a.md"),
        ("/top", "top/file"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("**/b", "b"),
        ("dir/", "x/dir/y"),
        ("a?c", "abc"),
        ("[!a]b", "cb"),
        ("[a-c-]x", "-x"),
        ("[]]x", "]x"),
        ("[!]]x", "ax"),
        ("[", "["),
        ("a+b(c).txt", "a+b(c).txt"),
        ("new\nline", "x/new\nline"),
    ],
)
def test_it_matches(pattern: str, path: str) -> None:
    assert path in Globs([pattern])


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (".env", ".env.example"),
        (".env", "x.env"),
        (".git/**", ".gitignore"),
        (".git/**", "sub/.git/config"),
        ("docs/*.md", "docs/a/b.md"),
        ("docs/*.md", "x/docs/a.md"),
        ("/top", "x/top"),
        ("a?c", "a/c"),
        ("[!a]b", "/b"),
        ("[z-a]", "z"),
        ("", ""),
        ("/", "x"),
    ],
)
def test_it_does_not_match(pattern: str, path: str) -> None:
    assert path not in Globs([pattern])


def test_no_patterns_match_nothing() -> None:
    assert "x" not in Globs([])


@settings(deadline=None, max_examples=300)
@given(st.text("ab*?[]!/.-\\^", max_size=10), st.text("ab/.", max_size=8))
def test_every_text_is_a_pattern(pattern: str, path: str) -> None:
    assert isinstance(path in Globs([pattern]), bool)


@settings(deadline=None, max_examples=200)
@given(st.text(min_size=1).filter(lambda text: not set("*?[/") & set(text)))
def test_a_name_without_wildcards_matches_itself_anywhere(name: str) -> None:
    for path in (name, f"x/{name}", f"{name}/x"):
        assert path in Globs([name])
