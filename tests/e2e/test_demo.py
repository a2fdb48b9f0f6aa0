"""The smaller commands: ``demo``, ``doctor``, ``retry``, ``migrate``, ``--version``."""

from __future__ import annotations

import re
from pathlib import Path

from codeagent import __version__
from tests.support.installations import bare, modern, scripted, write_config
from tests.support.processes import codeagent, environment, left_of


def test_the_demo_does_the_whole_job_and_leaves_nothing(tmp_path: Path, path: str) -> None:
    env = environment(TMPDIR=str(tmp_path))
    done = codeagent("demo", "--path", path, cwd=tmp_path, env=env)
    assert (done.code, done.stderr) == (0, "")
    assert "- [x] Greet the user by name <!-- Выполнено успешно (2/2 инструкций) - " in done.stdout
    assert "  - [x] Ignore punctuation when counting" in done.stdout
    assert "- [ ]" not in done.stdout
    assert "notes/greet-the-user-by-name.md" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_demo_can_be_kept_and_told_as_events(tmp_path: Path, path: str) -> None:
    kept = tmp_path / "kept"
    done = codeagent("demo", "--path", path, "--json", "--keep", kept, cwd=tmp_path)
    assert done.code == 0
    assert done.named("server.started")[0]["path"] == path
    assert len(done.named("task.done")) == 4
    assert left_of([event["pid"] for event in done.named("agent.started")]) == []
    assert (kept / "codeAgentProjectStatus.md").is_file()
    again = codeagent("demo", "--keep", kept, cwd=tmp_path)
    assert again.code == 2
    assert "is not empty" in again.stderr


def test_doctor_shows_what_is_there(tmp_path: Path) -> None:
    place = modern(tmp_path, "- [ ] One\n")
    seen = codeagent("doctor", cwd=place.cwd, env=place.env)
    assert (seen.code, seen.stderr) == (0, "")
    for word in (
        "python",
        "event loop",
        "todo.md",
        "stand-in",
        str(place.project),
        "codeagent.yaml",
    ):
        assert word in seen.stdout
    assert "!!" not in seen.stdout
    assert not place.state.exists()


def test_doctor_says_what_is_missing(tmp_path: Path) -> None:
    place = bare(tmp_path, "")
    place.todo.unlink()
    env = {**place.env, "PATH": str(tmp_path / "nothing")}
    seen = codeagent("doctor", cwd=place.cwd, env=env)
    assert (seen.code, seen.stderr) == (1, "")
    missing = re.findall(r"^!!  ([\w ]+?)  ", seen.stdout, re.MULTILINE)
    assert missing == ["list", "agent"]
    write_config(place, {"async": {"path": "purple"}})
    assert "async.path" in codeagent("doctor", cwd=place.cwd, env=env).stdout


def test_retry_has_a_task_done_again(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One\n- [ ] Bad (fails at 1) (fails at 2)\n")
    settings = {"server": {"checkpoint": {"max_task_attempts": 1}}}
    write_config(place, settings)
    run = ("run", "--path", path, "--json")
    first = codeagent(*run, cwd=place.cwd, env=place.env)
    assert first.code == 1
    assert codeagent(*run, cwd=place.cwd, env=place.env).named("task.started") == []
    retried = codeagent("retry", "Bad (fails at 1)  (fails at 2)", cwd=place.cwd, env=place.env)
    assert (retried.code, retried.stderr) == (0, "")
    again = codeagent(*run, cwd=place.cwd, env=place.env)
    assert [event["text"] for event in again.named("task.started")] == [
        "Bad (fails at 1) (fails at 2)"
    ]
    unknown = codeagent("retry", "Nothing of the kind", cwd=place.cwd, env=place.env)
    assert (unknown.code, unknown.stdout) == (2, "")
    assert "Nothing of the kind" in unknown.stderr


def test_retry_before_any_run_says_so(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One\n")
    refused = codeagent("retry", "One", cwd=place.cwd, env=place.env)
    assert refused.code == 2
    assert "nothing was run here yet" in refused.stderr


def test_a_done_task_is_done_again_once_its_line_is_open(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [ ] One\n")
    assert codeagent("run", cwd=place.cwd, env=place.env).code == 0
    assert codeagent("retry", "One", cwd=place.cwd, env=place.env).code == 0
    place.todo.write_text("- [ ] One\n")
    assert codeagent("run", cwd=place.cwd, env=place.env).code == 0
    assert [step for _, step in place.steps()] == [1, 2, 1, 2]


def test_the_version_is_told(tmp_path: Path) -> None:
    told = codeagent("--version", cwd=tmp_path)
    assert (told.code, told.stdout) == (0, f"codeagent {__version__}\n")


def test_migrate_shows_the_version_of_the_state(tmp_path: Path) -> None:
    place = scripted(tmp_path, "- [x] One\n")
    assert codeagent("run", cwd=place.cwd, env=place.env).code == 0
    database = place.state / "codeagent.db"
    shown = codeagent("migrate", "status", "--state", database, cwd=tmp_path)
    assert (shown.code, shown.stderr) == (0, "")
    assert re.search(r"^0001 .* yes$", shown.stdout, re.MULTILINE)
    missing = codeagent("migrate", "status", "--state", tmp_path / "absent", cwd=tmp_path)
    assert (missing.code, missing.stdout) == (2, "")
