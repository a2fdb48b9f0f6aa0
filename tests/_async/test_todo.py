"""The list on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent._async.io import AsyncIOManager
from codeagent._async.todo import AsyncTodoManager, Loaded
from codeagent._runtime import async_runtime as rt
from codeagent.core.todo import MAX_BYTES, ItemNotFound, ItemState

from .helpers import until

LISTS = {
    "todo.md": ("# List\n\n- [ ] one\n- [x] two\r\n  - [ ] three", "- [x] one"),
    "todo.txt": ("# remark\none\n[x] two\n\tthree\n", "[x] one"),
    "todo.yaml": (
        "tasks:\n  - text: one\n  - text: two\n    done: true\n  - three\n",
        "done: true",
    ),
}


def count(loaded: Loaded, state: ItemState) -> int:
    return sum(entry.item.state is state for entry in loaded.items)


@pytest.mark.parametrize("name", LISTS)
async def test_each_format_is_read_and_one_line_of_it_marked(name: str, tmp_path: Path) -> None:
    text, ticked = LISTS[name]
    (tmp_path / name).write_bytes(text.encode())
    async with AsyncIOManager() as io:
        todo = AsyncTodoManager(io, tmp_path, Path(name).suffix[1:])
        loaded = await todo.load()
        assert (loaded.files, loaded.problems) == ((name,), ())
        assert [entry.item.text for entry in loaded.items] == ["one", "two", "three"]
        assert count(loaded, ItemState.DONE) == 1
        assert await todo.mark(name, "one", ItemState.DONE, "well")
        loaded = await todo.load()
        assert count(loaded, ItemState.DONE) == 2
    after = (tmp_path / name).read_bytes().decode()
    assert ticked in after
    removed = set(text.splitlines()) - set(after.splitlines())
    assert all("one" in line for line in removed)


async def test_an_item_is_marked_in_the_file_that_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "todo").mkdir()
    files = {"todo.md": "- [ ] one\n", "todo.txt": "one\ntwo\n", "todo/todo.md": "- [ ] three\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    async with AsyncIOManager() as io:
        todo = AsyncTodoManager(io, tmp_path, "md")
        loaded = await todo.load()
        sources = {entry.item.text: entry.source for entry in loaded.items}
        for text, source in sources.items():
            await todo.mark(source, text, ItemState.DONE, None)
    assert sources == {"one": "todo.md", "two": "todo.txt", "three": "todo/todo.md"}
    assert {name: (tmp_path / name).read_text("utf-8") for name in files} == {
        "todo.md": "- [x] one\n",
        "todo.txt": "one\n[x] two\n",
        "todo/todo.md": "- [x] three\n",
    }


async def test_what_the_user_wrote_meanwhile_survives_the_mark(tmp_path: Path) -> None:
    file = tmp_path / "todo.md"
    file.write_text("- [ ] one\n- [ ] two\n", "utf-8")
    async with AsyncIOManager() as io:
        todo = AsyncTodoManager(io, tmp_path, "md")
        await todo.load()
        file.write_text("New heading\n\n- [ ] zero\n- [ ] two\n- [ ] one\n\nend", "utf-8")
        await todo.mark("todo.md", "one", ItemState.DONE, None)
    assert file.read_text("utf-8") == "New heading\n\n- [ ] zero\n- [ ] two\n- [x] one\n\nend"


async def test_many_marks_at_once_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "todo.md"
    file.write_text("".join(f"- [ ] task {n}\n" for n in range(40)), "utf-8")
    async with AsyncIOManager() as io:
        todo = AsyncTodoManager(io, tmp_path, "md")

        async def mark(number: int) -> bool:
            return await todo.mark("todo.md", f"task {number}", ItemState.DONE, None)

        assert all(await rt.map_concurrently(mark, range(40), limit=10))
        assert not await mark(7)
    assert file.read_text("utf-8") == "".join(f"- [x] task {n}\n" for n in range(40))


async def test_an_item_that_is_gone_or_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "todo.md"
    file.write_text("- [ ] one\n", "utf-8")
    async with AsyncIOManager() as io:
        todo = AsyncTodoManager(io, tmp_path, "md")
        with pytest.raises(ItemNotFound):
            await todo.mark("todo.md", "two", ItemState.DONE, None)
        file.unlink()
        with pytest.raises(FileNotFoundError):
            await todo.mark("todo.md", "one", ItemState.DONE, None)
        loaded = await todo.load()
        assert loaded.items == ()


async def test_a_list_that_cannot_be_used_is_a_problem_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "todo.md").write_bytes(b"x" * (MAX_BYTES + 1))
    (tmp_path / "TODO.md").mkdir()
    async with AsyncIOManager() as io:
        loaded = await AsyncTodoManager(io, tmp_path, "md").load()
    assert loaded.items == ()
    ((name, problem),) = loaded.problems
    assert (name, "split it" in problem) == ("todo.md", True)


async def test_a_change_of_the_list_and_its_appearance_are_noticed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    seen: list[str] = []
    async with AsyncIOManager() as io:
        todo = AsyncTodoManager(io, project, "md")

        async def watch() -> None:
            async with todo.watch() as changes:
                seen.append("nothing")
                while "three" not in seen:
                    await changes.changed()
                    loaded = await todo.load()
                    seen.extend(entry.item.text for entry in loaded.items)

        async with rt.TaskGroup() as group:
            group.start_soon(watch)
            await until(lambda: seen)
            await rt.run_blocking(_write_list, project, "one")
            await until(lambda: "one" in seen)
            await rt.run_blocking(_write_list, project, "two")
            await until(lambda: "two" in seen)
            await rt.run_blocking(_write_list, project, "three")
    assert seen[-1] == "three"


def _write_list(project: Path, text: str) -> None:
    project.mkdir(exist_ok=True)
    (project / "other.md").write_text(f"- [ ] {text}\n", "utf-8")
    (project / "other.md").replace(project / "todo.md")


async def test_a_list_that_is_a_link_is_noticed_and_so_is_what_it_leads_to(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (elsewhere / "notes").write_text("- [ ] one\n", "utf-8")
    link = project / "todo.md"
    async with AsyncIOManager() as io:
        todo = AsyncTodoManager(io, project, "md")
        async with todo.watch() as changes:
            link.symlink_to(elsewhere / "notes")
            assert await changes.changed() == {link}
        async with todo.watch() as changes:
            (elsewhere / "notes").write_text("- [ ] two\n", "utf-8")
            assert await changes.changed() == {elsewhere / "notes"}
