"""The files of a directory: read without following links out of it, written atomically."""

from __future__ import annotations

import io
import os
import shutil
import tokenize
from collections.abc import Iterator
from pathlib import Path

from .errors import ConversionError, Refused


def files_below(directory: Path) -> Iterator[Path]:
    """Every file, sorted; hidden ones and byte code are nobody's business."""
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != "__pycache__")
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith((".pyc", ".pyo")):
                yield Path(folder, name)


def read_source(path: Path, shown: str) -> str:
    """The text of a module with LF line ends.  Raises ConversionError unless it is UTF-8."""
    data = path.read_bytes()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode("utf-8-sig")
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ConversionError(f"{shown}:1: save the file as UTF-8: {error}") from None
    if encoding not in ("utf-8", "utf-8-sig"):
        raise ConversionError(f"{shown}:1: save the file as UTF-8, it declares {encoding}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write(path: Path, data: bytes, source: Path, within: Path) -> None:
    """Replace ``path`` in one step, with the mode of ``source``."""
    require_inside(path, within)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.twin")
    temporary.write_bytes(data)
    shutil.copymode(source, temporary)
    temporary.replace(path)


def remove(path: Path, within: Path) -> None:
    """Delete ``path`` and the folders, below ``within``, that it leaves empty."""
    require_inside(path, within)
    path.unlink()
    for folder in path.parents:
        if folder == within or any(folder.iterdir()):
            break
        folder.rmdir()


def require_inside(path: Path, within: Path) -> None:
    """Raise Refused if a link leads from ``path`` to somewhere outside ``within``."""
    if path.is_symlink() or not path.parent.resolve().is_relative_to(within.resolve()):
        raise Refused(f"{path} is a link or lies behind one: it is not written through; remove it")
