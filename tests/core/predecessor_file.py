"""The predecessor's configuration, read or refused."""

import pytest

from codeagent.core.config import Config, ConfigError, Problem, parse_config

MINIMAL = {"project": "{base_dir: /work}", "agent": "{}", "server": "{}"}


def load(text: str, **environment: str) -> Config:
    return parse_config(text, source="config.yaml", predecessor=True, environment=environment)


def with_sections(**sections: str) -> str:
    return "".join(f"{name}: {text}\n" for name, text in {**MINIMAL, **sections}.items())


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return caught.value


def only_problem(text: str) -> Problem:
    (problem,) = refusal(text).problems
    return problem
