"""``codeagent rollout`` and ``codeagent rollback``: from one path to the other, and back.

They work on the files, which a running server follows within a tenth of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import common

if TYPE_CHECKING:
    from ..rollout.control import Rollout

_ALL = "*"


def add_parser(subparsers: Any) -> None:
    """Add both commands to the program's parser."""
    parser = subparsers.add_parser(
        "rollback",
        description="Put everything, or one capability, on the synchronous path until it is "
        "lifted by name. It needs no network and no server; a running one obeys within a second.",
    )
    parser.add_argument("capability", nargs="?", default=_ALL, help="only this one")
    _add_rest(parser, rollback, reason="rolled back by hand", now=True)

    parser = subparsers.add_parser(
        "rollout",
        description="See and move the stages of the capabilities.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    action = actions.add_parser("status", help="where every capability stands, and why")
    _add_rest(action, status)
    _add_gate(action)

    action = actions.add_parser("set", help="put a capability on a stage")
    action.add_argument("capability")
    action.add_argument("stage", help="off, dualwrite, shadow, live, rampdown or complete")
    action.add_argument("share", nargs="?", type=_share, help="per cent of the tasks (100)")
    _add_rest(action, set_, reason="set by hand", now=True)

    action = actions.add_parser("advance", help="climb one rung if all conditions hold")
    action.add_argument("capability")
    action.add_argument("--force", action="store_true", help="in spite of them; needs --reason")
    _add_rest(action, advance, reason="")
    _add_gate(action)

    action = actions.add_parser("lift", help="take a rollback away, by name or * for that of all")
    action.add_argument("capability")
    _add_rest(action, lift, reason="lifted by hand")

    action = actions.add_parser("log", help="what was changed, when, by whom and why")
    action.add_argument("capability", nargs="?", help="only this one")
    action.add_argument("--all", action="store_true", help="single operations, too")
    action.add_argument("-n", type=int, default=50, metavar="COUNT", help="the newest (50)")
    _add_rest(action, log)

    action = actions.add_parser("verify", help="check that the trail was not changed")
    _add_rest(action, verify)

    action = actions.add_parser("retire", help="since when a synchronous path was not used")
    _add_rest(action, retire)


def _add_rest(parser: Any, function: Any, reason: str | None = None, now: bool = False) -> None:
    common.add_place(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    if reason is not None:
        parser.add_argument("--reason", default=reason, metavar="TEXT", help="for the trail")
    if now:
        parser.add_argument(
            "--now",
            action="store_true",
            help="a running server does not wait for the end of an instruction to move the core",
        )
    parser.set_defaults(run=function)


def _add_gate(parser: Any) -> None:
    parser.add_argument(
        "--gate",
        type=Path,
        action="append",
        metavar="PATH",
        help="where results of the A/B gate are (.benchmarks/ab, and what it left for all projects)",
    )


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no share in per cent") from None


def actor() -> str:
    """Who gives the command, for the trail."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def rollback(args: argparse.Namespace) -> int:
    """0 done, 2 it could not be done."""
    from . import place

    found = place.locate(args)
    if found is None:
        return common.WRONG_USAGE
    from ..routing import emergency

    _hurry(args, found)
    try:
        names = emergency.rollback(
            found.state / "rollout", args.capability, actor=actor(), reason=args.reason
        )
    except (LookupError, OSError) as error:
        return common.complain(error.args[0] if isinstance(error, LookupError) else error)
    what = "everything is" if args.capability == _ALL else f"{', '.join(names)} is"
    again = "'*'" if args.capability == _ALL else args.capability
    _answer(
        args,
        {"rolled_back": names},
        f"{what} on the synchronous path until `codeagent rollout lift {again}`",
    )
    return 0


def set_(args: argparse.Namespace) -> int:
    """0 done, 2 it could not be done."""
    from ..rollout.control import RolloutError
    from ..routing import operator

    rollout = _open(args, hurry=True)
    if rollout is None:
        return common.WRONG_USAGE
    try:
        rung = operator.rung_of(args.stage, args.share)
        operator.set_rung(rollout, args.capability, rung, actor=actor(), reason=args.reason)
    except (RolloutError, OSError) as error:
        return common.complain(_with_advice(error))
    names = operator.targets(rollout, args.capability)
    text = f"{', '.join(names)}: {rung}"
    held = [name for name in names if rollout.override.ceiling(name) is not None]
    for name in held:
        text += (
            f"\n{name} is held down until `codeagent rollout lift`; see `codeagent rollout status`"
        )
    _answer(args, {"set": list(names), "rung": str(rung), "held": held}, text)
    return 0


def _with_advice(error: Exception) -> object:
    text = str(error)
    if "make it first" in text:
        return text.replace("make it first", "`codeagent init` makes it")
    return error


def advance(args: argparse.Namespace) -> int:
    """0 it has climbed, 1 something is in the way, 2 wrong usage."""
    from ..rollout.control import RolloutError
    from ..routing import operator

    if args.force and not args.reason.strip():
        return common.complain("--force needs --reason TEXT: it is written into the trail")
    rollout = _open(args)
    if rollout is None:
        return common.WRONG_USAGE
    try:
        found = operator.advance(
            rollout,
            args.capability,
            actor=actor(),
            instrument=_instrument(args),
            force=args.reason if args.force else "",
        )
    except (RolloutError, OSError) as error:
        return common.complain(_with_advice(error))
    to = None if found.to is None else str(found.to)
    text = f"{args.capability}: {to}" if to else f"{args.capability} stays where it is:"
    text += "".join(f"\n  {reason}" for reason in found.unmet)
    _answer(args, {"to": to, "unmet": list(found.unmet), "forced": found.forced}, text)
    return 0 if to else 1


def lift(args: argparse.Namespace) -> int:
    """0 done, 1 there was nothing to lift, 2 it could not be done."""
    from ..rollout.control import RolloutError
    from ..routing import operator

    rollout = _open(args)
    if rollout is None:
        return common.WRONG_USAGE
    try:
        names = operator.lift(rollout, args.capability, actor=actor(), reason=args.reason)
    except (RolloutError, OSError) as error:
        return common.complain(error)
    text = f"lifted: {', '.join(names)}" if names else "there was no rollback of that name"
    _answer(args, {"lifted": names}, text)
    return 0 if names else 1


def status(args: argparse.Namespace) -> int:
    """0, or 2 if the flags cannot be read."""
    from ..rollout.control import RolloutError
    from ..routing import operator
    from . import rollout_text

    rollout = _open(args)
    if rollout is None:
        return common.WRONG_USAGE
    try:
        rows = operator.status(rollout, _instrument(args))
    except (RolloutError, OSError) as error:
        return common.complain(error)
    _answer(args, rows, "\n".join(rollout_text.table(rows)))
    return 0


def log(args: argparse.Namespace) -> int:
    """0."""
    from ..routing import operator
    from . import rollout_text

    rollout = _open(args)
    if rollout is None:
        return common.WRONG_USAGE
    records = rollout.audit.read() if args.all else operator.transitions(rollout)
    wanted = (None, _ALL, args.capability)
    kept = [
        record
        for record in records
        if args.capability is None or record.get("capability") in wanted
    ][-args.n :]
    _answer(args, kept, "\n".join(map(rollout_text.record, kept)) or "nothing was changed yet")
    return 0


def verify(args: argparse.Namespace) -> int:
    """0 the chain holds, 1 it does not."""
    rollout = _open(args)
    if rollout is None:
        return common.WRONG_USAGE
    found = rollout.audit.verify()
    broken = None
    if found.broken is not None:
        file, line, why = found.broken
        broken = f"{file}, line {line}: {why}"
    text = broken or f"{found.lines} lines, every one follows the one before"
    _answer(args, {"ok": found.ok, "lines": found.lines, "broken": broken}, text)
    return 0 if found.ok else 1


def retire(args: argparse.Namespace) -> int:
    """0."""
    from dataclasses import asdict

    from ..routing.retirement import retirement
    from . import rollout_text

    rollout = _open(args)
    if rollout is None:
        return common.WRONG_USAGE
    found = retirement(rollout)
    lines = [line for each in found for line in rollout_text.retired(each)]
    _answer(args, [asdict(each) for each in found], "\n".join(lines))
    return 0


def _open(args: argparse.Namespace, *, hurry: bool = False) -> Rollout | None:
    from ..routing import operator
    from ..routing.routing import ROLLOUT

    prepared = common.prepared(args)
    if prepared is None:
        return None
    if hurry:
        _hurry(args, prepared.layout)
    directory = prepared.layout.state / ROLLOUT
    return operator.offline(directory, prepared.environment, prepared.path)


def _hurry(args: argparse.Namespace, place: Any) -> None:
    """Tell a running server that what comes is to be at once."""
    if not args.now:
        return
    from ..api import note
    from ..api.client import Client, NoAnswer

    server = note.read(place.state)
    if server is None or server.url is None or server.token is None:
        return
    try:
        Client(server.url, server.token).post("/rollout/hurry")
    except NoAnswer as error:
        common.complain(f"{error}; the core moves at the next boundary")


def _instrument(args: argparse.Namespace) -> bool | None:
    from .. import __version__
    from ..routing import gate

    found = gate.newest(args.gate or gate.places(args.project or Path(), Path()), __version__)
    return None if found is None else found.passed


def _answer(args: argparse.Namespace, data: Any, text: str) -> None:
    if args.json:
        json.dump(data, sys.stdout, indent=2, default=str)
        print()
    else:
        print(text)
