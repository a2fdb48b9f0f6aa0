"""The course of one question: who is asked, when the next one is, and which answer wins.

A :class:`Selection` is told what happened and says what to do.  It sends nothing,
knows no clock, and never raises for what a model answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from .asking import (
    Action,
    Ask,
    Cancel,
    Finish,
    Result,
    SelectionPolicy,
    Send,
    is_acceptable,
    neutral,
    problem_with,
    read_score,
    scoring_prompt,
)
from .extract import salvage_object
from .models import Models
from .wire import is_credit_error

BEST_OF_TWO: Final = "best_of_two"
FIRST_WINS: Final = "first_wins"
_SALVAGED: Final = 3


class _Phase(Enum):
    NEW = auto()
    CHAIN = auto()  # one after the other, two at once while hedging
    TOGETHER = auto()  # several at once
    SCORING = auto()  # the evaluator has the word
    DONE = auto()


@dataclass(frozen=True, slots=True)
class _Call:
    model: str
    began: float
    scores: int | None = None  # the answer that is judged


class Selection:
    """One question.  Every method takes the time and returns what to do, in order.

    ``wake_at`` is when :meth:`woken` is to be called unless something else happens
    before.  ``models`` is shared between selections; the caller guards both.
    """

    __slots__ = (
        "_answers", "_ask", "_bad", "_calls", "_deadline", "_error", "_failed", "_models",
        "_number", "_phase", "_policy", "_queue", "_race", "_scores", "_second_chance",
        "_unaffordable", "wake_at",
    )  # fmt: skip

    def __init__(self, ask: Ask, models: Models, policy: SelectionPolicy) -> None:
        self._ask = ask
        self._models = models
        self._policy = policy
        self._phase = _Phase.NEW
        self._calls: dict[int, _Call] = {}
        self._number = 0
        self._queue: list[str] = []
        self._answers: list[Result] = []  # acceptable ones
        self._scores: dict[int, float] = {}
        self._bad: list[Result] = []  # answers that are no JSON
        self._failed: set[str] = set()
        self._unaffordable: set[str] = set()
        self._error: tuple[str, str] | None = None  # the first one and its model
        self._second_chance = ask.json
        self._race = models.setup.strategy == FIRST_WINS
        self._deadline = 0.0
        self.wake_at: float | None = None

    def start(self, now: float) -> list[Action]:
        """Begin; to be called once, first."""
        if problem := problem_with(self._ask, self._models):
            return self._finish(neutral(self._ask, problem, self._ask.model or "no_model"))
        self._models.check_health(now)
        self._deadline = now + self._models.setup.timeout
        together = self._models.parallel()
        if not self._race:
            together = together[:2]
        strategy = self._models.setup.strategy
        wanted = strategy in (BEST_OF_TWO, FIRST_WINS) or self._ask.parallel or self._ask.json
        if wanted and self._ask.model is None and len(together) > 1:
            return self._ask_together(together, now)
        return self._begin_chain(now)

    def answered(
        self, call: int, text: str, now: float, seconds: float | None = None
    ) -> list[Action]:
        """The call has brought an answer.

        ``seconds`` is what the attempt took that brought it, if there were several.
        """
        done = self._calls.pop(call, None)
        if done is None:
            return []
        if done.scores is not None:
            self._models.succeeded(done.model, None)
            self._scores[done.scores] = read_score(text)
            return self._proceed(now)
        seconds = max(0.0, now - done.began) if seconds is None else seconds
        self._models.succeeded(done.model, seconds)
        accepted = is_acceptable(self._ask, text)
        result = Result(model_name=done.model, content=text, response_time=seconds)
        if self._ask.json and text.strip():
            self._models.judged(done.model, is_json=accepted)
        if accepted:
            self._answers.append(result)
        else:
            self._note(done.model, "no JSON object in the answer" if text.strip() else "no text")
            if text.strip():
                self._bad.append(result)
        return self._proceed(now)

    def failed(self, call: int, error: str, now: float, *, counted: bool = True) -> list[Action]:
        """The call has failed for good.

        ``counted`` is false if the model is not to blame: it was never asked.
        """
        done = self._calls.pop(call, None)
        if done is None:
            return []
        if counted:
            self._models.failed(done.model)
        if is_credit_error(error):
            self._unaffordable.add(done.model)
        if done.scores is None:
            self._note(done.model, error)
        return self._proceed(now)

    def woken(self, now: float) -> list[Action]:
        """``wake_at`` has come."""
        if self.wake_at is None or now < self.wake_at:
            return []
        if self._phase is _Phase.CHAIN and now < self._deadline:
            self.wake_at = self._deadline
            return self._send_next(now)  # the hedge
        actions: list[Action] = []
        for number, call in self._calls.items():
            self._models.failed(call.model)
            if call.scores is None:
                self._note(call.model, "no answer in time")
            actions.append(Cancel(number))
        self._calls.clear()
        return [*actions, *self._proceed(now)]

    def _proceed(self, now: float) -> list[Action]:
        """Go on after a call has ended."""
        match self._phase:
            case _Phase.SCORING if not self._calls:
                return self._finish(self._best())
            case _Phase.TOGETHER if self._answers and self._race:
                return self._win(now)
            case _Phase.TOGETHER if not self._calls:
                return self._choose(now)
            case _Phase.CHAIN if self._answers:
                return self._win(now)
            case _Phase.CHAIN:
                actions = self._send_next(now)
                return actions if actions or self._calls else self._exhausted(now)
            case _:
                return []

    def _begin_chain(self, now: float) -> list[Action]:
        self._phase = _Phase.CHAIN
        order = self._models.order(
            now, first=self._ask.model, fastest=self._ask.fastest, json=self._ask.json
        )
        wrong = {result.model_name for result in self._bad}
        order = [name for name in order if name not in wrong]
        # Those that have just failed get another chance, behind everybody else.
        self._queue = sorted(order, key=lambda name: name in self._failed)
        return self._send_next(now) or self._exhausted(now)

    def _send_next(self, now: float) -> list[Action]:
        left = self._deadline - now
        while self._queue and left > 0:
            name = self._queue.pop(0)
            if name in self._unaffordable:
                continue
            p95 = self._models[name].p95
            self.wake_at = self._deadline
            if self._policy.hedge and p95 is not None and not self._calls and self._queue:
                self.wake_at = min(now + max(p95, self._policy.shortest_hedge), self._deadline)
            return [self._send(name, now, self._policy.attempts, min(self._policy.call, left))]
        return []

    def _ask_together(self, names: list[str], now: float) -> list[Action]:
        self._phase = _Phase.TOGETHER
        timeout = min(self._policy.together, self._deadline - now)
        self.wake_at = now + timeout
        return [self._send(name, now, 1, timeout) for name in names]

    def _choose(self, now: float) -> list[Action]:
        if not self._answers:
            had_chain = self._ask.json and not self._second_chance
            return self._exhausted(now) if had_chain else self._begin_chain(now)
        evaluator = self._models.evaluator
        if evaluator is None or evaluator in self._unaffordable or len(self._answers) == 1:
            return self._finish(self._answers[0])
        timeout = min(self._policy.scoring, max(0.0, self._deadline - now))
        self._phase = _Phase.SCORING
        self.wake_at = now + timeout
        criteria = self._models.setup.parallel.selection_criteria
        actions: list[Action] = []
        for index, answer in enumerate(self._answers):
            ask = Ask(prompt=scoring_prompt(self._ask.prompt, answer.content, criteria))
            actions.append(self._send(evaluator, now, 1, timeout, ask, index))
        return actions

    def _best(self) -> Result:
        scored = [
            replace(answer, score=self._scores.get(index, read_score("")))
            for index, answer in enumerate(self._answers)
        ]
        return max(scored, key=lambda answer: answer.score or 0.0)

    def _exhausted(self, now: float) -> list[Action]:
        """Everybody was asked in vain."""
        if self._second_chance and self._bad and now < self._deadline:
            self._second_chance = False
            names = [name for name in self._models.parallel() if name not in self._unaffordable]
            if names:
                return self._ask_together(names[:2], now)
        for answer in self._bad[:_SALVAGED]:
            if found := salvage_object(answer.content):
                content = json.dumps(found, ensure_ascii=False)
                return self._finish(replace(answer, content=content))
        error, model = self._error or ("no model is configured that can be asked", "no_model")
        return self._finish(neutral(self._ask, error, model))

    def _send(
        self,
        model: str,
        now: float,
        attempts: int,
        timeout: float,
        ask: Ask | None = None,
        scores: int | None = None,
    ) -> Send:
        self._number += 1
        self._calls[self._number] = _Call(model, now, scores)
        return Send(self._number, ask or self._ask, model, attempts, timeout)

    def _win(self, now: float) -> list[Action]:
        for call in self._calls.values():
            self._models.outrun(call.model, max(0.0, now - call.began))
        return self._finish(self._answers[0])

    def _note(self, model: str, error: str) -> None:
        self._failed.add(model)
        if self._error is None:
            self._error = (error, model)

    def _finish(self, result: Result) -> list[Action]:
        self._phase = _Phase.DONE
        self.wake_at = None
        cancelled = [Cancel(number) for number in self._calls]
        self._calls.clear()
        return [*cancelled, Finish(result)]
