"""The stand-in as a process. Whoever is started is ended by its id."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from codeagent.core.instructions import (
    Rendered,
    builtin_sequence,
    render,
    sequence,
    task_values,
)
from codeagent.standin import behaviour
from codeagent.standin.request import parse, slug
from tests.support.world import MODERN

from .standin_rig import (
    PROMPT,
    REPORT,
    Kind,
    command,
    environment,
    events,
    kinds,
    read_until,
    run,
    running,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in forks")


def test_a_run_edits_a_file_and_writes_the_report(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "notes/add-a-page.md").read_text() == (
        f"# Add a page\n\n- worked on it: {REPORT}\n"
    )
    assert (tmp_path / REPORT).read_text().endswith("\nFinished!\n")
    assert [path.name for path in (tmp_path / REPORT).parent.iterdir()] == ["r.md"]


def test_the_events_are_those_of_the_cursor_cli(tmp_path: Path) -> None:
    done = run(tmp_path, *MODERN, "--model", "m-1", "--resume", "chat-5", "--approve-mcps")
    decoded = events(done.stdout)
    assert [event.kind for event in decoded] == [
        Kind.INIT,
        Kind.PROMPT,
        Kind.TEXT,
        *[Kind.TOOL_STARTED, Kind.TOOL_FINISHED] * 2,
        Kind.TEXT,
        Kind.RESULT,
    ]
    assert (decoded[0].model, {event.session for event in decoded}) == ("m-1", {"chat-5"})
    assert decoded[1].text == PROMPT
    assert [event.tool for event in decoded if event.tool] == ["edit", "edit", "write", "write"]
    assert b'"call_id": "call_1\\nfc_1"' in done.stdout
    assert decoded[-1].usage["input_tokens"] > 0
    assert not decoded[-1].is_error


def test_the_predecessors_command_line_gives_plain_text(tmp_path: Path) -> None:
    done = run(tmp_path, "-p", PROMPT, "--force", "--approve-mcps", prompt=None)
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        "Working on: Add a page",
        "All done.",
        "Changed notes/add-a-page.md.",
    ]
    assert (tmp_path / REPORT).exists()


def test_one_object_can_be_asked_for(tmp_path: Path) -> None:
    done = run(tmp_path, "-p", "--output-format", "json", "--force")
    assert json.loads(done.stdout)["type"] == "result"


def test_the_workspace_can_be_named(tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    assert run(tmp_path, *MODERN, "--workspace", str(place)).returncode == 0
    assert (place / REPORT).exists()


def test_a_place_that_cannot_be_worked_in_is_explained(tmp_path: Path) -> None:
    done = run(tmp_path, *MODERN, "--workspace", "missing")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"standin: ")
    assert b"'missing'" in done.stderr
    (tmp_path / "notes").write_text("in the way")
    done = run(tmp_path)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"notes" in done.stderr


def test_without_force_nothing_is_changed(tmp_path: Path) -> None:
    done = run(tmp_path, "-p", "--trust")
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])


def test_the_version_and_the_behaviours_are_told(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout.startswith(b"standin ")
    told = run(tmp_path, "--help").stdout.decode()
    for name in behaviour.BEHAVIOURS:
        assert f"\n  {name}" in told


@pytest.mark.parametrize(
    ("arguments", "prompt", "behaviours", "problem"),
    [
        (MODERN, " \n", "", "no prompt"),
        (MODERN, PROMPT, "hangs", "unknown behaviour 'hangs'"),
        (MODERN, PROMPT, "hang:3", "takes no argument"),
        (MODERN, PROMPT, "slow:soon", "expected a number"),
        (MODERN, PROMPT + "[standin: nan]", "", "unknown behaviour 'nan'"),
        ((*MODERN, "--wrong"), PROMPT, "", "--wrong"),
    ],
)
def test_wrong_usage_is_explained(
    tmp_path: Path, arguments: tuple[str, ...], prompt: str, behaviours: str, problem: str
) -> None:
    done = run(tmp_path, *arguments, prompt=prompt, behaviours=behaviours)
    assert done.returncode == 2
    assert problem in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_bytes_that_are_no_utf8_do_no_harm(tmp_path: Path) -> None:
    done = subprocess.run(
        [*map(os.fsencode, command(*MODERN)), b"\xff " + PROMPT.encode()],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / REPORT).exists()


def rendered_builtins() -> list[Rendered]:
    now = datetime(2026, 1, 2)  # noqa: DTZ001 - local time, as on the user's clock
    instructions = (*builtin_sequence(), *sequence({}, None))
    text = 'Say "hello!" in notes.md and write your report to the file x.md'
    return [
        render(instruction, task_values(task_id="t1", text=text, position=1, now=now))
        for instruction in instructions
    ]


@pytest.mark.parametrize("rendered", rendered_builtins())
def test_the_built_in_instructions_are_understood(rendered: Rendered) -> None:
    request = parse(rendered.prompt)
    assert (request.report, request.phrase) == (rendered.report, rendered.phrase)
    assert request.task.startswith('Say "hello!"')


@pytest.mark.parametrize(
    ("prompt", "report", "phrase"),
    [
        (
            'Прочитай a.md.\nОтчет: docs/results/r_1.md, в конце "Отчет завершен!"\nУдачи!',
            "docs/results/r_1.md",
            "Отчет завершен!",
        ),
        (
            "Write results to docs/reviews/a.md. README.md is old.\nEnd with «Done!»",
            "docs/reviews/a.md",
            "Done!",
        ),
        ("Report: out.md\nFinish it by saying so. All is well!", "out.md", "All is well!"),
        ("Write the report to /etc/r.md or ../r.md or https://h/r.md", None, None),
        ("write your report to the file ../r.md", None, None),
        ("Just do it", None, None),
    ],
)
def test_other_prompts_are_guessed(prompt: str, report: str | None, phrase: str | None) -> None:
    request = parse(prompt)
    assert (request.report, request.phrase) == (report, phrase)


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        ("Hello.\n**Задача:** Кнопка\nи ещё", "Кнопка"),
        ("Do it.\ntask:\n\n  Add a page \n", "Add a page"),
        ("\n\n Fix the bug\nnow", "Fix the bug"),
    ],
)
def test_the_task_is_found_in_the_prompt(prompt: str, task: str) -> None:
    assert parse(prompt).task == task


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("Add a page!", "add-a-page"),
        ("Кнопка «Да»", "кнопка-да"),
        ("../../x", "x"),
        ("😀", "task"),
        ("", "task"),
        ("a" * 500, "a" * 40),
    ],
)
def test_the_note_of_a_task_has_a_harmless_name(task: str, name: str) -> None:
    assert slug(task) == name


def test_a_marker_in_the_prompt_asks_for_misbehaviour(tmp_path: Path) -> None:
    done = run(tmp_path, prompt=f"[standin: phraseless]\n{PROMPT}[standin: stderr, slow:0]")
    assert done.returncode == 0
    assert "Finished!" not in (tmp_path / REPORT).read_text()
    assert len(done.stderr) > 150_000
    assert kinds(done.stdout).count(Kind.THINKING) == 10


def test_hang_says_hello_and_nothing_more(tmp_path: Path) -> None:
    with running(tmp_path, "hang") as process:
        read_until(process, Kind.PROMPT)
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait() == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_hang_after_report_gives_no_result(tmp_path: Path) -> None:
    with running(tmp_path, "hang-after-report") as process:
        while read_until(process, Kind.TOOL_FINISHED).tool != "write":
            pass
        assert (tmp_path / REPORT).read_text().endswith("Finished!\n")
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait() == -signal.SIGTERM


def test_hang_after_result_does_not_exit(tmp_path: Path) -> None:
    with running(tmp_path, "hang-after-result") as process:
        read_until(process, Kind.RESULT)
        process.terminate()
        assert process.wait() == -signal.SIGTERM


def test_ignore_sigterm_goes_on_until_it_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, "ignore-sigterm, hang") as process:
        read_until(process, Kind.INIT)
        process.terminate()
        process.kill()
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize(("behaviours", "code"), [("die", 1), ("die:7", 7), ("die:0", 0)])
def test_die_ends_after_some_work_without_a_result(
    tmp_path: Path, behaviours: str, code: int
) -> None:
    done = run(tmp_path, behaviours=behaviours)
    assert done.returncode == code
    assert Kind.RESULT not in kinds(done.stdout)
    assert (tmp_path / "notes/add-a-page.md").exists()
    assert not (tmp_path / REPORT).exists()


def test_late_leaves_the_report_to_another_process(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as descendants:  # noqa: PTH123 - a descriptor
        try:
            with running(tmp_path, "late:0", (writer,)) as process:
                assert process.stdout is not None
                tools = {event.tool for event in events(process.stdout.read()) if event.tool}
                assert (process.wait(), tools) == (0, {"edit"})
        finally:
            os.close(writer)
        # It ends when the last process that inherited the other end is gone.
        assert descendants.read() == b""
    assert (tmp_path / REPORT).read_text().endswith("Finished!\n")


def test_truncated_leaves_half_a_report(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    whole = (tmp_path / REPORT).read_bytes()
    assert run(tmp_path, behaviours="truncated").returncode == 0
    assert (tmp_path / REPORT).read_bytes() == whole[: len(whole) // 2]
    assert run(tmp_path, behaviours="truncated:0").returncode == 0
    assert (tmp_path / REPORT).read_bytes() == whole


def test_no_report_is_written_on_request(tmp_path: Path) -> None:
    done = run(tmp_path, behaviours="no-report")
    assert (done.returncode, kinds(done.stdout)[-1]) == (0, Kind.RESULT)
    assert not (tmp_path / REPORT).exists()


def test_flood_gives_a_huge_line_and_many_short_ones(tmp_path: Path) -> None:
    decoded = events(run(tmp_path, behaviours="flood:2").stdout)
    lengths = [len(event.text) for event in decoded if event.kind is Kind.TEXT]
    assert max(lengths) == 2 * 1024 * 1024
    assert len(lengths) > 2000
    assert decoded[-1].kind is Kind.RESULT


def test_a_grandchild_holds_the_output_open(tmp_path: Path) -> None:
    with running(tmp_path, "grandchild") as process:
        said = read_until(process, Kind.TEXT).text
        match = re.fullmatch(r"left process (\d+) behind", said)
        assert match
        grandchild = int(match[1])
        try:
            assert process.wait() == 0
            assert os.getpgid(grandchild) == os.getpgid(0)
            assert process.stdout is not None
            read_until(process, Kind.RESULT)
            os.set_blocking(process.stdout.fileno(), False)
            with pytest.raises(BlockingIOError):
                os.read(process.stdout.fileno(), 1)
        finally:
            os.kill(grandchild, signal.SIGKILL)


def test_garbage_does_not_hide_the_result(tmp_path: Path) -> None:
    decoded = events(run(tmp_path, behaviours="garbage").stdout)
    invalid = [event.text for event in decoded if event.kind is Kind.INVALID]
    assert invalid[0] == "T: this line is no event"
    assert [event.type for event in decoded if event.kind is Kind.UNKNOWN] == ["brand_new"]
    assert decoded[-1].kind is Kind.RESULT


def test_fail_gives_a_result_that_is_an_error(tmp_path: Path) -> None:
    done = run(tmp_path, behaviours="fail")
    assert (done.returncode, events(done.stdout)[-1].is_error) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_fail_once_fails_the_first_time_for_each_report(tmp_path: Path) -> None:
    other = PROMPT.replace(REPORT, "docs/results/other.md")
    codes = [
        run(tmp_path, prompt=prompt, behaviours="fail-once").returncode
        for prompt in (PROMPT, PROMPT, other, other, PROMPT)
    ]
    assert codes == [1, 0, 1, 0, 0]


def test_once_can_be_remembered_elsewhere(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    env = environment("once, die:4", CODEAGENT_STANDIN_STATE=str(tmp_path / "state/seen.txt"))
    assert [run(project, env=env).returncode for _ in range(2)] == [4, 0]
    assert not (project / ".codeagent").exists()


def test_it_ends_quietly_when_nobody_listens(tmp_path: Path) -> None:
    with subprocess.Popen(
        command(*MODERN, PROMPT),
        cwd=tmp_path,
        env=environment("flood:1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
