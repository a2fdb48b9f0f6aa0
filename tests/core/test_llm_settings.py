from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.config import ConfigError
from codeagent.core.llm.providers import Dialect, key_variable, make_provider
from codeagent.core.llm.secret import Headers, Secret
from codeagent.core.llm.settings import LLMSetup, parse_llm_settings

KEY = "sk-or-v1-0123456789"
ENVIRONMENT = {"OPENROUTER_API_KEY": KEY, "GOOGLE_API_KEY": "AIza-google"}

SHIPPED = """\
llm:
  default_provider: openrouter
  default_model: a/one
  timeout: 200
  retry_attempts: 1
  strategy: best_of_two
  cli_interface: gemini
  model_roles:
    primary: [a/one]
    duplicate: []
    reserve:
    - nobody/lists-it:free
    fallback:
    - b/two
    - a/three
  parallel:
    enabled: true
    models: [b/two, c/four]
    evaluator_model: b/two
    selection_criteria: [quality, relevance]
  _last_updated: '2026-01-22T21:05:01.819254'
  _stats: {total_tested: 4, working_count: 0, fastest_model: null}
providers:
  openrouter:
    base_url: https://openrouter.ai/api/v1
    models:
      a:
      - {name: a/one, max_tokens: 4096, context_window: 60000, temperature: 0.2, top_p: 0.9}
      - {name: a/three, max_tokens: 1, context_window: 1, enabled: false}
      b:
      - name: b/two
        max_tokens: 1536
        context_window: 6144
      c:
      - {name: c/four, max_tokens: 10, context_window: 10}
      - {name: c/five, max_tokens: 10, context_window: 10}
  google_disabled:
    models:
      gemini:
      - {name: gemini-2.5-flash, max_tokens: 10, context_window: 10}
"""


def parse(text: str, environment: dict[str, str] | None = None) -> LLMSetup:
    chosen = ENVIRONMENT if environment is None else environment
    return parse_llm_settings(text, source="llm_settings.yaml", environment=chosen)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_the_predecessors_file_is_understood() -> None:
    setup = parse(SHIPPED)
    assert {name: model.role for name, model in setup.models.items()} == {
        "a/one": "primary",
        "b/two": "fallback",
        "c/four": None,
    }
    one = setup.models["a/one"]
    assert (one.settings.max_tokens, one.settings.temperature, one.settings.top_p) == (
        4096,
        0.2,
        0.9,
    )
    assert setup.models["b/two"].settings.temperature == 0.7
    assert (setup.strategy, setup.timeout) == ("best_of_two", 200)
    assert setup.parallel.evaluator_model == "b/two"
    assert list(setup.providers) == ["openrouter"]


def test_nothing_configures_nothing() -> None:
    for text in ("", "\ufeff\n", "llm:\nproviders:\n", "llm: {model_roles: {primary: }}"):
        assert parse(text).models == {}


def test_without_a_key_a_provider_is_kept_but_unusable() -> None:
    setup = parse(SHIPPED, {})
    assert setup.models == {}
    assert setup.providers["openrouter"].problem == (
        "no key: set the environment variable OPENROUTER_API_KEY"
    )


def test_a_model_that_stands_twice_has_the_last_role() -> None:
    text = SHIPPED.replace("duplicate: []", "duplicate: [a/one]")
    assert parse(text).models["a/one"].role == "duplicate"
    assert parse(text).in_role("primary") == ()


