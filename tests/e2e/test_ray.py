"""`index --ray`: the same library as on one machine, whatever dies on the way.

A real cluster of two nodes on this machine, each with one CPU, serves all tests of this module.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import photosearch
from photosearch import Library
from photosearch.decode.limits import Limits
from photosearch.encode.names import open_encoder
from photosearch.errors import MissingExtra, PhotosearchError, WrongUse
from photosearch.ingest import spread
from photosearch.ingest.node import Bench, Task, own_version, read_group
from photosearch.records import FoundFile, Progress
from photosearch.reports.runs import IndexReport
from tests.command import SAMPLES, Command
from tests.contents import check_vector_files, contents_of
from tests.crashes import CRASHING
from tests.make import jpeg, picture, write_photos

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="kills processes that it finds in /proc"),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]

_CLUSTER = """
import os, signal, sys
from ray.cluster_utils import Cluster

cluster = Cluster()
def add(**more):
    node = cluster.add_node(
        num_cpus=1, object_store_memory=80 << 20, include_dashboard=False,
        temp_dir=sys.argv[1], **more)
    print(node.all_processes["raylet"][0].process.pid, flush=True)
add()
print(cluster.address, flush=True)
for line in sys.stdin:
    add()
os.killpg(0, signal.SIGKILL)
"""

# In the processes that decode: a file that says so at its end brings its decoder down.
_FRAGILE = """
import sys
if any("photosearch.decode.worker" in one for one in sys.orig_argv):
    import os, signal
    from photosearch.ingest import prepare
    real = prepare.decode
    def decode(data, **how):
        if bytes(data).endswith(%r):
            os.kill(os.getpid(), signal.SIGSEGV)
        return real(data, **how)
    prepare.decode = decode
"""


class Cluster:
    """Nodes of a Ray cluster, to be killed one by one."""

    def __init__(self, folder: Path, errors: Path) -> None:
        self._errors = errors
        # A node's `temp_dir` is made, but not where the cluster's address is written down.
        (folder / "ray").mkdir(parents=True)
        with errors.open("wb") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CLUSTER, str(folder / "ray")],
                env={**os.environ, "RAY_TMPDIR": str(folder)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
                start_new_session=True,
            )
        try:
            self.head = int(self._line())
            self.address = self._line()
            self.other = self.add()
        except BaseException:
            self.close()
            raise

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, f"{self._process.wait(10)}: {self._errors.read_text(errors='replace')[-2000:]}"
        return line

    def add(self) -> int:
        """One more node; gives the process that is its root."""
        assert self._process.stdin is not None
        print("add", file=self._process.stdin, flush=True)
        self.other = int(self._line())
        return self.other

    def workers(self, title: str = "ray::") -> list[int]:
        """Processes of its nodes whose title starts so."""
        return [pid for pid, name in _processes() if name.startswith(title)]

    def is_idle(self) -> bool:
        """Whether nothing of a run is at work there; the nodes may take a moment to end it."""
        end = time.monotonic() + 20
        while self.workers("ray::Bench") and time.monotonic() < end:
            time.sleep(0.1)
        return not self.workers("ray::Bench")

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _processes() -> Iterator[tuple[int, str]]:
    for one in Path("/proc").iterdir():
        if one.name.isdecimal():
            with suppress(OSError):
                yield int(one.name), (one / "cmdline").read_bytes().decode(errors="replace")


def _ancestors(pid: int) -> list[int]:
    found = [pid]
    with suppress(OSError):
        while pid > 1:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            found.append(pid)
    return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "sitecustomize.py").write_text(_FRAGILE % CRASHING)
    # The names of its sockets have room for a short path only.
    short = Path("/tmp") / f"psray-test-{os.getpid()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("PHOTOSEARCH_CACHE", str(folder / "cache"))
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # the loopback interface alone
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # A node that is gone is asked five times for an answer: by itself every 3 s.
        patch.setenv("RAY_health_check_period_ms", "500")
        running = Cluster(short, folder / "errors")
        yield running
        running.close()
    shutil.rmtree(short, ignore_errors=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 photos; copies, odd names, and files that are none."""
    folder = tmp_path_factory.mktemp("photos")
    shutil.copytree(SAMPLES, folder / "samples")
    paths = write_photos(folder / "drawn", 80)
    shutil.copy(paths[3], folder / "drawn" / "a copy.jpg")
    (folder / "drawn" / "without suffix").write_bytes(jpeg(picture(900)))
    (folder / "drawn" / "notes").write_bytes(b"no picture at all")
    (folder / "drawn" / "text.jpg").write_bytes(b"no picture at all")
    (folder / "drawn" / "torn.jpg").write_bytes(jpeg(picture(901))[:-200])
    Path(os.fsdecode(bytes(folder) + b"/drawn/\xff\xfe.jpg")).write_bytes(jpeg(picture(902)))
    (folder / "drawn" / "crash.jpg").write_bytes(jpeg(picture(903)) + CRASHING)
    return folder


