"""The real SDK against a file and against a loopback server."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ldclient import LDClient
from ldclient.config import Config

from codeagent.rollout.client import ClientConfig, FlagClient
from codeagent.rollout.flagfile import Rung, dump, set_kill
from codeagent.rollout.source import watched_file
from codeagent.rollout.stages import Stage
from codeagent.rollout.subject import Subject

from .support import CAPABILITIES, KEY, LIVE, PREFIX, document, launchdarkly, until

# The SDK leaves the connections of failed streams to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

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
