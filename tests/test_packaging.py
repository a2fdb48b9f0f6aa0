"""What is in the tree is in the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_package_of_the_tree_is_listed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = set(tomllib.load(file)["tool"]["setuptools"]["packages"])
    found = {"codeagent.migrations"}
    for init in (ROOT / "src").rglob("__init__.py"):
        inside = init.parent.relative_to(ROOT / "src").parts
        found.add(".".join(("codeagent", *inside)))
    assert listed == found


def test_no_file_of_the_sources_has_more_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "src").rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert long == {}
