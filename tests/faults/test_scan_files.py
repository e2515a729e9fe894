"""Files of codes, and several files a model, while they are written: killed, failing, damaged.

In small: constants are lowered, in the command (inject.py) as in this process, so that a few dozen
photos are what 50,000 and more are. The photos are in the catalogue already, so each moment struck
is one of the vector files.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from photosearch import Library
from photosearch.index import cache, scan, write
from photosearch.index.cache import open_index
from photosearch.index.inspect import KIND
from photosearch.store.snapshot import Snapshot
from tests.contents import check_vector_files, contents_of, vector_stamps
from tests.faults.common import (
    KILLED,
    Command,
    assert_clear,
    chance,
    copied,
    fault,
    posix,
    rounds,
    run,
    sampled,
)
from tests.make import write_photos

pytestmark = posix
FIRST, ADDED, FROM = 24, 6, 5
SMALL = {
    "photosearch.index.write.SCAN_FROM": FROM,
    "photosearch.index.cache.SCAN_FROM": FROM,
    "photosearch.index.cache.SMALL_SET": 2,
    "photosearch.index.scan._EXACT": 3,
    "photosearch.index.scan._FIRST": 8,
    "photosearch.index.scan._DENSE": 1.0,
    "photosearch.index.scan._BLOCK": 8,
}
NAMES = ("first file", "second file", "joined")
COUNTS = {"first file": [FIRST], "second file": [FIRST, ADDED], "joined": [FIRST + 2 * ADDED]}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {module.__name__: module for module in (cache, scan, write)}
    for name, value in SMALL.items():
        module, _, constant = name.rpartition(".")
        monkeypatch.setattr(modules[module], constant, value)


@dataclass(frozen=True)
class Scene:
    """A library whose vector files are behind its catalogue, and what the next run changes."""

    base: Command
    photos: Path
    calls: list[str]
    counts: list[int]


def index(command: Command, photos: Path, **plan: Any) -> Any:
    return run(command, "index", "-q", photos, plan={"set": SMALL, **plan})


@pytest.fixture(scope="module")
def scenes(refresh: Forks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    folder = tmp_path_factory.mktemp("scans")
    command = Command(folder / "grown")
    made: dict[str, Scene] = {}
    for step, name in enumerate(NAMES):
        photos = folder / f"photos{step}"
        write_photos(photos, ADDED if step else FIRST, first_seed=100 * step)
        behind = folder / f"behind{step}"
        if step:
            shutil.copytree(command.library / "vectors", behind)
        assert_clear(index(command, photos), 0)
        assert counts_of(command) == COUNTS[name]
        base = copied(command, folder / name)
        shutil.rmtree(base.library / "vectors")
        if step:
            shutil.copytree(behind, base.library / "vectors")
        else:
            (base.library / "vectors").mkdir()
        log, clean = folder / f"calls{step}", copied(base, folder / f"{name} clean")
        assert refresh(clean, log=str(log)) == 0
        assert counts_of(clean) == COUNTS[name]
        assert check_vector_files(clean.library, complete=True, tidy=True) == len(COUNTS[name])
        made[name] = Scene(base, photos, log.read_text("utf-8").splitlines(), COUNTS[name])
    return made


def key_of(command: Command) -> str:
    snapshot = Snapshot(command.library)
    (model,) = snapshot.models()
    snapshot.close()
    return model.key


def counts_of(command: Command) -> list[int]:
    """Photos in each file; all of them are files of codes."""
    stamps = vector_stamps(command.library, key_of(command))
    assert {stamp["kind"] for stamp in stamps} == {"scan"}
    return [stamp["count"] for stamp in stamps]


def assert_finds(command: Command) -> list[str]:
    """A search equals brute force; gives what it told."""
    told: list[str] = []
    snapshot = Snapshot(command.library)
    (model,) = snapshot.models()
    rows = list(snapshot.vectors_after(model.id, 0))
    matrix = np.frombuffer(b"".join(row[2] for row in rows), "<f2").reshape(len(rows), -1)
    opened = open_index(command.library, snapshot, model, told.append)
    rng = np.random.default_rng(5)
    for vector in (matrix[3].astype(np.float32), rng.standard_normal(model.dim, np.float32)):
        vector /= np.linalg.norm(vector)
        scores = dict(
            zip(
                (row[1] for row in rows), (matrix.astype(np.float32) @ vector).tolist(), strict=True
            )
        )
        for k, only in ((4, None), (1000, None), (4, np.array(sorted(scores)[::2]))):
            ranking = opened.search(vector, k, only)
            wanted = {one: scores[one] for one in (scores if only is None else only.tolist())}
            best = sorted(wanted.values(), reverse=True)[:k]
            assert len(set(ranking.ids.tolist())) == len(ranking.ids) == len(best)
            assert ranking.scores.tolist() == pytest.approx(best, abs=1e-3)
            assert [wanted[one] for one in ranking.ids.tolist()] == pytest.approx(best, abs=1e-3)
    snapshot.close()
    return told


def age(library: Path) -> None:
    """Let what is there be two hours old: leftovers are no more taken for another's work."""
    then = time.time() - 7200
    for path in (library / "vectors").glob("*"):
        os.utime(path, (then, then))


