from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.asking import LONGEST_PROMPT, problem_with
from codeagent.core.llm.course import (
    Decision,
    NextStep,
    ReportVerdict,
    Resumption,
    changed_instructions,
    continuation,
    redo,
    report_verdict,
)
from codeagent.core.llm.duplicates import pairs_to_ask, without_duplicates
from codeagent.core.llm.question import Question
from codeagent.core.llm.questions import (
    PlanMatch,
    Usefulness,
    failure_comment,
    plan_match,
    self_check,
    similar,
    usefulness,
)

FIRST = Usefulness(10, "too vague")


def all_questions(task: str = "Add a test", more: str = "more") -> list[Question[object]]:
    return [
        usefulness(task, more),
        self_check(task, more, Usefulness(10, more)),
        plan_match(task, more),
        report_verdict(task, more, more, more),
        continuation(task, more),
        redo(task, more, 2, 5),
        changed_instructions(task, 2, 3, 5),
        similar(task, more),
        failure_comment(task, more),
    ]


DEFAULTS = [
    Usefulness(50),
    Usefulness(10, "more"),
    PlanMatch(True),
    ReportVerdict(NextStep.CONTINUE),
    Decision(True),
    Decision(False),
    Resumption(1),
    False,
    "",
]


def test_without_an_answer_every_question_has_its_default() -> None:
    for answer in (None, "", "  "):
        assert [question.verdict(answer) for question in all_questions()] == DEFAULTS


def test_an_answer_that_means_nothing_has_the_default_too() -> None:
    found = [question.verdict("I am not sure.") for question in all_questions()]
    assert found == [Usefulness(75), *DEFAULTS[1:-1], "I am not sure."]


@settings(deadline=None, max_examples=100)
@given(
    st.text(alphabet='{}":,0123456789 truefalsedecision_usefulness_percent-.\n', max_size=60)
    | st.dictionaries(
        st.sampled_from(
            ["usefulness_percent", "is_adequate", "corrected_usefulness_percent", "matches",
             "decision", "adjusted_instruction", "reason", "free_instruction_text"]
        ),
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4)
        | st.sampled_from(["continue_from_adjusted", "insert_instruction", "stop_and_check"])
        | st.lists(st.integers(), max_size=2),
    ).map(json.dumps)
)  # fmt: skip
def test_any_answer_has_a_verdict_within_its_limits(answer: str) -> None:
    verdicts = [question.verdict(answer) for question in all_questions()]
    assert isinstance(verdicts[0], Usefulness)
    assert isinstance(verdicts[1], Usefulness)
    assert 0 <= verdicts[0].percent <= 100
    assert 0 <= verdicts[1].percent <= 100
    assert isinstance(verdicts[3], ReportVerdict)
    inserts = verdicts[3].action is NextStep.EXECUTE_FREE_INSTRUCTION
    assert not inserts or verdicts[3].free_instruction_text
    assert isinstance(verdicts[6], Resumption)
    assert 1 <= verdicts[6].position <= 5


@settings(deadline=None, max_examples=50)
@given(
    st.text(max_size=20)
    | st.sampled_from(["🙂" * 50_000, "<script>x</script>", "javascript:void", "<IFRAME src=a>"])
)
def test_whatever_is_quoted_the_prompt_is_accepted(text: str) -> None:
    for question in all_questions(text, text):
        assert problem_with(question.ask, ()) is None
        assert len(question.ask.prompt.encode("utf-8", "replace")) <= LONGEST_PROMPT


def test_the_questions_about_usefulness_are_put_to_two_models_and_show_the_documentation() -> None:
    docs = "d" * 2000 + "e" * 1000 + "z"
    first, check = usefulness("t", docs), self_check("t", docs, FIRST)
    assert first.ask.parallel
    assert first.ask.json
    assert check.ask.parallel
    assert "d" * 2000 in first.ask.prompt
    assert "de" not in first.ask.prompt.split("<documentation>")[1]
    assert "e" * 1000 in check.ask.prompt
    assert "ez" not in check.ask.prompt


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"usefulness_percent": 80, "comment": "good"}', Usefulness(80, "good")),
        ('```json\n{"usefulness_percent": "80%", "reason": "ok"}\n```', Usefulness(80, "ok")),
        ('{"usefulness_percent": 150}', Usefulness(100)),
        ('{"usefulness_percent": -3}', Usefulness(0)),
        ('{"usefulness_percent": 40, "comment": "cut', Usefulness(40)),
        ("I would say 65 percent", Usefulness(65)),
        ('{"usefulness_percent": null}', Usefulness(75)),
    ],
)
def test_usefulness_is_read_from_any_form(answer: str, expected: Usefulness) -> None:
    assert usefulness("t", "d").verdict(answer) == expected


