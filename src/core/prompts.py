"""The texts of the built-in instructions.

Each says where its report goes and with which line it ends: these two sentences
are the whole agreement with an agent.
"""

from __future__ import annotations

from typing import Final

WORK_REPORT: Final = "docs/results/work_{task_id}.md"
WORK_PHRASE: Final = "Work report complete!"
CHECK_REPORT: Final = "docs/results/checks_{task_id}.md"
CHECK_PHRASE: Final = "Check report complete!"
SINGLE_REPORT: Final = "docs/results/last_result.md"
SINGLE_PHRASE: Final = "Отчет завершен!"
FREE_REPORT: Final = "docs/results/free_instruction_{task_id}_{timestamp}.md"
FREE_PHRASE: Final = "Свободная инструкция выполнена!"


def _with_report(body: str, contents: str, report: str, phrase: str) -> str:
    return f"""{body}

When you are done, write your report to the file {report}
The path is relative to the root of the project; create the directory if it is missing.
{contents}
The report must end with this line, exactly as it stands here:
{phrase}
"""


WORK: Final = _with_report(
    """You work in the root directory of a project. Do the following task completely.

Task: {task_name}

Read what you need to know first. Keep to the style of the project, change only what
the task asks for, and add or adapt the tests that belong to it.""",
    "Say in it what you changed, file by file, and what is left open.",
    WORK_REPORT,
    WORK_PHRASE,
)

CHECK: Final = _with_report(
    """You work in the root directory of a project. The following task was just worked on.

Task: {task_name}

Find out how this project checks itself (its README, its CI configuration, its test
runner), run these checks, and repair what the work on this task has broken.""",
    "Say in it which commands you ran, what each of them showed, and what you repaired.",
    CHECK_REPORT,
    CHECK_PHRASE,
)

SINGLE: Final = _with_report(
    """Do the following task in the current project.

Task: {task_name}""",
    "Say in it what you changed and what is left open.",
    SINGLE_REPORT,
    SINGLE_PHRASE,
)

FREE: Final = _with_report(
    "{free_instruction_text}",
    "Say in it what you changed and what is left open.",
    FREE_REPORT,
    FREE_PHRASE,
)
