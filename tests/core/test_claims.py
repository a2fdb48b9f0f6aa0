from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.claims import PATIENCE, Claims, KeptPath, TakenPath
from codeagent.core.overlap import claims_overlap, parse_claim


def test_what_is_worked_on_is_taken_until_the_task_ends() -> None:
    claims = Claims()
    claims.enter("t1", ["src/api", "docs/*.md"])
    assert claims.obstacle("t2", ["src/api/users.py"]) == TakenPath("src/api/users.py")
    assert claims.obstacle("t3", ["tests", "docs/a.md"]) == TakenPath("docs/a.md")
    assert claims.obstacle("t4", ["src/web"]) is None
    assert claims.holder("src") == "t1"
    assert claims.leave("t1") == [TakenPath("docs/a.md"), TakenPath("src/api/users.py")]
    assert claims.obstacle("t2", ["src/api/users.py"]) is None
    assert claims.holder("src") is None


def test_of_two_that_hold_a_path_both_have_to_end() -> None:
    claims = Claims()
    claims.enter("t1", ["src/a.py"])
    claims.enter("t2", ["src/b.py"])
    assert claims.obstacle("t3", ["src"]) == TakenPath("src")
    assert claims.leave("t1") == [TakenPath("src")]
    assert claims.obstacle("t3", ["src"]) == TakenPath("src")
    assert claims.leave("t2") == [TakenPath("src")]
    assert claims.obstacle("t3", ["src"]) is None


def test_a_task_that_is_passed_over_too_often_has_its_paths_kept_free() -> None:
    claims = Claims()
    claims.enter("narrow0", ["src/0.py"])
    for number in range(PATIENCE):
        assert claims.obstacle("broad", ["src"]) == TakenPath("src")
        assert claims.obstacle(f"narrow{number + 1}", [f"src/{number + 1}.py"]) is None
        claims.enter(f"narrow{number + 1}", [f"src/{number + 1}.py"])
        claims.leave(f"narrow{number}")
    assert claims.obstacle("broad", ["src"]) == TakenPath("src")
    assert claims.obstacle("other", ["src/other.py"]) == KeptPath("broad")
    assert claims.obstacle("beside", ["docs"]) is None
    claims.leave(f"narrow{PATIENCE}")
    assert claims.obstacle("broad", ["src"]) is None
    assert claims.enter("broad", ["src"]) == [KeptPath("broad")]
    assert claims.obstacle("other", ["src/other.py"]) == TakenPath("src/other.py")


def test_nothing_is_kept_for_a_task_that_waits_no_more() -> None:
    claims = Claims()
    claims.enter("t1", ["src"])
    for _ in range(PATIENCE + 1):
        claims.obstacle("t2", ["src/a.py", "docs"])
    assert claims.kept_for == "t2"
    assert claims.forget("t2") == [KeptPath("t2")]
    assert claims.obstacle("t3", ["docs"]) is None
    assert claims.forget("t2") == []


_PATTERNS = st.lists(
    st.sampled_from(["a", "b", "*", "**", "a*", "[ab]"]), min_size=0, max_size=3
).map("/".join)


@given(
    st.lists(st.lists(_PATTERNS, max_size=3), max_size=6),
    st.lists(st.integers(0, 5), max_size=6),
    _PATTERNS,
)
@settings(deadline=None, max_examples=200)
def test_a_claim_is_held_exactly_if_it_overlaps_with_one_that_is(
    tasks: list[list[str]], ended: list[int], wanted: str
) -> None:
    claims = Claims()
    for number, paths in enumerate(tasks):
        claims.enter(f"t{number}", paths)
    for number in ended:
        claims.leave(f"t{number}")
    left = {f"t{n}": paths for n, paths in enumerate(tasks) if n not in ended}
    holders = {
        name
        for name, paths in left.items()
        if any(claims_overlap(parse_claim(wanted), parse_claim(path)) for path in paths)
    }
    found = claims.holder(wanted)
    assert found in holders if holders else found is None
