"""The coding agent that costs next to nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def make_agent(program: Path) -> Path:
    """Compile the agent to ``program``; without a compiler a small Python program stands in."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is not None:
        for more in (["-static"], []):  # not every system has a static library of C
            command = [compiler, "-O2", *more, "-o", str(program), str(HERE / "agent.c")]
            if subprocess.run(command, capture_output=True).returncode == 0:
                return program
    text = (HERE / "agent.py").read_text("utf-8")
    program.write_text(f"#!{sys.executable} -IS\n{text}", "utf-8")
    program.chmod(0o755)
    return program
