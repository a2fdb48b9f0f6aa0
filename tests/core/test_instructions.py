from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core import prompts
from codeagent.core.instructions import (
    Flow,
    Instruction,
    InstructionError,
    builtin_sequence,
    free_instruction,
    free_values,
    render,
    required_successes,
    sequence,
    task_values,
)

NOW = datetime(2026, 3, 9, 8, 5, 4)  # noqa: DTZ001 - local time, as on the user's clock
FREE_3 = "do 3: {free_instruction_text}"


def entry(number: object, **fields: object) -> dict[str, object]:
    return {"instruction_id": number, "template": f"do {number}", **fields}


def ids(raw: dict[str, object], task_type: str | None = None) -> list[int | str]:
    return [instruction.instruction_id for instruction in sequence(raw, task_type)]


def test_entries_with_integer_ids_run_in_the_order_of_the_ids() -> None:
    raw: dict[str, object] = {
        "default": [entry(8), entry(2, name="b"), entry("free"), entry(True), entry(2), entry(-1)]
    }
    chosen = sequence(raw, None)
    assert [(i.instruction_id, i.position) for i in chosen] == [(-1, 1), (2, 2), (2, 3), (8, 4)]
    assert [i.name for i in chosen] == ["Instruction -1", "b", "Instruction 2", "Instruction 8"]


def test_what_is_no_mapping_or_has_no_number_is_passed_over() -> None:
    odd = [None, "text", 5, {}, {"instruction_id": "report-check"}, {"instruction_id": 1.0}]
    raw: dict[str, object] = {"default": [*odd, entry(3)]}
    assert ids(raw) == [3]


def test_the_list_of_the_type_comes_before_the_default_one() -> None:
    raw: dict[str, object] = {"default": [entry(1)], "docs": [entry(5)], "none": None, "empty": []}
    assert ids(raw, "docs") == [5]
    assert ids(raw, "other") == ids(raw, "none") == ids(raw, "empty") == ids(raw) == [1]


@pytest.mark.parametrize("raw", [{}, {"default": []}, {"default": None}, {"default": [entry("x")]}])
def test_without_any_list_there_is_one_built_in_instruction(raw: dict[str, object]) -> None:
    (only,) = sequence(raw, None)
    assert (only.report, only.phrase) == ("docs/results/last_result.md", "Отчет завершен!")
    assert (only.timeout, only.check_report, only.position) == (600, False, 1)
    assert "docs/results/last_result.md" in only.template
    assert "Отчет завершен!" in only.template


def test_all_fields_are_read() -> None:
    fields = {
        "name": "План",
        "wait_for_file": "docs/r.md",
        "control_phrase": "Готово!",
        "timeout": 2.5,
        "check_report": True,
        "for_cursor": 7,
        "system_instruction": [],
    }
    raw: dict[str, object] = {"default": [entry(4, **fields)]}
    assert sequence(raw, None) == (
        Instruction(4, 1, "План", "do 4", "docs/r.md", "Готово!", 2.5, True),
    )


def test_absent_and_empty_fields_have_defaults() -> None:
    raw: dict[str, object] = {
        "default": [entry(1, wait_for_file="", control_phrase=None, timeout=None)]
    }
    (only,) = sequence(raw, None, default_timeout=42)
    assert (only.report, only.phrase, only.timeout, only.check_report) == (None, None, 42, False)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("template", None),
        ("template", " \n"),
        ("template", ["a"]),
        ("name", 5),
        ("wait_for_file", {"a": 1}),
        ("control_phrase", 12),
        ("timeout", 0),
        ("timeout", -3),
        ("timeout", "300"),
        ("timeout", True),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("timeout", 10**400),
        ("check_report", "yes"),
    ],
)
def test_a_malformed_entry_is_named_by_type_index_and_key(key: str, value: object) -> None:
    raw: dict[str, object] = {"docs": [entry("free"), entry(1, **{key: value})]}
    with pytest.raises(InstructionError, match=rf"^instructions\.docs\[1\]\.{key}: ") as raised:
        sequence(raw, "docs")
    assert len(str(raised.value)) < 200


def test_a_list_that_is_none_is_named() -> None:
    with pytest.raises(InstructionError, match=r"^instructions\.docs: expected a list .*mapping"):
        sequence({"docs": {"instruction_id": 1}}, "docs")


def test_a_malformed_entry_that_takes_no_part_does_no_harm() -> None:
    raw: dict[str, object] = {"default": [entry(1), entry("report-check", timeout="soon")]}
    assert ids(raw) == [1]


def values(text: str = "Text", position: int = 2) -> dict[str, str]:
    return task_values(task_id="t9", text=text, position=position, now=NOW)


