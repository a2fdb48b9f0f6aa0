"""Models that answer as they are told."""

from __future__ import annotations

from collections.abc import Callable

from codeagent.core.llm.asking import Action, Ask, Cancel, Finish, Result, SelectionPolicy, Send
from codeagent.core.llm.models import Models
from codeagent.core.llm.options import ParallelSettings
from codeagent.core.llm.providers import make_provider
from codeagent.core.llm.select import Selection
from codeagent.core.llm.settings import LLMSetup, Model, ModelSettings
from codeagent.core.llm.wire import JSON_FORMAT

PROVIDER = make_provider("own", "http://localhost:1/v1", None, {})


GOOD = '{"matches": true}'


BAD = "no idea"


Reply = str | Exception | None
"""What a model says: an answer, a failure, or nothing in time."""


def setup(
    roles: dict[str, str] | None = None,
    *,
    strategy: str = "",
    parallel: tuple[str, ...] = (),
    evaluator: str | None = None,
    timeout: float = 200.0,
) -> LLMSetup:
    named: dict[str, str | None] = dict(roles or {})
    for name in (*parallel, *([evaluator] if evaluator else [])):
        named.setdefault(name, None)
    models = {
        name: Model(ModelSettings(name=name, max_tokens=1, context_window=1), PROVIDER, role)
        for name, role in named.items()
        if name != "unknown"
    }
    both = ParallelSettings(models=parallel, evaluator_model=evaluator)
    return LLMSetup(models, {}, strategy, both, timeout)


CHAIN = {"p": "primary", "r": "reserve", "d": "duplicate", "f": "fallback"}


class Shell:
    """Answers every call at once, in the order in which they were sent."""

    def __init__(self, models: Models, replies: Callable[[Send], Reply]) -> None:
        self.models = models
        self.replies = replies
        self.sent: list[Send] = []
        self.cancelled: list[int] = []
        self.now = 0.0

    @property
    def asked(self) -> list[str]:
        return [send.model for send in self.sent]

    def run(self, ask: Ask, policy: SelectionPolicy | None = None) -> Result:
        selection = Selection(ask, self.models, policy or SelectionPolicy())
        running: list[Send] = []
        actions: list[Action] = selection.start(self.now)
        for _ in range(1000):
            for action in actions:
                match action:
                    case Send():
                        self.sent.append(action)
                        running.append(action)
                    case Cancel(call):
                        self.cancelled.append(call)
                        running = [send for send in running if send.call != call]
                    case Finish(result):
                        assert not running
                        assert selection.wake_at is None
                        return result
            actions = self._step(selection, running)
        raise AssertionError("it never ends")

    def _step(self, selection: Selection, running: list[Send]) -> list[Action]:
        for send in running:
            reply = self.replies(send)
            if reply is None:
                continue
            running.remove(send)
            self.now += 1.0
            if isinstance(reply, Exception):
                return selection.failed(send.call, str(reply), self.now)
            return selection.answered(send.call, reply, self.now)
        assert selection.wake_at is not None
        self.now = selection.wake_at
        return selection.woken(self.now)


def by_name(**replies: Reply) -> Callable[[Send], Reply]:
    return lambda send: replies[send.model]


def ask(prompt: str = "p", **options: object) -> Ask:
    return Ask(prompt=prompt, **options)  # type: ignore[arg-type]


JSON = ask(response_format=JSON_FORMAT)


DOWN = RuntimeError("HTTP 500")
