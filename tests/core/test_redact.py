"""Secrets go, everything else stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.redact import MASK, Redactor, is_sensitive, redact, redact_value, secret_values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GOOGLE_API_KEY=hunter2", f"GOOGLE_API_KEY={MASK}"),
        ("export GITHUB_TOKEN='hunter2 x'; make", f"export GITHUB_TOKEN='{MASK}'; make"),
        ("MYSQL_PWD=/hunter2", f"MYSQL_PWD={MASK}"),
        ("Authorization: Bearer x", f"Authorization: Bearer {MASK}"),
        ("authorization: basic aHVudGVyMg==, ok", f"authorization: basic {MASK}, ok"),
        ("Authorization: AWS4 Credential=a, Signature=b\nok", f"Authorization: {MASK}\nok"),
        ("-H 'Authorization: Bearer x' -v", f"-H 'Authorization: Bearer {MASK}' -v"),
        ("{'Authorization': 'Bearer x', 'A': 'b'}", f"{{'Authorization': '{MASK}', 'A': 'b'}}"),
        ("X-Api-Key: hunter2", f"X-Api-Key: {MASK}"),
        ("Cookie: a=b; c=d", f"Cookie: {MASK}"),
        ("use sk-abc12345 now", f"use {MASK} now"),
        ("use sk-or-v1-0123456789abcdef", f"use {MASK}"),
        ("key_0123456789abcdef0123", MASK),
        ("ghp_0123456789abcdefABCD", MASK),
        ('{"text":"a\\nsk-abc12345"}', f'{{"text":"a\\n{MASK}"}}'),
        ("password: hunter2", f"password: {MASK}"),
        ("password : hunter2, user: bob", f"password : {MASK}, user: bob"),
        ("(token=hunter2)", f"(token={MASK})"),
        ('{"api_key": "hun\\"ter2", "id": 5}', f'{{"api_key": "{MASK}", "id": 5}}'),
        ('{\\"apiKey\\": \\"hunter2\\"}', f'{{\\"apiKey\\": \\"{MASK}\\"}}'),
        ('"client_secret": "cut off', f'"client_secret": "{MASK}'),
        ("password: secret: hunter2", f"password: {MASK}"),
        ("token=b'hunter2'", f"token=b'{MASK}'"),
        ('os.environ["API_KEY"] = "hunter2"', f'os.environ["API_KEY"] = "{MASK}"'),
        ("https://bob:hunter2@host/x", f"https://bob:{MASK}@host/x"),
        ("redis://:hun@ter2@host", f"redis://:{MASK}@host"),
        ("https://0123456789abcdef0123@host/x", f"https://{MASK}@host/x"),
        ("GET /x?token=hunter2&page=2", f"GET /x?token={MASK}&page=2"),
        ("agent --api-key VALUE -p", f"agent --api-key {MASK} -p"),
        ("agent --api-key=VALUE -p", f"agent --api-key={MASK} -p"),
        ("agent --github-token 'a b'", f"agent --github-token '{MASK}'"),
        ("['agent', '--api-key', 'hunter2', 'x']", f"['agent', '--api-key', '{MASK}', 'x']"),
        ("Ошибка: GEMINI_API_KEY=hunter2 неверен", f"Ошибка: GEMINI_API_KEY={MASK} неверен"),
        ("ключsk-abc12345", f"ключ{MASK}"),
        ("Пароль: хантер", f"Пароль: {MASK}"),
        ("PASSWORD:\thunter2", f"PASSWORD:\t{MASK}"),
        ("bearer abc123", f"bearer {MASK}"),
        (
            "x -----BEGIN RSA PRIVATE KEY-----\nab+/=\n-----END RSA PRIVATE KEY----- y",
            f"x {MASK} y",
        ),
    ],
)
def test_a_secret_is_masked_and_its_surroundings_stay(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert redact(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "commit 16fa1edde5d193ede82e6a2dda543f89ee1c2afd",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "task_id: 550e8400-e29b-41d4-a716-446655440000",
        "task-12345678-0001 on disk-00000001",
        "max_tokens: 4096, prompt_tokens=12, token_count: 7",
        "TOKEN_FILE=/run/x",
        "PWD=/home/bob OLDPWD=~",
        "token: null, password=None, secret: true",
        "def login(token: str, password: str | None) -> bool:",
        "api_key: ${GEMINI_API_KEY}",
        'password: ""',
        "bearer authentication is on",
        "pass it with --token or --key",
        "git clone ssh://git@github.com/a/b.git",
        "https://host:8080/a?b=c@d",
        "scikit: sk-learn-extra",
        "primary_key_columns and key_bindings",
        "Исправить вход: проверка токена и пароля",
        "",
    ],
)
def test_what_is_no_secret_survives(text: str) -> None:
    assert redact(text) == text


_FRAGMENTS = st.lists(
    st.sampled_from(
        ["password", "API_KEY", "--token", "Authorization", "Bearer", "cookie", "пароль", "://", "@",
         ":", "=", " ", "  ", '"', "'", "`", "\\", '\\"', "\n", ",", ";", "&", "a=", "}", "]", "${X}",
         "sk-abcdefgh1", "key_", "hunter2", "x", "-----", "BEGIN PRIVATE KEY", MASK, "***", "eyJ", "."]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@settings(deadline=None, max_examples=600)
@given(_FRAGMENTS | st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@settings(deadline=None, max_examples=200)
@given(
    st.text(),
    st.text(alphabet="abcXYZ019!#$%^*()_+?/", min_size=8, max_size=30).filter(
        lambda s: s[0] not in "-/"
    ),
    st.sampled_from(["API_KEY={}", 'password: "{}"', "--token '{}'", "Authorization: Bearer {}"]),
    st.text(),
)
def test_a_named_secret_never_survives(before: str, secret: str, form: str, after: str) -> None:
    text = f"{before}\n{form.format(secret)}\n{after}"
    assert redact(text).count(secret) <= f"{before}\n\n{after}".count(secret)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.text(alphabet='abcdef"\\ /&é\n', min_size=8).filter(str.strip), min_size=1, max_size=4
    ),
    st.data(),
)
def test_a_known_secret_never_survives_wherever_it_stands(
    secrets: list[str], data: st.DataObject
) -> None:
    pieces = data.draw(st.lists(st.sampled_from(secrets) | st.text(alphabet="abc \n"), max_size=6))
    shown = Redactor(secrets)(" ".join(pieces))
    assert not [secret for secret in secrets if secret in shown]


def test_a_known_secret_is_masked_in_other_spellings() -> None:
    redactor = Redactor(['p"ss/wörd', "-----\nline one of the key\n-----"])
    shown = redactor('a p%22ss%2Fw%C3%B6rd b p\\"ss/w\\u00f6rd c: line one of the key')
    assert shown == f"a {MASK} b {MASK} c: {MASK}"


def test_short_values_and_the_mask_itself_are_no_known_secrets() -> None:
    redactor = Redactor(["short", "", "REDACTED"])
    assert redactor(f"short {MASK}") == f"short {MASK}"
    assert "short" not in repr(Redactor(["shortest"]))


def test_the_longer_of_two_known_secrets_goes_whole() -> None:
    assert Redactor(["abcdefgh", "abcdefgh-tail"])("x abcdefgh-tail") == f"x {MASK}"


def test_secrets_of_an_environment_are_chosen_by_name() -> None:
    environ = {
        "GOOGLE_API_KEY": "a",
        "PWD": "/b",
        "PATH": "c",
        "DB_PASSWORD_2": "d",
        "MAX_TOKENS": "5",
    }
    assert secret_values(environ) == ("a", "d")


def test_values_are_redacted_by_key_and_by_shape() -> None:
    cyclic: dict[str, object] = {}
    cyclic["self"] = cyclic
    shown = redact_value(
        "request",
        {
            "api_key": "x", "token": 5, "password": None, "secret": "", "tokens": 7,
            "args": ["--x", "sk-abc12345"], "credential": {"id": 1}, "path": b"a", 3: 1.5,
        },
    )  # fmt: skip
    assert shown == {
        "api_key": MASK, "token": MASK, "password": None, "secret": "", "tokens": 7,
        "args": ["--x", MASK], "credential": MASK, "path": "b'a'", "3": 1.5,
    }  # fmt: skip
    assert "self" in redact_value("", cyclic)
    assert Redactor(["hunter22"]).value("", ["my hunter22"]) == [f"my {MASK}"]


@pytest.mark.parametrize(
    "name", ["apiKey", "X-Api-Key", "PGPASSWORD", "access_token", "Authorization"]
)
def test_names_are_recognised_in_every_spelling(name: str) -> None:
    assert is_sensitive(name)


_HOSTILE = [
    "a", "-", "--a-", "://", "://a:", "\\", '"', "password", "password=", "password='", "bearer ",
    "eyJa", "sk-", "a&", "token: ", "token: a:", "-----BEGIN PRIVATE KEY-----", "authorization: ",
    "token:\\", "key_a", " ", "api key", "cookie :", "https://a", "a\\n",
]  # fmt: skip


@pytest.mark.parametrize("seed", _HOSTILE)
def test_a_long_hostile_text_does_not_hide_a_secret_or_hang(seed: str) -> None:
    text = seed * (100_000 // len(seed)) + "\npassword=hunter2\n"
    assert "hunter2" not in redact(text)
