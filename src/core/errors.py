"""What an error says to people, also when several were raised as one."""

from __future__ import annotations

import errno
from collections.abc import Iterator

_FULL = (errno.ENOSPC, errno.EDQUOT)


def first(error: BaseException) -> BaseException:
    """The error that came first: of a group, at any depth, its first member."""
    return next(_leaves(error))


def explain(error: BaseException) -> str:
    """What went wrong, in words; of a group what each member says, once."""
    return "; ".join(dict.fromkeys(_words(leaf) for leaf in _leaves(error)))


def is_disk_full(error: BaseException) -> bool:
    """Whether it says that there is no space left, also in the words of another program."""
    return getattr(error, "errno", None) in _FULL or "No space left" in str(error)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error


def _words(error: BaseException) -> str:
    text, name = str(error).strip(), type(error).__name__
    if not text:
        return name
    return f"{name}: {text}" if isinstance(error, KeyError) else text  # its text is a bare key
