"""The models' part in a server, put together."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from ..core.config import Config
from ..core.events import Sink
from ..core.handover import Memory
from ..core.layout import Layout
from ..core.llm.asking import SelectionPolicy
from ..core.llm.memory import LLMMemory
from ..core.llm.metrics import LLMSnapshot
from ..core.llm.settings import LLMSetup
from ..store import Store
from .assessment import AsyncAssessor
from .http import AsyncHTTPClient, configured
from .io import AsyncIOManager
from .llm import AsyncLLMManager
from .review import AsyncListReview
from .todo import AsyncTodoManager


class AsyncAdvice:
    """One client, one manager of the models, and those who ask; enter it before use."""

    def __init__(
        self,
        setup: LLMSetup,
        *,
        config: Config,
        layout: Layout,
        io: AsyncIOManager,
        todo: AsyncTodoManager,
        store: Store,
        sink: Sink,
        clock: Callable[[], float],
        memory: Memory,
        http: AsyncHTTPClient | None = None,
    ) -> None:
        settings = config.runtime.http
        http = http or configured(settings, clock)
        policy = SelectionPolicy(hedge=setup.hedge)
        if "timeout" in settings.model_fields_set or not config.predecessor:
            longest = settings.timeout
            policy = SelectionPolicy(
                hedge=setup.hedge, call=longest, together=longest, scoring=longest
            )
        if memory.llm is None:
            memory.llm = LLMMemory.of(setup)
        self.llm = AsyncLLMManager(
            setup, http, sink=sink, clock=clock, policy=policy, memory=memory.llm
        )
        self.assessor = AsyncAssessor(
            self.llm, config=config, layout=layout, io=io, sink=sink, clock=clock, memory=memory
        )
        self.review = AsyncListReview(
            self.llm, self.assessor, todo=todo, store=store, clock=clock, memory=memory
        )

    def snapshot(self) -> LLMSnapshot:
        """What the models' part does and has done, at this moment."""
        return self.llm.snapshot()

    async def __aenter__(self) -> AsyncAdvice:
        await self.llm.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.llm.__aexit__(exc_type, exc, tb)
