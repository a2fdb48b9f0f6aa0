"""``codeagent doctor`` on a project whose tasks have worktrees."""

from __future__ import annotations

import os
import re
from pathlib import Path

from codeagent.core.task import Task, TaskState
from codeagent.core.workspace import default_root
from codeagent.store import WorkspaceRow, open_store
from tests.support.processes import codeagent, environment
from tests.support.repositories import make_repository


def test_doctor_lists_what_is_left_with_what_can_be_done_about_it(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "project", todo__md="- [ ] One\n")
    project = repository.path
    own = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    env = {**environment(), **own}
    root = default_root(None, project, own, tmp_path)

    def add(name: str) -> Path:
        path = root / "wt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        repository.git("worktree", "add", "-q", "-b", f"codeagent/{name}-a1", str(path))
        return path

    kept, stranger = add("task_1"), add("task_9")
    (stranger / "work").write_text("x\n", "utf-8")
    repository.git("branch", "codeagent/old-a1")
    with open_store(project / ".codeagent" / "codeagent.db") as store:
        store.add_tasks([Task(id="task_1", text="One")]).result()
        task = store.begin_attempt("task_1", path="async", instructions=1, now=1).result()
        store.finish_task("task_1", task.epoch, TaskState.FAILED, 2).result()
        row = WorkspaceRow(
            task_id="task_1",
            path=str(kept),
            branch="codeagent/task_1-a1",
            base="",
            slot=0,
            state="kept",
            created_at=1,
            kept_until=4e9,
        )
        store.put_workspace(row).result()
    seen = codeagent("doctor", cwd=project, env=env)
    assert seen.stderr == ""
    lines = dict(re.findall(r"^(?:ok|!!)  (workspace|worktree|branch) +(.*)$", seen.stdout, re.M))
    assert lines["workspace"].startswith(f"{kept}: its task failed, it is kept until ")
    assert lines["worktree"].startswith(f"{stranger}: there are changes in it")
    assert lines["branch"] == "codeagent/old-a1: nothing in it is needed any more"
    assert f"!!  worktree       {stranger}" in seen.stdout
    assert f"git -C {project} worktree remove -f -f {stranger}" in seen.stdout
    assert sorted(repository.branches()) == [
        f"codeagent/{n}-a1" for n in ("old", "task_1", "task_9")
    ]
    assert repository.worktrees() == [str(kept), str(stranger)]


def test_doctor_lists_the_locks_that_a_killed_git_has_left(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "project", todo__md="- [ ] One\n")
    env = {**environment(), "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    names = ("refs/heads/main", "refs/heads/codeagent/landed/main", "index", "packed-refs")
    old = [repository.write(f".git/{name}.lock", "") for name in names[:3]]
    for lock in old:
        os.utime(lock, (1, 1))
    fresh = repository.write(f".git/{names[3]}.lock", "")
    seen = codeagent("doctor", cwd=repository.path, env=env)
    assert seen.stderr == ""
    found = re.findall(r"^!!  lock +(.*), \d+ min old$", seen.stdout, re.M)
    assert sorted(found) == sorted(map(str, old))
    assert f"if none is running there: rm {old[0]}\n" in seen.stdout
    assert all(lock.exists() for lock in (*old, fresh))
