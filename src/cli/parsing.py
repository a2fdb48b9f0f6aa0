"""argparse without `shutil`, whose compression modules take as long to load as all of `re`."""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USUAL = 80


class Formatter(argparse.HelpFormatter):
    """As wide as the terminal; argparse makes one for every option that is added."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": columns() - 2, **options})


class Parser(argparse.ArgumentParser):
    """A parser, like those of its commands, whose help is laid out by `Formatter`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})


def columns() -> int:
    """The width of the terminal, as `shutil.get_terminal_size` finds it."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or USUAL  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return USUAL
