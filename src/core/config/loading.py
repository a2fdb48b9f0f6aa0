"""Text and environment in, :class:`Config` out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from pydantic import ValidationError

from .agent import BUILT_IN_AGENTS
from .arranging import Arranging
from .document import Document, Path, dotted
from .environment import is_placeholder, substitute, unset_variable
from .explain import allowed_at, did_you_mean, explain
from .models import Config
from .predecessor import check
from .problems import ConfigError, Problem, presentable

OWN_NAMES = ("codeagent.yaml", "codeagent.yml")
PREDECESSOR_NAMES = ("config.yaml", "config.yml")


def is_predecessor(path: PurePath, text: str) -> bool:
    """Whether a configuration is in the predecessor's dialect.

    It is if the file is called ``config.yaml``, lies in a folder called ``config``,
    or holds a section ``agent`` or ``server`` beside ``project``.  A file called
    ``codeagent.yaml`` never is.
    """
    name = path.name.lower()
    if name in OWN_NAMES:
        return False
    if name in PREDECESSOR_NAMES or path.parent.name.lower() == "config":
        return True
    if not text.strip():
        return False
    from .reading import read_document

    try:
        tree = read_document(text, source=name, predecessor=False).tree
    except ConfigError:
        return False
    return "project" in tree and ("agent" in tree or "server" in tree)


def line_of(text: str, path: Path) -> int | None:
    """The 1-based line of ``text``, a configuration that was parsed before, that ``path`` leads to."""
    from .reading import read_document

    return read_document(text, source="", predecessor=False).line(path)


def parse_config(
    text: str, *, source: str, predecessor: bool, environment: Mapping[str, str]
) -> Config:
    """The configuration that ``text`` holds; empty text gives the defaults.

    ``source`` names the text in messages.  The predecessor's dialect demands the
    sections that the predecessor demanded and checks them as it did; its messages
    are the predecessor's.  Otherwise nothing is required.

    Raises :class:`ConfigError` with everything that is wrong.
    """
    document = Document({})
    if text.strip("\ufeff \r\n"):
        from .reading import read_document

        document = read_document(text, source=source, predecessor=predecessor)

    tree, unset = substitute(document.tree, environment)
    if unset:
        missing = [
            unset_variable(name, dotted(path), document.line(path), predecessor=predecessor)
            for path, name in unset.items()
        ]
        raise ConfigError(missing, source=source, predecessor=predecessor)

    def report(path: Path, message: str, value: object, allowed: str | None) -> Problem:
        written = document.written(path)
        if written is not None and is_placeholder(written):
            value = written  # what a variable holds may be a secret
        key = dotted(path)
        return Problem(key, message, presentable(key, value), allowed, document.line(path))

    problems = list(check(tree, report)) if predecessor else []
    told = {problem.key for problem in problems}
    arranging = Arranging(document, source, predecessor)
    values = arranging.config(tree)
    values |= {
        "source": source,
        "predecessor": predecessor,
        "warnings": (*document.warnings, *arranging.warnings),
    }
    config = None
    try:
        config = Config.model_validate(values)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            path, message, allowed = explain(error)
            if not _is_told(dotted(path), told):
                value = None if error["type"] == "missing" else error["input"]
                problems.append(report(path, message, value, allowed))
    for name, agent in ({} if config is None else config.agents).items():
        if not agent.command and name not in BUILT_IN_AGENTS:
            path, allowed = ("agents", name, "command"), allowed_at(("agents", name, "command"))
            problems.append(report(path, f"{dotted(path)} is missing", None, allowed))
    if config is not None and config.runtime.agent not in (*config.agents, *BUILT_IN_AGENTS):
        known = list(dict.fromkeys([*config.agents, *BUILT_IN_AGENTS]))
        name = config.runtime.agent
        message = f"async.agent names an agent that is not configured{did_you_mean(name, known)}"
        problems.append(report(("async", "agent"), message, name, ", ".join(known)))
    if config is None or problems:
        raise ConfigError(problems, source=source, predecessor=predecessor)
    return config


def _is_told(key: str, told: set[str]) -> bool:
    steps = key.split(".")
    return any(".".join(steps[:count]) in told for count in range(1, len(steps) + 1))
