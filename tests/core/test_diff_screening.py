"""Differences of trees, and what is wrong with them."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.config.verify import VerifySettings
from codeagent.core.diff import Delta, added_lines, in_batches, parse_raw, parse_sizes
from codeagent.core.leaks import Leak, entropy, leaks, looks_random, names_a_secret
from codeagent.core.screening_diff import MOST, DiffScreening, Finding, gather

RANDOM = "a8Fj3kL0pQ9zXv7Y"
MATERIAL = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"


def delta(
    path: str, kind: str = "A", *, old: str = "000000", new: str = "100644", blob: str = "b"
) -> Delta:
    return Delta(path, kind, old, new, blob)


def screening(**sections: object) -> DiffScreening:
    return DiffScreening(VerifySettings.model_validate(sections))


def on_paths(*deltas: Delta, size: int = 1, **sections: object) -> list[Finding]:
    return list(screening(**sections).paths(deltas, {"b": size}))


def on_lines(*lines: str, path: str = "src/x.py", **sections: object) -> list[Finding]:
    return list(screening(**sections).lines(path, list(enumerate(lines, 1))))


def test_raw_output_is_parsed() -> None:
    data = (
        b":100644 100755 " + b"1" * 40 + b" " + b"2" * 40 + b" M\0a b\n.py\0"
        b":000000 160000 " + b"0" * 40 + b" " + b"3" * 40 + b" A\0caf\xc3\xa9\xff\0"
    )
    assert parse_raw(data) == (
        Delta("a b\n.py", "M", "100644", "100755", "2" * 40),
        Delta("caf\xe9\udcff", "A", "000000", "160000", "3" * 40),
    )
    assert parse_raw(b"") == ()


def test_sizes_are_parsed_and_missing_objects_left_out() -> None:
    assert parse_sizes(b"aa blob 12\nbb missing\ncc commit 200\n\n") == {"aa": 12, "cc": 200}


def test_added_lines_have_their_numbers_and_files() -> None:
    patch = (
        b"diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n"
        b"@@ -3 +3,2 @@ def f():\n-old\n+new\r\n+more\n@@ -10,0 +12 @@\n++++ b/trap\n"
        b"\\ No newline at end of file\n"
        b"diff --git a/gone b/gone\n--- a/gone\n+++ /dev/null\n@@ -1,2 +0,0 @@\n--- a/x\n-y\n"
        b'diff --git "a/\\303\\251 \\"q\\"" "b/\\303\\251 \\"q\\""\nnew file mode 100644\n'
        b'--- /dev/null\n+++ "b/\\303\\251 \\"q\\""\n@@ -0,0 +1 @@\n+caf\xe9\n'
        b"diff --git a/a b b/a b\n--- a/a b\t\n+++ b/a b\t\n@@ -0,0 +1 @@\n+z\n"
        b"diff --git a/i.png b/i.png\nBinary files a/i.png and b/i.png differ\n"
    )
    assert list(added_lines(patch)) == [
        ("x.py", [(3, "new\r"), (4, "more"), (12, "+++ b/trap")]),
        ('\xe9 "q"', [(1, "caf\ufffd")]),
        ("a b", [(1, "z")]),
    ]
    assert list(added_lines(b"")) == []


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [b"diff --git a/x b/x", b"+++ b/x", b"--- a/x", b"@@ -1 +1,2 @@", b"@@ -0,0 +1 @@",
             b"+x", b"-y", b"\\ No newline", b"", b'+++ "b/\\303"', b"+\xff", b"@@", b"+++"]
        )
    )
)  # fmt: skip
def test_a_mutilated_patch_is_read_as_far_as_it_goes(lines: list[bytes]) -> None:
    for _, found in added_lines(b"\n".join(lines)):
        assert found


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.text(min_size=1, max_size=9), st.integers(0, 50)), st.integers(1, 60))
def test_batches_hold_everything_once_and_stay_small(sizes: dict[str, int], size: int) -> None:
    batches = list(in_batches(list(sizes), sizes, size=size, names=30))
    assert [path for batch in batches for path in batch] == list(sizes)
    for batch in batches:
        assert batch
        assert len(batch) == 1 or sum(sizes[path] for path in batch) <= size
        assert len(batch) == 1 or sum(len(path.encode()) + 1 for path in batch) <= 30


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('k = "sk-ant-api03-Ab3dEf6hIj9lMn2pQr5tUv8x"', "an Anthropic key"),
        ("sk-proj-" + "aB3dE6gH9" * 4, "an API key"),
        ("token: ghp_" + "a1B2c3D4e" * 4, "a GitHub token"),
        ("github_pat_" + "a1B2c3D4e" * 4, "a GitHub token"),
        ('aws = "AKIAQYLPMN5HFIQR7XYA"', "an AWS access key"),
        ("AIza" + "Sy9dE6gH3" * 4, "a Google API key"),
        ("xoxb-17653672481-19874698323-pdFZKVeTuE8sk", "a Slack token"),
        (f'API_KEY = "{RANDOM}"', "a secret for API_KEY"),
        (f"API_KEY: Final[str] = '{RANDOM}'", "a secret for API_KEY"),
        (f'os.environ["DB_PASSWORD"] = "{RANDOM}"', "a secret for DB_PASSWORD"),
        (f'setenv("X_TOKEN", "{RANDOM}", 1);', "a secret for X_TOKEN"),
        (f'  "clientSecret": "{RANDOM}",', "a secret for clientSecret"),
        (f'const apiKey: &str = "{RANDOM}";', "a secret for apiKey"),
        (f"signing_key := `{RANDOM}`", "a secret for signing_key"),
        (f"password => '{RANDOM}'", "a secret for password"),
        (f"export SESSION_SECRET={RANDOM}\r", "a secret for SESSION_SECRET"),
        ('SIGNING_KEY = "0f3a9b7c5d1e2f4a6b8c0d2e4f6a8b0c"', "a secret for SIGNING_KEY"),
        (
            f'"private_key": "-----BEGIN PRIVATE KEY-----\\n{MATERIAL}\\n"',
            "a private key",
        ),
    ],
)
def test_a_secret_is_found(line: str, what: str) -> None:
    assert [leak.what for leak in leaks("src/x.py", [(7, line)])] == [what]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "AKIAIOSFODNN7EXAMPLE",
        ".sk-fading-circle12 { color: red }",
        "sk-learn and task-12345678-000000000001",
        "key_columns_of_the_authorization_server1",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        'API_KEY = "your-api-key-goes-here-123"',
        'API_KEY = "changeme-changeme-1"',
        'API_KEY = "hunter2"',
        'API_KEY = "${SOME_OTHER_API_KEY_2}"',
        'API_KEY = os.environ["API_KEY_2_OF_THIS"]',
        "f(api_key=get_default_api_key2)",
        "token = self.settings.session_token_v2",
        f'PUBLIC_KEY = "{RANDOM}"',
        f'monkey = "{RANDOM}"',
        f'key = "{RANDOM}"',
        'TOKEN_URL = "https://example.org/a8Fj3kL0pQ9zXv7Y"',
        'SSH_KEY = "/home/me/.ssh/id_ed25519_2"',
        'TOKEN = "correct-horse-battery-staple-42"',
        f'"integrity": "sha512-{RANDOM}"',
        "commit 16fa1edde5d193ede82e6a2dda543f89ee1c2afd",
        'if "-----BEGIN PRIVATE KEY-----" in text:',
        f"secret {RANDOM}",
        "пароль и токен",
    ],
)
def test_what_is_no_secret_passes(line: str) -> None:
    assert list(leaks("src/x.py", [(1, line)])) == []


def test_settings_need_no_quotes() -> None:
    line = f"  api_key: {RANDOM}"
    assert list(leaks("src/x.py", [(1, line)])) == []
    assert [leak.number for leak in leaks("deploy/values.yaml", [(1, line)])] == [1]


def test_a_private_key_over_several_lines_is_found_once() -> None:
    lines = [(5, "-----BEGIN OPENSSH PRIVATE KEY-----\r"), (6, MATERIAL + "\r"), (7, MATERIAL)]
    assert [(leak.number, leak.what) for leak in leaks("k.txt", lines)] == [(5, "a private key")]


def test_a_known_secret_is_found_whatever_it_looks_like() -> None:
    known = "correct horse battery staple"
    assert [leak.what for leak in leaks("x", [(1, f"say {known}!")], [known])] == [
        "a secret of the server's own"
    ]
    assert list(leaks("x", [(1, "say admin!")], ["admin", ""])) == []


def test_a_leak_does_not_show_itself() -> None:
    assert RANDOM not in repr(Leak(1, "a secret", RANDOM))
    (finding,) = on_lines(f'API_KEY = "{RANDOM}"')
    assert RANDOM not in str(finding)
    assert RANDOM not in repr(DiffScreening(VerifySettings(), [RANDOM]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("API_KEY", True), ("apiKey", True), ("APIKey", True), ("x.api-key", True),
        ("token", True), ("GITHUB_TOKEN", True), ("db_password", True), ("key", False),
        ("monkey", False), ("publicKey", False), ("KEY_FILE", False), ("tokens", False),
        ("__", False),
    ],
)  # fmt: skip
def test_names_of_secrets(name: str, expected: bool) -> None:
    assert names_a_secret(name) is expected


def test_entropy_is_shannons() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("ab") == 1
    assert entropy("abcdefgh") == pytest.approx(3)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**64))
def test_generated_secrets_look_random(seed: int) -> None:
    source = random.Random(seed)
    alphabet = string.ascii_letters + string.digits
    value = "".join(source.choices(alphabet, k=40)) + source.choice("123456789") + "x"
    assert looks_random(value) or any(word in value.lower() for word in ("test", "fake", "mock"))


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["api_key", "token", "=", ":", " ", '"', "'", RANDOM, "sk-", "\\", "AKIA", "-----BEGIN ",
             "PRIVATE KEY-----", MATERIAL, "_", ",", "[", "]", "|", "\r"]
        ),
        max_size=14,
    ).map("".join)
    | st.text()
)  # fmt: skip
def test_every_value_that_is_found_stands_in_the_line(line: str) -> None:
    for leak in leaks("x.env", [(1, line)]):
        assert leak.number == 1
        assert leak.what == "a private key" or leak.value in line


@pytest.mark.parametrize(
    "path", [".env", "deploy/.env", "certs/server.PEM", "home/id_rsa", "id_ed25519.pub", ".ssh/config"]
)  # fmt: skip
def test_a_forbidden_path_blocks_however_it_is_changed(path: str) -> None:
    assert [found.blocks for found in on_paths(delta(path))] == [True]
    (changed,) = on_paths(delta(path, "M", old="100644"))
    assert "changes a path" in str(changed)
    (deleted,) = on_paths(delta(path, "D", old="100644", new="000000"))
    assert "deletes a path" in str(deleted)


@pytest.mark.parametrize("path", [".env.example", "src/environment.py", ".gitignore", "rsa.py"])
def test_an_ordinary_path_passes(path: str) -> None:
    assert on_paths(delta(path)) == []


def test_configured_paths_take_the_place_of_the_usual_ones() -> None:
    assert on_paths(delta("infra/main.tf"), delta(".env"), forbidden=["infra/**"]) == [
        Finding("infra/main.tf: the change adds a path of verify.forbidden", blocks=True)
    ]


@pytest.mark.parametrize("path", ["a.orig", "x/b.rej", "c~", ".d.swp", "e.BACKUP.123.py"])
def test_a_leftover_is_reported_and_does_not_block(path: str) -> None:
    assert [found.blocks for found in on_paths(delta(path))] == [False]
    assert on_paths(delta(path, "M", old="100644")) == []


def test_files_of_the_server_are_reported() -> None:
    (found,) = on_paths(delta(".codeagent/state.db"))
    assert not found.blocks


def test_a_repository_within_the_repository_blocks_and_a_submodule_does_not() -> None:
    (nested,) = on_paths(delta("lib", new="160000"))
    assert nested.blocks
    (moved,) = on_paths(delta("lib", "M", old="160000", new="160000"))
    assert not moved.blocks


def test_a_large_file_is_reported_and_not_searched() -> None:
    big = delta("data.bin")
    (found,) = on_paths(big, size=11, max_file_size=10)
    assert "11 bytes" in str(found)
    assert not found.blocks
    assert on_paths(big, size=10, max_file_size=10) == []
    assert screening(max_file_size=10).to_search([big], {"b": 11}) == []
    assert screening(max_file_size=10).to_search([big], {"b": 10}) == ["data.bin"]


def test_only_regular_files_are_searched() -> None:
    deltas = [
        delta("file"),
        delta("link", new="120000"),
        delta("sub", new="160000"),
        delta("gone", "D", old="100644", new="000000"),
        delta("let/through"),
    ]
    assert screening(allow=["let/**"]).to_search(deltas, {}) == ["file"]


@pytest.mark.parametrize("line", ["<<<<<<< HEAD", ">>>>>>> branch\r", "<<<<<<<", "||||||| 1234"])
def test_a_conflict_marker_blocks(line: str) -> None:
    (found,) = on_lines("x", line)
    assert found.blocks
    assert str(found).startswith("src/x.py:2: a conflict marker")


@pytest.mark.parametrize(
    "line", ["=======", " <<<<<<< HEAD", "<<<<<<<<", "'<<<<<<< HEAD'", ">>>>>>>x", "<<< x", "||||||||"]
)  # fmt: skip
def test_what_is_no_conflict_marker_passes(line: str) -> None:
    assert on_lines(line) == []


def test_what_is_allowed_is_let_through() -> None:
    secret = f'API_KEY = "{RANDOM}"'
    assert on_lines(secret)
    assert on_lines(secret, allow=["src/**"]) == []
    assert on_lines(secret, allow=[RANDOM]) == []
    assert on_lines(secret, allow=["other"])
    assert on_lines("<<<<<<< HEAD", allow=["*.py"]) == []
    assert on_paths(delta("tests/data/x.pem"), allow=["tests/data/"]) == []


def test_a_finding_stays_on_one_line() -> None:
    (found,) = on_paths(delta("a\nb\udcff.orig"))
    assert str(found) == "'a\\nb\\udcff.orig': looks like a leftover"


def test_many_findings_are_cut_and_what_blocks_comes_first() -> None:
    light = [Finding(f"light {n}") for n in range(MOST)]
    gathered = gather([*light, light[0], Finding("grave", blocks=True)])
    assert gathered[0] == Finding("grave", blocks=True)
    assert gathered[-1] == Finding("1 more")
    assert len(gathered) == MOST + 1
    grave = [Finding(f"grave {n}", blocks=True) for n in range(MOST + 2)]
    assert gather(grave)[-1] == Finding("2 more", blocks=True)


def test_a_patch_is_screened_as_a_whole() -> None:
    patch = (
        b"diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n"
        b"+<<<<<<< a\n+token = 'a8Fj3kL0pQ9zXv7Y'\n"
    )
    assert [found.text.split(";")[0] for found in screening().patch(patch)] == [
        "x:1: a conflict marker <<<<<<<",
        "x:2: a secret for token",
    ]
