"""``llm_settings.yaml``: providers, their models, and the roles that models have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from ..config.base import PositiveSeconds, Settings, StrictSettings
from ..config.document import Document, Path, dotted, key_text
from ..config.environment import is_placeholder
from ..config.explain import describe, did_you_mean, keys_of
from ..config.problems import ConfigError, Problem, presentable
from ..redact import redact
from .options import BudgetSettings, CacheSettings, ParallelSettings
from .providers import Provider, make_provider

ROLES: Final = ("primary", "duplicate", "reserve", "fallback")
DISABLED: Final = "_disabled"
"""A provider whose name ends so is switched off."""

_NAME: Final = re.compile(r"\$\{([^:${}]+)\}")

_M = TypeVar("_M", bound=BaseModel)


def _no_flag(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


_Count = Annotated[int, BeforeValidator(_no_flag), Field(ge=1)]
_Amount = Annotated[float, BeforeValidator(_no_flag), Field(ge=0, allow_inf_nan=False)]


class ModelSettings(StrictSettings):
    """One model.  ``max_tokens`` limits an answer; prices are in USD for a million tokens."""

    name: str = Field(min_length=1)
    max_tokens: _Count
    context_window: _Count
    temperature: _Amount = 0.7
    top_p: Annotated[float, BeforeValidator(_no_flag), Field(ge=0, le=1)] = 1.0
    enabled: bool = True
    input_price: _Amount | None = None
    output_price: _Amount | None = None


class _ProviderSettings(Settings):
    base_url: str | None = None
    api_key: str | None = Field(default=None, repr=False)


class _LLMSection(Settings):
    default_provider: str = "openrouter"
    strategy: str = ""
    timeout: PositiveSeconds = 200
    parallel: ParallelSettings = Field(default_factory=ParallelSettings)
    budget: BudgetSettings = Field(default_factory=BudgetSettings)
    cache: CacheSettings = Field(default_factory=CacheSettings)
    hedge: bool = True


@dataclass(frozen=True, slots=True)
class Model:
    """A model that may be asked; ``role`` is None for one that is only asked in parallel."""

    settings: ModelSettings
    provider: Provider
    role: str | None = None

    @property
    def name(self) -> str:
        return self.settings.name


@dataclass(frozen=True, slots=True)
class LLMSetup:
    """Everything that was configured.

    ``models`` are those that can be asked, in the order in which the roles name
    them; ``listed`` are all that could be, whether anything names them or not.
    ``timeout`` is what one question may take in all, in seconds; ``source`` is the
    file that says all this.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    strategy: str = ""
    parallel: ParallelSettings = field(default_factory=ParallelSettings)
    timeout: float = 200.0
    warnings: tuple[str, ...] = ()
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    hedge: bool = True
    listed: Mapping[str, Model] = field(default_factory=dict)
    source: str = ""

    def in_role(self, role: str) -> tuple[str, ...]:
        """The names of the models that have the role, in order."""
        return tuple(name for name, model in self.models.items() if model.role == role)


def parse_llm_settings(text: str, *, source: str, environment: Mapping[str, str]) -> LLMSetup:
    """What ``text`` configures; empty text configures no model.

    Values that are ``${NAME}`` as a whole are replaced if the variable is set and
    stay as they are otherwise.  A provider without a key is kept, with the reason
    why it cannot be used, and its models are left out.

    Raises :class:`ConfigError` with everything that is wrong.
    """
    document = Document({})
    if text.strip("\ufeff \r\n"):
        from ..config.reading import read_document

        document = read_document(text, source=source, predecessor=False)
    return _Reader(document, source, environment).setup()


