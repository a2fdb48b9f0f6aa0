from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.report import (
    Baseline,
    ReportPathError,
    Signature,
    Verdict,
    candidates,
    default_report,
    judge,
    resolve_inside,
    shortcomings,
)

EXCHANGE = (
    "cursor_results/result_7.txt",
    "cursor_results/result_7.md",
    "cursor_results/7.txt",
    "cursor_results/7.md",
    "cursor_results/result_full_cycle_7.txt",
    "cursor_results/result_full_cycle_7.md",
)
TESTS = (
    "docs/results/test_7.md",
    "docs/results/test_7.txt",
    "docs/results/test_task_7.md",
    "docs/results/test_task_7.txt",
)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("docs/results/last_result.md", (*EXCHANGE, "docs/results/last_result.md")),
        ("docs/results/test_full_7.md", (*EXCHANGE, "docs/results/test_full_7.md", *TESTS)),
        ("docs/results/test_7.md", (*EXCHANGE, *TESTS)),
        ("docs/reviews/test_7.md", (*EXCHANGE, "docs/reviews/test_7.md")),
        ("cursor_results/7.md", EXCHANGE),
    ],
)
def test_a_report_may_appear_under_other_names(report: str, expected: tuple[str, ...]) -> None:
    assert candidates(report, "7") == expected


def test_an_instruction_without_a_file_has_a_usual_place() -> None:
    assert default_report("7") == "docs/results/result_7.md"


OLD = Signature(mtime_ns=1, size=9, inode=5)


@pytest.mark.parametrize(
    ("now", "fresh"),
    [
        (OLD, False),
        (Signature(2, 9, 5), True),
        (Signature(1, 8, 5), True),
        (Signature(1, 9, 6), True),
    ],
)
def test_a_file_is_fresh_if_it_is_new_or_changed(now: Signature, fresh: bool) -> None:
    baseline = Baseline({"a.md": OLD})
    assert baseline.is_fresh("a.md", now) is fresh
    assert baseline.is_fresh("b.md", now)


def look(
    data: bytes | None,
    phrase: str | None = "Отчет завершен!",
    *,
    fresh: bool = True,
    size: int | None = None,
    after: Signature | None = None,
    max_bytes: int = 1000,
) -> Verdict:
    before = Signature(2, len(data or b"") if size is None else size, 5)
    return judge(
        fresh=fresh,
        before=before,
        after=after or before,
        data=data,
        phrase=phrase,
        max_bytes=max_bytes,
    )


REPORT = "# Отчёт\n\nОтчет завершен!\n".encode()


def test_a_fresh_whole_report_with_the_phrase_is_accepted() -> None:
    assert look(REPORT) is Verdict.ACCEPTED
    assert look(b"\xef\xbb\xbf" + REPORT) is Verdict.ACCEPTED


def test_a_report_of_an_earlier_instruction_is_stale_until_it_is_written_again() -> None:
    before = Signature(1, len(REPORT), 5)
    baseline = Baseline({"a.md": before})
    for written, verdict in ((False, Verdict.STALE), (True, Verdict.ACCEPTED)):
        fresh = written or baseline.is_fresh("a.md", before)
        seen = judge(
            fresh=fresh, before=before, after=before, data=REPORT, phrase="Отчет завершен!"
        )
        assert seen is verdict


@pytest.mark.parametrize("phrase", ["отчет завершен!", "Отчет завершен! ", "Отчёт завершен!"])
def test_the_phrase_is_compared_exactly(phrase: str) -> None:
    assert look(REPORT, phrase) is Verdict.NO_PHRASE


def test_without_a_phrase_any_text_is_a_report() -> None:
    assert look(b"x", None) is look(b"x", "") is Verdict.ACCEPTED
    assert look(b"", None) is Verdict.EMPTY
    assert look(b"") is Verdict.NO_PHRASE


