"""Work that is ready to land, made by the real git."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from codeagent.core.landing import LandingRequest
from codeagent.core.landing_edit import SharedFiles
from codeagent.core.task import StepState, Task, TaskState
from codeagent.core.todo import candidate_names
from codeagent.core.verify import CommandRun, Evidence
from codeagent.core.workspace import Changes, Workspace

from .repositories import Repository, make_repository
from .world import NOW, SpyStore

STATUS = "codeAgentProjectStatus.md"
LANDED = "codeagent/landed/main"
SHARED = SharedFiles(frozenset(candidate_names("md")), STATUS)
TODO = "# Work\n\n" + "".join(f"- [ ] task {n}\n" for n in range(20))


def task(number: int) -> Task:
    """One task of `TODO`, with its attempt under way."""
    return Task(
        id=f"task_{number}",
        text=f"task {number}",
        source="todo.md",
        state=TaskState.RUNNING,
        epoch=1,
        attempts=1,
        completed=(1, 2),
        last_completed=2,
        total_instructions=2,
    )


def listed(place: Path) -> Repository:
    """A repository with `TODO` and a status file."""
    return make_repository(
        place / "repository", todo__md=TODO, codeAgentProjectStatus__md="# Status\n", base="1\n"
    )


def begin(store: SpyStore, number: int) -> Task:
    """The task in the store, its attempt begun and its instructions done."""
    waiting = replace(task(number), state=TaskState.PENDING, epoch=0, attempts=0, completed=())
    store.add_tasks([replace(waiting, last_completed=0, total_instructions=0)]).result()
    return begin_again(store, f"task_{number}")


def begin_again(store: SpyStore, task_id: str) -> Task:
    """Another attempt at a task that is in the store."""
    begun = store.begin_attempt(task_id, path="async", instructions=2, now=NOW).result()
    for position in (1, 2):
        if position not in begun.completed:
            store.begin_step(task_id, begun.epoch, position, position, "work", NOW).result()
            store.finish_step(task_id, begun.epoch, position, StepState.DONE, NOW).result()
    found = store.task(task_id).result()
    assert isinstance(found, Task)
    return found


def restart(store: SpyStore) -> None:
    """What the store does when a server starts after one that was killed."""
    store.recover(NOW).result()


def request(
    repository: Repository,
    work: Task,
    files: Mapping[str, str | None],
    *,
    base: str = "main",
    verified: bool = True,
) -> LandingRequest:
    """What an attempt made of ``base``: files with a text are written, others removed."""
    at = repository.git("rev-parse", base)
    place = repository.path.parent / "agents" / work.id
    repository.git("worktree", "add", "-q", "--detach", str(place), at)
    made = Repository(place)
    for name, text in files.items():
        if text is None:
            (place / name).unlink()
        else:
            made.write(name, text)
    made.git("add", "-A", "-f")
    made.git("commit", "-q", "--allow-empty", "-m", "what the agent did")
    commit, tree = made.git("rev-parse", "HEAD", "HEAD^{tree}").split()
    repository.git("worktree", "remove", "--force", str(place))
    evidence = Evidence(True, tree=tree if verified else None)
    if verified:
        evidence = replace(evidence, commands=(CommandRun("make test", 0, 1.5, "log"),))
    return LandingRequest(
        task=work,
        workspace=Workspace(task_id=work.id, path=Path(place)),
        changes=Changes(commit=commit, tree=tree, base=at, files=tuple(files)),
        evidence=evidence,
    )


def log(repository: Repository, branch: str = "main") -> list[str]:
    """The subjects on a branch, newest first."""
    return repository.git("log", "--format=%s", branch).splitlines()


def done_in_list(repository: Repository, revision: str = "main") -> list[str]:
    """The texts of the items that the committed list shows as done."""
    lines = repository.git("show", f"{revision}:todo.md").splitlines()
    return [line[6:].partition(" <!--")[0] for line in lines if line.startswith("- [x]")]
