"""What an agent is told when its work was not good enough to land."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_TAIL = 6000
"""Characters of a check's output that are quoted; the end is where the verdict stands."""


_MEND = "Find out why and mend it."
_OF_THE_BASE = (
    "It fails without the work, too, at {base}, which the work builds upon. If it is this task "
    "that is to mend that, mend it now, and if the work adds to what fails, mend what it adds. "
    "Otherwise leave it as it is, and say so in the report: a person is told."
)


def mend_checks(
    command: str, exit_code: int | None, output: str, *, combined: bool, base: str = ""
) -> str:
    """The check of the project has failed on the work, or, ``combined``, on the work
    together with what others landed meanwhile; at the commit ``base``, if one is
    named, it fails without the work, too."""
    where = (
        "the work, put together with what was landed meanwhile, does not pass"
        if combined
        else "the work does not pass"
    )
    ended = "did not end in time" if exit_code is None else f"ended with exit code {exit_code}"
    tail = output[-LONGEST_TAIL:]
    return (
        f"The project's own check was run, and {where}: `{command}` {ended}.\n"
        f"{_OF_THE_BASE.format(base=base[:12]) if base else _MEND} "
        "Do not weaken, skip or delete checks to get there.\n"
        f"The end of its output:\n\n{tail}"
    )


def mend_findings(findings: Sequence[str]) -> str:
    """The check has passed, but something in the changes may not be landed."""
    listed = "\n".join(f"- {finding}" for finding in findings)
    return f"Your changes cannot be landed as they are. Mend this, and nothing else:\n\n{listed}"


def nothing_changed() -> str:
    """The agent says that it is done, and there is no change."""
    return (
        "You reported that the task is done, but no file of the project has changed. "
        "Do the task now, in the current directory. If there is truly nothing to change, "
        "say why in the report."
    )


def in_new_chat(task_text: str, request: str) -> str:
    """``request`` for an agent that has not worked on the task itself."""
    return (
        "Somebody has worked on the following task in the current directory, and left it "
        "(see git status, git diff and git log):\n\n"
        f"{task_text}\n\n{request}"
    )
