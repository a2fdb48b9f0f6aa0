"""What is run to find out whether work is good, and the evidence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.config import ConfigError, parse_config
from codeagent.core.config.verify import Command, VerifySettings
from codeagent.core.detect import Detection
from codeagent.core.redact import Redactor
from codeagent.core.screening_diff import Finding
from codeagent.core.verify import (
    TAIL,
    CommandRun,
    Evidence,
    Shortfall,
    commands,
    compared,
    environment,
    evidence,
    is_wanted,
    jobs,
    last_words,
    refusal,
    told,
)
from codeagent.core.workspace import Changes

DETECTION = Detection(("nox", "-s", "tests"), "noxfile.py", "noxfile.py has a session tests")
CHANGES = Changes(commit="c", tree="t", base="b", files=("a.py", "b.py"))
NOTHING = Changes(commit="c", tree="t", base="c", files=())
GOOD = CommandRun("make", 0, 1.5, "/log/1.log", sha256="0")


def wanted(**sections: object) -> VerifySettings:
    return VerifySettings.model_validate(sections)


def written(text: str) -> VerifySettings:
    return parse_config(text, source="x", predecessor=False, environment={}).verify


def judged(*runs: CommandRun, detection: Detection | None = None) -> Evidence:
    return evidence(runs, [Finding("note")], CHANGES, detection, 60)


def test_a_command_is_a_line_or_words_or_a_line_for_a_shell() -> None:
    given = written(
        "verify:\n  commands:\n    - pytest -q 'a b'\n    - [make, -j, 4]\n    - {shell: 'a && b'}\n"
    )
    assert given.commands == (
        Command(("pytest", "-q", "a b"), "pytest -q 'a b'"),
        Command(("make", "-j", "4"), "make -j 4"),
        Command(("sh", "-c", "a && b"), "a && b"),
    )


def test_one_command_needs_no_list() -> None:
    assert written("verify: {commands: make test}").commands[0].argv == ("make", "test")
    assert written("verify: {commands: {shell: a; b}}").commands[0].argv == ("sh", "-c", "a; b")


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("'a && b'", "{shell: '...'}"),
        ("'a | b'", "'|'"),
        ("'a 2>&1'", "'2>&1'"),
        ("'X=1 make'", "verify.environment"),
        ('"a \'b"', "cannot be split"),
        ("''", "names no program"),
        ("[]", "names no program"),
        ("[' ', x]", "names no program"),
        ("[a, [b]]", "must be words"),
        ("5", "must be a line"),
        ("{shel: x}", "shell: 'a line'"),
        ("{shell: ''}", "shell: 'a line'"),
        ('["a\\0b"]', "zero byte"),
    ],
)
def test_a_wrong_command_is_refused_with_advice(command: str, advice: str) -> None:
    with pytest.raises(ConfigError) as caught:
        written(f"verify:\n  commands:\n    - {command}\n")
    assert "verify.commands.0" in str(caught.value)
    assert advice in str(caught.value)


def test_the_environment_of_commands_is_never_shown() -> None:
    assert "hunter2" not in repr(wanted(environment={"X": "hunter2"}))


def test_in_place_work_is_verified_only_if_commands_are_configured() -> None:
    assert is_wanted(wanted(), in_place=False)
    assert not is_wanted(wanted(), in_place=True)
    assert is_wanted(wanted(commands=["make"]), in_place=True)


@pytest.mark.parametrize(
    ("configured", "processors", "expected"),
    [(None, 8, 4), (None, 3, 1), (None, 1, 1), (None, None, 1), (7, 2, 7)],
)
def test_half_the_processors_verify(
    configured: int | None, processors: int | None, expected: int
) -> None:
    assert jobs(wanted(jobs=configured), processors) == expected


def test_configured_commands_go_before_detected_ones() -> None:
    assert commands(wanted(commands=["make"]), DETECTION) == (Command(("make",), "make"),)
    assert commands(wanted(), DETECTION) == (Command(DETECTION.argv, "nox -s tests"),)
    assert commands(wanted(), None) == ()


def test_the_environment_is_without_credentials_and_without_what_leads_elsewhere() -> None:
    given = {
        "PATH": "/bin",
        "PORT": "21000",
        "CODEAGENT_STATE": "/s",
        "LC_ALL": "C.UTF-8",
        "GIT_AUTHOR_NAME": "a",
        "GIT_CONFIG_COUNT": "1",
        "GIT_DIR": "/x",
        "GIT_INDEX_FILE": "/x",
        "CURSOR_CONFIG_DIR": "/x",
        "ANTHROPIC_BASE_URL": "/x",
        "GEMINI_API_KEY": "x",
        "DB_PASSWORD": "x",
        "SSH_AUTH_SOCK": "/x",
        "VIRTUAL_ENV": "/x",
    }
    kept = environment(wanted(environment={"X": "1", "CI": "false"}), given, ["DB_PASSWORD"])
    assert kept == {
        "PATH": "/bin",
        "PORT": "21000",
        "CODEAGENT_STATE": "/s",
        "LC_ALL": "C.UTF-8",
        "GIT_AUTHOR_NAME": "a",
        "GIT_CONFIG_COUNT": "1",
        "DB_PASSWORD": "x",
        "CI": "false",
        "GIT_TERMINAL_PROMPT": "0",
        "NO_COLOR": "1",
        "X": "1",
    }


def test_no_change_is_no_success_unless_allowed() -> None:
    found = refusal(wanted(), NOTHING, [])
    assert found is not None
    assert (found.ok, found.shortfall, found.tree) == (False, Shortfall.NO_CHANGES, "t")
    assert "verify.allow_no_changes" in found.reason
    assert refusal(wanted(allow_no_changes=True), NOTHING, []) is None


def test_what_blocks_is_refused_before_anything_is_run() -> None:
    findings = [Finding("a.py:1: a GitHub token", blocks=True), Finding("b", blocks=True)]
    found = refusal(wanted(), CHANGES, [*findings, Finding("c")])
    assert found is not None
    assert found.shortfall is Shortfall.REFUSED
    assert found.reason == "the change must not be landed: a.py:1: a GitHub token (and 1 more)"
    assert (found.findings, found.changed) == (("a.py:1: a GitHub token", "b", "c"), CHANGES.files)


def test_what_does_not_block_is_no_reason_to_refuse() -> None:
    assert refusal(wanted(), CHANGES, [Finding("x")]) is None
    assert refusal(wanted(), None, [Finding("x", blocks=True)]) is None


def test_it_is_said_that_nothing_was_run() -> None:
    (nothing,) = told(None, wanted(), ())
    assert "none was detected: set verify.commands" in str(nothing)
    (off,) = told(None, wanted(detect=False), ())
    assert "verify.detect is off" in str(off)
    assert told(None, wanted(commands=["make"]), ()) == []


def test_it_is_said_that_the_task_changed_what_decides() -> None:
    assert told(DETECTION, wanted(), ["src/x.py"]) == []
    (found,) = told(DETECTION, wanted(), ["noxfile.py"])
    assert str(found).startswith("noxfile.py: was changed, and it decides that nox -s tests")
    assert not found.blocks


def test_good_runs_are_good_evidence() -> None:
    found = judged(GOOD, GOOD)
    assert found == Evidence(True, "", (GOOD, GOOD), "t", ("note",), CHANGES.files)
    assert found.seconds == 3
    assert evidence((), (), None, None, 60) == Evidence(True)


@pytest.mark.parametrize(
    ("run", "shortfall", "reason"),
    [
        (
            CommandRun("make", 2, 1, "/l", output="x\nError 1\n".strip()),
            Shortfall.FAILED,
            "make ended with code 2, its last line: Error 1; its output: /l",
        ),
        (
            CommandRun("make", 1, 1, "/l"),
            Shortfall.FAILED,
            "make ended with code 1; its output: /l",
        ),
        (
            CommandRun("make", -11, 1, "/l"),
            Shortfall.FAILED,
            "make was ended by SIGSEGV; its output: /l",
        ),
        (
            CommandRun("make", -99, 1, "/l"),
            Shortfall.FAILED,
            "make was ended by signal 99; its output: /l",
        ),
        (
            CommandRun("make", -15, 61, "/l", timed_out=True),
            Shortfall.TIMED_OUT,
            "make was ended after 60 s (verify.timeout); its output: /l",
        ),
        (
            CommandRun("make", 0, 61, "/l", timed_out=True),
            Shortfall.TIMED_OUT,
            "make was ended after 60 s (verify.timeout); its output: /l",
        ),
        (
            CommandRun("mak", None, 0, "", output="mak: No such file"),
            Shortfall.MISSING,
            (
                "mak could not be started: mak: No such file; install what it needs, or correct "
                "verify.commands"
            ),
        ),
    ],
)
def test_the_reason_names_the_command_and_what_became_of_it(
    run: CommandRun, shortfall: Shortfall, reason: str
) -> None:
    found = judged(GOOD, run)
    assert (found.ok, found.shortfall, found.reason) == (False, shortfall, reason)


@pytest.mark.parametrize(
    "run",
    [
        CommandRun("sh", 127, 0, "/l", output="sh: 1: pytst: not found"),
        CommandRun("p", 1, 0, "/l", output="/usr/bin/python3: No module named pytest"),
        CommandRun("nox", None, 0, "", output="nox: No such file"),
    ],
)
def test_a_missing_program_is_told_from_a_failing_one(run: CommandRun) -> None:
    found = judged(run, detection=DETECTION)
    assert found.shortfall is Shortfall.MISSING
    assert found.reason.endswith(
        "it was detected because noxfile.py has a session tests: install it, or set verify.commands"
    )


BAD = CommandRun("make", 1, 1, "/l", output="1 failed")


def test_what_fails_without_the_change_too_is_said_to() -> None:
    found, base = judged(GOOD, BAD), judged(BAD)
    seen = compared(found, base, "0123456789abcdef")
    told = "fails without this change, too, at 0123456789ab"
    assert (seen.ok, seen.shortfall) == (False, Shortfall.BASE)
    assert seen.reason == f"{found.reason}; it {told}"
    assert seen.findings == (*found.findings, f"make: {told}; its output there: /l")
    assert Evidence.from_text(seen.to_text()) == seen


@pytest.mark.parametrize(
    ("runs", "base"),
    [
        ((BAD,), None),
        ((BAD,), (GOOD,)),
        ((BAD,), (CommandRun("other", 1, 1, "/l"),)),
        ((BAD,), (CommandRun("make", None, 0, ""),)),
        ((CommandRun("make", None, 0, ""),), (BAD,)),
        ((GOOD,), (BAD,)),
    ],
)
def test_what_fails_for_another_reason_is_the_tasks(
    runs: tuple[CommandRun, ...], base: tuple[CommandRun, ...] | None
) -> None:
    found = judged(*runs)
    alone = None if base is None else judged(*base)
    assert compared(found, alone, "0123456789abcdef") is found


def test_a_test_that_misses_a_module_is_a_failing_one() -> None:
    output = "E   ModuleNotFoundError\npython: No module named x\n1 failed"
    assert judged(CommandRun("p", 1, 0, "/l", output=output)).shortfall is Shortfall.FAILED


def test_a_command_that_succeeds_the_second_time_is_good_and_flaky() -> None:
    found = judged(CommandRun("make", 1, 1, "/l"), GOOD)
    assert found.ok
    assert found.findings[1:] == ("make: failed first, and succeeded when it was tried again",)


def test_the_last_words_are_the_end_of_the_output_without_secrets() -> None:
    output = b"x" * 10 * TAIL + b"\xff\npassword=hunter2, my-own-secret-1\n\n"
    words = last_words(output, Redactor(["my-own-secret-1"]))
    assert len(words) == TAIL
    assert "\ufffd\npassword=***" in words
    assert "hunter2" not in words
    assert "my-own" not in words


def test_evidence_is_plain_ascii() -> None:
    text = Evidence(True, changed=("caf\xe9\udcff",)).to_text()
    assert text.isascii()
    assert Evidence.from_text(text).changed == ("caf\xe9\udcff",)


def test_keys_of_a_later_version_are_passed_over() -> None:
    document = json.loads(judged(GOOD).to_text())
    document["later"] = document["commands"][0]["later"] = 1
    assert Evidence.from_text(json.dumps(document)) == judged(GOOD)


@pytest.mark.parametrize(
    "text",
    ["", "5", "[]", "{", "{}", '{"commands": 5}', "[" * 100_000, '{"ok": "yes"}',
     '{"ok": true, "commands": [{}], "findings": [], "changed": []}',
     '{"ok": true, "commands": [], "findings": [], "changed": [], "shortfall": "x"}'],
)  # fmt: skip
def test_what_is_no_evidence_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="no evidence of a verification"):
        Evidence.from_text(text)


# Bytes of a path that are not UTF-8 become lone surrogates.
_TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\udc80\udcff"), max_size=20)
_RUN = st.builds(
    CommandRun,
    command=_TEXT,
    exit_code=st.none() | st.integers(-64, 255),
    seconds=st.floats(0, 1e9),
    log=_TEXT,
    timed_out=st.booleans(),
    sha256=_TEXT,
    output=_TEXT,
)


@settings(deadline=None, max_examples=200)
@given(
    st.builds(
        Evidence,
        ok=st.booleans(),
        reason=_TEXT,
        commands=st.lists(_RUN, max_size=3).map(tuple),
        tree=st.none() | _TEXT,
        findings=st.lists(_TEXT, max_size=3).map(tuple),
        changed=st.lists(_TEXT, max_size=3).map(tuple),
        shortfall=st.none() | st.sampled_from(Shortfall),
    )
)
def test_evidence_survives_its_text(found: Evidence) -> None:
    assert Evidence.from_text(found.to_text()) == found
