"""What this process is: the state of its program on the disk, and the memory that it takes.

In: nothing. Out: values to be compared or shown.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


def program_state() -> tuple[object, ...]:
    """The newest of our own files, and the state of the folder that packages are installed in."""
    package = Path(__file__).parents[1]
    newest, count = 0, 0
    for folder, inner, names in os.walk(package):
        if "models" in inner and os.path.samefile(folder, package):
            inner.remove("models")  # the built-in model; its files are looked at with its encoder
        inner[:] = [one for one in inner if one != "__pycache__"]
        for name in names:
            with suppress(OSError):
                newest = max(newest, os.stat(os.path.join(folder, name)).st_mtime_ns)
                count += 1
    installed = [
        os.stat(one).st_mtime_ns
        for one in sys.path
        if one.endswith(("site-packages", "dist-packages")) and os.path.isdir(one)
    ]
    return newest, count, installed


def private_bytes() -> int:
    """Memory that is this process's alone, without mapped files; 0 where the system is silent."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_Dirty:"):
                return 1024 * int(line.split()[1])
    return 0
