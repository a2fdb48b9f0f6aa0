"""Field decompression: what is remembered is what would have been decoded."""

from __future__ import annotations

import pytest
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.http2.field_decoder import FieldDecoder

NAMES = st.sampled_from([b":status", b"server", b"date", b"content-type", b"x-trace"])
FIELD = st.tuples(NAMES, st.sampled_from([b"200", b"nginx", b"a", b"b", b"c" * 900, b""]))
ANSWER = st.tuples(
    st.lists(FIELD, max_size=5),
    st.sampled_from(["indexed", "inserted", "plain"]),
    st.sampled_from([None, None, None, None, 0, 100, 4096]),
)


def literal(name: bytes, value: bytes, flags: int) -> bytes:
    """A field spelled out, entered into the table or not (RFC 7541, section 6.2)."""
    lengths = b""
    rest = len(value)
    if rest >= 127:
        lengths, rest = b"\x7f", rest - 127
        while rest >= 128:
            lengths += bytes((rest & 127 | 128,))
            rest >>= 7
    return bytes((flags, len(name))) + name + lengths + bytes((rest,)) + value


@settings(deadline=None, max_examples=200)
@given(st.lists(ANSWER, max_size=12))
def test_it_reads_what_a_standard_decoder_reads(
    answers: list[tuple[list[tuple[bytes, bytes]], str, int | None]],
) -> None:
    encoder, decoder, standard = Encoder(), FieldDecoder(), Decoder()
    for fields, form, size in answers * 3:
        if size is not None:
            encoder.header_table_size = size
        if form == "indexed" or encoder.header_table.resized:
            block = encoder.encode(fields)
        else:
            flags = 0x40 if form == "inserted" else 0
            block = b"".join(literal(*field, flags) for field in fields)
            for field in fields if flags else ():
                encoder.header_table.add(*field)
        assert decoder.decode(block, raw=True) == list(standard.decode(block, raw=True))
        assert decoder.header_table.dynamic_entries == standard.header_table.dynamic_entries
        assert decoder.header_table_size == standard.header_table_size


def test_an_answer_that_comes_again_is_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, encoder = FieldDecoder(), Encoder()
    spelled = b"\x88" + literal(b"server", b"nginx", 0x40)
    first = decoder.decode(spelled, raw=True)
    first.clear()
    entered = decoder.decode(encoder.encode([(b"x-trace", b"1")]), raw=True)
    indexed = b"\xbe"
    assert decoder.decode(indexed, raw=True) == entered
    monkeypatch.setattr(Decoder, "decode", None)
    assert decoder.decode(indexed, raw=True) == entered
    assert decoder.decode(spelled, raw=True) == [(b":status", b"200"), (b"server", b"nginx")]
    assert len(decoder.header_table.dynamic_entries) == 3
    with pytest.raises(TypeError):  # the index means something else now
        decoder.decode(indexed, raw=True)


@pytest.mark.parametrize("block", [b"\xc0", b"\x00\x7f\xff", b"\x3f\xff\xff\x7f"])
def test_what_cannot_be_decoded_is_refused_every_time(block: bytes) -> None:
    decoder = FieldDecoder()
    for _ in range(3):
        with pytest.raises(HPACKError):
            decoder.decode(block, raw=True)


def test_what_is_remembered_is_bounded() -> None:
    decoder = FieldDecoder()
    for number in range(1000):
        decoder.decode(literal(b"x-trace", b"%d" % number, 0), raw=True)
    assert len(decoder._known) <= 64
