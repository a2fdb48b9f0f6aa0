"""The real SDK against a file and against a loopback server."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ldclient import LDClient
from ldclient.config import Config

from codeagent.rollout.client import ClientConfig, FlagClient
from codeagent.rollout.flagfile import Rung, dump, problems, set_kill
from codeagent.rollout.source import FileSource, watched_file
from codeagent.rollout.stages import Stage
from codeagent.rollout.subject import Subject

from .support import CAPABILITIES, PREFIX, document, launchdarkly, until

# The SDK leaves the connections of failed streams to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

KEY = "demo.files-read"
LIVE = Rung(Stage.LIVE, 100)
TASK = Subject("task-1", type="feature", project="shop", host="box")


@pytest.fixture
def clients() -> Iterator[list[FlagClient]]:
    opened: list[FlagClient] = []
    yield opened
    for client in opened:
        client.close(wait=20)
    gc.collect()


def connect(
    clients: list[FlagClient], file: Path, environment: dict[str, str] | None = None
) -> FlagClient:
    config = ClientConfig.from_environment(
        environment or {}, file, prefix=PREFIX, capabilities=CAPABILITIES
    )
    client = FlagClient(config)
    clients.append(client)
    client.start()
    return client


def streaming(url: str) -> dict[str, str]:
    names = ("STREAM", "BASE", "EVENTS")
    uris = {f"LAUNCHDARKLY_{name}_URI": url for name in names}
    return {"LAUNCHDARKLY_SDK_KEY": "sdk-secret", **uris}


class Sink:
    """What the SDK has for a data source, without the SDK around it."""

    def __init__(self) -> None:
        self.loaded: list[Any] = []
        self.states: list[str] = []

    def init(self, data: Any) -> None:
        self.loaded.append(data)

    def update_status(self, state: Any, error: Any) -> None:
        self.states.append(state.name + ("" if error is None else f": {error.message}"))


def source(file: Path) -> tuple[FileSource, Sink]:
    sink = Sink()
    made = FileSource(file, 3600, lambda found: (), sink, threading.Event())
    return made, sink


def stage_of(sink: Sink) -> str:
    flag = next(items[KEY] for items in sink.loaded[-1].values() if KEY in items)
    return "on" if flag["on"] else "off"


def test_without_a_key_the_file_decides(tmp_path: Path, clients: list[FlagClient]) -> None:
    file = tmp_path / "flags.json"
    file.write_bytes(dump(document(files_read=LIVE)))
    client = connect(clients, file)
    assert client.wait(20)
    found = client.evaluate(KEY, TASK)
    assert (found.stage, found.reason, found.version) == (Stage.LIVE, "FALLTHROUGH", 2)
    assert client.status().mode == "file"
    assert client.status().state == "valid"


def test_a_file_that_is_replaced_takes_effect_and_is_told_of(
    tmp_path: Path, clients: list[FlagClient]
) -> None:
    file = tmp_path / "flags.json"
    file.write_bytes(dump(document(files_read=LIVE)))
    client = connect(clients, file)
    assert client.wait(20)
    changed, keys = threading.Event(), []

    def listener(key: str) -> None:
        keys.append(key)
        changed.set()

    client.add_listener(listener)
    before = client.generation
    fresh = tmp_path / "fresh"
    fresh.write_bytes(dump(set_kill(document(files_read=LIVE), PREFIX, on=True)))
    fresh.replace(file)
    until(lambda: client.evaluate(KEY, TASK).stage is Stage.OFF, changed)
    assert client.generation > before
    assert "demo.kill" in keys
    assert client.evaluate(KEY, TASK).switched_off
    assert client.evaluate(KEY, TASK).reason == "PREREQUISITE_FAILED:demo.kill"


def test_the_source_notices_every_way_to_change_a_file(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    on, off = dump(document(files_read=LIVE)), dump(document())
    made, sink = source(file)
    file.write_bytes(off)
    made.look()
    assert stage_of(sink) == "off"
    file.write_bytes(on)  # in place
    made.look()
    assert stage_of(sink) == "on"
    (tmp_path / "new").write_bytes(off)
    (tmp_path / "new").replace(file)
    made.look()
    assert stage_of(sink) == "off"
    old = file.stat()
    file.write_bytes(on)
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))  # as `cp -p` does
    made.look()
    assert stage_of(sink) == "on"
    assert sink.states == ["VALID"] * 4


def test_a_link_to_another_directory_is_followed(tmp_path: Path) -> None:
    for name, found in (("one", document()), ("two", document(files_read=LIVE))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags.json").write_bytes(dump(found))
    (tmp_path / "current").symlink_to("one")
    made, sink = source(tmp_path / "current" / "flags.json")
    made.look()
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "current")
    made.look()
    assert stage_of(sink) == "on"


def test_a_file_that_does_not_change_is_loaded_once(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    file.write_bytes(dump(document()))
    made, sink = source(file)
    for _ in range(20):
        made.look()
    assert len(sink.loaded) == 1


@pytest.mark.parametrize("broken", [b"", b"{", b'{"flags": {"x": {"on": 5}}}', b"\0" * 99])
def test_a_torn_file_leaves_the_last_good_flags(tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / "flags.json"
    good = dump(document(files_read=LIVE))
    file.write_bytes(good)
    made, sink = source(file)
    made.look()
    file.write_bytes(broken)
    made.look()
    made.look()
    assert len(sink.loaded) == 1
    assert [state.partition(":")[0] for state in sink.states] == ["VALID", "INTERRUPTED"]
    file.write_bytes(good)
    made.look()
    assert sink.states[-1] == "VALID"


def test_a_file_that_goes_and_comes_back_is_taken_again(tmp_path: Path) -> None:
    file, aside = tmp_path / "flags.json", tmp_path / "aside"
    file.write_bytes(dump(document()))
    made, sink = source(file)
    made.look()
    file.rename(aside)
    made.look()
    assert "does not exist" in sink.states[-1]
    aside.rename(file)
    made.look()
    assert sink.states[-1] == "VALID"


def test_a_pipe_in_the_place_of_the_file_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "flags.json")
    made, sink = source(tmp_path / "flags.json")
    made.look()
    assert "not a regular file" in sink.states[-1]
    assert not made.initialized()


def test_a_wrong_rollout_is_not_taken_over(tmp_path: Path) -> None:
    wrong = document(files_read=LIVE)
    wrong["flags"][KEY]["fallthrough"]["rollout"]["variations"][0]["weight"] = 7
    (tmp_path / "flags.json").write_bytes(dump(wrong))
    sink, ready = Sink(), threading.Event()
    made = FileSource(
        tmp_path / "flags.json",
        3600,
        lambda found: problems(found, CAPABILITIES, prefix=PREFIX),
        sink,
        ready,
    )
    made.look()
    assert sink.loaded == []
    assert "weights must sum to 100000" in sink.states[-1]


def test_without_a_file_everything_is_off(tmp_path: Path, clients: list[FlagClient]) -> None:
    client = connect(clients, tmp_path / "none.json")
    assert client.evaluate(KEY, TASK).unanswered
    assert client.evaluate(KEY, TASK).stage is Stage.OFF


@pytest.mark.parametrize("key", ["demo.nothing", "", "demo.kill"])
def test_a_flag_that_is_none_is_off(tmp_path: Path, clients: list[FlagClient], key: str) -> None:
    file = tmp_path / "flags.json"
    file.write_bytes(dump(document(files_read=LIVE)))
    client = connect(clients, file)
    assert client.wait(20)
    found = client.evaluate(key, TASK)
    assert found.stage is Stage.OFF
    assert found.failed


def test_a_subject_without_a_key_is_off(tmp_path: Path, clients: list[FlagClient]) -> None:
    file = tmp_path / "flags.json"
    file.write_bytes(dump(document(files_read=LIVE)))
    client = connect(clients, file)
    assert client.wait(20)
    assert client.evaluate(KEY, Subject("")).failed


@pytest.mark.parametrize(
    ("kind", "attribute", "value"),
    [
        ("project", "key", "shop"),
        ("host", "key", "box"),
        ("task", "type", "feature"),
        ("task", "project", "shop"),
        ("host", "os", "linux"),
        ("task", "urgent", True),
    ],
)
def test_rules_aim_at_projects_hosts_and_kinds_of_task(
    tmp_path: Path, clients: list[FlagClient], kind: str, attribute: str, value: Any
) -> None:
    found = document(files_read=Rung(Stage.SHADOW, 0))
    clause = {"contextKind": kind, "attribute": attribute, "op": "in", "values": [value]}
    found["flags"][KEY]["rules"] = [{"id": "aimed", "variation": 3, "clauses": [clause]}]
    file = tmp_path / "flags.json"
    file.write_bytes(dump(found))
    client = connect(clients, file)
    assert client.wait(20)
    subject = Subject("t", "feature", "shop", "box", {"urgent": True}, {"os": "linux"})
    assert client.evaluate(KEY, subject).stage is Stage.LIVE
    assert client.evaluate(KEY, subject).reason.startswith("RULE_MATCH")
    assert client.evaluate(KEY, Subject("t", "fix", "other", "there")).stage is Stage.OFF


def test_shares_come_out_as_configured_and_nobody_loses_what_it_had(tmp_path: Path) -> None:
    """10,000 tasks on the live rungs; the bounds are four standard deviations."""
    file = tmp_path / "flags.json"
    contexts = {f"task-{n}": Subject(f"task-{n}", host="box").context() for n in range(10_000)}
    shares = (1, 5, 10, 25, 50, 100)
    members: list[set[str]] = []
    for share in shares:
        file.write_bytes(dump(document(files_read=Rung(Stage.LIVE, share))))
        config = Config("local", update_processor_class=watched_file(file), send_events=False)
        with LDClient(config, start_wait=20) as client:
            live = {
                task
                for task, context in contexts.items()
                if client.variation(KEY, context, "off") == "live"
            }
        spread = (10_000 * share / 100 * (1 - share / 100)) ** 0.5
        assert abs(len(live) - 100 * share) <= 4 * spread
        members.append(live)
    for smaller, larger in itertools.pairwise(members):
        assert smaller < larger


def test_the_canaries_of_shadow_are_the_first_to_go_live(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    contexts = [Subject(f"task-{n}").context() for n in range(2_000)]
    members: list[set[int]] = []
    for rung in (Rung(Stage.LIVE, 5), Rung(Stage.SHADOW, 10)):
        file.write_bytes(dump(document(files_read=rung)))
        config = Config("local", update_processor_class=watched_file(file), send_events=False)
        with LDClient(config, start_wait=20) as client:
            values = [client.variation(KEY, context, "off") for context in contexts]
        members.append({n for n, value in enumerate(values) if value == rung.stage})
    assert members[0]
    assert members[0] < members[1]


def test_with_a_key_it_streams_and_pushes_arrive(tmp_path: Path, clients: list[FlagClient]) -> None:
    with launchdarkly(document()["flags"]) as server:
        client = connect(clients, tmp_path / "unused", streaming(server.url))
        assert client.wait(20)
        assert client.evaluate(KEY, TASK).stage is Stage.OFF
        changed = threading.Event()
        client.add_listener(lambda key: changed.set())
        server.patch(KEY, document(files_read=LIVE)["flags"][KEY])
        assert changed.wait(20)
        assert client.evaluate(KEY, TASK).stage is Stage.LIVE
        assert client.status().mode == "streaming"
        client.close(wait=20)


def test_what_is_tracked_reaches_launchdarkly(tmp_path: Path, clients: list[FlagClient]) -> None:
    with launchdarkly(document()["flags"]) as server:
        client = connect(clients, tmp_path / "unused", streaming(server.url))
        assert client.wait(20)
        client.track("rollback", TASK, {"capability": "files-read"}, 1.5)
        client.close(wait=20)
        authorization, events = server.events.get(timeout=20)
    assert authorization == "sdk-secret"
    custom = next(event for event in events if event["kind"] == "custom")
    assert (custom["key"], custom["data"]) == ("rollback", {"capability": "files-read"})


def test_flags_outlive_the_server(tmp_path: Path, clients: list[FlagClient]) -> None:
    with launchdarkly(document(files_read=LIVE)["flags"]) as server:
        client = connect(clients, tmp_path / "unused", streaming(server.url))
        assert client.wait(20)
    assert client.evaluate(KEY, TASK).stage is Stage.LIVE


@pytest.mark.parametrize("how", [{"status": 401}, {"status": 500}, {"hang": True}])
def test_a_server_that_does_not_answer_means_off_at_once(
    tmp_path: Path, clients: list[FlagClient], how: dict[str, Any]
) -> None:
    with launchdarkly({}, **how) as server:
        client = connect(clients, tmp_path / "unused", streaming(server.url))
        assert server.asked.wait(20)
        assert client.evaluate(KEY, TASK).unanswered
        assert client.status().state in ("starting", "initializing", "off")
        client.close()


async def test_an_event_loop_goes_on_while_the_client_starts_and_closes(
    tmp_path: Path, clients: list[FlagClient]
) -> None:
    with launchdarkly({}, hang=True) as server:
        client = connect(clients, tmp_path / "unused", streaming(server.url))
        assert await asyncio.to_thread(server.asked.wait, 20)
        client.evaluate(KEY, TASK)
        client.close()
        assert client.status().state == "closed"
    assert client.evaluate(KEY, TASK).stage is Stage.OFF


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    config = ClientConfig.from_environment(
        streaming("http://127.0.0.1:1"), tmp_path, prefix=PREFIX, capabilities=()
    )
    assert config.sdk_key == "sdk-secret"
    assert "sdk-secret" not in repr(config)


def test_closing_twice_or_before_the_start_is_nothing(tmp_path: Path) -> None:
    client = FlagClient(ClientConfig(tmp_path / "flags.json"))
    client.close()
    client.close()
    client.start()
    assert client.evaluate(KEY, TASK).stage is Stage.OFF


def test_an_sdk_that_cannot_be_had_means_off(
    tmp_path: Path, clients: list[FlagClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ldclient", None)
    client = connect(clients, tmp_path / "flags.json")
    assert not client.wait(20)
    assert "ModuleNotFoundError" in client.status().error or "Import" in client.status().error
    assert client.evaluate(KEY, TASK).stage is Stage.OFF


def test_the_factory_gives_the_sdk_what_it_calls(tmp_path: Path) -> None:
    (tmp_path / "flags.json").write_bytes(dump(document()))

    class Configuration:
        data_source_update_sink = Sink()

    ready = threading.Event()
    make: Any = watched_file(tmp_path / "flags.json")
    made = make(Configuration(), None, ready)
    made.start()
    assert ready.is_set()
    assert made.initialized()
    assert made.is_alive()
    made.stop()
    assert not made.is_alive()
