"""Writing and comparing: a project's files before and after."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from codeagent.twins import (
    ConfigError,
    ConversionError,
    Kind,
    Refused,
    ToolMissing,
    check,
    generate,
    lint,
)

WATER = "lib/brook/blocking/water.py"
STONE = "lib/brook/blocking/stone.py"
DEEP = "lib/brook/blocking/deep/__init__.py"

EXPECTED = '''# Generated from lib/brook/aio/water.py. Do not edit.
"""Water that flows."""

from __future__ import annotations

from collections.abc import Iterator

from .stone import Stone


class Brook:
    """Blocks until the water has passed."""

    def __enter__(self) -> Brook:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        Stone().roll()

    def drops(self) -> Iterator[int]:
        for number in range(3):
            yield number
'''


def test_a_project_with_names_of_its_own_gets_its_twins(brook: Any) -> None:
    done = generate(brook.config())
    assert done.written == (DEEP, STONE, WATER)
    assert (done.removed, done.unchanged, done.findings) == ((), 0, ())
    assert brook.read(WATER) == EXPECTED
    assert "from lib.brook.blocking import names\n" in brook.read(STONE)
    assert brook.read(DEEP) == "# Generated from lib/brook/aio/deep/__init__.py. Do not edit.\n"


def test_a_second_run_touches_nothing_and_check_agrees(brook: Any) -> None:
    generate(brook.config())
    before = brook.snapshot()
    done = generate(brook.config())
    assert (done.written, done.removed, done.unchanged) == ((), (), 3)
    seen = check(brook.config())
    assert seen.ok
    assert seen.files == 3
    assert brook.snapshot() == before


def test_check_and_lint_create_nothing_where_everything_is_missing(brook: Any) -> None:
    before = brook.snapshot()
    seen = check(brook.config())
    assert [(d.path, d.kind) for d in seen.differences] == [
        (path, Kind.MISSING) for path in (DEEP, STONE, WATER)
    ]
    assert "+class Brook:" in seen.differences[2].diff
    assert lint(brook.config()) == ()
    assert brook.snapshot() == before


def tampered(text: str) -> dict[str, str | bytes]:
    lines = text.splitlines(keepends=True)
    return {
        "stale": text.replace("range(3)", "range(2)"),
        "truncated": "".join(lines[:-3]),
        "cut in a line": text[:-5],
        "without its last line end": text[:-1],
        "emptied": "",
        "appended to": text + "\n\nEXTRA = 1\n",
        "with CRLF": text.replace("\n", "\r\n"),
        "with a BOM": "\ufeff" + text,
        "in another encoding": text.encode() + b"# \xff\n",
    }


@pytest.mark.parametrize("how", tampered(""))
def test_every_tampering_is_seen_shown_and_mended(brook: Any, how: str) -> None:
    generate(brook.config())
    brook.write(WATER, tampered(EXPECTED)[how])
    before = brook.snapshot()
    seen = check(brook.config())
    assert [(d.path, d.kind) for d in seen.differences] == [(WATER, Kind.CHANGED)]
    assert seen.differences[0].diff
    assert not seen.ok
    assert brook.snapshot() == before
    assert generate(brook.config()).written == (WATER,)
    assert brook.read(WATER) == EXPECTED


def test_a_missing_twin_is_seen_and_written_again(brook: Any) -> None:
    generate(brook.config())
    (brook.root / STONE).unlink()
    assert [d.kind for d in check(brook.config()).differences] == [Kind.MISSING]
    assert generate(brook.config()).written == (STONE,)


def test_a_twin_whose_source_is_gone_is_surplus_and_removed_with_its_folder(brook: Any) -> None:
    generate(brook.config())
    (brook.root / "lib/brook/aio/deep/__init__.py").unlink()
    seen = check(brook.config())
    assert [(d.path, d.kind) for d in seen.differences] == [(DEEP, Kind.SURPLUS)]
    assert generate(brook.config()).removed == (DEEP,)
    assert not (brook.root / DEEP).parent.exists()
    assert check(brook.config()).ok


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (WATER, "HAND_MADE = 1\n"),
        ("lib/brook/blocking/mine.py", "HAND_MADE = 1\n"),
        ("lib/brook/blocking/mine.py", ""),
        ("lib/brook/blocking/data.json", "{}"),
        (WATER, "x = 1\n# Generated from lib/brook/aio/water.py. Do not edit.\n"),
        (WATER, "# Generated from somewhere. Do not edit.\n"),
    ],
)
def test_a_file_of_somebody_else_is_reported_and_never_lost(
    brook: Any, path: str, text: str
) -> None:
    brook.write(path, text)
    assert path in [d.path for d in check(brook.config()).differences]
    before = brook.snapshot()
    with pytest.raises(Refused, match=f"nothing was written: {path} does not bear"):
        generate(brook.config())
    assert brook.snapshot() == before


def test_hidden_files_and_byte_code_in_the_trees_are_left_alone(brook: Any) -> None:
    generate(brook.config())
    for folder in ("aio", "blocking"):
        brook.write(f"lib/brook/{folder}/__pycache__/water.cpython-311.pyc", "")
        brook.write(f"lib/brook/{folder}/.hypothesis/x.py", "(")
    assert check(brook.config()).ok
    assert generate(brook.config()).written == ()


def test_nothing_is_written_when_one_source_cannot_be_converted(brook: Any) -> None:
    brook.write("lib/brook/aio/zz.py", "def f(:\n")
    before = brook.snapshot()
    for action in (generate, check, lint):
        with pytest.raises(ConversionError, match=r"lib/brook/aio/zz\.py:1: not valid Python"):
            action(brook.config())
    assert brook.snapshot() == before


def test_a_twin_that_would_not_compile_is_not_written(project: Any) -> None:
    project.write("lib/brook/aio/a.py", "def f(aclose, close): ...\n")
    with pytest.raises(ConversionError, match=r"lib/brook/aio/a\.py: its twin .* not be valid"):
        generate(project.config())
    assert [f.code for f in lint(project.config())] == ["TW203", "TW403"]


@pytest.mark.parametrize(
    "data",
    [b"x = '\xe9'\n", b"# coding: latin-1\nx = '\xe9'\n", "# coding: cp1251\nx = 'ж'\n".encode()],
)
def test_a_source_that_is_not_utf_8_is_refused(project: Any, data: bytes) -> None:
    project.write("lib/brook/aio/a.py", data)
    with pytest.raises(ConversionError, match=r"aio/a\.py:1: save the file as UTF-8"):
        check(project.config())


def test_bom_crlf_tabs_and_a_missing_line_end_become_a_plain_text(project: Any) -> None:
    text = "\ufeffasync def f():\r\n\tawait g()\r\n\tx = '🌊ж'\r\n\treturn x"
    project.write("lib/brook/aio/a.py", text)
    generate(project.config())
    assert project.read("lib/brook/blocking/a.py") == (
        "# Generated from lib/brook/aio/a.py. Do not edit.\n"
        'def f():\n    g()\n    x = "🌊ж"\n    return x\n'
    )


def test_imports_are_sorted_merged_and_pruned_after_renaming(project: Any) -> None:
    text = (
        "from contextlib import AsyncExitStack, ExitStack\n"
        "from abc import ABC\n\nx = (AsyncExitStack, ExitStack)\n"
    )
    project.write("lib/brook/aio/a.py", text)
    generate(project.config())
    assert project.read("lib/brook/blocking/a.py").split("\n", 1)[1] == (
        "from contextlib import ExitStack\n\nx = (ExitStack, ExitStack)\n"
    )


def test_modules_and_packages_are_renamed_as_their_imports_are(project: Any) -> None:
    project.write("lib/brook/aio/aio/aclose.py", "from ..aio import aclose\n\nx = aclose\n")
    done = generate(project.config())
    assert done.written == ("lib/brook/blocking/blocking/close.py",)
    assert "from ..blocking import close" in project.read(done.written[0])
    project.write("lib/brook/aio/aio/close.py", "")
    with pytest.raises(ConversionError, match="have one twin"):
        generate(project.config())


def test_the_mode_of_the_source_is_kept(brook: Any) -> None:
    (brook.root / "lib/brook/aio/stone.py").chmod(0o755)
    generate(brook.config())
    assert (brook.root / STONE).stat().st_mode & 0o777 == 0o755


def test_a_file_that_is_not_python_is_reported_and_not_copied(brook: Any) -> None:
    brook.write("lib/brook/aio/py.typed", "")
    done = generate(brook.config())
    assert [(f.path, f.code) for f in done.findings] == [("lib/brook/aio/py.typed", "TW402")]
    assert not (brook.root / "lib/brook/blocking/py.typed").exists()


def test_an_unused_rename_fails_with_its_line(brook: Any) -> None:
    text = brook.read("pyproject.toml").replace("aio = ", "never = 'x', aio = ")
    brook.write("pyproject.toml", text)
    generate(brook.config())
    seen = check(brook.config())
    assert not seen.ok
    assert [(f.path, f.line, f.code) for f in seen.findings] == [("pyproject.toml", 4, "TW403")]
    assert "never" in seen.findings[0].message


@pytest.mark.parametrize("what", ["file", "folder", "whole directory"])
def test_links_are_not_followed_out_of_the_sync_directory(
    brook: Any, tmp_path: Path, what: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "own.py").write_text("# Generated from a.py. Do not edit.\nOWN = 1\n")
    (outside / "__init__.py").write_text("# Generated from a.py. Do not edit.\nOWN = 1\n")
    blocking = brook.root / "lib/brook/blocking"
    if what == "whole directory":
        blocking.symlink_to(outside)
    else:
        blocking.mkdir()
        if what == "file":
            (blocking / "water.py").symlink_to(outside / "own.py")
        else:
            (blocking / "deep").symlink_to(outside)
    with pytest.raises((Refused, ConfigError), match=r"link|must be a path inside"):
        generate(brook.config())
    assert sorted(path.name for path in outside.iterdir()) == ["__init__.py", "own.py"]
    assert all("OWN = 1" in path.read_text() for path in outside.iterdir())


def test_a_checkout_below_a_folder_of_the_same_name_is_no_obstacle(project: Any) -> None:
    inner = type(project)(project.root / "lib/brook/aio/checkout")
    inner.write("lib/brook/aio/a.py", "async def f(): ...\n")
    generate(inner.config())
    assert inner.read("lib/brook/blocking/a.py").endswith("def f(): ...\n")
    assert len(list(project.root.rglob("*.py"))) == 2


def set_option(project: Any, line: str) -> None:
    project.write("pyproject.toml", project.read("pyproject.toml") + line + "\n")


def test_another_header_is_written_and_recognised_and_the_default_one_replaced(brook: Any) -> None:
    generate(brook.config())
    set_option(brook, 'header = "# From {source}.\\n# Do not touch."')
    assert generate(brook.config()).written == (DEEP, STONE, WATER)
    assert brook.read(WATER).startswith("# From lib/brook/aio/water.py.\n# Do not touch.\n")
    brook.write(WATER, brook.read(WATER) + "x = 1\n")
    assert generate(brook.config()).written == (WATER,)


def test_the_header_is_no_residue(brook: Any) -> None:
    set_option(brook, 'header = "# async {source}"')
    assert generate(brook.config()).findings == ()


def test_no_formatter_or_another_one_can_be_configured(brook: Any) -> None:
    set_option(brook, "formatter = []")
    generate(brook.config())
    assert "from .stone import Stone" in brook.read(WATER)
    upper = "import sys; sys.stdout.write(sys.stdin.read() + '# {file}')"
    set_option(brook, "")
    text = brook.read("pyproject.toml").replace(
        "formatter = []", f'formatter = ["""{Path(sys.executable).name} -c "{upper}" """]'
    )
    brook.write("pyproject.toml", text)
    generate(brook.config())
    assert brook.read(WATER).endswith(f"# {WATER}")


@pytest.mark.parametrize(
    ("formatter", "message"),
    [
        ("false", "false failed: exit code 1"),
        ("tail -n +2", "moved or changed the header"),
    ],
)
def test_a_formatter_that_fails_writes_nothing(brook: Any, formatter: str, message: str) -> None:
    set_option(brook, f'formatter = ["{formatter}"]')
    with pytest.raises(ConversionError, match=message):
        generate(brook.config())
    assert not (brook.root / "lib/brook/blocking").exists()


def test_an_absent_formatter_is_named_with_what_to_do(
    brook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(ToolMissing, match=r"'ruff' was not found.*codeagent\[twins\]"):
        check(brook.config())
    assert lint(brook.config()) == ()
    set_option(brook, 'formatter = ["flatten"]')
    with pytest.raises(ToolMissing, match="'flatten' was not found; install it, or change"):
        check(brook.config())


def test_several_pairs_share_what_is_known_of_coroutines(brook: Any) -> None:
    text = brook.read("pyproject.toml").replace(
        "pairs = { ", 'pairs = { "tests/aio" = "tests/blocking", '
    )
    brook.write("pyproject.toml", text)
    call = "from lib.brook.aio.stone import AsyncStone\n\n\nasync def test_it():\n    {}\n"
    brook.write("tests/aio/test_stone.py", call.format("AsyncStone().roll()"))
    done = generate(brook.config())
    assert "tests/blocking/test_stone.py" in done.written
    assert [(f.path, f.line, f.code) for f in done.findings] == [
        ("tests/aio/test_stone.py", 5, "TW101")
    ]
    brook.write("tests/aio/test_stone.py", call.format("await AsyncStone().roll()"))
    assert generate(brook.config()).findings == ()


def test_the_configured_lists_reach_the_lint(brook: Any) -> None:
    set_option(brook, 'banned-imports = ["trio"]\nallow-residue = ["asyncio"]')
    set_option(brook, 'state-locks = ["_guard"]\nseam = ["lib/seam.py"]')
    brook.write("lib/seam.py", "async def pause(): ...\n")
    text = (
        "import asyncio\nimport trio\nfrom ..seam import pause\n"
        "async def f(self):\n    with self._guard:\n        await pause()\n    pause()\n"
    )
    brook.write("lib/brook/aio/a.py", text)
    assert [(f.line, f.code) for f in lint(brook.config())] == [
        (2, "TW301"),
        (6, "TW107"),
        (7, "TW101"),
    ]


def test_a_failed_write_leaves_the_old_twin_whole(
    brook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(brook.config())
    brook.write("lib/brook/aio/water.py", "x = 1\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copymode", full)
    with pytest.raises(OSError, match="No space"):
        generate(brook.config())
    assert brook.read(WATER) == EXPECTED