def test_a_task_is_useless_below_15_and_doubtful_below_20() -> None:
    assert [Usefulness(p).is_useless for p in (14.9, 15)] == [True, False]
    assert [Usefulness(p).is_doubtful for p in (19.9, 20)] == [True, False]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"is_adequate": False, "corrected_usefulness_percent": 60, "reason": "r"}, (60, "r")),
        ({"is_adequate": False, "corrected_usefulness_percent": 600}, (100, "too vague")),
        ({"is_adequate": True, "corrected_usefulness_percent": 60}, (10, "too vague")),
        ({"is_adequate": False}, (10, "too vague")),
        ({"corrected_usefulness_percent": 60}, (10, "too vague")),
    ],
)
def test_a_judgement_is_corrected_only_if_it_is_not_adequate(
    answer: dict[str, object], expected: tuple[float, str]
) -> None:
    assert self_check("t", "d", FIRST).verdict(json.dumps(answer)) == Usefulness(*expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"matches": true, "reason": "r"}', PlanMatch(True, "r")),
        ('{"matches": false, "reason": "r"}', PlanMatch(False, "r")),
        ('{"matches": "False"}', PlanMatch(False)),
        ("The plan DOES NOT MATCH the task", PlanMatch(False, "The plan DOES NOT MATCH the task")),
        ("План не соответствует задаче", PlanMatch(False, "План не соответствует задаче")),
        ("false " + "x" * 300, PlanMatch(False, "false " + "x" * 194)),
        ("It is fine", PlanMatch(True)),
    ],
)
def test_a_plan_matches_unless_the_answer_says_no(answer: str, expected: PlanMatch) -> None:
    assert plan_match("t", "p").verdict(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"decision": "continue", "reason": "r"}, ReportVerdict(NextStep.CONTINUE, "r")),
        (
            {"decision": "insert_instruction", "free_instruction_text": "fix", "next_instruction_name": "n"},
            ReportVerdict(NextStep.EXECUTE_FREE_INSTRUCTION, "", "n", "fix"),
        ),
        ({"decision": "insert_instruction", "free_instruction_text": " "}, ReportVerdict()),
        ({"decision": "Stop_And_Check"}, ReportVerdict(NextStep.STOP_AND_CHECK)),
        ({"decision": "dance"}, ReportVerdict()),
        ({"decision": ["continue"]}, ReportVerdict()),
    ],
)  # fmt: skip
def test_a_report_has_one_of_three_consequences(
    answer: dict[str, object], expected: ReportVerdict
) -> None:
    assert report_verdict("t", "i", "r", "n").verdict(json.dumps(answer)) == expected


@pytest.mark.parametrize(
    ("answer", "position"),
    [
        ({"decision": "restart"}, 1),
        ({"decision": "continue_from_last"}, 3),
        ({"decision": "continue_from_adjusted", "adjusted_instruction": 5}, 5),
        ({"decision": "continue_from_adjusted", "adjusted_instruction": "4"}, 4),
        ({"decision": "continue_from_adjusted", "adjusted_instruction": 6}, 1),
        ({"decision": "continue_from_adjusted", "adjusted_instruction": 2.5}, 1),
        ({"decision": "continue_from_adjusted", "adjusted_instruction": None}, 1),
    ],
)
def test_a_changed_sequence_goes_on_at_a_position_that_it_has(
    answer: dict[str, object], position: int
) -> None:
    question = changed_instructions("t", last=2, before=3, now=5)
    assert question.verdict(json.dumps(answer)).position == position


def test_a_shorter_sequence_that_was_done_to_its_end_starts_again() -> None:
    question = changed_instructions("t", last=5, before=8, now=5)
    assert question.verdict('{"decision": "continue_from_last"}') == Resumption(1)


def test_decisions_are_read_and_explained() -> None:
    postponed = '{"decision": "postpone_task", "reason": "later"}'
    assert continuation("t", "c").verdict(postponed) == Decision(False, "later")
    assert redo("t", "c", 2, 5).verdict('{"decision": "redo_task"}') == Decision(True)


@pytest.mark.parametrize(
    ("answer", "same"),
    [("YES", True), ("Yes.", True), ("NO", False), ("NO, not like yesterday's", False),
     ("YES or NO", True), ("maybe", False)],
)  # fmt: skip
def test_two_items_are_the_same_if_the_answer_says_yes(answer: str, same: bool) -> None:
    assert similar("a", "b").verdict(answer) is same


def test_only_small_groups_of_near_items_are_asked_about() -> None:
    texts = ["Write the docs", "Paint it", "Fix the server", "Paint it now"]
    assert pairs_to_ask(texts) == [(0, 2), (1, 3)]
    assert pairs_to_ask([*texts, "Test it", "Add a cache"]) == [(1, 3)]
    assert pairs_to_ask(["", " ", ""]) == []


def test_the_later_one_of_a_pair_goes_and_the_order_stays() -> None:
    assert without_duplicates(4, [(1, 3), (0, 2)]) == [0, 1]
    assert without_duplicates(3, [(0, 1), (1, 2)]) == [0, 2]
    assert without_duplicates(3, [(2, 0)]) == [0, 1]
    assert without_duplicates(2, [(1, 1)]) == [0, 1]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(alphabet="ab test", max_size=12), max_size=12), st.randoms())
def test_whatever_is_a_duplicate_something_like_it_stays(texts: list[str], random: object) -> None:
    pairs = pairs_to_ask(texts)
    assert all(0 <= a < b < len(texts) for a, b in pairs)
    assert len(pairs) == len(set(pairs)) <= len(texts)
    kept = without_duplicates(len(texts), pairs)
    assert kept == sorted(kept)
    partners = {a: {b for p in pairs if a in p for b in p} for a in range(len(texts))}
    assert all(i in kept or partners[i] & set(kept) for i in range(len(texts)))
