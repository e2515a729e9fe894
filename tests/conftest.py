"""Fixtures that several kinds of tests share, and the order and means of a run.

A worker of pytest-xdist takes a whole file at a time (`--dist loadfile`).
"""

from __future__ import annotations

import compileall
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from tests.command import SAMPLES, Command, copied

# Reading takes longer than all else: tests that need words ask for them.
os.environ["PHOTOSEARCH_WORDS"] = "0"
# As many workers as there are cores keep these busy: threads that wait for one another, spinning,
# take from the other workers what they do not gain. No answer depends on it.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

# How long an example takes is the machine's affair: no test fails of it.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "photosearch"

# The files that take 20 s and more, the longest first: begun last, one of them would keep a core
# waiting for the other. Files of the browser stay together, for each worker opens one.
LONG = """
    e2e/test_ray e2e/test_watch_command e2e/test_pages e2e/test_resident faults/test_crash_points
    unit/test_ocr unit/test_milvus e2e/test_locate_command e2e/test_rerank faults/test_scan_files
    e2e/test_words_command e2e/test_classify_command e2e/test_ground_truth
    faults/test_changing_files faults/test_kill faults/test_environment e2e/test_mcp
    unit/test_upkeep e2e/test_serve_command e2e/test_duplicates_command e2e/test_models_command
""".split()
FOLDERS = ("browser", "faults", "e2e", "weights", "unit")


def pytest_configure(config: pytest.Config) -> None:
    # By itself, pytest-xdist begins with the files of the most tests, which are the quick ones.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False
    # After nohup every command would ignore the end of its terminal.
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Every command is a process of its own: compiled beforehand it takes 0.75 of the CPU time.
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        for folder in (PACKAGE, TESTS):
            compileall.compile_dir(folder, quiet=2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some files, of watching above all, mostly wait."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, then folder by folder; the order within a file stays as it is."""
    places = {name: place for place, name in enumerate(LONG)}

    def place(item: pytest.Item) -> tuple[int, int]:
        name = item.path.relative_to(TESTS).with_suffix("").as_posix()
        folder = name.partition("/")[0]
        return places.get(name, len(LONG)), FOLDERS.index(folder) if folder in FOLDERS else 0

    items.sort(key=place)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write down what was covered: a worker process that takes 10 s to end is killed before."""
    if hasattr(session.config, "workerinput") and "coverage" in sys.modules:
        from coverage import Coverage

        measuring = Coverage.current()
        if measuring is not None:
            measuring.save()


@pytest.fixture
def photosearch(tmp_path: Path) -> Command:
    """The command with an empty library."""
    return Command(tmp_path)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Command]:
    """Makes a library once for all worker processes of a run of tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, index: Callable[[Path], Command]) -> Command:
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if done.exists():
                return Command(folder)
            folder.mkdir()
            command = index(folder)
            done.touch()
            return command

    return made


@pytest.fixture(scope="session")
def sampled(once: Callable[..., Command], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command with the sample photos indexed; tests that share it only read."""

    def index(folder: Path) -> Command:
        command = Command(folder)
        command("index", "--quiet", SAMPLES)
        return command

    return copied(once("sampled", index), tmp_path_factory.mktemp("sampled"))


@pytest.fixture(scope="session")
def read_signs(once: Callable[..., Command]) -> Command:
    """The command with signs/ of the sample photos indexed and read; to be copied."""

    def index(folder: Path) -> Command:
        command = Command(folder)
        command("index", "--quiet", "--words", SAMPLES / "signs")
        return command

    return once("read-signs", index)


@pytest.fixture(scope="session")
def worded(
    once: Callable[..., Command], read_signs: Command, tmp_path_factory: pytest.TempPathFactory
) -> Command:
    """The command with some sample photos indexed and their words read; to be read only."""

    def index(folder: Path) -> Command:
        command = copied(read_signs, folder)
        command("index", "--quiet", "--words", SAMPLES / "animals")
        return command

    return copied(once("worded", index), tmp_path_factory.mktemp("worded"))
