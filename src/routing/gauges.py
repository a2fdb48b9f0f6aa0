"""Where every capability stands, as Prometheus reads it."""

from __future__ import annotations

from ..rollout.control import Rollout, RolloutError
from ..rollout.guard import Outcome
from .operator import rung_now

_OUTCOMES = {Outcome.ROLLBACK: -1, Outcome.HOLD: 0, Outcome.PROMOTE: 1}


def gauges(rollout: Rollout) -> str:
    """Stage and share by capability, whether it is held down, and the guard's verdict."""
    stages, held, verdicts = [], [], []
    for name in rollout.capabilities:
        label = f'capability="{name}"'
        try:
            rung, _ = rung_now(rollout, name)
        except RolloutError:
            continue  # the flags in force are not those in the file; the source's state tells
        stages.append(
            f'codeagent_rollout_share{{{label},stage="{rung.stage}"}} {rung.share / 100:g}'
        )
        ceiling = rollout.override.ceiling(name)
        held.append(f"codeagent_rollout_held{{{label}}} {int(ceiling is not None)}")
        outcome = rollout.watch.verdict(name).outcome
        verdicts.append(f"codeagent_rollout_verdict{{{label}}} {_OUTCOMES[outcome]}")
    lines = [
        *_family("share", "Share of the tasks at the stage of the flag.", stages),
        *_family("held", "Whether a ceiling is over the capability.", held),
        *_family("verdict", "1: could climb, 0: hold, -1: rolls back.", verdicts),
    ]
    return "".join(f"{line}\n" for line in lines)


def _family(name: str, text: str, values: list[str]) -> list[str]:
    head = f"codeagent_rollout_{name}"
    return [f"# HELP {head} {text}", f"# TYPE {head} gauge", *values]
