from __future__ import annotations

from codeagent.core.reconcile import Reconciled, reconcile
from codeagent.core.todo import Item, ItemState, ListedItem
from codeagent.core.totals import Standing, Totals


def listed(*items: Item) -> tuple[ListedItem, ...]:
    return tuple(ListedItem("todo.md", item) for item in items)


def item(text: str, state: ItemState = ItemState.PENDING, after: tuple[str, ...] = ()) -> Item:
    return Item(text=text, state=state, after=after)


def plan_of(items: tuple[ListedItem, ...]) -> Reconciled:
    return reconcile(items, (), now=0.0, max_attempts=3)


ITEMS = listed(
    item("a"), item("b", ItemState.DONE), item("c", ItemState.SKIPPED), item("d", after=("x",))
)


def test_the_first_look_tells_the_list_and_its_problems() -> None:
    standing = Standing()
    problems = [("todo.md", "line 9: odd")]
    news = standing.update(ITEMS, ["todo.md"], problems, plan_of(ITEMS), at_start=True)
    assert news == [
        ("list.problem", {"file": "d", "problem": "comes after 'x', which no task is"}),
        ("list.problem", {"file": "todo.md", "problem": "line 9: odd"}),
        ("list.read", {"total": 4, "pending": 2, "done": 1, "skipped": 1, "files": ["todo.md"]}),
    ]
    assert standing.totals == Totals(done=1, skipped=1, pending=2)


def test_what_was_told_is_told_again_only_after_it_was_mended() -> None:
    standing = Standing()
    problems = [("todo.md", "odd")]
    settled = reconcile(listed(item("b", ItemState.DONE)), (), now=0.0, max_attempts=3)
    items = listed(item("b", ItemState.DONE))
    assert len(standing.update(items, ["todo.md"], problems, settled, at_start=False)) == 2
    assert standing.update(items, ["todo.md"], problems, settled, at_start=False) == []
    assert standing.update(items, ["todo.md"], [], settled, at_start=False) == []
    again = standing.update(items, ["todo.md"], problems, settled, at_start=False)
    assert again == [("list.problem", {"file": "todo.md", "problem": "odd"})]


def test_a_problem_is_told_once() -> None:
    standing = Standing()
    assert standing.problem("a", "waits") == [("list.problem", {"file": "a", "problem": "waits"})]
    assert standing.problem("a", "waits") == []
