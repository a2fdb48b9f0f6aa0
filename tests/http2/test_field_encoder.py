"""Field compression: whatever is encoded, a standard decoder reads."""

from __future__ import annotations

from hpack import Decoder, NeverIndexedHeaderTuple
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.http2.field_encoder import FieldEncoder

NAMES = st.sampled_from(
    [b":path", b":authority", b"accept", b"user-agent", b"content-length", b"x-trace", b"cookie"]
)
FIELD = st.tuples(NAMES, st.binary(max_size=300))
REQUESTS = st.lists(st.lists(FIELD, max_size=12), max_size=20)


@settings(deadline=None, max_examples=200)
@given(REQUESTS, st.integers(0, 30), st.sampled_from([0, 100, 4096, 65_536]))
def test_a_decoder_reads_what_was_encoded(
    requests: list[list[tuple[bytes, bytes]]], when: int, size: int
) -> None:
    encoder, decoder = FieldEncoder(), Decoder()
    for number, fields in enumerate(requests * 3):
        if number == when:
            encoder.header_table_size = size
            decoder.max_allowed_table_size = max(size, 0)
        assert [
            tuple(field) for field in decoder.decode(encoder.encode(fields), raw=True)
        ] == fields


def test_requests_that_are_alike_shrink_to_a_few_bytes() -> None:
    encoder = FieldEncoder()
    fields = [(b":method", b"POST"), (b"user-agent", b"x" * 50), (b":path", b"/v1/chat")]
    sizes = [len(encoder.encode(fields)) for _ in range(4)]
    assert sizes[0] > 60
    assert sizes[2:] == [3, 3]


def test_a_secret_never_enters_the_table() -> None:
    encoder, decoder = FieldEncoder(), Decoder()
    secret = NeverIndexedHeaderTuple(b"authorization", b"Bearer hush")
    for _ in range(4):
        block = encoder.encode([secret])
        assert b"hush" in block
        (field,) = decoder.decode(block, raw=True)
        assert not field.indexable
    assert not decoder.header_table.dynamic_entries


def test_the_table_never_outgrows_its_limit() -> None:
    encoder, decoder = FieldEncoder(), Decoder()
    for number in range(300):
        for _ in range(2):
            block = encoder.encode([(b"x-trace", b"%d" % number)])
            assert [tuple(f) for f in decoder.decode(block, raw=True)] == [
                (b"x-trace", b"%d" % number)
            ]
