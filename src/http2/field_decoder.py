"""Field decompression for answers (RFC 7541), made for many answers that are alike."""

from __future__ import annotations

from typing import NamedTuple

from hpack import Decoder, HeaderTuple
from hpack.table import HeaderTable

_REMEMBERED = 64
_LARGEST = 2_048

Field = tuple[bytes, bytes]


class _Table(HeaderTable):
    """hpack's table, which tells what a block has done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.added: list[Field] = []
        self.consulted = False
        self.resizings = 0
        self.version = 0
        """Another one whenever the dynamic part has changed."""

    def begin(self) -> None:
        """Forget what earlier blocks have done."""
        self.added.clear()
        self.consulted = False
        self.resizings = 0

    def get_by_index(self, index: int) -> Field:
        if index > self.STATIC_TABLE_LENGTH:
            self.consulted = True
        return super().get_by_index(index)

    def add(self, name: bytes, value: bytes) -> None:
        self.version += 1
        self.added.append((name, value))
        super().add(name, value)

    @property
    def maxsize(self) -> int:
        return self._maxsize

    @maxsize.setter
    def maxsize(self, newmax: int) -> None:
        self.version += 1
        self.resizings += 1
        HeaderTable.maxsize.fset(self, newmax)  # type: ignore[attr-defined]


class _Known(NamedTuple):
    """What a block says, and the fields that it enters into the dynamic table.

    If it refers to that table, ``version`` is the one of which this holds.
    """

    fields: list[HeaderTuple]
    added: tuple[Field, ...]
    version: int | None


class FieldDecoder(Decoder):
    """One connection's decoder.  A block that comes again is looked up, not decoded.

    That is the same for a block without references to the dynamic table, which
    means the same in every state of it, and for one that only refers to it while
    it stays as it is.  Blocks that change the table's size are always decoded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.header_table: _Table = _Table()
        self._known: dict[bytes, _Known] = {}

    def decode(self, data: bytes, raw: bool = False) -> list[HeaderTuple]:
        """The fields of a block, which must be all of one.  Raises what hpack raises."""
        table = self.header_table
        data = bytes(data)
        known = self._known.get(data)
        if known is not None and raw and known.version in (None, table.version):
            for name, value in known.added:
                table.add(name, value)
            self._assert_valid_table_size()
            return known.fields.copy()
        table.begin()
        version = table.version
        fields = list(super().decode(data, raw))
        if raw and len(data) <= _LARGEST and not table.resizings:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            if not table.consulted:
                self._known[data] = _Known(fields.copy(), tuple(table.added), None)
            elif not table.added:
                self._known[data] = _Known(fields.copy(), (), version)
        return fields
