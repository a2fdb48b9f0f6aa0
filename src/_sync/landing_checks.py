# Generated from src/_async/landing_checks.py. Do not edit.
"""Verifies what is going to land, and remembers what has passed."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence

from .._runtime import sync_runtime as rt
from ..core.landing import LandingRequest, Refusal, Rejected
from ..core.landing_batch import Search
from ..core.landing_edit import SharedFiles
from ..core.verify import Evidence, Shortfall, fails
from .integration import Integration
from .squash import Squashed
from .trees import Trees

logger = logging.getLogger(__name__)

_REMEMBERED = 1000


class LandingChecks:
    """The same content is verified once; what fails is tried once more, for tests can be
    unsteady and what was installed for them outdated.

    ``failing`` is told, once of each, of commits that fail without anybody's work.
    """

    def __init__(
        self,
        integration: Integration,
        trees: Trees,
        *,
        target: str,
        shared: SharedFiles,
        each: bool,
        failing: Callable[[str, Evidence], None],
    ) -> None:
        self._integration = integration
        self._trees = trees
        self._target = target
        self._shared = shared
        self._each = each
        self._state = rt.StateLock()
        self._tell_failing = failing
        self._turn = rt.Lock()
        self._alone = rt.Lock()
        self._ahead: dict[str, Evidence | None] = {}
        self._passed: OrderedDict[str, None] = OrderedDict()
        self._failing: dict[str, Evidence] = {}

    def trust(self, request: LandingRequest) -> None:
        """What was verified in the workspace need not be verified again."""
        if request.evidence.ok and request.evidence.tree is not None:
            own = self._shared.of(request.task)
            self._remember(self._trees.content(request.evidence.tree, own))

    def look_ahead(self, label: str, squashed: Squashed, parent: str) -> None:
        """Verify a commit of a chain while the next one is made, if each one is to be.

        What comes after one that fails is left alone.  Raises what the verification raises.
        """
        if not self._each:
            return
        with self._turn:
            with self._state:
                before = self._ahead.get(parent)
            if before is None or before.ok:
                before = self._check(squashed.content, squashed.commit, label)
            with self._state:
                self._ahead[squashed.commit] = before

    def search(
        self, chain: Sequence[tuple[str, Squashed]]
    ) -> tuple[Search, dict[int, Evidence | None]]:
        """How much of a chain may land, with the evidence for each index that was verified.

        The chain holds what each commit is called in logs, and the commit.
        """
        search = Search.of(len(chain), each=self._each)
        found: dict[int, Evidence | None] = {}
        while (length := search.next()) is not None:
            label, squashed = chain[length - 1]
            with self._state:
                is_known = squashed.commit in self._ahead
                evidence = self._ahead.get(squashed.commit)
            if not is_known:
                evidence = self._check(squashed.content, squashed.commit, label)
            found[length - 1] = evidence
            search = search.after(length, evidence is None or evidence.ok)
        with self._state:
            self._ahead.clear()
        return search, found

    def replayed(self, commits: Sequence[str]) -> str:
        """What is wrong with commits that were replayed, "" if nothing is."""
        for commit in commits if self._each else commits[-1:]:
            content = self._trees.content(commit, tuple(self._shared.names))
            evidence = self._check(content, commit, "replay")
            if evidence is not None and not evidence.ok:
                return evidence.reason
        return ""

    def refusal(self, request: LandingRequest, evidence: Evidence, onto: str | None) -> Rejected:
        """Why work does not land that the tests fail with.

        ``onto`` is the commit that it came upon, None if that is known to pass.
        """
        if evidence.shortfall is Shortfall.MISSING:
            return Rejected(refusal=Refusal.ERROR, reason=evidence.reason, evidence=evidence)
        if onto is not None and self.failure(onto) is not None:
            reason = (
                f"the verification fails on {self._target} ({onto[:12]}) without this work, too, "
                f"so nothing can land: mend that first. {evidence.reason}"
            )
            return Rejected(refusal=Refusal.TARGET, reason=reason, evidence=evidence)
        reason = f"together with what is on {self._target}: {evidence.reason}"
        return Rejected(refusal=Refusal.VERIFICATION, reason=reason, evidence=evidence)

    def failure(self, commit: str) -> Evidence | None:
        """How a commit of the target fails by itself, None if it does not.

        It is looked for once.  Raises what the verification raises.
        """
        with self._alone:
            if (known := self._failing.get(commit)) is not None:
                return known
            content = self._trees.content(commit, tuple(self._shared.names))
            evidence = self._check(content, commit, "target")
            if evidence is None or not fails(evidence):
                return None
            self._failing[commit] = evidence
        self._tell_failing(commit, evidence)
        return evidence

    def _check(self, content: str, commit: str, label: str) -> Evidence | None:
        """The evidence for ``commit``, None if the same content was verified before."""
        with self._state:
            if content in self._passed:
                return None
        evidence = self._integration.verify(commit, label)
        if not evidence.ok and evidence.shortfall is not Shortfall.MISSING:
            logger.info("%s failed and is verified once more: %s", label, evidence.reason)
            evidence = self._integration.verify(commit, label, again=True)
        if evidence.ok:
            self._remember(content)
        return evidence

    def _remember(self, content: str) -> None:
        with self._state:
            self._passed[content] = None
            if len(self._passed) > _REMEMBERED:
                self._passed.popitem(last=False)