def test_the_first_provider_that_can_be_used_has_the_model() -> None:
    text = """
llm: {model_roles: {primary: [m]}}
providers:
  openai: {models: {x: [{name: m, max_tokens: 1, context_window: 1}]}}
  local: {base_url: "http://127.0.0.1:8000/v1/", models: {x: [{name: m, max_tokens: 2, context_window: 1}]}}
"""
    provider = parse(text).models["m"].provider
    assert (provider.name, provider.base_url) == ("local", "http://127.0.0.1:8000/v1")
    with_key = parse(text, {"OPENAI_API_KEY": "k"}).models["m"].provider
    assert with_key.base_url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("value", "environment", "url"),
    [
        ("${BASE}", {"BASE": "http://here/v1"}, "http://here/v1"),
        ("${BASE}", {}, ""),
        ("${BASE:http://x}", {}, ""),
    ],
)
def test_variables_are_replaced_if_they_are_set_and_have_no_defaults(
    value: str, environment: dict[str, str], url: str
) -> None:
    setup = parse(f'providers: {{own: {{base_url: "{value}"}}}}', environment)
    assert setup.providers["own"].base_url == url
    assert setup.providers["own"].usable is bool(url)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "llm:\n  model_roles:\n    primry: [a]",
            (
                "unknown role 'primry'; did you mean 'primary'? (llm.model_roles.primry; line 3; "
                "allowed: primary, duplicate, reserve, fallback)"
            ),
        ),
        (
            "llm: {model_roles: {primary: abc}}",
            "llm.model_roles.primary must be a list of names (line 1; value 'abc')",
        ),
        (
            "llm: {timeout: -1}",
            "llm.timeout must be a number above 0 and up to 31536000 (line 1; value -1)",
        ),
        ("llm: 5", "llm must be a mapping (line 1; value 5)"),
        ("providers: {x: 5}", "providers.x must be a mapping (line 1; value 5)"),
        (
            "providers: {x: {base_url: 'ftp://a'}}",
            (
                "providers.x.base_url must be a URL such as https://openrouter.ai/api/v1 "
                "(line 1; value 'ftp://a'; allowed: an http or https URL)"
            ),
        ),
        (
            "providers: {openrouter: {models: {a: [{max_tokens: 1}]}}}",
            (
                "providers.openrouter.models.a.0 must be a mapping with a name "
                "(line 1; value '<mapping>')"
            ),
        ),
        (
            "providers: {openrouter: {models: [a]}}",
            "providers.openrouter.models must be a mapping (line 1; value '<list>')",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    assert problems(text) == [told]


def test_a_model_in_use_must_be_described_fully_and_another_need_not() -> None:
    text = SHIPPED.replace("max_tokens: 1536", "max_token: 1536")
    told = problems(text)
    assert len(told) == 2
    assert "providers.openrouter.models.b.0.max_tokens is missing" in told[0]
    assert "unknown key providers.openrouter.models.b.0.max_token; did you mean" in told[1]
    assert "line" in told[0]
    parse(SHIPPED.replace("name: c/five, max_tokens", "name: c/five, max_token"))


def test_a_key_in_a_url_is_refused_and_not_shown() -> None:
    url = f"https://user:{KEY}@host/v1"
    for written in ("${U}", url):
        with pytest.raises(ConfigError) as caught:
            parse(f"providers: {{x: {{base_url: '{written}'}}}}", {"U": url})
        assert KEY not in str(caught.value)
        assert "must not hold a key" in str(caught.value)


def test_no_key_is_in_any_repr() -> None:
    setup = parse(SHIPPED)
    key = setup.models["a/one"].provider.key
    assert key is not None
    assert key.reveal() == KEY
    assert KEY not in f"{setup!r} {setup} {key} {Headers({'authorization': 'Bearer ' + KEY})}"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert key == Secret(KEY)


@pytest.mark.parametrize(
    ("name", "url", "key", "environment", "problem"),
    [
        ("own", "http://localhost:1/v1", None, {}, None),
        ("own", "https://there/v1", None, {}, "no key: set the environment variable OWN_API_KEY"),
        ("own", "https://there/v1", "${MINE}", {}, "no key: set the environment variable MINE"),
        ("own", "https://there/v1", "k", {}, None),
        ("own-1", None, "k", {}, "providers.own-1.base_url is missing"),
        ("openrouter", "http://127.0.0.1/v1", None, {}, "no key: set the environment variable OPENROUTER_API_KEY"),
        ("openai", None, None, {"OPENAI_API_KEY": " k\n"}, None),
        ("openai", None, None, {"OPENAI_API_KEY": "a\nb"}, "the key in OPENAI_API_KEY holds characters that no key has; copy it again"),
        ("openai", None, None, {"OPENAI_API_KEY": "ключ"}, "the key in OPENAI_API_KEY holds characters that no key has; copy it again"),
    ],
)  # fmt: skip
def test_a_provider_says_why_it_cannot_be_used(
    name: str, url: str | None, key: str | None, environment: dict[str, str], problem: str | None
) -> None:
    assert make_provider(name, url, key, environment).problem == problem


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://openrouter.ai/api/v1", "https://openrouter.ai:443"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
        ("HTTP://Host", "http://host:80"),
    ],
)
def test_an_origin_has_scheme_host_and_port(url: str, origin: str) -> None:
    assert make_provider("own", url, "k", {}).origin == origin


@pytest.mark.parametrize(
    "url", ["x", "http://", "https://h:99999/", "https://h/?key=1", "https://h/a b", "http://h:0"]
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"providers\.own\.base_url"):
        make_provider("own", url, None, {})


def test_google_speaks_its_own_dialect() -> None:
    assert make_provider("google", None, "k", {}).dialect is Dialect.GOOGLE
    assert key_variable("my-server.2") == "MY_SERVER_2_API_KEY"


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(["llm", "providers", "x"]),
        st.recursive(
            st.none() | st.integers() | st.text("a:{", max_size=4) | st.floats(),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(
                        ["model_roles", "primary", "parallel", "models", "openrouter", "name"]
                    ),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=10,
        ),
    )
)
def test_any_tree_is_understood_or_refused_with_reasons(tree: dict[str, object]) -> None:
    import yaml

    try:
        parse(yaml.safe_dump(tree))
    except ConfigError as error:
        assert error.problems
