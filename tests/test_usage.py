"""What a process uses, and what it gives back."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from codeagent._runtime.usage import read_usage

_LARGE_AND_SMALL = """\
from codeagent._runtime.usage import give_back_large_blocks, read_usage
give_back_large_blocks()
largest = bytearray(1 << 20)
del largest  # from now on the system's own bound would be as high
large, small = [], []
for _ in range(200):
    large.append(b"x" * 200_000)
    small.append(b"x" * 2_000)
before = read_usage().memory
large.clear()
print(before - read_usage().memory)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library's memory")
def test_what_was_large_is_given_back_though_what_is_small_stays() -> None:
    command = [sys.executable, "-c", _LARGE_AND_SMALL]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert int(done.stdout) > 35_000_000


def test_a_process_knows_what_it_uses() -> None:
    before = read_usage()
    kept = b"x" * 50_000_000
    with open(os.devnull, "rb"):  # noqa: PTH123 - what counts is the descriptor
        after = read_usage()
    assert after.files == before.files + 1
    assert after.memory - before.memory > 0.9 * len(kept)
