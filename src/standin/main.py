"""The command line of the stand-in and one run of it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from codeagent import __version__

from . import behaviour, work
from .output import Output
from .request import Request, parse, slug

_EPILOG = """\
The prompt is the argument, else standard input to its end. A run adds a line to
notes/<task>.md under the working directory and writes the report that the prompt
names, with the phrase that the prompt asks for at its end. Without --force it only
says what it would do.

Misbehaviour is asked for with CODEAGENT_STANDIN in the environment or with a marker
in the prompt, such as [standin: slow:5, phraseless]:
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
    try:
        chosen = behaviour.parse((os.environ.get("CODEAGENT_STANDIN", ""), *request.markers))
    except behaviour.BehaviourError as error:
        return _complain(str(error))
    key = request.report or slug(request.task)
    behaviours = behaviour.effective(chosen, key, os.environ)
    output = Output(options.output_format, options.model, options.resume, prompt)
    return _run(request, behaviours, output, edits=options.force)


def _run(
    request: Request, behaviours: Mapping[str, float | None], output: Output, *, edits: bool
) -> int:
    if "ignore-sigterm" in behaviours:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    output.hello()
    if "hang" in behaviours:
        work.hang()
    if "stderr" in behaviours:
        work.noise_on_stderr()
    if "garbage" in behaviours:
        work.garbage(output)
    if "fail" in behaviours:
        sys.stderr.write("standin: the request failed\n")
        output.result("the request failed", is_error=True)
        return 1
    if (seconds := behaviours.get("grandchild")) is not None:
        output.say(f"left process {work.leave_grandchild(seconds)} behind")
    if (megabytes := behaviours.get("flood")) is not None:
        work.flood(output, megabytes)
    if (seconds := behaviours.get("slow")) is not None:
        for step in range(10):
            output.think(f"step {step + 1} of 10")
            time.sleep(seconds / 10)
    output.say(f"Working on: {request.task}")
    if not edits:
        output.result("Would edit a note and write a report; run with --force to allow it.")
        return 0
    changed = work.edit(request, output)
    if (code := behaviours.get("die")) is not None:
        return int(code)
    if request.report and "no-report" not in behaviours:
        _report(request.report, request, changed, behaviours, output)
    if "hang-after-report" in behaviours:
        work.hang()
    output.say("All done.")
    output.result(f"Changed {changed}.")
    if "hang-after-result" in behaviours:
        work.hang()
    return 0


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
    parser.add_argument("-v", "--version", action="version", version=f"standin {__version__}")
    return parser