@pytest.fixture(scope="module")
def alone(
    cluster: Cluster, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, IndexReport]:
    """The library that this machine makes of them by itself."""
    path = tmp_path_factory.mktemp("alone") / "library"
    return path, index(path, photos)


def index(library: Path, photos: Path, **options: Any) -> IndexReport:
    with Library.open(library, create=True, model=options.pop("model", None)) as opened:
        return opened.index([photos], words=False, **options)


def tables(library: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of what a run writes, with their ids."""
    contents_of(library)  # it is consistent in itself
    names = ("roots", "photos", "files", "vectors", "failures", "models")
    with closing(sqlite3.connect(library / "catalogue.db")) as connection:
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall()) for name in names
        }


def test_a_cluster_makes_the_same_library_as_one_machine(
    cluster: Cluster, photos: Path, alone: tuple[Path, IndexReport], tmp_path: Path
) -> None:
    """Rows, ids, vectors and failures, to the last bit; copies and odd names among them."""
    library, expected = alone
    report = index(tmp_path / "library", photos, ray=cluster.address)
    assert tables(tmp_path / "library") == tables(library)
    assert check_vector_files(tmp_path / "library", complete=True) == 1
    assert reasons(report) == reasons(expected)
    assert reasons(report)["crash.jpg"] == "its decoder crashed (SIGSEGV)"
    assert set(reasons(report)) == {"crash.jpg", "text.jpg", "torn.jpg"}
    assert report.encoded == 41 + 80 + 2

    # What it knows is not encoded again: a moved file, and nothing at all.
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(photos / "drawn" / "photo0001.jpg", moved)
    again = index(tmp_path / "library", moved, ray=cluster.address)
    assert (again.encoded, again.read, again.copied) == (0, 1, 1)
    started = [name for _, name in _processes() if "photosearch.ingest.cluster" in name]
    assert started == []  # it has left the cluster, where nothing of it is at work
    assert cluster.is_idle()


def reasons(report: IndexReport) -> dict[str, str]:
    return {one.path.name: one.reason for one in report.failed}


def once(do: Callable[[], None], after: int) -> Callable[[Progress], None]:
    """Does it when so many photos have been encoded."""
    done = False

    def progress(progress: Progress) -> None:
        nonlocal done
        if not done and progress.encoded >= after:
            done = True
            do()

    return progress


@pytest.mark.parametrize("victim", ["a bench", "all workers", "a node"])
def test_what_is_killed_loses_nothing_and_doubles_nothing(
    cluster: Cluster,
    photos: Path,
    alone: tuple[Path, IndexReport],
    tmp_path: Path,
    victim: str,
) -> None:
    """By SIGKILL, in the middle of a run."""
    killed: list[int] = []

    def strike() -> None:
        killed.extend(
            {
                "a bench": lambda: cluster.workers("ray::Bench")[:1],
                "all workers": lambda: [
                    one
                    for title in ("ray::Bench", "ray::read", "ray::IDLE")
                    for one in cluster.workers(title)
                    if cluster.other in _ancestors(one)
                ],
                # With all that runs there, as a machine goes: what it leaves behind here would
                # notice only after a while.
                "a node": lambda: [
                    one for one, _ in _processes() if cluster.other in _ancestors(one)
                ],
            }[victim]()
        )
        for one in killed:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    report = index(
        tmp_path / "library", photos, ray=cluster.address, progress=once(strike, after=1)
    )
    assert killed
    assert tables(tmp_path / "library") == tables(alone[0])
    assert reasons(report) == reasons(alone[1])
    if victim == "a node":
        cluster.add()


def test_a_folder_that_the_nodes_do_not_see_is_an_error(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that names the file and the node; nothing is called missing or failed for it."""
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path / "photos", 3)
    here = Path("/proc/self/cwd/photos")  # another folder for each process
    assert index(tmp_path / "library", here).encoded == 3
    write_photos(tmp_path / "photos", 4)[0].write_bytes(jpeg(picture(77)))
    before = contents_of(tmp_path / "library")
    with pytest.raises(WrongUse, match=r"does not see the same file at .*photo000") as caught:
        index(tmp_path / "library", here, ray=cluster.address)
    assert "same path on all nodes" in str(caught.value)
    after = contents_of(tmp_path / "library")
    assert (after.files, after.failures) == (before.files, before.failures)


