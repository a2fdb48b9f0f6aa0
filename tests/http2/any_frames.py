"""Any frames of HTTP/2 (RFC 9113), good ones and bad ones, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st


def raw(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    """A frame that need not be a valid one (RFC 9113, section 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big")
    return head + payload


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


STREAM = st.integers(0, 9)
NUMBER = st.integers(0, 2**32 - 1).map(_number)
FIELDS = st.sampled_from([b"\x88", b"", b"\x82", b"\x88\x88", b"\xff\xff", b"\x89", b"\x88\x0f"])
FRAME = st.one_of(
    st.builds(raw, st.just(0), st.sampled_from([0, 1, 8, 9]), STREAM, st.binary(max_size=50)),
    st.builds(raw, st.just(1), st.sampled_from([0, 1, 4, 5, 5, 5]), STREAM, FIELDS),
    st.builds(raw, st.just(3), st.just(0), STREAM, NUMBER),
    st.builds(raw, st.just(4), st.sampled_from([0, 0, 1]), st.just(0),
              st.tuples(st.integers(0, 9).map(lambda n: bytes((0, n))), NUMBER).map(b"".join)),
    st.builds(raw, st.just(5), st.just(4), STREAM, NUMBER),
    st.builds(raw, st.just(6), st.sampled_from([0, 1]), STREAM, st.binary(min_size=7, max_size=8)),
    st.builds(raw, st.just(7), st.just(0), st.just(0), st.tuples(NUMBER, NUMBER).map(b"".join)),
    st.builds(raw, st.just(8), st.just(0), STREAM, NUMBER),
    st.builds(raw, st.just(9), st.sampled_from([0, 4]), STREAM, FIELDS),
    st.builds(raw, st.integers(10, 255), st.integers(0, 255), STREAM, st.binary(max_size=20)),
)  # fmt: skip
