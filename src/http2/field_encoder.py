"""Field compression for requests (RFC 7541), made for many requests that are alike.

A field that comes a second time enters the dynamic table and stays: nothing
is ever evicted, so an index once given remains valid, and most of a request's
fields are one look-up each.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpack import NeverIndexedHeaderTuple
from hpack.table import HeaderTable

Field = tuple[bytes, bytes]

_TABLE_SIZE = 4_096
_OVERHEAD = 32
_STATIC: tuple[Field, ...] = tuple(HeaderTable.STATIC_TABLE)
_STATIC_COUNT = len(_STATIC)
_STATIC_NAMES = {name: index for index, (name, _) in reversed(list(enumerate(_STATIC, 1)))}
_VOLATILE = frozenset((b"content-length", b"date", b"traceparent", b"x-request-id"))
_REMEMBERED = 256


def _integer(value: int, prefix: int, flags: int) -> bytes:
    """An integer with an N-bit prefix (section 5.1)."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes((flags | value,))
    out = bytearray((flags | most,))
    value -= most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class FieldEncoder:
    """One connection's encoder, with the interface that hyper-h2 expects."""

    def __init__(self) -> None:
        self._indexed: dict[Field, bytes] = {
            field: _integer(index, 7, 0x80) for index, field in enumerate(_STATIC, 1) if field[1]
        }
        self._dynamic: list[Field] = []
        self._room = _TABLE_SIZE
        self._seen: set[Field] = set()
        self._update = b""

    @property
    def header_table_size(self) -> int:
        """The size of the peer's table that is made use of."""
        return _TABLE_SIZE if self._room else 0

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        if value < _TABLE_SIZE and (self._room or self._dynamic):
            # Smaller than what is in use: go on without the table (section 4.2).
            for field in self._dynamic:
                self._indexed.pop(field, None)
            self._dynamic.clear()
            self._room = 0
            self._update = _integer(0, 5, 0x20)

    def encode(self, headers: Iterable[Field], huffman: bool = True) -> bytes:
        """The block for ``headers``.  Values are sent as they are, without Huffman's code."""
        parts = [self._update]
        self._update = b""
        indexed = self._indexed
        for field in headers:
            parts.append(indexed.get(field) or self._literal(field))
        return b"".join(parts)

    def _literal(self, field: Field) -> bytes:
        name, value = field
        if isinstance(field, NeverIndexedHeaderTuple):
            return self._spelled(name, value, 4, 0x10)
        cost = len(name) + len(value) + _OVERHEAD
        if cost > self._room or name in _VOLATILE:
            return self._spelled(name, value, 4, 0x00)
        plain = (name, value)
        if plain not in self._seen:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen.add(plain)
            return self._spelled(name, value, 4, 0x00)
        self._room -= cost
        self._dynamic.append(plain)
        self._seen.discard(plain)
        spelled = self._spelled(name, value, 6, 0x40)
        newest = _STATIC_COUNT + len(self._dynamic)
        for position, entry in enumerate(self._dynamic):
            self._indexed[entry] = _integer(newest - position, 7, 0x80)
        return spelled

    @staticmethod
    def _spelled(name: bytes, value: bytes, prefix: int, flags: int) -> bytes:
        index = _STATIC_NAMES.get(name)
        if index is None:
            head = bytes((flags,)) + _integer(len(name), 7, 0) + name
        else:
            head = _integer(index, prefix, flags)
        return head + _integer(len(value), 7, 0) + value
