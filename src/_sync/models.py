# Generated from src/_async/models.py. Do not edit.
"""Tools for whoever chooses models: what providers offer, and how models do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from .._runtime import sync_runtime as rt
from ..core.llm.asking import Ask
from ..core.llm.catalogue import Offer, catalogue_request, read_catalogue
from ..core.llm.providers import Provider
from ..core.llm.reply import ReplyReader, TextReader
from ..core.llm.settings import LLMSetup, Model
from ..core.llm.trial import PING, SIMPLE, USEFULNESS, Probe, Trial, judged
from ..core.llm.wire import build_request
from .http import Exchange, HTTPClient

PATIENCE = 30.0
"""Seconds for one request."""


class DiscoveryError(Exception):
    """The provider does not say what it offers; the message says why."""


class ModelTools:
    """Each method opens the connections that it needs, and closes them.

    ``pause`` is waited between two requests to one provider, in seconds, for free
    models have narrow limits.
    """

    def __init__(self, setup: LLMSetup, http: HTTPClient, *, pause: float = 1.0) -> None:
        self._setup = setup
        self._http = http
        self._pause = pause

    def discover(self, provider: Provider) -> list[Offer]:
        """What the provider offers.  Raises `DiscoveryError`."""
        with self._http as http:
            outcome = http.exchange(
                Exchange(
                    server=(provider.origin, "models"),
                    request=catalogue_request(provider),
                    reader=partial(TextReader, provider.dialect),
                    attempts=2,
                    timeout=PATIENCE,
                    deadline=http.now() + 2 * PATIENCE,
                )
            )
        if outcome.completion is None:
            raise DiscoveryError(f"{provider.name} does not say what it offers: {outcome.error}")
        try:
            return rt.run_blocking(read_catalogue, outcome.completion.text)
        except ValueError as error:
            raise DiscoveryError(f"{provider.name} at {provider.base_url}: {error}") from None

    def check(self, names: Sequence[str], usefulness: bool) -> dict[str, Trial]:
        """Try the models out, those of one provider one after the other."""
        by_provider: dict[str, list[Model]] = {}
        for name in names:
            model = self._setup.listed[name]
            by_provider.setdefault(model.provider.name, []).append(model)
        with self._http:
            trials = rt.map_concurrently(
                partial(self._check_all, usefulness=usefulness),
                by_provider.values(),
                limit=max(1, len(by_provider)),
            )
        found = {trial.settings.name: trial for some in trials for trial in some}
        return {name: found[name] for name in names}

    def _check_all(self, models: list[Model], usefulness: bool) -> list[Trial]:
        trials: list[Trial] = []
        for model in models:
            if trials:
                rt.sleep(self._pause)
            trials.append(self._check_one(model, usefulness))
        return trials

    def _check_one(self, model: Model, usefulness: bool) -> Trial:
        settings, provider = model.settings, model.provider.name
        ping = self._probe(model, PING)
        if not ping.success:
            return Trial(settings=settings, provider=provider, ping=ping)
        rt.sleep(self._pause)
        simple = self._probe(model, SIMPLE)
        judgement = None
        if usefulness:
            rt.sleep(self._pause)
            judgement = self._probe(model, USEFULNESS)
        return Trial(
            settings=settings, provider=provider, ping=ping, simple=simple, usefulness=judgement
        )

    def _probe(self, model: Model, ask: Ask) -> Probe:
        outcome = self._http.exchange(
            Exchange(
                server=(model.provider.origin, model.name),
                request=build_request(model, ask.prompt, response_format=ask.response_format),
                reader=partial(ReplyReader, model.provider.dialect),
                attempts=1,
                timeout=PATIENCE,
                deadline=self._http.now() + PATIENCE,
            )
        )
        if outcome.completion is None:
            json_valid = False if ask.json else None
            return Probe(success=False, seconds=outcome.seconds, error=outcome.error,
                        json_valid=json_valid)  # fmt: skip
        return judged(ask, outcome.completion.text, outcome.seconds)
