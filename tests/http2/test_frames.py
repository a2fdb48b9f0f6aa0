"""Frames in, events out: any split, any order, any violation."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codeagent.http2.events import (
    Broken,
    Data,
    End,
    Event,
    GoAway,
    Head,
    Pong,
    Reset,
    Settings,
    Window,
)
from codeagent.http2.frames import FrameMachine

from .any_frames import FRAME, raw
from .peer_server import GET, POST, PeerServer, connected, machine


def _open(client: FrameMachine, *, body: bytes = b"") -> int:
    stream_id = client.open(POST if body else GET, end=not body, bodiless=False)
    if body:
        client.send(stream_id, body, end=True)
    return stream_id


def _kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def test_settings_are_announced_and_the_window_opens() -> None:
    client, events = connected(PeerServer(max_streams=7))
    assert Settings(7) in events
    assert client.peer_max_streams == 7


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 8_000), min_size=1, max_size=8),
    st.integers(),
    st.integers(0, 200),
)
def test_answers_arrive_whole_in_any_order_and_any_split(
    sizes: list[int], seed: int, most: int
) -> None:
    chance = random.Random(seed)
    server = PeerServer()
    client, _ = connected(server)
    wanted = {}
    for size in sizes:
        body = chance.randbytes(size)
        wanted[_open(client, body=body)] = body
    server.receive(client.output())
    streams = list(wanted)
    chance.shuffle(streams)
    for stream_id in streams:
        server.answer(stream_id, server.bodies[stream_id])
    data = server.flush()
    cuts = sorted(chance.randint(0, min(len(data), 9 * most)) for _ in range(most))
    events: list[Event] = []
    for start, end in pairwise([0, *cuts, len(data)]):
        events += client.receive(data[start:end])
    got: dict[int, bytes] = defaultdict(bytes)
    for event in events:
        if isinstance(event, Data):
            got[event.stream_id] += event.data
    assert {stream_id: got[stream_id] for stream_id in wanted} == wanted
    assert [e.stream_id for e in events if isinstance(e, End)] == streams
    assert [e.stream_id for e in events if isinstance(e, Head)] == streams


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=1, max_size=400), st.integers(0, 4))
@example(b"\x00" * 9, 0)
def test_garbage_breaks_the_connection_and_nothing_else(garbage: bytes, streams: int) -> None:
    server = PeerServer()
    client, _ = connected(server)
    for _ in range(streams):
        _open(client)
    for event in client.receive(garbage):
        assert isinstance(event, Event)
    client.output()


def _bytes(frame: Frame) -> bytes:
    return frame.serialize()


@settings(deadline=None, max_examples=400)
@given(st.lists(FRAME, max_size=12), st.integers(0, 4), st.booleans())
def test_any_sequence_of_frames_is_survived(frames: list[bytes], streams: int, reset: bool) -> None:
    client, _ = connected(PeerServer())
    opened = [_open(client) for _ in range(streams)]
    over: set[int] = set()
    for frame in frames:
        events = client.receive(frame)
        for event in events:
            if isinstance(event, Head | Data | End | Reset):
                assert event.stream_id in opened
                assert event.stream_id not in over, "nothing comes after the end"
            if isinstance(event, End | Reset):
                over.add(event.stream_id)
        client.output()
        if Broken in _kinds(events):
            return
        if reset and opened:
            client.reset(opened[-1])
            over.add(opened[-1])
    if (client.peer_max_streams or 0) > streams:
        assert client.open(GET, end=True, bodiless=False) == 2 * streams + 1


@pytest.mark.parametrize("last", [0, 1, 3, 5])
def test_a_goaway_leaves_the_streams_below_its_mark_alive(last: int) -> None:
    server = PeerServer()
    client, _ = connected(server)
    streams = [_open(client) for _ in range(3)]
    server.receive(client.output())
    for stream_id in streams:
        server.answer(stream_id, b"late")
    answers = server.flush()
    events = client.receive(_bytes(GoAwayFrame(0, last, 0, b"bye")))
    assert events == [GoAway(last, 0, b"bye")]
    for stream_id in streams:
        if stream_id > last:
            client.drop(stream_id)
    ended = [e.stream_id for e in client.receive(answers) if isinstance(e, End)]
    assert ended == [stream_id for stream_id in streams if stream_id <= last]


def test_what_precedes_a_violation_is_not_lost() -> None:
    server = PeerServer()
    client, _ = connected(server)
    stream_id = _open(client)
    server.receive(client.output())
    server.answer(stream_id, b"whole")
    events = client.receive(server.flush() + raw(0, 0, 0, b"x"))
    assert _kinds(events) == [Head, Data, End, Broken]


def test_data_that_was_under_way_at_the_reset_is_dropped_and_its_credit_returned() -> None:
    server = PeerServer()
    client, _ = connected(server, machine(1 << 20, 1 << 20))
    stream_id = _open(client)
    server.receive(client.output())
    server.h2.send_headers(stream_id, [(b":status", b"200")])
    for _ in range(60):
        server.h2.send_data(stream_id, b"x" * 15_000)
    client.reset(stream_id)
    assert client.receive(server.flush()) == []
    before = server.h2.outbound_flow_control_window
    server.receive(client.output())
    assert server.resets == {stream_id: ErrorCodes.CANCEL}
    assert server.h2.outbound_flow_control_window > before + 500_000


def test_a_slow_reader_stops_its_own_stream_only() -> None:
    server = PeerServer()
    client, _ = connected(server, machine(65_535, 1 << 20))
    slow, fast = _open(client), _open(client)
    server.receive(client.output())
    server.h2.send_headers(slow, [(b":status", b"200")])
    server.h2.send_headers(fast, [(b":status", b"200")])
    for _ in range(5):
        room = server.h2.local_flow_control_window(slow)
        if room:
            server.h2.send_data(slow, b"s" * min(room, 16_384))
        server.h2.send_data(fast, b"f" * 16_384)
        for event in client.receive(server.flush()):
            if isinstance(event, Data) and event.stream_id == fast:
                client.consumed(fast, event.credit)
        server.receive(client.output())
    assert server.h2.local_flow_control_window(slow) == 0
    assert server.h2.local_flow_control_window(fast) >= 16_384


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 200_000), st.integers(1, 65_535), st.integers(100, 70_000))
def test_a_body_goes_out_whole_however_small_the_window(size: int, window: int, piece: int) -> None:
    server = PeerServer(window=max(window, 1000))
    client, _ = connected(server)
    body = bytes(index % 251 for index in range(size))
    stream_id = client.open(POST, end=False, bodiless=False)
    done = 0
    while True:
        part = body[done : done + piece]
        last = done + len(part) == size
        sent = client.send(stream_id, part, end=last)
        done += sent
        server.receive(client.output())
        if stream_id in server.ended:
            break
        events = client.receive(server.flush())
        assert sent == len(part) or any(isinstance(event, Window) for event in events)
    assert server.bodies[stream_id] == body


def test_a_window_that_shrinks_below_nothing_is_waited_out() -> None:
    server = PeerServer()
    client, _ = connected(server)
    stream_id = client.open(POST, end=False, bodiless=False)
    assert client.send(stream_id, b"x" * 60_000, end=False) == 60_000
    client.receive(_bytes(SettingsFrame(0, {SettingCodes.INITIAL_WINDOW_SIZE: 10})))
    assert client.send(stream_id, b"y", end=True) == 0
    assert client.send(stream_id, b"", end=True) == 0
    events = client.receive(_bytes(WindowUpdateFrame(stream_id, 70_000)))
    assert events == [Window(stream_id)]


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ([(b":status", b"200"), (b"content-length", b"3")], b"abcd", "longer"),
        ([(b":status", b"200"), (b"content-length", b"9")], b"abcd", "shorter"),
        ([(b":status", b"200"), (b"content-length", b"x")], b"abcd", "longer"),
        ([(b":status", b"2x0")], b"", "status is"),
        ([(b"server", b"x")], b"", "no status"),
        ([(b":status", b"200"), (b":path", b"/")], b"", "out of place"),
        ([(b":status", b"200"), (b"x", b"a\r\nb: c")], b"", "line break"),
    ],
)
def test_a_malformed_answer_resets_its_stream_only(
    headers: list[tuple[bytes, bytes]], body: bytes, reason: str
) -> None:
    server = PeerServer()
    server.h2.config.validate_outbound_headers = False
    server.h2.config.normalize_outbound_headers = False
    client, _ = connected(server)
    bad, good = _open(client), _open(client)
    server.receive(client.output())
    block = server.h2.encoder.encode(headers)
    frames = _bytes(HeadersFrame(bad, block, flags=["END_HEADERS"]))
    frames += _bytes(DataFrame(bad, body, flags=["END_STREAM"]))
    events = client.receive(frames)
    (reset,) = [event for event in events if isinstance(event, Reset)]
    assert (reset.stream_id, reset.by_peer) == (bad, False)
    assert reason in reset.reason
    server.answer(good, b"fine")
    assert _kinds(client.receive(server.flush())) == [Head, Data, End]


def test_a_304_may_state_the_length_of_what_it_does_not_send() -> None:
    server = PeerServer()
    client, _ = connected(server)
    stream_id = _open(client)
    server.receive(client.output())
    block = server.h2.encoder.encode([(b":status", b"304"), (b"content-length", b"100")])
    frame = HeadersFrame(stream_id, block, flags=["END_HEADERS", "END_STREAM"])
    assert _kinds(client.receive(_bytes(frame))) == [Head, End]


def test_informational_responses_and_trailers_are_passed_over() -> None:
    server = PeerServer()
    client, _ = connected(server)
    stream_id = _open(client)
    server.receive(client.output())
    server.h2.send_headers(stream_id, [(b":status", b"103"), (b"link", b"x")])
    server.h2.send_headers(stream_id, [(b":status", b"200")])
    server.h2.send_data(stream_id, b"body")
    server.h2.send_headers(stream_id, [(b"grpc-status", b"0")], end_stream=True)
    assert _kinds(client.receive(server.flush())) == [Head, Data, End]


def test_a_refused_stream_is_reported_as_refused() -> None:
    server = PeerServer()
    client, _ = connected(server)
    stream_id = _open(client)
    server.receive(client.output())
    server.h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
    assert client.receive(server.flush()) == [Reset(stream_id, ErrorCodes.REFUSED_STREAM, True, "")]


def test_a_ping_is_answered() -> None:
    server = PeerServer()
    client, _ = connected(server)
    client.ping(b"12345678")
    server.receive(client.output())
    assert client.receive(server.flush()) == [Pong(b"12345678")]


def test_nothing_is_remembered_of_finished_streams() -> None:
    server = PeerServer()
    client, _ = connected(server)
    for _ in range(3000):
        stream_id = _open(client)
        server.receive(client.output())
        server.answer(stream_id, b"x")
        client.receive(server.flush())
        server.receive(client.output())
    assert not client._streams
    assert not client._stream_credit
    assert not client._peer.streams
    assert len(client._peer._closed_streams) <= 1024


def test_a_head_that_is_larger_than_a_frame_is_continued() -> None:
    server = PeerServer()
    client, _ = connected(server)
    long = (b"x-long", bytes(range(97, 123)) * 2_000)
    stream_id = client.open([*GET, long], end=True, bodiless=False)
    data = client.output()
    server.receive(data)
    assert data[9 + 16_384 + 3] == 9  # a CONTINUATION
    assert long in server.heads[stream_id]


@pytest.mark.parametrize("form", ["padded", "prioritised", "continued"])
def test_heads_and_data_of_every_form_are_read(form: str) -> None:
    server = PeerServer()
    client, _ = connected(server)
    stream_id = _open(client)
    block = Encoder().encode([(":status", "200"), ("content-length", "4")])
    head = HeadersFrame(stream_id, block, flags=["END_HEADERS"])
    frames: list[Frame] = [head]
    if form == "padded":
        head.flags.add("PADDED")
        head.pad_length = 7
    elif form == "prioritised":
        head.flags.add("PRIORITY")
        head.depends_on, head.stream_weight, head.exclusive = 0, 15, False
    else:
        head.flags.discard("END_HEADERS")
        head.data = block[:2]
        frames.append(ContinuationFrame(stream_id, block[2:], flags=["END_HEADERS"]))
    body = DataFrame(stream_id, b"body", flags=["END_STREAM", "PADDED"])
    body.pad_length = 3
    data = b"".join(frame.serialize() for frame in [*frames, body])
    events = [event for byte in data for event in client.receive(bytes((byte,)))]
    assert events == [
        Head(stream_id, 200, [(b"content-length", b"4")]),
        Data(stream_id, b"body", 8),
        End(stream_id),
    ]


def test_nothing_may_come_between_the_parts_of_a_head() -> None:
    client, _ = connected(PeerServer())
    stream_id = _open(client)
    head = HeadersFrame(stream_id, b"\x88")
    (event,) = client.receive(head.serialize() + DataFrame(stream_id, b"x").serialize())
    assert isinstance(event, Broken)
    assert b"\x00\x00\x08\x07" in client.output()  # it is told with a GOAWAY


def test_fields_that_cannot_be_read_break_the_connection_with_a_goaway() -> None:
    client, _ = connected(PeerServer())
    stream_id = _open(client)
    client.output()
    (event,) = client.receive(HeadersFrame(stream_id, b"\xff", flags=["END_HEADERS"]).serialize())
    assert isinstance(event, Broken)
    assert client.output()[3] == 7
