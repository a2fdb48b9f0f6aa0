from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codeagent._runtime.headroom import read_headroom

GIGABYTE = 2**30


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "ascii")
    return root


MEMINFO = {"proc/meminfo": f"MemTotal: 9 kB\nMemAvailable:   {8 * 2**20} kB\n"}


def test_memory_is_what_the_kernel_calls_available(tmp_path: Path) -> None:
    root = machine(tmp_path, MEMINFO)
    assert read_headroom(tmp_path, root=root).memory == 8 * GIGABYTE


@pytest.mark.parametrize("inside", ["", "slice/"])
def test_a_control_group_may_allow_less(tmp_path: Path, inside: str) -> None:
    group = f"sys/fs/cgroup/{inside}"
    files = {
        "proc/self/cgroup": "0::/slice/unit\n",
        "sys/fs/cgroup/cgroup.controllers": "memory\n",
        "sys/fs/cgroup/slice/unit/memory.max": "max\n",
        f"{group}memory.max": f"{2 * GIGABYTE}\n",
        f"{group}memory.current": f"{GIGABYTE + 5}\n",
        f"{group}memory.stat": "anon 1\ninactive_file 5\nactive_file 7\n",
    }
    assert read_headroom(tmp_path, root=machine(tmp_path, MEMINFO | files)).memory == GIGABYTE


def test_a_control_group_of_the_first_version_may_be_named_as_outside(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/\nnonsense\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIGABYTE}\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{2 * GIGABYTE}\n",
        "sys/fs/cgroup/memory/memory.stat": "total_inactive_file x\n",
    }
    assert read_headroom(tmp_path, root=machine(tmp_path, MEMINFO | files)).memory == 0


def test_what_cannot_be_known_is_not(tmp_path: Path) -> None:
    assert read_headroom(tmp_path, root=tmp_path).memory is None


def test_space_is_that_of_the_nearest_directory_there_is(tmp_path: Path) -> None:
    there = read_headroom(tmp_path).disk
    not_yet = read_headroom(tmp_path / "not" / "made" / "yet").disk
    assert there
    assert not_yet
    assert abs(there - not_yet) < GIGABYTE


@pytest.mark.skipif(sys.platform != "linux", reason="memory is known on Linux")
def test_this_machine_has_memory_left() -> None:
    assert (read_headroom(Path.cwd()).memory or 0) > 0