def test_a_file_that_changes_while_it_is_read_has_to_wait() -> None:
    assert look(REPORT, after=Signature(3, len(REPORT), 5)) is Verdict.UNSTABLE
    assert look(REPORT, size=len(REPORT) + 1) is Verdict.UNSTABLE
    before = Signature(2, len(REPORT), 5)
    vanished = judge(fresh=True, before=before, after=None, data=REPORT, phrase=None)
    assert vanished is Verdict.UNSTABLE


def test_a_missing_or_unreadable_file_is_missing() -> None:
    assert judge(fresh=True, before=None, after=None, data=None, phrase=None) is Verdict.MISSING
    assert look(None) is Verdict.MISSING


def test_a_file_that_is_too_large_need_not_be_read() -> None:
    assert look(None, size=1001) is Verdict.TOO_LARGE
    assert look(b"x" * 1000, None) is Verdict.ACCEPTED


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(REPORT) - 3))
def test_no_beginning_of_a_report_is_taken_for_the_whole(length: int) -> None:
    assert look(REPORT[:length]) in {Verdict.NO_PHRASE, Verdict.UNDECODABLE}


def test_bytes_that_are_no_utf8_are_not_yet_a_report() -> None:
    assert look("Отчет завершен!".encode("cp1251")) is Verdict.UNDECODABLE


PROJECT = PurePosixPath("/srv/project")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("docs/r.md", "/srv/project/docs/r.md"),
        ("./docs/../r.md", "/srv/project/r.md"),
        ("/srv/project/r.md", "/srv/project/r.md"),
        ("../project/r.md", "/srv/project/r.md"),
        ("..hidden/r..md", "/srv/project/..hidden/r..md"),
    ],
)
def test_a_place_inside_the_project_is_found(path: str, expected: str) -> None:
    assert resolve_inside(PROJECT, path) == PurePosixPath(expected)


@pytest.mark.parametrize(
    "path",
    [
        "../r.md",
        "docs/../../r.md",
        "/etc/passwd",
        "/srv/project-2/r.md",
        "/srv/project/../x.md",
        "../../../../../r.md",
        "..\\r.md",
        "docs\\..\\..\\r.md",
        "\\etc\\x",
        "",
        " ",
        ".",
        "docs/..",
        "a\0b",
    ],
)
def test_a_place_outside_the_project_is_refused_in_the_known_words(path: str) -> None:
    with pytest.raises(ReportPathError) as raised:
        resolve_inside(PROJECT, path)
    assert str(raised.value) == f"Доступ к файлу вне директории проекта запрещен: {path}"


@pytest.mark.parametrize("project", [PurePosixPath(), PurePosixPath("work/../project")])
def test_a_relative_project_is_no_way_out(project: PurePosixPath) -> None:
    inside = resolve_inside(project, "docs/r.md")
    assert inside.parts[-2:] == ("docs", "r.md")
    for path in ("../r.md", "/etc/passwd"):
        with pytest.raises(ReportPathError):
            resolve_inside(project, path)


def test_windows_paths_are_understood_on_windows() -> None:
    project = PureWindowsPath("C:/work/project")
    assert resolve_inside(project, "docs\\r.md") == project / "docs" / "r.md"
    for path in ("..\\r.md", "D:\\r.md", "C:\\work\\r.md", "D:r.md"):
        with pytest.raises(ReportPathError):
            resolve_inside(project, path)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(["..", ".", "a", "/", "", "project", "srv"]), max_size=7))
def test_whatever_is_let_through_lies_inside(parts: list[str]) -> None:
    try:
        place = resolve_inside(PROJECT, "/".join(parts))
    except ReportPathError:
        return
    assert place.is_relative_to(PROJECT)
    assert ".." not in place.parts
    assert place != PROJECT


def test_what_is_wrong_with_a_report_is_said_of_every_file_that_is_there() -> None:
    verdicts = {
        "a.md": Verdict.MISSING,
        "b.md": Verdict.NO_PHRASE,
        "c.md": Verdict.UNDECODABLE,
    }
    assert (
        shortcomings(verdicts, "Done!") == "b.md does not contain 'Done!'; c.md is not UTF-8 text"
    )
    assert shortcomings({"a.md": Verdict.MISSING}, None) == ""
