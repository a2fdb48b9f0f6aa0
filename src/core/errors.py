"""What an error says to people, also when several were raised as one."""

from __future__ import annotations

from collections.abc import Iterator


def first(error: BaseException) -> BaseException:
    """The error that came first: of a group, at any depth, its first member."""
    return next(_leaves(error))


def explain(error: BaseException) -> str:
    """What went wrong, in words; of a group what each member says, once."""
    return "; ".join(dict.fromkeys(_words(leaf) for leaf in _leaves(error)))


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
