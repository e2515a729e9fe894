"""What the fault tests share: how many faults, by which seed, and the account that is kept of them.

In: the environment. Out: numbers, the command with a fault in it, and checks of what it left. The
short form is part of all tests; `scripts/soak` runs the same code with more rounds and other seeds:

    PHOTOSEARCH_FAULTS_SEED=20      which moments and places are struck
    PHOTOSEARCH_FAULTS_ROUNDS=1     how many times the short form's number of faults
    PHOTOSEARCH_FAULTS_TALLY=FILE   where each fault is noted, a JSON object a line
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

import tests.command
from tests.command import Done
from tests.contents import Contents, check_vector_files, contents_of
from tests.faults.warmed import Warmed

SEED = int(os.environ.get("PHOTOSEARCH_FAULTS_SEED", "20"))
ROUNDS = float(os.environ.get("PHOTOSEARCH_FAULTS_ROUNDS", "1"))
_TALLY = os.environ.get("PHOTOSEARCH_FAULTS_TALLY")
_MARK = "PHOTOSEARCH_FAULTS_MARK"
_REPOSITORY = Path(__file__).parents[2]
KILLED = -9

Item = TypeVar("Item")

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and modes of POSIX")


def rounds(short: int) -> int:
    """How many faults of a kind: `short` of them, times what the long form asks for."""
    return max(1, round(short * ROUNDS))


def chance(name: str) -> random.Random:
    """The dice of one test: the same for the same seed, whatever other tests run."""
    return random.Random(f"{SEED} {name}")


@contextmanager
def fault(kind: str, **what: object) -> Iterator[None]:
    """One fault: noted as survived where the block ends well."""
    try:
        yield
    except pytest.skip.Exception:
        raise
    except BaseException as error:
        _note(kind, False)
        error.add_note(f"fault: {kind} {what}")
        raise
    _note(kind, True)


def _note(kind: str, survived: bool) -> None:
    if _TALLY:
        with open(_TALLY, "a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "survived": survived}) + "\n")


def sampled(count: int, total: int, name: str) -> list[int]:
    """`count` of the numbers 1…total, spread evenly, shifted by the seed; all if they are fewer."""
    if count >= total:
        return list(range(1, total + 1))
    shift = chance(name).random()
    return sorted({1 + int((number + shift) * total / count) % total for number in range(count)})


def side_by_side(work: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do independent work two at a time: each is a process that mostly waits for itself."""
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, item) for item in items]:
            future.result()


# Running the command


def start(
    command: tests.command.Command,
    *arguments: str | Path,
    plan: dict[str, Any] | None = None,
    before: Iterable[str | Path] = (),
    env: dict[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """The command as a group of processes of its own; `plan` as in inject.py.

    before: a program that starts it, such as `setpriv`. env: added to its environment.
    """
    module = ["tests.faults.inject", json.dumps(plan)] if plan is not None else ["photosearch"]
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options}
    # A measurement of coverage could not be written by a command that may write nothing.
    measured = not before and not (plan and "limits" in plan)
    return subprocess.Popen(
        [*map(str, before), sys.executable, "-m", *module, *map(os.fspath, arguments)],
        env={
            **{
                name: value
                for name, value in command.env.items()
                if measured or "COVERAGE" not in name
            },
            "PYTHONPATH": str(_REPOSITORY),
            _MARK: uuid.uuid4().hex,
            **(env or {}),
        },
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )


def end_of(process: subprocess.Popen[bytes], timeout: float = 120) -> Done:
    out, err = process.communicate(timeout=timeout)
    return Done(process.returncode, out or b"", err.decode(errors="replace"))


def run(
    command: tests.command.Command,
    *arguments: str | Path,
    plan: dict[str, Any] | None = None,
    **options: Any,
) -> Done:
    """Run it to its end, whichever that is: as a fork (warm.py) where that makes no difference."""
    limits = {*(plan or {}).get("limits", ())}
    if (
        options
        or not hasattr(os, "fork")
        or {*(plan or {})} & {"set", "clock"}  # what is to be so while modules are imported
        or limits - {"FSIZE"}
        or (limits and any("COVERAGE" in name for name in os.environ))
    ):
        return end_of(start(command, *arguments, plan=plan, **options))
    if Warmed.all is None:
        Warmed.all = Warmed()
    return Warmed.all.run(command, *arguments, plan=plan)


class Command(tests.command.Command):
    """The command with an empty library, run as a fork."""

    def __call__(
        self, *arguments: str | Path | bytes, code: int | None = 0, **options: Any
    ) -> Done:
        if options:
            return super().__call__(*arguments, code=code, **options)
        return run(self, *map(os.fsdecode, arguments)).ended(code)


def copied(command: tests.command.Command, folder: Path) -> Command:
    """The same library and cache once more, elsewhere."""
    tests.command.copied(command, folder)
    return Command(folder)


def assert_clear(done: Done, *codes: int) -> None:
    """The command ended with one of these codes, and what it said is for people."""
    assert "Traceback" not in done.err, done.err
    assert "unexpected error" not in done.err, done.err
    assert done.code in codes, f"exit {done.code}: {done.err}"
    lines = done.err.splitlines()
    assert all(line.startswith(("photosearch: ", "try: ", "hint: ")) for line in lines), done.err
    if done.code == 2:
        assert 1 <= len(lines) <= 4, done.err


@contextmanager
def nobody_left(command: tests.command.Command) -> Iterator[None]:
    """After the block no process lives that works on this command's library."""
    yield
    if sys.platform != "linux":
        return
    wanted = f"PHOTOSEARCH_LIBRARY={command.library}\0".encode()
    deadline = time.monotonic() + 15
    while left := _processes_with(wanted):
        assert time.monotonic() < deadline, f"processes that outlive the command: {left}"
        time.sleep(0.05)


def _processes_with(variable: bytes) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != str(os.getpid()):
            try:
                if variable in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text(errors="replace"))
            except OSError:
                continue
    return found


# Libraries


def whole_contents(command: tests.command.Command) -> Contents:
    """What the library holds; it is consistent in itself, vector files included."""
    contents = contents_of(command.library)
    check_vector_files(command.library)
    return contents


def assert_between(state: Contents, before: Contents, after: Contents) -> None:
    """Nothing is there that was neither before nor is to be; nothing is lost that is in both."""
    for name in ("photos", "files", "vectors", "failures"):
        now, then, end = getattr(state, name), getattr(before, name), getattr(after, name)
        assert then & end <= now <= then | end, name
    assert {row[-1] for row in state.files} <= {row[0] for row in state.photos}
    for table in {*before.rest, *after.rest, *state.rest} - {"models"}:
        rows, then, end = (set(one.rest.get(table, ())) for one in (state, before, after))
        assert then & end <= rows <= then | end, table


def is_born(library: Path) -> bool:
    """Whether the catalogue got as far as having tables."""
    file = library / "catalogue.db"
    if not file.exists() or not file.stat().st_size:
        return False
    import sqlite3

    with sqlite3.connect(file) as connection:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.close()
    return bool(tables)
