"""Worker processes: what they are asked comes back, and what kills one costs one answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from photosearch.decode.limits import Limits
from photosearch.decode.pool import Crashed, TooSlow, WorkerPool
from photosearch.decode.process import Worker
from photosearch.errors import BadImage, PhotosearchError
from tests import crashes

USUAL = Limits()
SHORT = Limits(seconds=0.3)

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2) as workers:
        yield workers


def test_results_come_back(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        results = threads.map(lambda n: pool.run(crashes.double, n, limits=USUAL), range(200))
        assert list(results) == [2 * number for number in range(200)]


def test_no_more_processes_than_its_size(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = threads.map(lambda _: pool.run(crashes.process_id, limits=USUAL), range(50))
        assert len(set(found)) <= 2


def test_a_process_is_started_when_it_is_needed() -> None:
    with WorkerPool(8) as workers:
        first = workers.run(crashes.process_id, limits=USUAL)
        assert [workers.run(crashes.process_id, limits=USUAL) for _ in range(5)] == [first] * 5


def test_errors_come_back_with_their_hints(pool: WorkerPool) -> None:
    with pytest.raises(BadImage, match="damaged: it is") as caught:
        pool.run(crashes.refuse, "damaged: it is", limits=USUAL)
    assert caught.value.hint == "another photo"
    with pytest.raises(ZeroDivisionError):
        pool.run(crashes.stumble, limits=USUAL)


def test_what_a_library_prints_disturbs_no_answer(
    pool: WorkerPool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pool.run(crashes.print_much, "noise\n" * 1000, limits=USUAL) == 12_000
    assert pool.run(crashes.double, 4, limits=USUAL) == 8
    assert capfd.readouterr() == ("", "")


def test_an_answer_that_cannot_be_sent_is_an_error(pool: WorkerPool) -> None:
    with pytest.raises(RuntimeError):
        pool.run(crashes.give_what_cannot_be_sent, limits=USUAL)
    assert pool.run(crashes.double, 4, limits=USUAL) == 8


@posix
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL"])
def test_a_crash_costs_one_answer(pool: WorkerPool, name: str) -> None:
    with pytest.raises(Crashed, match=name):
        pool.run(crashes.die_by, signal.Signals[name], limits=USUAL)
    assert pool.run(crashes.double, 4, limits=USUAL) == 8


def test_a_process_that_leaves_is_a_crash(pool: WorkerPool) -> None:
    with pytest.raises(Crashed, match="exit 7"):
        pool.run(crashes.exit_with, 7, limits=USUAL)


def test_a_crash_beside_others_touches_none_of_them() -> None:
    def work(number: int) -> int | str:
        try:
            if number % 10 == 3:
                return str(workers.run(crashes.exit_with, 1, limits=USUAL))
            return workers.run(crashes.double, number, limits=USUAL)
        except Crashed:
            return "crashed"

    with WorkerPool(3) as workers, ThreadPoolExecutor(6) as threads:
        results = list(threads.map(work, range(40)))
    assert results == ["crashed" if n % 10 == 3 else 2 * n for n in range(40)]


@posix
def test_a_process_that_was_killed_once_is_given_another_try(
    pool: WorkerPool, tmp_path: Path
) -> None:
    assert pool.run(crashes.die_once, tmp_path / "trace", limits=USUAL) == "worked"


@posix
def test_what_hangs_is_ended(pool: WorkerPool) -> None:
    with pytest.raises(TooSlow, match=r"0\.3 s"):
        pool.run(crashes.hang, limits=SHORT)
    assert pool.run(crashes.double, 4, limits=USUAL) == 8


def test_the_limit_is_each_calls_own(pool: WorkerPool) -> None:
    for _ in range(4):
        assert pool.run(crashes.nap, 0.2, limits=Limits(seconds=30)) == "rested"
    # Time spent waiting for a call is not held against the next one.
    assert pool.run(crashes.nap, 0.01, limits=Limits(seconds=5)) == "rested"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS")
def test_memory_is_limited(pool: WorkerPool) -> None:
    small = Limits(pixels=10_000_000)
    assert pool.run(crashes.take_memory, 1 << 20, limits=small) == 1 << 20
    with pytest.raises(BadImage, match="memory"):
        pool.run(crashes.take_memory, small.memory, limits=small)
    # The limit of one call is not that of the next.
    assert pool.run(crashes.take_memory, small.memory, limits=Limits(pixels=400_000_000))


def test_heavy_work_is_done_one_at_a_time(tmp_path: Path) -> None:
    with WorkerPool(4) as workers, ThreadPoolExecutor(4) as threads:
        trace = tmp_path / "at work"
        done = threads.map(lambda _: workers.run(crashes.be_heavy, trace, limits=USUAL), range(12))
        assert list(done) == ["alone"] * 12


def test_closing_ends_what_is_under_way() -> None:
    workers = WorkerPool(1)
    caught: list[BaseException] = []

    def work() -> None:
        try:
            workers.run(crashes.nap, 1000, limits=Limits(seconds=2000))
        except Crashed as error:
            caught.append(error)

    process = workers.run(crashes.process_id, limits=USUAL)
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.1)
    workers.close()
    thread.join(10)
    assert len(caught) == 1
    assert not _is_there(process)
    with pytest.raises(PhotosearchError, match="ended"):
        workers.run(crashes.double, 4, limits=USUAL)


ORPHANS = """
import sys, threading, time
from photosearch.decode.limits import Limits
from photosearch.decode.pool import WorkerPool
from tests import crashes
pool = WorkerPool(2)
limits = Limits(seconds=0.5)
busy = threading.Thread(target=lambda: pool.run(crashes.nap, 0.2, limits=limits))
busy.start()
idle = pool.run(crashes.process_id, limits=limits)
busy.join()
other = pool.run(crashes.process_id, limits=limits)
print(idle, other, flush=True)
def work():
    pool.run(crashes.hang, limits=limits)
threading.Thread(target=work).start()
time.sleep(0.1)
print("hanging", flush=True)
time.sleep(1000)
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_does_not_end_a_worker_that_is_still_starting(
    number: signal.Signals,
) -> None:
    """A terminal sends Ctrl-C to every process; what to do about it is the command's decision."""
    worker = Worker([])
    try:
        os.kill(worker.pid, number)
        worker.wait_until_up()
        assert worker.ask((crashes.double, (21,), USUAL)) == (True, 42)
    finally:
        worker.end()


@posix
def test_workers_end_with_the_process_that_started_them() -> None:
    """Idle ones at once, one that hangs when its time is up."""
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    workers = [int(word) for word in parent.stdout.readline().split()]
    assert parent.stdout.readline() == b"hanging\n"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    ended_by = time.monotonic() + 60
    while any(map(_is_there, workers)) and time.monotonic() < ended_by:
        time.sleep(0.1)
    assert not any(map(_is_there, workers))


def test_a_script_without_a_main_guard_can_index(tmp_path: Path) -> None:
    """Nothing of the caller's own script is run in the workers."""
    samples = Path(__file__).parents[2] / "examples" / "photos" / "animals"
    script = tmp_path / "script.py"
    script.write_text(
        "from photosearch import Library\n"
        "print('begun')\n"
        f"with Library.open({str(tmp_path / 'library')!r}, 'mini', create=True) as library:\n"
        f"    print(library.index({str(samples)!r}, words=False).encoded > 3)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.stdout == "begun\nTrue\n", done.stderr


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:  # one that nobody has asked about yet is no more
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state != "Z"
