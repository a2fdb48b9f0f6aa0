"""The command line of the stand-in and one run of it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from codeagent import __version__

from . import behaviour, faults, work
from .output import Output
from .request import Request, parse, slug

_EPILOG = """\
The prompt is the argument, else standard input to its end. A task such as "add
function total to pkg/sums.py" is really done; for any other a run adds a line to
notes/<task>.md under the working directory. Then it writes the report that the
prompt names, with the phrase that the prompt asks for at its end. Conflict markers
in files that the prompt names are resolved. Without --force it only says what it
would do.

Misbehaviour is asked for with CODEAGENT_STANDIN in the environment or with a marker
in the prompt, such as [standin: slow:5, phraseless]. With --faults 0.2 (or
CODEAGENT_STANDIN_FAULTS) one run in five goes wrong by chance, the same ones for the
same --seed (CODEAGENT_STANDIN_SEED), task, report and number of the run, counted in
the file CODEAGENT_STANDIN_STATE; --faults 0.2=hang,die:7 names what may go wrong:
"""


def main(argv: Sequence[str]) -> int:
    """Run the stand-in; returns its exit code."""
    options = _parser().parse_args(argv)
    try:
        return _prepare(options)
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more, and flushing would fail again
    except OSError as error:
        return _complain(str(error), code=1)
    except KeyboardInterrupt:
        return 130


def _prepare(options: argparse.Namespace) -> int:
    if options.workspace:
        os.chdir(options.workspace)
    prompt = options.prompt
    if prompt is None:
        given = b"" if sys.stdin.isatty() else sys.stdin.buffer.read()
    else:
        given = os.fsencode(prompt)
    prompt = given.decode("utf-8", "replace")
    if not prompt.strip():
        return _complain("no prompt; give it as an argument or on standard input")
    request = parse(prompt)
    key = request.report or slug(request.task)
    try:
        fault = _fault(options, f"{slug(request.task)}:{key}")
        asked = (os.environ.get("CODEAGENT_STANDIN", ""), *request.markers, fault)
        chosen = behaviour.parse(asked)
    except behaviour.BehaviourError as error:
        return _complain(str(error))
    behaviours = behaviour.effective(chosen, key, os.environ)
    output = Output(options.output_format, options.model, options.resume, prompt)
    return _run(request, behaviours, output, edits=options.force)


def _fault(options: argparse.Namespace, key: str) -> str:
    """What goes wrong this time by chance, "" for nothing."""
    if not (options.faults or os.environ.get("CODEAGENT_STANDIN_FAULTS")):
        return ""
    from . import chaos

    chance = chaos.chaos(options.faults, options.seed, os.environ)
    return chance.fault(key, chaos.count_run(key, os.environ))


def _run(
    request: Request, behaviours: Mapping[str, float | None], output: Output, *, edits: bool
) -> int:
    if "ignore-sigterm" in behaviours:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "hold-stdin" in behaviours:
        sys.stdin.buffer.read()
    output.hello()
    if "hang" in behaviours:
        work.hang()
    for name, ending in faults.ENDINGS.items():
        if name in behaviours:
            return ending(output, behaviours[name])
    _make_noise(behaviours, output)
    if (seconds := behaviours.get("slow")) is not None:
        for step in range(10):
            output.think(f"step {step + 1} of 10")
            time.sleep(seconds / 10)
    if (seconds := behaviours.get("tool")) is not None:
        faults.silent_tool(output, seconds)
    output.say(f"Working on: {request.task}")
    if not edits:
        output.result("Would edit a note and write a report; run with --force to allow it.")
        return 0
    if "crash" in behaviours:
        faults.crash(output, work.path_of(request))
    changed = work.edit(request, output)
    _do_damage(request.task, changed, behaviours)
    if (code := behaviours.get("die")) is not None:
        return int(code)
    if request.report and "no-report" not in behaviours:
        _report(request.report, request, changed, behaviours, output)
    if "hang-after-report" in behaviours:
        work.hang()
    output.say("All done.")
    if "no-result" in behaviours:
        return 0
    output.result(f"Changed {changed}.")
    if "talk-on" in behaviours:
        output.say("One more thing.")
        faults.unknown(output)
    if "hang-after-result" in behaviours:
        work.hang()
    return 0


def _make_noise(behaviours: Mapping[str, float | None], output: Output) -> None:
    if "stderr" in behaviours:
        work.noise_on_stderr()
    if "garbage" in behaviours:
        work.garbage(output)
    if "unknown" in behaviours:
        faults.unknown(output)
    if (seconds := behaviours.get("grandchild")) is not None:
        output.say(f"left process {work.leave_grandchild(seconds)} behind")
    if (seconds := behaviours.get("orphan")) is not None:
        output.say(f"left process {faults.leave_orphan(seconds)} behind")
    if (megabytes := behaviours.get("flood")) is not None:
        work.flood(output, megabytes)
    if (megabytes := behaviours.get("huge")) is not None:
        faults.huge(output, megabytes)


def _do_damage(task: str, changed: str, behaviours: Mapping[str, float | None]) -> None:
    if "escape" in behaviours:
        faults.escape(task)
    if "markers" in behaviours:
        faults.leave_markers(changed)
    if "break" in behaviours:
        faults.break_tests(changed)
    if "shared" in behaviours:
        shared = os.environ.get("CODEAGENT_STANDIN_SHARED", "CHANGELOG.md")
        faults.edit_shared(shared, task)
    if "commit" in behaviours:
        faults.commit(task)


def _report(
    path: str,
    request: Request,
    changed: str,
    behaviours: Mapping[str, float | None],
    output: Output,
) -> None:
    text = work.report_text(request, changed, with_phrase="phraseless" not in behaviours)
    if (delay := behaviours.get("late")) is not None:
        work.write_report_late(path, text, delay)
        return
    output.tool_started("write", path=path)
    if "truncated" in behaviours:
        work.write_report_in_pieces(path, text, behaviours["truncated"])
    else:
        work.write_report(path, text)
    output.tool_completed("write", {"success": {"path": path}}, path=path)


def _complain(problem: str, code: int = 2) -> int:
    sys.stderr.write(f"standin: {problem}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m codeagent.standin",
        description="A stand-in for the Cursor CLI: works without an account or a network.",
        epilog=_EPILOG + behaviour.help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("prompt", nargs="?", help="what to do (default: standard input)")
    parser.add_argument("-p", "--print", action="store_true", help="run without a terminal")
    parser.add_argument(
        "--output-format", choices=("text", "json", "stream-json"), default="text", metavar="FORM"
    )
    parser.add_argument("-f", "--force", "--yolo", action="store_true", help="really edit files")
    parser.add_argument("--trust", action="store_true", help="accepted")
    parser.add_argument("--approve-mcps", action="store_true", help="accepted")
    parser.add_argument("--model", default="standin", help="the name to report")
    parser.add_argument("--resume", metavar="ID", help="the session to go on with")
    parser.add_argument("--workspace", metavar="DIR", help="work in this directory")
    parser.add_argument("--faults", metavar="RATE[=NAMES]", help="go wrong by chance")
    parser.add_argument("--seed", metavar="N", help="which chance (default: 0)")
    parser.add_argument("-v", "--version", action="version", version=f"standin {__version__}")
    return parser
