"""Values that must not be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..redact import MASK, is_sensitive


class Secret:
    """A key; only :meth:`reveal` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")

    def reveal(self) -> str:
        """The value itself."""
        return self._value


class Headers(Mapping[str, str]):
    """The headers of a request, whose secrets are not in its ``repr``."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        shown = {n: MASK if is_sensitive(n) else value for n, value in self._values.items()}
        return f"Headers({shown})"
