# Generated from tests/_async/test_verify.py. Do not edit.
"""Verification with real commands and the real git."""

from __future__ import annotations

import re
import signal
from hashlib import sha256
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync import verify as module
from codeagent._sync.verify import Verifier
from codeagent.core.config.verify import VerifySettings
from codeagent.core.verify import Evidence, Shortfall

from ..support.processes import wait_for_end
from ..support.repositories import ENVIRONMENT
from .helpers import until
from .verify_rig import Rig, python


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_the_output_and_its_digest_are_evidence(rig: Rig) -> None:
    found = rig.run(python("import sys; print('out'); print('err', file=sys.stderr)"))
    (run,) = found.commands
    assert (found.ok, found.reason, run.exit_code, run.output) == (True, "", 0, "")
    log = Path(run.log)
    assert log == rig.logs / "a1_first-1.log"
    assert sorted(log.read_bytes().split()) == [b"err", b"out"]
    assert run.sha256 == sha256(log.read_bytes()).hexdigest()
    assert run.seconds > 0


def test_commands_run_in_the_directory_one_after_another(rig: Rig) -> None:
    found = rig.run(python("open('first', 'w').close()"), python("import os; print(os.listdir())"))
    assert found.ok
    assert Path(found.commands[1].log).read_text("utf-8") == "['first']\n"


def test_the_first_failure_ends_it(rig: Rig) -> None:
    found = rig.run(
        python("pass"), python("print('why'); raise SystemExit(3)"), python("open('x', 'w')")
    )
    assert (found.ok, found.shortfall) == (False, Shortfall.FAILED)
    assert [run.exit_code for run in found.commands] == [0, 3]
    assert found.commands[1].output == "why"
    assert found.reason.endswith(
        f"ended with code 3, its last line: why; its output: {rig.logs / 'a1_first-2.log'}"
    )
    assert not (rig.directory / "x").exists()


def test_a_shell_is_used_only_when_asked_for(rig: Rig) -> None:
    shell = rig.run({"shell": "echo $((1 + 1)); exit 4"})
    assert (shell.commands[0].exit_code, shell.commands[0].output) == (4, "2")
    words = rig.run(["echo", "$HOME"])
    assert Path(words.commands[0].log).read_text("utf-8") == "$HOME\n"


def test_the_environment_is_clean(rig: Rig) -> None:
    given = {**ENVIRONMENT, "GIT_DIR": "/x", "CURSOR_API_KEY": "x", "TMPDIR": "/of/task"}
    code = (
        "import os, sys\n"
        "print(*sorted({'GIT_DIR', 'CURSOR_API_KEY', 'TMPDIR', 'CI', 'MINE'} & set(os.environ)))"
    )
    verifier = rig.verifier(python(code), environment={"MINE": "1"})
    found = rig.verify(verifier, environment=given)
    assert Path(found.commands[0].log).read_text("utf-8") == "CI MINE TMPDIR\n"


def test_standard_input_is_empty(rig: Rig) -> None:
    found = rig.run(python("import sys; print(repr(sys.stdin.read()))"))
    assert Path(found.commands[0].log).read_text("utf-8") == "''\n"


def test_output_need_not_be_text(rig: Rig) -> None:
    found = rig.run(
        python("import sys; sys.stdout.buffer.write(b'\\xcf\\xf0\\x00\\n'); sys.exit(1)")
    )
    assert Path(found.commands[0].log).read_bytes() == b"\xcf\xf0\x00\n"
    assert found.commands[0].output == "\ufffd\ufffd\x00"


def test_a_command_that_writes_nothing_has_an_empty_log(rig: Rig) -> None:
    found = rig.run(["true"])
    (run,) = found.commands
    assert Path(run.log).read_bytes() == b""
    assert run.sha256 == sha256().hexdigest()


def test_of_huge_output_both_ends_are_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD", 1000)
    monkeypatch.setattr(module, "TAIL", 500)
    code = "print('begin'); print('x' * 5_000_000, 'end'); raise SystemExit(1)"
    found = rig.run(python(code))
    (run,) = found.commands
    text = Path(run.log).read_text("utf-8")
    assert len(text) < 1700
    assert text.startswith("begin\nxxx")
    assert re.search(r"x\n\n\[\.\.\. (\d+) bytes left out \.\.\.\]\n\nx", text)
    assert text.endswith("x end\n")
    assert run.output.endswith("x end")
    assert run.sha256 == sha256(text.encode()).hexdigest()


def test_output_that_just_fits_is_whole(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD", 1000)
    monkeypatch.setattr(module, "TAIL", 500)
    found = rig.run(python("print('x' * 1499)"))
    (run,) = found.commands
    assert Path(run.log).read_text("utf-8") == "x" * 1499 + "\n"


def test_a_log_of_the_same_name_is_replaced(rig: Rig) -> None:
    rig.logs.mkdir()
    (rig.logs / "a1_first-1.log").write_text("of another time", "utf-8")
    found = rig.run(["echo", "new"])
    (run,) = found.commands
    assert Path(run.log).read_text("utf-8") == "new\n"


def test_a_missing_program_names_what_to_correct(rig: Rig) -> None:
    found = rig.run(["no-such-program", "--all"])
    assert (found.ok, found.shortfall) == (False, Shortfall.MISSING)
    assert found.commands[0].exit_code is None
    assert found.reason.startswith("no-such-program --all could not be started: no-such-program: ")
    assert found.reason.endswith("correct verify.commands")


def test_a_directory_that_is_gone_is_named(rig: Rig) -> None:
    rig.directory.rmdir()
    found = rig.run(["true"])
    assert found.shortfall is Shortfall.MISSING
    assert str(rig.directory) in found.reason


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(rig: Rig) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    found = rig.run(python(code), timeout=0.5, retries=3)
    (run,) = found.commands
    assert (found.ok, found.shortfall, run.timed_out) == (False, Shortfall.TIMED_OUT, True)
    assert run.exit_code == -signal.SIGTERM
    assert "was ended after 0.5 s (verify.timeout)" in found.reason
    wait_for_end(int(Path(run.log).read_text("utf-8")))


def test_a_command_that_ignores_its_end_is_killed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True); time.sleep(600)"
    )
    found = rig.run(python(code), timeout=0.5)
    (run,) = found.commands
    assert (run.timed_out, run.exit_code) == (True, -signal.SIGKILL)


