"""Is a task's work good? What is run to find out, what is judged, and the evidence.

What an agent says of its work is no evidence.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from .config.verify import Command, VerifySettings
from .detect import Detection
from .limits import cpu_share
from .redact import is_sensitive
from .screening_diff import Finding
from .workspace import Changes

TAIL = 4000
"""Characters of a failed command's output that the evidence holds."""

ENVIRONMENT: Mapping[str, str] = {"CI": "true", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1"}
"""Variables of every command: test runners neither watch files nor ask anybody."""

_FORMAT = 1
# What is meant for agents, and what leads git, ssh or Python elsewhere.
_FOREIGN = re.compile(
    r"(?:CURSOR|CLAUDE|ANTHROPIC|CODEX|OPENAI|GEMINI|OPENROUTER)_"
    r"|GIT_(?!(?:AUTHOR|COMMITTER|SSL)_|CONFIG_(?:COUNT|GLOBAL|KEY_|NOSYSTEM|SYSTEM|VALUE_))"
    r"|(?:SSH_AUTH_SOCK|SSH_AGENT_PID|SSH_ASKPASS|VIRTUAL_ENV|PYTHONHOME)\Z"
)
_NO_MODULE = re.compile(r"\S*python\S*: No module named [\w.]+\s*\Z", re.IGNORECASE)
_NOT_FOUND = 127
"""The exit code of a shell that finds no program of that name (POSIX)."""


class Shortfall(StrEnum):
    """Why work does not count as good.

    ``NO_CHANGES``    nothing was changed
    ``REFUSED``       the change holds what must not be landed
    ``FAILED``        a command ended with another code than 0
    ``TIMED_OUT``     a command had to be ended
    ``BASE``          one of these, and the same without the change
    ``MISSING``       a command could not be started: the configuration or the machine is at fault
    """

    NO_CHANGES = "no_changes"
    REFUSED = "refused"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    BASE = "base"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class CommandRun:
    """One run of a command.

    ``exit_code`` is negative for a signal and None if nothing was started;
    ``log`` is the file with the output and ``sha256`` its digest; ``output`` is
    the end of what a failed run wrote, without secrets.
    """

    command: str
    exit_code: int | None
    seconds: float
    log: str
    timed_out: bool = False
    sha256: str = ""
    output: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command ended well."""
        return self.exit_code == 0 and not self.timed_out


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verification found: the verdict, and what it rests on.

    ``tree`` is the id of the tree that was verified, ``findings`` and
    ``changed`` are for people, ``shortfall`` is there unless it is ``ok``.
    """

    ok: bool
    reason: str = ""
    commands: tuple[CommandRun, ...] = ()
    tree: str | None = None
    findings: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    shortfall: Shortfall | None = None

    @property
    def seconds(self) -> float:
        """How long the commands took."""
        return sum(run.seconds for run in self.commands)

    def to_text(self) -> str:
        """The evidence as JSON in ASCII, for it may name files that are no Unicode."""
        return json.dumps({"format": _FORMAT, **asdict(self)})

    @classmethod
    def from_text(cls, text: str) -> Evidence:
        """The evidence that `to_text` wrote; keys of a later version are passed over.

        Raises:
            ValueError: the text is nothing of the kind.
        """
        try:
            known = _known(cls, json.loads(text))
            runs = tuple(CommandRun(**_known(CommandRun, run)) for run in known.pop("commands"))
            shortfall = known.pop("shortfall", None)
            return cls(
                commands=runs,
                findings=tuple(known.pop("findings")),
                changed=tuple(known.pop("changed")),
                shortfall=None if shortfall is None else Shortfall(shortfall),
                **known,
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"this is no evidence of a verification: {error}") from None


def _known(model: type[Any], values: object) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise TypeError("a mapping is missing")
    names = {field.name for field in fields(model)}
    return {name: value for name, value in values.items() if name in names}


def is_wanted(settings: VerifySettings, *, in_place: bool) -> bool:
    """Whether work is verified at all: in place only if commands are configured."""
    return not in_place or bool(settings.commands)


def jobs(settings: VerifySettings, processors: int | None) -> int:
    """How many verifications run at once: as configured, else half the processors."""
    return cpu_share(processors, settings.jobs)


def commands(settings: VerifySettings, detection: Detection | None) -> tuple[Command, ...]:
    """What is to be run: what is configured, else what was detected."""
    if settings.commands or detection is None:
        return settings.commands
    return (Command(detection.argv, " ".join(detection.argv)),)


def environment(
    settings: VerifySettings, given: Mapping[str, str], keep: Collection[str] = ()
) -> dict[str, str]:
    """The environment of the commands, made from that of a workspace.

    Without credentials, without what is meant for the agent, and without what
    would lead git, ssh or Python elsewhere, but with the variables named in
    ``keep``; the configured ones come last.
    """
    kept = {
        name: value
        for name, value in given.items()
        if name in keep or not (is_sensitive(name) or _FOREIGN.match(name))
    }
    return {**kept, **ENVIRONMENT, **settings.environment}


def told(
    detection: Detection | None, settings: VerifySettings, changed: Collection[str]
) -> list[Finding]:
    """What is to be said of how the commands were chosen."""
    if settings.commands:
        return []
    if detection is None:
        looked = "none was detected" if settings.detect else "verify.detect is off"
        return [Finding(f"no command was run, for {looked}: set verify.commands")]
    if detection.source in changed:
        return [Finding(f"{detection.source}: was changed, and it decides that {detection} is run")]
    return []


def refusal(
    settings: VerifySettings, changes: Changes | None, findings: Sequence[Finding]
) -> Evidence | None:
    """The evidence if nothing has to be run to know that the work is not good."""
    if changes is None:
        return None
    texts = tuple(finding.text for finding in findings)
    if changes.empty and not settings.allow_no_changes:
        reason = "nothing was changed; if that can be right, set verify.allow_no_changes"
        return Evidence(
            False, reason, tree=changes.tree, findings=texts, shortfall=Shortfall.NO_CHANGES
        )
    blocking = [finding.text for finding in findings if finding.blocks]
    if not blocking:
        return None
    more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
    return Evidence(
        False,
        f"the change must not be landed: {blocking[0]}{more}",
        tree=changes.tree,
        findings=texts,
        changed=changes.files,
        shortfall=Shortfall.REFUSED,
    )


def evidence(
    runs: Sequence[CommandRun],
    findings: Iterable[Finding],
    changes: Changes | None,
    detection: Detection | None,
    timeout: float,
) -> Evidence:
    """The evidence after the commands were run, to the first that failed for good."""
    last = runs[-1] if runs else None
    shortfall = None if last is None or last.ok else _shortfall(last)
    reason = ""
    if last is not None and shortfall is not None:
        reason = _reason(last, shortfall, timeout)
        if shortfall is Shortfall.MISSING:
            reason += _way_out(detection)
    return Evidence(
        ok=shortfall is None,
        reason=reason,
        commands=tuple(runs),
        tree=changes.tree if changes else None,
        findings=tuple(finding.text for finding in (*findings, *_flaky(runs))),
        changed=changes.files if changes else (),
        shortfall=shortfall,
    )


def fails(found: Evidence) -> bool:
    """Whether a command was run and did not succeed."""
    return found.shortfall in (Shortfall.FAILED, Shortfall.TIMED_OUT)


def compared(found: Evidence, base: Evidence | None, commit: str) -> Evidence:
    """``found``, and whether the same fails without the change.

    ``base`` is what was found of ``commit``, which the work builds upon, None if
    nothing is wrong with it.  Only the same command counts: if another one fails
    there, the task has mended that one or has broken this one.
    """
    if base is None or not (fails(found) and fails(base)):
        return found
    last, there = found.commands[-1], base.commands[-1]
    if last.command != there.command:
        return found
    told = f"fails without this change, too, at {commit[:12]}"
    return replace(
        found,
        reason=f"{found.reason}; it {told}",
        findings=(*found.findings, f"{last.command}: {told}; its output there: {there.log}"),
        shortfall=Shortfall.BASE,
    )


def last_words(output: bytes, clean: Callable[[str], str]) -> str:
    """The end of some output as text, at most `TAIL` characters; ``clean`` removes secrets."""
    return clean(output[-8 * TAIL :].decode("utf-8", "replace")).strip()[-TAIL:]


def _shortfall(run: CommandRun) -> Shortfall:
    if run.timed_out:
        return Shortfall.TIMED_OUT
    if run.exit_code in (None, _NOT_FOUND) or _NO_MODULE.match(run.output):
        return Shortfall.MISSING
    return Shortfall.FAILED


def _reason(run: CommandRun, shortfall: Shortfall, timeout: float) -> str:
    command = run.command
    if shortfall is Shortfall.TIMED_OUT:
        return f"{command} was ended after {timeout:g} s (verify.timeout); its output: {run.log}"
    line = run.output.rsplit("\n", 1)[-1].strip()[-300:]
    if run.exit_code is None:
        return f"{command} could not be started: {line}"
    said = f", its last line: {line}" if line else ""
    return f"{command} {_ended(run.exit_code)}{said}; its output: {run.log}"


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _way_out(detection: Detection | None) -> str:
    if detection is None:
        return "; install what it needs, or correct verify.commands"
    return f"; it was detected because {detection.why}: install it, or set verify.commands"


def _flaky(runs: Sequence[CommandRun]) -> list[Finding]:
    """Commands that failed and then, with nothing changed, succeeded."""
    good = {run.command for run in runs if run.ok}
    bad = dict.fromkeys(run.command for run in runs if not run.ok)
    return [
        Finding(f"{command}: failed first, and succeeded when it was tried again")
        for command in bad
        if command in good
    ]
