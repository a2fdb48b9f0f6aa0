# Generated from src/_async/llm.py. Do not edit.
"""Asks the models: one manager for a server, whoever asks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import TypeVar

from .._runtime import sync_runtime as rt
from ..core.events import Event, Sink
from ..core.llm.asking import Action, Ask, Cancel, Finish, Result, SelectionPolicy, Send, neutral
from ..core.llm.cache import ask_key
from ..core.llm.memory import LLMMemory
from ..core.llm.metrics import LLMSnapshot, prometheus
from ..core.llm.question import Question
from ..core.llm.reply import LARGE, ReplyReader, condensed
from ..core.llm.select import Selection
from ..core.llm.settings import LLMSetup, Model
from ..core.llm.wire import Usage, build_request
from ..core.redact import Redactor
from .http import Exchange, HTTPClient, Outcome

logger = logging.getLogger(__name__)

T = TypeVar("T")
OnText = Callable[[str, str], None]
"""Receives a model's name and a piece of its answer; another name begins anew."""

CHARACTERS_PER_TOKEN = 4  # a rule of thumb for English; only the limiter's estimate


@dataclass(slots=True)
class _Flight:
    """A question that is being asked; others who ask the same wait for it."""

    done: rt.Event = field(default_factory=rt.Event)
    result: Result | None = None


@dataclass(slots=True)
class _Course:
    """One question under way, and what it has used so far."""

    task: str | None
    on_text: OnText | None
    deadline: float
    inbox: rt.Channel[tuple[Send, Outcome, str]] = field(default_factory=rt.Channel)
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0