def test_a_model_that_the_nodes_have_not_is_sent_to_them(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mini = Path(photosearch.__file__).parent / "models" / "mini"
    shutil.copytree(mini, tmp_path / "bundle")
    write_photos(tmp_path / "photos", 3)
    model = "/proc/self/cwd/bundle"
    index(tmp_path / "one", tmp_path / "photos")
    index(tmp_path / "two", tmp_path / "photos", model=model, ray=cluster.address)
    assert contents_of(tmp_path / "two").vectors == contents_of(tmp_path / "one").vectors


def test_a_stopped_run_has_stored_what_it_did(
    cluster: Cluster, photos: Path, alone: tuple[Path, IndexReport], tmp_path: Path
) -> None:
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True

    report = index(
        tmp_path / "library",
        photos,
        ray=cluster.address,
        batch_size=4,
        progress=once(stop, after=1),
        should_stop=lambda: stopped,
    )
    assert report.interrupted or report.encoded == alone[1].encoded
    assert len(contents_of(tmp_path / "library").vectors) == report.encoded > 0
    assert cluster.is_idle()
    index(tmp_path / "library", photos)
    assert contents_of(tmp_path / "library").vectors == contents_of(alone[0]).vectors


def test_a_lost_cluster_is_an_error_and_the_next_run_goes_on(
    cluster: Cluster, photos: Path, alone: tuple[Path, IndexReport], tmp_path: Path
) -> None:
    """Ray ends the process that was connected to it, as this test does."""

    def lose() -> None:
        for pid, name in _processes():
            if "photosearch.ingest.cluster" in name and os.getpid() in _ancestors(pid):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(PhotosearchError, match=r"connection to the Ray cluster .* was lost"):
        index(tmp_path / "library", photos, ray=cluster.address, progress=once(lose, after=1))
    contents_of(tmp_path / "library")
    report = index(tmp_path / "library", photos)
    assert reasons(report).keys() <= reasons(alone[1]).keys()
    assert contents_of(tmp_path / "library").vectors == contents_of(alone[0]).vectors


def test_the_command_starts_and_ends_a_cluster_of_its_own(
    photosearch: Command, photos: Path
) -> None:
    """It says no more than a run without it, and leaves no process and no file behind."""
    before = set(Path("/tmp").glob("psray-*"))
    done = photosearch("index", "--ray", "local", "--json", photos / "samples" / "animals")
    assert done.json["encoded"] == done.json["added"] > 5
    assert "ray" not in done.err.lower().replace("array", "")
    assert not [name for _, name in _processes() if "/psray-" in name and "psray-test" not in name]
    assert set(Path("/tmp").glob("psray-*")) <= before
    assert not list((photosearch.folder / "home").glob(".ray/*"))


def test_addresses_that_are_none(photosearch: Command, photos: Path) -> None:
    for address in ("cluster", "http://127.0.0.1:1", "127.0.0.1"):
        done = photosearch("index", "--ray", address, photos, code=2)
        assert "is no address of a Ray cluster" in done.err
    done = photosearch("index", "--ray", "127.0.0.1:1", photos, code=2)
    assert "the Ray cluster at 127.0.0.1:1 cannot be joined" in done.err
    done = photosearch("index", "--ray", "auto", "--words-only", code=2)
    assert "--words-only does not go with --ray" in done.err
    # Nothing has to be read for this.
    assert "would read" in photosearch("index", "--ray", "auto", "--dry-run", photos).text


def test_without_ray_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        index(tmp_path / "library", tmp_path, ray="auto")
    assert "photosearch[ray]" in caught.value.hint


def task(**changes: Any) -> Task:
    given = {
        "version": own_version(),
        "model": "mini",
        "key": open_encoder("mini").key,
        "device": "cpu",
        "limits": Limits(),
        "batch_size": None,
    }
    return Task(**{**given, **changes})


def test_a_node_refuses_another_version_and_another_model() -> None:
    with pytest.raises(WrongUse, match=r"has photosearch .*, and this machine 9\.9"):
        Bench(task(version="9.9"), 1).open()
    assert Bench(task(key="another"), 1).open() is None  # asks for the files
    assert Bench(task(model="/no/such/folder"), 1).open() is None


def test_a_file_read_again_after_a_loss_must_be_the_same(tmp_path: Path) -> None:
    (path,) = write_photos(tmp_path, 1)
    status = path.stat()
    found = FoundFile(bytes(path.name, "utf8"), status.st_size, status.st_mtime_ns)
    (outcome,), content = read_group(bytes(tmp_path), [found])
    assert outcome.digest == content[0]
    bench = Bench(task(), 1)
    assert bench.open() is not None
    (encoded,) = bench.encode([(found, outcome.digest)], content)
    assert isinstance(np.frombuffer(encoded.vector, "<f2"), np.ndarray)
    other = (bytes(32), content[1])
    troubles = bench.encode([(found, outcome.digest)] * 2, other, None)
    assert [one.reason for one in troubles] == ["changed while it was being read"] * 2
    assert pickle.loads(pickle.dumps(troubles)) == troubles
    bench.close()
    path.write_bytes(jpeg(picture(5)))
    (outcome,), content = read_group(bytes(tmp_path), [found])
    assert (outcome.digest, content) == (None, None)
    assert outcome.unlike_on
