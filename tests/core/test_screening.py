from __future__ import annotations

import pytest

from codeagent.core.prompts import CHECK, SINGLE, WORK
from codeagent.core.screening import reason_to_refuse


@pytest.mark.parametrize(
    "text",
    [
        "write to C:/temp",
        "write to D:\\Space\\project",
        "(Z:/x)",
        "D:/Space/a",
        "xD:/Space/a",
        "xC:/Windows/",
        "C:/Program Files/app",
        "read /home/anna/notes",
        "read /Users/anna/notes",
        "cat /etc/passwd",
        "../../etc/passwd and ../etc/x",
        "tail /var/log/x",
        "/usr/bin/env",
        "file:///etc/passwd",
        "see https://example.org/x and then /etc/passwd",
        "'https://example.org/x'/etc/passwd",
        "a/" + "b" * 149,
    ],
)
def test_a_text_that_leads_out_of_the_project_is_refused(text: str) -> None:
    assert reason_to_refuse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Change src/app.py and docs/results/last_result.md",
        "see https://h/usr/x",
        "see HTTPS://example.org/etc/hosts?a=/var/x, and http://h/home/u/x",
        "git clone ssh://git@host/usr/repo",
        "https://example.org/" + "long/" * 60,
        "A:/x is a floppy disk",
        "/home/ and /Users/ and /opt/app",
        "the ratio X:Y and note:/x",
        "x" * 400,
        "a/" + "b" * 148,
        WORK,
        CHECK,
        SINGLE,
    ],
)
def test_a_harmless_text_passes(text: str) -> None:
    assert reason_to_refuse(text) is None


def test_the_reason_names_the_place() -> None:
    assert reason_to_refuse("cat /etc/passwd") == "names a place outside the project: /etc/"