def test_whatever_holds_the_output_open_is_not_waited_for(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAIN", 0.1)
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)"
    )
    found = rig.run(python(code))
    assert found.ok
    wait_for_end(int(Path(found.commands[0].log).read_text("utf-8")))


def test_a_cancelled_verification_leaves_nothing_running(rig: Rig) -> None:
    verifier = rig.verifier(
        python("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    )
    log = rig.logs / "a1_first-1.log"
    with rt.TaskGroup() as group:
        task = group.start_soon(rig.verify, verifier)
        until(lambda: log.exists() and log.read_bytes().endswith(b"\n"))
        task.cancel()
    wait_for_end(int(log.read_text("utf-8")))


def test_all_commands_can_be_killed_at_once(rig: Rig) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True); time.sleep(600)"
    )
    verifier = rig.verifier(python(code))
    log = rig.logs / "a1_first-1.log"
    with rt.TaskGroup() as group:
        task = group.start_soon(rig.verify, verifier)
        until(lambda: log.exists() and log.read_bytes().endswith(b"\n"))
        verifier.kill_all()
        found = task.wait()
    assert found.commands[0].exit_code == -signal.SIGKILL


def test_a_failing_command_is_tried_again_as_configured(rig: Rig) -> None:
    code = (
        "import os, sys\n"
        "try: os.mkdir('tried')\n"
        "except FileExistsError: sys.exit(0)\n"
        "sys.exit('not yet')"
    )
    once = rig.run(python(code))
    assert not once.ok
    (rig.directory / "tried").rmdir()
    found = rig.run(python(code), retries=2)
    assert found.ok
    assert [Path(run.log).name for run in found.commands] == [
        "a1_first-1.log",
        "a1_first-1-again-1.log",
    ]
    assert "succeeded when it was tried again" in found.findings[0]


def test_only_so_many_verify_at_once(rig: Rig) -> None:
    code = (
        "import os, sys, time\n"
        "try: os.mkdir('busy')\n"
        "except FileExistsError: sys.exit('two at once')\n"
        "time.sleep(0.05); os.rmdir('busy')"
    )
    verifier = rig.verifier(python(code), jobs=1)

    def one(number: int) -> Evidence:
        return verifier.verify(
            rig.directory, environment=ENVIRONMENT, log_directory=rig.logs, label=str(number)
        )

    found = rt.map_concurrently(one, range(4), limit=4)
    assert [each.reason for each in found] == [""] * 4


def test_a_limit_can_be_shared(rig: Rig) -> None:
    limit = rt.Semaphore(1)
    settings = VerifySettings.model_validate({"commands": [["true"]]})
    verifier = Verifier(settings, limit=limit)
    limit.acquire()
    with rt.TaskGroup() as group:
        task = group.start_soon(rig.verify, verifier)
        with rt.CancelScope(0.1) as scope:
            task.wait()
        assert scope.ended_early
        limit.release()
        found = task.wait()
    assert found.ok


def test_secrets_are_not_in_the_evidence(rig: Rig) -> None:
    code = "import sys; print('token=hunter2hunter2 a secret of ours'); sys.exit(1)"
    found = rig.run(python(code, "--password=hunter2hunter2"))
    text = found.to_text()
    assert "hunter2" not in text
    assert "of ours" not in text


def test_a_log_that_cannot_be_written_is_an_error(rig: Rig) -> None:
    rig.logs.write_text("a file", "utf-8")
    with pytest.raises(OSError, match="logs"):
        rig.run(["true"])


def test_the_projects_own_command_is_detected(rig: Rig) -> None:
    (rig.directory / "Makefile").write_text("test:\n\techo tested\n", "utf-8")
    (rig.directory / "tests").mkdir()
    (rig.directory / "tests" / "data.py").write_text("", "utf-8")
    (rig.directory / "package.json").symlink_to("/etc/passwd")
    detection = rig.verifier().detect(rig.directory)
    assert detection is not None
    assert (detection.argv, detection.source) == (("make", "test"), "Makefile")
    assert rig.verifier(detect=False).detect(rig.directory) is None


def test_detected_tests_are_run(rig: Rig) -> None:
    tests = rig.directory / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n"
        "    def test_it(self): self.assertEqual(1, 2)\n",
        "utf-8",
    )
    found = rig.run()
    assert (found.ok, found.commands[0].exit_code) == (False, 1)
    assert found.commands[0].command == "python3 -m unittest discover -s tests"
    assert found.commands[0].output.endswith("FAILED (failures=1)")


def test_a_project_without_commands_is_told_so(rig: Rig) -> None:
    found = rig.run()
    assert (found.ok, found.commands) == (True, ())
    assert found.findings == ("no command was run, for none was detected: set verify.commands",)


def test_a_program_may_lie_in_the_directory(rig: Rig) -> None:
    script = rig.directory / "check"
    script.write_text("#!/bin/sh\necho checked\n", "utf-8")
    script.chmod(0o755)
    found = rig.run("./check")
    assert Path(found.commands[0].log).read_text("utf-8") == "checked\n"
    script.chmod(0o644)
    denied = rig.run("./check")
    assert denied.shortfall is Shortfall.MISSING