def test_the_placeholders_of_a_task() -> None:
    names = "{task_name} {task_description} {plan_item_text} {task_id} {date} {plan_item_number}"
    instruction = Instruction(1, 2, "n", names, names, names)
    rendered = render(instruction, values())
    assert rendered.prompt == "Text Text Text t9 20260309 2"
    assert rendered.report == "{task_name} {task_description} {plan_item_text} t9 20260309 2"
    assert rendered.phrase == names


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        (Flow.FREE, ("F TS T {date} {n}", "{f} TS T {date} {n}", "{f} {ts} {t} {date} {n}")),
        (Flow.REVISION, ("{f} {ts} T {date} {n}", "{f} {ts} T D {n}", None)),
        (Flow.EMPTY_TODO, ("{f} {ts} {t} D {n}", "{f} {ts} {t} {date} {n}", None)),
        (Flow.EMPTY_TODO_TASK, ("{f} {ts} {t} {date} N", "{f} {ts} {t} {date} N", "same")),
        (Flow.EMPTY_TODO_COMMIT, ("{f} {ts} {t} D {n}", "{f} {ts} {t} {date} {n}", None)),
    ],
)
def test_each_flow_has_its_own_placeholders(
    flow: Flow, expected: tuple[str, str, str | None]
) -> None:
    short = {
        "{f}": "{free_instruction_text}",
        "{ts}": "{timestamp}",
        "{t}": "{task_id}",
        "{n}": "{task_num}",
    }

    def spell(text: str) -> str:
        for key, name in short.items():
            text = text.replace(key, name)
        return text

    prompt, report, phrase = expected
    nothing = "{f} {ts} {t} {date} {n}"
    template = spell(nothing)
    given_values = {
        "free_instruction_text": "F",
        "timestamp": "TS",
        "task_id": "T",
        "date": "D",
        "task_num": "N",
    }
    rendered = render(Instruction(1, 1, "n", template, template, template), given_values, flow)
    assert rendered.prompt == spell(prompt)
    assert rendered.report == spell(report)
    expected_phrase = prompt if phrase == "same" else phrase or nothing
    assert rendered.phrase == spell(expected_phrase)


def test_other_braces_stay() -> None:
    template = '{"a": {}} ${HOME} {unknown} {{task_id}} {task_id {task_id}} { task_id } {date!r}'
    expected = '{"a": {}} ${HOME} {unknown} {t9} {task_id t9} { task_id } {date!r}'
    assert render(Instruction(1, 1, "n", template), values()).prompt == expected


def test_a_placeholder_in_a_value_is_not_replaced() -> None:
    instruction = Instruction(1, 1, "n", "{task_name} on {date}")
    text = "Print {date} and {task_name}"
    assert render(instruction, values(text)).prompt == f"{text} on 20260309"


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="{}\\1 adet_kis", max_size=30), st.text(max_size=30))
def test_the_values_arrive_as_they_are(between: str, text: str) -> None:
    instruction = Instruction(1, 1, "n", "A{plan_item_text}B{free}C{task_name}D")
    given_values = values(between + "{task_id}" + text)
    value = given_values["task_name"]
    assert render(instruction, given_values).prompt == f"A{value}B{{free}}C{value}D"


def test_nothing_is_rendered_out_of_nothing() -> None:
    rendered = render(Instruction(1, 1, "n", "x"), values())
    assert (rendered.report, rendered.phrase) == (None, None)


def test_the_built_in_templates_say_where_the_report_goes_and_how_it_ends() -> None:
    sequence_ = builtin_sequence()
    assert [instruction.position for instruction in sequence_] == [1, 2]
    for instruction in sequence_:
        rendered = render(instruction, values("Add a page"))
        assert rendered.report is not None
        assert rendered.phrase is not None
        assert rendered.report.startswith("docs/results/")
        assert f"write your report to the file {rendered.report}\n" in rendered.prompt
        assert rendered.prompt.endswith(f"\n{rendered.phrase}\n")
        assert "Add a page" in rendered.prompt
        assert "{" not in rendered.prompt
    assert len({instruction.report for instruction in sequence_}) == 2


def test_the_free_instruction_is_the_entry_of_that_name() -> None:
    raw: dict[str, object] = {"default": [entry(1), entry("free", timeout=800, check_report=True)]}
    free = free_instruction(raw)
    assert (free.instruction_id, free.position, free.template) == ("free", 0, "do free")
    assert (free.timeout, free.check_report) == (800, True)
    assert free.report == "docs/results/free_instruction_{task_id}_{timestamp}.md"
    assert free.phrase == "Свободная инструкция выполнена!"


@pytest.mark.parametrize(
    ("raw", "template"),
    [
        ({"default": [None, {**entry(3), "template": FREE_3}, entry(1)]}, FREE_3),
        ({"default": [entry(1), {**entry(3), "template": FREE_3}]}, prompts.FREE),
        ({"docs": [entry("free")]}, prompts.FREE),
        ({}, prompts.FREE),
    ],
)
def test_without_it_the_first_default_entry_serves_if_it_has_a_place_for_the_text(
    raw: dict[str, Any], template: str
) -> None:
    assert free_instruction(raw).template == template


@pytest.mark.parametrize("raw", [{}, {"default": [entry(1)]}])
def test_a_free_instruction_always_says_what_is_to_be_done_and_where_its_report_goes(
    raw: dict[str, Any],
) -> None:
    values = free_values(task_id="t9", text="Mend it", now=NOW)
    rendered = render(free_instruction(raw), values, Flow.FREE)
    assert rendered.prompt.startswith("Mend it\n")
    assert f"write your report to the file {rendered.report}\n" in rendered.prompt
    assert rendered.prompt.rstrip().endswith(str(rendered.phrase))


def test_a_free_instruction_is_rendered_with_its_time() -> None:
    rendered = render(
        free_instruction({}), free_values(task_id="t9", text="Fix {task_id}", now=NOW), Flow.FREE
    )
    assert rendered.prompt.startswith("Fix {task_id}\n")
    assert rendered.report == "docs/results/free_instruction_t9_20260309_080504.md"


def test_three_successes_are_enough() -> None:
    assert [required_successes(total) for total in (0, 1, 2, 3, 8)] == [0, 1, 2, 3, 3]
