"""``codeagent models``: which language models there are, and how they do."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import common

if TYPE_CHECKING:
    from ..app import Prepared
    from ..core.llm.catalogue import Offer
    from ..core.llm.settings import LLMSetup
    from ..core.llm.trial import Trial


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "models",
        description="The models in llm_settings.yaml, and those that could be in it.",
    )
    what = parser.add_subparsers(metavar="WHAT")
    _place(parser)
    parser.set_defaults(run=run, work=_list)
    check = what.add_parser("check", help="ask each model something, and tell how it did")
    check.add_argument("model", nargs="*", help="the models to try out (all of them)")
    _trial(check)
    _place(check)
    check.set_defaults(run=run, work=_check)
    discover = what.add_parser("discover", help="ask a provider which models it offers")
    discover.add_argument("--provider", metavar="NAME", help="the provider (the first usable one)")
    discover.add_argument("--free", action="store_true", help="only those that cost nothing")
    discover.add_argument(
        "--min-context", type=int, default=0, metavar="TOKENS", help="the least context window"
    )
    discover.add_argument("--search", default="", metavar="WORD", help="a part of the name")
    _place(discover)
    discover.set_defaults(run=run, work=_discover)
    update = what.add_parser(
        "update", help="try all models out, and give those that work their roles"
    )
    update.add_argument("--dry-run", action="store_true", help="show the roles, change nothing")
    _trial(update)
    _place(update)
    update.set_defaults(run=run, work=_update)


def _place(parser: Any) -> None:
    common.add_place(parser)
    common.add_path(parser)
    parser.add_argument("--json", action="store_true", help="answer in JSON")


def _trial(parser: Any) -> None:
    parser.add_argument(
        "--usefulness", action="store_true", help="also put a question that wants JSON"
    )
    parser.add_argument(
        "--pause", type=float, default=1.0, metavar="SECONDS", help="between two requests (1)"
    )


def run(args: argparse.Namespace) -> int:
    """0 done, 1 a model or provider has failed, 2 wrong usage or configuration."""
    prepared = common.prepared(args)
    if prepared is None:
        return common.WRONG_USAGE
    if prepared.llm is None:
        return common.complain(
            "there is no llm_settings.yaml beside the configuration: create one (docs/llm.md)"
        )
    code: int = args.work(args, prepared, prepared.llm)
    return code


def _list(args: argparse.Namespace, prepared: Prepared, setup: LLMSetup) -> int:
    models = [
        {
            "name": name,
            "role": model.role or ("parallel" if name in setup.models else None),
            "provider": model.provider.name,
            "base_url": model.provider.base_url,
            **model.settings.model_dump(exclude={"name"}),
        }
        for name, model in {**setup.models, **setup.listed}.items()
    ]
    problems = {p.name: p.problem for p in setup.providers.values() if p.problem is not None}
    if args.json:
        _print_json({"models": models, "problems": problems})
        return 0
    for model in models:
        print(f"{model['role'] or '-':<9}  {model['name']}  at {model['base_url']}")
    for name, problem in problems.items():
        print(f"{name} cannot be used: {problem}")
    if not models:
        print("no model can be asked")
    return 0


def _discover(args: argparse.Namespace, prepared: Prepared, setup: LLMSetup) -> int:
    from ..core.llm.catalogue import suitable

    names = [name for name, provider in setup.providers.items() if provider.usable]
    name = args.provider or next(iter(names), None)
    if name not in names:
        known = ", ".join(names) or "none of them has a key"
        return common.complain(f"there is no provider {name or ''!r} that can be asked: {known}")
    tools = _tools(prepared, setup)
    try:
        offers: list[Offer] = tools.run(tools.discover, setup.providers[name])
    except tools.problems as error:
        print(f"codeagent: {error}", file=sys.stderr)
        return 1
    found = suitable(offers, free=args.free, minimum_context=args.min_context, search=args.search)
    if args.json:
        from dataclasses import asdict

        _print_json([{**asdict(offer), "free": offer.is_free} for offer in found])
        return 0
    width = max((len(offer.name) for offer in found), default=0)
    for offer in found:
        context = f"{offer.context_window:>9,}" if offer.context_window else " " * 9
        print(f"{offer.name:<{width}}  {context}  {_price(offer)}".rstrip())
    print(f"{len(found)} of {len(offers)} models at {setup.providers[name].base_url}")
    return 0


def _price(offer: Offer) -> str:
    if offer.input_price is None or offer.output_price is None:
        return ""
    if offer.is_free:
        return "free"
    return f"{offer.input_price:g} / {offer.output_price:g} USD for a million tokens"


def _check(args: argparse.Namespace, prepared: Prepared, setup: LLMSetup) -> int:
    names = args.model or list(setup.listed)
    if unknown := [name for name in names if name not in setup.listed]:
        return common.complain(
            f"no model {unknown[0]!r} can be asked: choose from {', '.join(setup.listed)}"
        )
    trials = _trials(args, prepared, setup, names)
    report = _report(prepared, trials)
    if args.json:
        _print_json({name: trial.data() for name, trial in trials.items()})
    else:
        _tell(trials)
        print(f"written down in {report}")
    return 0 if trials and all(trial.works for trial in trials.values()) else 1


def _update(args: argparse.Namespace, prepared: Prepared, setup: LLMSetup) -> int:
    from .._runtime.files import write_atomic
    from ..core.llm.rewrite import rewritten
    from ..core.llm.trial import assigned
    from ..core.times import local

    file = Path(setup.source)
    trials = _trials(args, prepared, setup, list(setup.listed))
    found = assigned(trials)
    if not args.json:
        _tell(trials)
    if not found.working:
        print("codeagent: no model works, so nothing is changed", file=sys.stderr)
        return 1
    if not args.dry_run:
        _report(prepared, trials)
        data = file.read_bytes()
        when = local(time.time()).isoformat(timespec="seconds")
        new = rewritten(data.decode("utf-8"), found, when)
        write_atomic(file.with_name(f"{file.name}.backup"), data)
        write_atomic(file, new.encode())
    if args.json:
        results = {name: trial.data() for name, trial in trials.items()}
        _print_json({"model_roles": found.roles, "written": not args.dry_run, "models": results})
    else:
        for role, names in found.roles.items():
            print(f"{role}: {', '.join(names) or '-'}")
        print("nothing is changed" if args.dry_run else f"written to {file}")
    return 0


def _trials(
    args: argparse.Namespace, prepared: Prepared, setup: LLMSetup, names: Sequence[str]
) -> dict[str, Trial]:
    tools = _tools(prepared, setup, args.pause)
    trials: dict[str, Trial] = tools.run(tools.check, names, args.usefulness)
    return trials


def _tell(trials: dict[str, Trial]) -> None:
    width = max(map(len, trials), default=0)
    for name, trial in trials.items():
        tests = (trial.ping, trial.simple, trial.usefulness)
        problem = next((test.error for test in tests if test is not None and test.error), None)
        if problem is None:
            problem = "" if trial.works else "its answer holds no JSON object"
        mark = "ok" if trial.works else "!!"
        seconds = f"{trial.seconds:6.2f} s" if trial.ping.success else " " * 8
        print(f"{mark}  {name:<{width}}  {seconds}  {problem}".rstrip())


def _report(prepared: Prepared, trials: dict[str, Trial]) -> Path:
    """The results as a document among the logs."""
    from ..core.llm.trial import markdown
    from ..core.times import local

    now = local(time.time())
    logs = prepared.layout.logs
    logs.mkdir(parents=True, exist_ok=True)
    file = logs / f"llm_test_results_{now:%Y%m%d_%H%M%S}.md"
    file.write_text(markdown(trials, f"{now:%Y-%m-%d %H:%M:%S}"), "utf-8")
    return file


class _Tools:
    """The tools of the chosen path, and how one of them is run to its end."""

    def __init__(self, prepared: Prepared, setup: LLMSetup, pause: float) -> None:
        path = prepared.path
        prefix = "Async" if path == "async" else ""
        package = __package__.rpartition(".")[0]
        models = import_module(f"{package}._{path}.models")
        http = import_module(f"{package}._{path}.http")
        self._seam = import_module(f"{package}._runtime.{path}_runtime")
        self._loop = prepared.config.runtime.loop
        client = http.configured(prepared.config.runtime.http, time.time)
        tools = getattr(models, f"{prefix}ModelTools")(setup, client, pause=pause)
        self.discover, self.check = tools.discover, tools.check
        self.problems: type[Exception] = models.DiscoveryError

    def run(self, work: Any, *args: Any) -> Any:
        return self._seam.run(work, *args, loop=self._loop)


def _tools(prepared: Prepared, setup: LLMSetup, pause: float = 0.0) -> _Tools:
    return _Tools(prepared, setup, pause)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