class Forks:
    """Processes that bring vector files up to date as the end of `index` does (forks.py)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.faults.forks"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, command: Command, **plan: Any) -> int:
        assert self._process.stdin
        assert self._process.stdout
        order = {"library": str(command.library), "plan": {"set": SMALL, **plan}}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def refresh() -> Iterator[Forks]:
    forks = Forks()
    yield forks
    forks.close()


def moments(scene: Scene, name: str) -> list[int]:
    """Each call of Python's but the writes, which are many and alike: a sample of these."""
    writes = [at for at, call in enumerate(scene.calls, 1) if call == "file write"]
    rest = [at for at, call in enumerate(scene.calls, 1) if not call.startswith(("file", "sqlite"))]
    chosen = {writes[at - 1] for at in sampled(rounds(5), len(writes), name)}
    return sorted(chosen | set(rest) | {writes[0], writes[-1]})


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_any_write_or_rename(
    name: str, scenes: dict[str, Scene], refresh: Forks, tmp_path: Path
) -> None:
    """What is there is whole and answers; the next run writes the rest and removes leftovers."""
    scene = scenes[name]
    contents = contents_of(scene.base.library)
    for at in moments(scene, name):
        # After any other call is before the next one.
        how = "half" if scene.calls[at - 1] == "file write" else "kill"
        with fault(f"kill -9 at a write: codes, {name}", at=at, how=how, call=scene.calls[at - 1]):
            command = copied(scene.base, tmp_path / f"{at}")
            assert refresh(command, at=at, how=how) == KILLED
            check_vector_files(command.library)
            if at % 2:  # a query may write what is missing itself
                told = assert_finds(command)
                assert told == [] if name != "first file" else len(told) <= 1
                check_vector_files(command.library, complete=True)
            age(command.library)
            assert refresh(command) == 0
            assert counts_of(command) == scene.counts
            check_vector_files(command.library, complete=True, tidy=True)
            assert contents_of(command.library) == contents
            assert assert_finds(command) == []
        shutil.rmtree(tmp_path / f"{at}")


@pytest.mark.parametrize("name", NAMES)
def test_a_write_that_fails_loses_nothing(
    name: str, scenes: dict[str, Scene], refresh: Forks, tmp_path: Path
) -> None:
    """On a full disk the run goes on to its end; with room again the next one writes the file."""
    scene = scenes[name]
    contents = contents_of(scene.base.library)
    for at in moments(scene, f"{name} errors"):
        how = chance(f"{name} {at}").choice(("error", "errors"))
        with fault(f"failing write: codes, {name}", at=at, how=how, call=scene.calls[at - 1]):
            command = copied(scene.base, tmp_path / f"{at}")
            assert refresh(command, at=at, how=how, errno=errno.ENOSPC) == 0
            check_vector_files(command.library)
            age(command.library)
            assert refresh(command) == 0
            assert counts_of(command) == scene.counts
            check_vector_files(command.library, complete=True, tidy=True)
            assert contents_of(command.library) == contents
            assert assert_finds(command) == []
        shutil.rmtree(tmp_path / f"{at}")


@pytest.mark.parametrize("name", NAMES)
def test_the_command_meets_the_same(name: str, scenes: dict[str, Scene], tmp_path: Path) -> None:
    """`index`, killed where it writes vector files; then on a full disk; then once more."""
    scene, log = scenes[name], tmp_path / "calls"
    command = copied(scene.base, tmp_path / "clean")
    assert_clear(index(command, scene.photos, log=str(log)), 0)
    calls = log.read_text("utf-8").splitlines()
    writes = [at for at, call in enumerate(calls, 1) if call == "file write"]
    at = chance(name).choice(writes)
    with fault(f"kill -9 at a write: index, {name}", at=at):
        command = copied(scene.base, tmp_path / "struck")
        assert index(command, scene.photos, at=at, how="half").code == KILLED
        full = {"how": "errors", "errno": errno.ENOSPC}
        assert_clear(index(command, scene.photos, at=at, **full), 0, 2)
        check_vector_files(command.library)
        age(command.library)
        assert_clear(index(command, scene.photos), 0)
        assert counts_of(command) == scene.counts
        check_vector_files(command.library, complete=True, tidy=True)