class LLMManager:
    """Puts questions to the configured models, as `core.llm.select` decides.

    Enter it before use.  Whatever goes wrong is a `Result` without success.
    ``clock`` is that of the epoch, for events; ``memory`` what another manager has learnt.
    """

    def __init__(
        self,
        setup: LLMSetup,
        http: HTTPClient,
        *,
        sink: Sink,
        clock: Callable[[], float],
        policy: SelectionPolicy | None = None,
        memory: LLMMemory | None = None,
    ) -> None:
        self._setup = setup
        self._http = http
        self._sink = sink
        self._clock = clock
        self._policy = policy or SelectionPolicy(hedge=setup.hedge)
        self._state = rt.StateLock()
        self._memory = memory = memory or LLMMemory.of(setup)
        self._models, self._ledger, self._cache = memory.models, memory.ledger, memory.cache
        self._flights: dict[str, _Flight] = {}
        keys = [provider.key.reveal() for provider in setup.providers.values() if provider.key]
        self._redact = Redactor(keys)

    def __enter__(self) -> LLMManager:
        self._http.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._http.__exit__(exc_type, exc, tb)

    def put(self, question: Question[T], *, task: str | None = None) -> T:
        """The verdict on ``question``; its default if there is no answer."""
        result = self.ask(question.ask, about=question.name, task=task)
        text = result.content if result.success else None
        if text is not None and len(text) > LARGE:
            return rt.run_blocking(question.verdict, text)
        return question.verdict(text)

    def ask(
        self,
        ask: Ask,
        *,
        about: str = "",
        task: str | None = None,
        on_text: OnText | None = None,
    ) -> Result:
        """The answer to ``ask``, for whose tokens ``task`` pays.

        The same question at the same time is asked once.  ``on_text`` has the
        answer streamed; such a question is put to one model after the other.
        """
        with self._state:
            self._memory.questions += 1
        if on_text is not None:
            return self._told(ask, about, task, on_text)
        key = ask_key(ask)
        while True:
            with self._state:
                known = (
                    self._cache.get(key, self._http.now()) if self._setup.cache.entries else None
                )
                if known is not None:
                    return known
                flight = self._flights.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
                else:
                    self._memory.shared += 1
            if mine:
                return self._fly(flight, key, ask, about, task)
            flight.done.wait()
            if flight.result is not None:
                return flight.result  # else whoever asked was cancelled: ask oneself

    def _fly(self, flight: _Flight, key: str, ask: Ask, about: str, task: str | None) -> Result:
        try:
            result = self._told(ask, about, task, None)
            flight.result = result
            with self._state:
                if result.success and self._setup.cache.entries:
                    size = len(result.content) + 1
                    self._cache.put(key, result, self._http.now(), size)  # twins: ignore[TW101]
            return result
        finally:
            with self._state:
                del self._flights[key]
            flight.done.set()

    def _told(self, ask: Ask, about: str, task: str | None, on_text: OnText | None) -> Result:
        """The answer, with the events around it."""
        began = self._http.now()
        told = None if on_text is None else rt.from_any_thread(on_text)
        course = _Course(task, told, began + self._setup.timeout)
        self._say("llm.asked", task, question=about)
        try:
            result = self._carry_out(ask, course)
        except Exception as error:
            logger.exception("a question could not be asked")
            result = neutral(ask, f"{type(error).__name__}: {error}", "no_model")
        seconds = round(self._http.now() - began, 3)
        used = course.usage.input + course.usage.output
        known: dict[str, object] = {"question": about, "model": result.model_name}
        known |= {"seconds": seconds, "tokens": used, "cost": round(course.cost, 6)}
        if result.success:
            self._say("llm.answered", task, **known, score=result.score)
        else:
            self._say("llm.failed", task, **known, error=self._redact(result.error or "")[:200])
        return result

    def _carry_out(self, ask: Ask, course: _Course) -> Result:
        policy = self._policy
        if course.on_text is not None:
            ask, policy = self._one_by_one(ask), replace(policy, hedge=False)
        selection = Selection(ask, self._models, policy)
        calls: dict[int, rt.Task[None]] = {}
        with rt.TaskGroup() as group:
            with self._state:
                actions = selection.start(self._http.now())
            while True:
                for action in actions:
                    match action:
                        case Send():
                            calls[action.call] = group.start_soon(self._call, action, course)
                        case Cancel(number):
                            calls.pop(number).cancel()
                        case Finish(result):
                            group.cancel()
                            return result
                actions = self._next(selection, course)

    def _one_by_one(self, ask: Ask) -> Ask:
        """The question put to one model first: several streams would run into each other."""
        with self._state:
            order = self._models.order(
                self._http.now(), first=ask.model, fastest=ask.fastest, json=ask.json
            )
        return replace(ask, model=order[0]) if order else ask

    def _next(self, selection: Selection, course: _Course) -> list[Action]:
        """Wait for what happens next, and what follows on it."""
        at = selection.wake_at
        arrived: tuple[Send, Outcome, str] | None = None
        with rt.CancelScope(None if at is None else max(0.0, at - self._http.now())):
            arrived = course.inbox.get()
        with self._state:
            now = self._http.now()
            if arrived is None:
                return selection.woken(now)
            send, outcome, text = arrived
            if outcome.completion is not None:
                return selection.answered(send.call, text, now, outcome.seconds)
            return selection.failed(send.call, outcome.error, now, counted=outcome.was_sent)

    def _call(self, send: Send, course: _Course) -> None:
        """Ask one model, and report the outcome whatever it is."""
        text = ""
        try:
            outcome = self._exchange(send, course)
            if outcome.completion is not None:
                text = outcome.completion.text
                if len(text) > LARGE:
                    text = rt.run_blocking(condensed, send.ask, text)
        except Exception as error:
            logger.exception("a model could not be asked")
            outcome = Outcome(error=f"{type(error).__name__}: {error}", was_sent=False)
        course.inbox.put((send, outcome, text))

    def _exchange(self, send: Send, course: _Course) -> Outcome:
        model, ask = self._setup.models[send.model], send.ask
        request = build_request(
            model,
            ask.prompt,
            response_format=ask.response_format,
            stream=course.on_text is not None,
        )
        outcome = self._http.exchange(
            Exchange(
                server=(model.provider.origin, model.name),
                request=request,
                reader=partial(_reader, model, course.on_text),
                attempts=send.attempts,
                timeout=send.timeout,
                deadline=course.deadline,
                tokens=len(ask.prompt) / CHARACTERS_PER_TOKEN,
                reason_to_stop=partial(self._reason_to_stop, course.task),
            )
        )
        if outcome.completion is not None:
            usage = outcome.completion.usage
            with self._state:
                course.usage += usage
                course.cost += self._ledger.charge(course.task, model.name, usage)
        return outcome

    def _reason_to_stop(self, task: str | None) -> str | None:
        with self._state:
            return self._ledger.reason_to_stop(task)

    def snapshot(self) -> LLMSnapshot:
        """What can be seen from outside, at this moment."""
        network = self._http.snapshot()
        with self._state:
            return LLMSnapshot(
                network=network,
                questions=self._memory.questions,
                shared=self._memory.shared,
                cached=self._cache.counts.hits,
                in_flight=len(self._flights),
                spending=dict(self._ledger.models),
                tasks=dict(self._ledger.tasks),
                statistics=self._models.statistics(),
            )

    def metrics(self) -> str:
        """`snapshot` as Prometheus reads it."""
        return prometheus(self.snapshot())

    def _say(self, name: str, task: str | None, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), task, data=data))


def _reader(model: Model, on_text: OnText | None) -> ReplyReader:
    told = None if on_text is None else partial(on_text, model.name)
    return ReplyReader(model.provider.dialect, told)