class _Reader:
    """Reads one document and collects its problems."""

    def __init__(self, document: Document, source: str, environment: Mapping[str, str]) -> None:
        self._document = document
        self._source = source
        self._environment = environment
        self._tree: dict[Any, Any] = _substitute(document.tree, environment, {})
        self._problems: list[Problem] = []
        self._warnings = list(document.warnings)

    def setup(self) -> LLMSetup:
        llm = self._mapping(self._tree.get("llm"), ("llm",))
        section = self._model(_LLMSection, llm, ("llm",)) or _LLMSection()
        roles = self._roles(llm.get("model_roles"))
        listed: dict[str, list[tuple[Path, dict[Any, Any], Provider]]] = {}
        providers = self._providers(listed, section.default_provider)
        named = dict(roles)
        evaluator = section.parallel.evaluator_model
        for name in (*section.parallel.models, *([evaluator] if evaluator else [])):
            named.setdefault(name, None)
        models: dict[str, Model] = {}
        for name, role in named.items():
            entries = listed.get(name, [])
            entries = [each for each in entries if each[2].usable] or entries
            if not entries:
                continue
            path, entry, provider = entries[0]
            settings = self._model(ModelSettings, entry, path)
            if settings is not None and settings.enabled and provider.usable:
                models[name] = Model(settings, provider, role)
        if self._problems:
            raise ConfigError(self._problems, source=self._source)
        return LLMSetup(
            models,
            providers,
            section.strategy.strip().lower(),
            section.parallel,
            section.timeout,
            tuple(self._warnings),
            section.budget,
            section.cache,
            section.hedge,
            {**_usable(listed), **models},
            self._source,
        )

    def _roles(self, value: object) -> dict[str, str | None]:
        path: Path = ("llm", "model_roles")
        roles: dict[str, str | None] = {}
        for role, names in self._mapping(value, path).items():
            if role not in ROLES:
                message = f"unknown role {key_text(role)!r}{did_you_mean(key_text(role), ROLES)}"
                self._problem((*path, key_text(role)), message, None, ", ".join(ROLES))
                continue
            if names is None:
                continue
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                where = (*path, role)
                self._problem(where, f"{dotted(where)} must be a list of names", names, None)
                continue
            for name in names:
                roles.pop(name, None)  # a model that stands twice has the last role and place
                roles[name] = role
        # Dictionaries keep the order of insertion; the roles have an order of their own.
        return dict(sorted(roles.items(), key=lambda item: ROLES.index(item[1] or "")))

    def _providers(
        self, listed: dict[str, list[tuple[Path, dict[Any, Any], Provider]]], default: str
    ) -> dict[str, Provider]:
        providers: dict[str, Provider] = {}
        entries = self._mapping(self._tree.get("providers"), ("providers",))
        for name, value in sorted(entries.items(), key=lambda entry: entry[0] != default):
            path: Path = ("providers", key_text(name))
            if key_text(name).endswith(DISABLED) or value is None:
                continue
            section = self._mapping(value, path)
            settings = self._model(_ProviderSettings, section, path)
            if settings is None:
                continue
            try:
                provider = make_provider(
                    key_text(name), settings.base_url, settings.api_key, self._environment
                )
            except ValueError as error:
                shown = redact(settings.base_url or "")
                self._problem((*path, "base_url"), str(error), shown, "an http or https URL")
                continue
            providers[key_text(name)] = provider
            self._list(section.get("models"), (*path, "models"), provider, listed)
        return providers

    def _list(
        self,
        value: object,
        path: Path,
        provider: Provider,
        listed: dict[str, list[tuple[Path, dict[Any, Any], Provider]]],
    ) -> None:
        for group, entries in self._mapping(value, path).items():
            here = (*path, key_text(group))
            if entries is not None and not isinstance(entries, list):
                self._problem(here, f"{dotted(here)} must be a list of models", entries, None)
                continue
            for index, entry in enumerate(entries or []):
                if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                    where = (*here, index)
                    message = f"{dotted(where)} must be a mapping with a name"
                    self._problem(where, message, entry, None)
                    continue
                listed.setdefault(entry["name"], []).append(((*here, index), entry, provider))

    def _mapping(self, value: object, path: Path) -> dict[Any, Any]:
        if value is not None and not isinstance(value, dict):
            self._problem(path, f"{dotted(path)} must be a mapping", value, None)
        return value if isinstance(value, dict) else {}

    def _model(self, model: type[_M], values: Mapping[Any, Any], path: Path) -> _M | None:
        given = {key_text(key): value for key, value in values.items() if value is not None}
        try:
            return model.model_validate(_without_null(given))
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False):
                self._explain(error["type"], error["loc"], error, model, path)
        return None

    def _explain(
        self, kind: str, where: Path, error: Mapping[str, Any], model: type[BaseModel], path: Path
    ) -> None:
        full = (*path, *where)
        key, keys = dotted(full), keys_of(model)
        if kind == "extra_forbidden":
            hint = did_you_mean(str(where[-1]), keys)
            self._problem(full, f"unknown key {key}{hint}", None, ", ".join(keys))
            return
        allowed = _allowed(model, where)
        if kind == "missing":
            self._problem(full, f"{key} is missing", None, allowed)
        else:
            self._problem(full, f"{key} must be {allowed}", error["input"], allowed)

    def _problem(self, path: Path, message: str, value: object, allowed: str | None) -> None:
        written = self._document.written(path)
        if written is not None and is_placeholder(written):
            value = written  # what a variable holds may be a secret
        shown = presentable(dotted(path), value)
        line = self._document.line(path)
        self._problems.append(Problem(dotted(path), message, shown, allowed, line))


def _usable(
    listed: Mapping[str, list[tuple[Path, dict[Any, Any], Provider]]],
) -> dict[str, Model]:
    """The models in order; entries that nothing names may be wrong, and are passed over."""
    found: dict[str, Model] = {}
    for name, entries in listed.items():
        for _, entry, provider in entries:
            try:
                settings = ModelSettings.model_validate(
                    {key: value for key, value in entry.items() if value is not None}
                )
            except ValidationError:
                continue
            if settings.enabled and provider.usable:
                found.setdefault(name, Model(settings, provider))
    return found


def _allowed(model: type[BaseModel], where: Path) -> str:
    annotation: Any = model
    for step in where:
        known = getattr(annotation, "model_fields", {}).get(step)
        if known is None:
            return "text"
        annotation, metadata = known.annotation, [known, *known.metadata]
        if len(where) == 1 or step == where[-1]:
            return describe(annotation, metadata)
    return "a value"


def _without_null(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
        for key, value in values.items()
    }


def _substitute(value: Any, environment: Mapping[str, str], done: dict[int, Any]) -> Any:
    if isinstance(value, str):
        match = _NAME.fullmatch(value)
        return environment.get(match[1].strip(), value) if match else value
    if not isinstance(value, dict | list):
        return value
    if id(value) not in done:  # values under an alias are one object and stay one
        done[id(value)] = (
            {key: _substitute(item, environment, done) for key, item in value.items()}
            if isinstance(value, dict)
            else [_substitute(item, environment, done) for item in value]
        )
    return done[id(value)]
