"""The system's file manager, to show where a photo lies.

In: a path. Out: a program that was started, or not. Its arguments never pass a shell.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def can_open() -> bool:
    """Whether there is a desktop to show it on."""
    if sys.platform in ("darwin", "win32"):
        return True
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen and shutil.which("xdg-open"))


def commands(path: Path, platform: str = sys.platform) -> list[list[str] | str]:
    """What shows a file where it lies; the first of them that works will do."""
    if platform == "darwin":
        return [["open", "-R", os.fspath(path)]]
    if platform == "win32":
        # It reads its command line in its own way; no name holds a quotation mark there.
        return [f'explorer.exe /select,"{path}"']
    manager = "org.freedesktop.FileManager1"
    return [
        [
            "gdbus", "call", "--session", "--timeout", "3", "--dest", manager,
            "--object-path", "/org/freedesktop/FileManager1",
            "--method", f"{manager}.ShowItems", f"['{path.as_uri()}']", "",
        ],
        ["xdg-open", os.fspath(path.parent)],
    ]  # fmt: skip


def show(path: Path) -> bool:
    """Show a file in the file manager; whether that was possible."""
    for command in commands(path):
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # it outlives the server
            )
            code = process.wait(4)
        except subprocess.TimeoutExpired:
            return True  # it stays open: it shows something
        except OSError:
            continue
        if code == 0 or sys.platform == "win32":  # explorer says 1 when all is well
            return True
    return False