def test_faiss_is_killed_while_it_writes_an_exact_file(
    scenes: dict[str, Scene], refresh: Forks, tmp_path: Path
) -> None:
    """A part of a file under its temporary name: never opened, and gone after an hour."""
    exact = {"set": {name: value for name, value in SMALL.items() if "SCAN_FROM" not in name}}
    base, log = scenes["first file"].base, tmp_path / "calls"
    refresh(copied(base, tmp_path / "clean"), log=str(log), **exact)
    calls = log.read_text("utf-8").splitlines()
    at = calls.index("faiss write") + 1
    for how in ("kill", "half"):
        with fault("kill -9 at a write: exact file", how=how):
            command = copied(base, tmp_path / how)
            assert refresh(command, at=at, how=how, **exact) == KILLED
            left = [path.suffix for path in (command.library / "vectors").iterdir()]
            assert left == ([".tmp"] if how == "half" else [])
            assert check_vector_files(command.library) == 0
            age(command.library)
            assert refresh(command, **exact) == 0
            assert check_vector_files(command.library, complete=True, tidy=True) == 1
            assert vector_stamps(command.library, key_of(command))[0]["kind"] == "exact"


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("where", ["rows", "ids", "rotation", "lists", "codes", "cut", "grown"])
def test_check_notices_damage_and_repair_mends_it(
    where: str, which: int, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    """A byte in each region of a file of codes; the library is as it was after a repair."""
    command = copied(scenes["joined"].base, tmp_path)
    stamp = vector_stamps(command.library, key_of(command))[which]
    path = command.library / "vectors" / stamp["file"]
    data = bytearray(path.read_bytes())
    rows = stamp["count"] * stamp["dim"] * 2
    codes = rows + stamp["count"] * 8
    turned = codes + 4 * stamp["dim"] ** 2
    at = {
        "rows": rows // 2,
        "ids": rows + 9,
        "rotation": (codes + turned) // 2,
        "lists": turned + 57,  # where a wrong size lets FAISS search for ever
        "codes": len(data) - 9,
    }
    with fault("damage: file of codes", where=where, which=which):
        if where in at:
            data[at[where]] ^= 0xFF
        elif where == "cut":
            del data[codes + 100 :]
        else:
            data += b"x"
        path.write_bytes(data)
        with Library.open(command.library) as library:
            report = library.check()
            assert not report.ok
            assert any(
                problem.kind == KIND and "damaged" in problem.message for problem in report.problems
            )
            assert library.check(repair=True).ok
            assert library.check().ok
        assert check_vector_files(command.library, complete=True)
        assert assert_finds(command) == []


READER = """
import json, sys
from pathlib import Path
import numpy as np
from photosearch.index.cache import open_index
from photosearch.store.snapshot import Snapshot
from tests.faults.inject import prepare
prepare({"set": json.loads(sys.argv[2])})
library = Path(sys.argv[1])
snapshot = Snapshot(library)
(model,) = snapshot.models()
index = open_index(library, snapshot, model, print)
vector = np.full(model.dim, model.dim ** -0.5, np.float32)
for _ in range(3):
    ranking = index.search(vector, 10)
    print(json.dumps([ranking.ids.tolist(), ranking.scores.tolist()]), flush=True)
    sys.stdin.readline()
"""


def test_a_reader_goes_on_with_the_file_that_is_replaced(
    scenes: dict[str, Scene], refresh: Forks, tmp_path: Path
) -> None:
    """Its file has no name any more, and another one has come under the same name, too."""
    command = copied(scenes["joined"].base, tmp_path)
    vectors = command.library / "vectors"
    with fault("reader of a replaced file of codes"):
        assert refresh(command) == 0
        (path,) = vectors.glob("*.faiss")
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, command.library, json.dumps(SMALL)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert reader.stdin
        assert reader.stdout
        first = reader.stdout.readline()
        before = path.stat().st_ino
        for file in vectors.iterdir():
            if file.suffix == ".json":
                file.unlink()
        assert refresh(command) == 0
        assert path.stat().st_ino != before
        reader.stdin.write("\n")
        reader.stdin.flush()
        second = reader.stdout.readline()
        for file in vectors.iterdir():
            file.unlink()
        third, _ = reader.communicate("\n\n", timeout=60)
        assert reader.returncode == 0
        assert json.loads(first) == json.loads(second) == json.loads(third)
        assert len(json.loads(first)[0]) == 10
