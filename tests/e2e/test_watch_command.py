"""`photosearch watch` on real folders, as a process of its own.

Nothing here waits a fixed time for something to happen: a condition is polled, with a generous
limit. That nothing happens is told by something else that happens after it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest

from photosearch.store.lock import writer_lock
from tests.command import SAMPLES, Command
from tests.here import Here
from tests.make import jpeg, picture, write_photos

LIMIT = 60.0
QUICK = ("--settle", "0.3s", "--model", "mini")


def _collect(stream: IO[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line)


class Watching:
    """A running watch, its lines, and what the library holds."""

    def __init__(self, command: Command, *arguments: str | Path, env: dict[str, str]) -> None:
        self.library = command.library
        self.process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "watch", *map(os.fspath, arguments)],
            env={**command.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=_collect, args=(stream, lines))
            for lines, stream in (
                (self.out, self.process.stdout),
                (self.err, self.process.stderr),
            )
        ]
        for reader in self._readers:
            reader.start()

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        end = time.monotonic() + LIMIT
        while not condition():
            talk = f"{what}\n{''.join(self.out)}\n{''.join(self.err)}\n{self.files()}"
            assert self.process.poll() is None, f"the watch ended: {talk}"
            assert time.monotonic() < end, f"did not happen: {talk}"
            time.sleep(0.05)

    def files(self, missing: int = 0) -> set[str]:
        """Names (relative to their roots) that the library has."""
        try:
            with closing(
                sqlite3.connect(f"file:{self.library}/catalogue.db?mode=ro", uri=True)
            ) as database:
                rows = database.execute("SELECT path FROM files WHERE missing = ?", (missing,))
                return {os.fsdecode(path) for (path,) in rows}
        except sqlite3.Error:
            return set()

    def failures(self) -> set[str]:
        """Names of files that are stored as failed."""
        with closing(
            sqlite3.connect(f"file:{self.library}/catalogue.db?mode=ro", uri=True)
        ) as database:
            return {os.fsdecode(path) for (path,) in database.execute("SELECT path FROM failures")}

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join(LIMIT)
        assert "Traceback" not in "".join(self.err), "".join(self.err)
        return code

    @property
    def runs(self) -> list[str]:
        """What each run said, less the time of day."""
        return [line.split(" ", 1)[1].strip() for line in self.out]


@contextmanager
def watching(command: Command, *arguments: str | Path, **env: str) -> Iterator[Watching]:
    watch = Watching(command, *arguments, env=env)
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.stop()
        for stream in (watch.process.stdout, watch.process.stderr):
            stream.close()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    write_photos(folder, 2)
    return folder


def put(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(picture(seed)))
    return path


def started(watch: Watching, files: int = 2) -> None:
    watch.until(lambda: len(watch.files()) == files and watch.out, "the first index")


def test_life_of_a_folder(photosearch: Command, photos: Path) -> None:
    """Arrivals, a folder made after the start, a rename, a replaced file and a deletion."""
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        put(photos / "new.jpg", 100)
        watch.until(lambda: "new.jpg" in watch.files())
        for number in range(3):
            put(photos / "made" / "later" / f"{number}.jpg", 200 + number)
        deep = {f"made/later/{number}.jpg" for number in range(3)}
        watch.until(lambda: deep <= watch.files())
        (photos / "made").rename(photos / "renamed")
        renamed = {f"renamed/later/{number}.jpg" for number in range(3)}
        watch.until(lambda: renamed <= watch.files() and not deep & watch.files())
        assert not watch.files(missing=1)
        watch.until(lambda: "3 moved" in watch.runs)
        put(photos / "renamed" / "later" / "3.jpg", 203)
        watch.until(lambda: "renamed/later/3.jpg" in watch.files())
        (photos / "new.jpg").unlink()
        watch.until(lambda: watch.files(missing=1) == {"new.jpg"})
        shutil.rmtree(photos / "renamed")
        watch.until(lambda: len(watch.files(missing=1)) == 5)
        assert watch.stop() == 0
        said = [line for line in watch.err if "using mini" not in line]
        assert len(said) == 3  # what it watches, that it was told to stop, that it has stopped
    assert Here(photosearch.folder)("index").lines[0] == "2 unchanged"


def test_file_replaced_by_one_of_the_same_size(photosearch: Command, photos: Path) -> None:
    """A replaced photo is read anew, also where size and date are as before."""
    target = photos / "same.bmp"
    from PIL import Image

    Image.new("RGB", (40, 30), "red").save(target)
    status = target.stat()
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch, 3)
        beside = photos / "other.tmp"
        Image.new("RGB", (40, 30), "blue").save(beside, "BMP")
        assert beside.stat().st_size == status.st_size
        beside.rename(target)
        watch.until(lambda: "1 changed" in watch.runs)


def test_slow_writer_is_waited_for(photosearch: Command, photos: Path) -> None:
    """A photo that grows by pieces, with pauses longer than the wait, never fails."""
    data = jpeg(picture(7, (1200, 900)))
    pieces = [data[: len(data) // 2], data[len(data) // 2 : -200], data[-200:]]
    # A file that cannot be decoded has 15 times the wait to become whole: 9 s, of which a busy
    # machine needs some for each run between the pieces.
    with watching(photosearch, photos, *QUICK, "--settle", "0.6s") as watch:
        started(watch)
        # One is open all the time, as a copy over a network that stalls. The other is closed and
        # opened again for each piece: only its failure tells that it is not finished.
        with open(photos / "slow.jpg", "wb", buffering=0) as slow:
            for number, piece in enumerate(pieces):
                slow.write(piece)
                with open(photos / "pieces.jpg", "ab") as file:
                    file.write(piece)
                done = f"marker{number}.jpg"
                put(photos / done, 300 + number)
                watch.until(lambda done=done: done in watch.files())
                assert "slow.jpg" not in watch.failures() | watch.files()
        watch.until(lambda: {"slow.jpg", "pieces.jpg"} <= watch.files() and not watch.failures())
        assert not any("failed" in run for run in watch.runs)
        assert not any("slow.jpg" in line or "pieces.jpg" in line for line in watch.err)


def test_download_under_another_name(photosearch: Command, photos: Path) -> None:
    """Temporary names are left alone; the rename at the end is an arrival."""
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        for suffix in ("part", "crdownload", "tmp"):
            (photos / f"{suffix}.jpg.{suffix}").write_bytes(jpeg(picture(50))[:500])
        (photos / ".hidden.jpg.Xq12").write_bytes(b"half")
        (photos / "placeholder.jpg").write_bytes(b"")
        put(photos / "marker.jpg", 1)
        watch.until(lambda: "marker.jpg" in watch.files())
        put(photos / "part.jpg.part", 51).rename(photos / "part.jpg")
        put(photos / "placeholder.part", 52).replace(photos / "placeholder.jpg")
        watch.until(lambda: {"part.jpg", "placeholder.jpg"} <= watch.files())
        assert not watch.failures()
        assert len(watch.files()) == 5


def test_damaged_photo_is_told_in_the_end(photosearch: Command, photos: Path) -> None:
    """A file that stays damaged is a failure when it has had its time."""
    with watching(photosearch, photos, "--settle", "0.1s", "--model", "mini") as watch:
        started(watch)
        (photos / "bad.jpg").write_bytes(jpeg(picture(3))[:-300])
        watch.until(lambda: "1 failed" in watch.runs)
        watch.until(lambda: any("bad.jpg: " in line for line in watch.err))
        assert watch.failures() == {"bad.jpg"}


def test_burst_makes_few_runs(photosearch: Command, photos: Path) -> None:
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        for number in range(120):
            put(photos / f"folder{number % 7}" / f"{number}.jpg", 1000 + number)
        watch.until(lambda: len(watch.files()) == 122)
        watch.until(lambda: sum(int(run.split()[0]) for run in watch.runs) == 122)
        assert len(watch.runs) <= 6


def test_root_that_vanishes_and_returns(photosearch: Command, photos: Path) -> None:
    """The rows stay, and what happened meanwhile is found when the folder is back."""
    away = photos.with_name("away")
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        photos.rename(away)
        watch.until(lambda: any("offline, kept as it is" in line for line in watch.err))
        put(away / "meanwhile.jpg", 60)
        assert len(watch.files()) == 2
        away.rename(photos)
        watch.until(lambda: "meanwhile.jpg" in watch.files())
        assert any("is back" in line for line in watch.err)
        put(photos / "after.jpg", 61)
        watch.until(lambda: "after.jpg" in watch.files())
        assert not watch.files(missing=1)
        # Emptied, as an unmounted disk leaves its mount point.
        shutil.copytree(photos, away)
        for path in photos.iterdir():
            path.unlink()
        watch.until(lambda: sum("offline, kept" in line for line in watch.err) == 2)
        assert len(watch.files()) == 4


def test_real_unmount(photosearch: Command, photos: Path, tmp_path: Path) -> None:
    """A disk that is unmounted and mounted again."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "none", mount], capture_output=True)
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        put(mount / "a.jpg", 1)
        with watching(photosearch, photos, mount, *QUICK) as watch:
            started(watch, 3)
            subprocess.run(["umount", mount], check=True)
            watch.until(lambda: any("offline, kept as it is" in line for line in watch.err))
            put(photos / "meanwhile.jpg", 70)
            watch.until(lambda: "meanwhile.jpg" in watch.files())
            assert "a.jpg" in watch.files()
            subprocess.run(["mount", "-t", "tmpfs", "none", mount], check=True)
            put(mount / "a.jpg", 1)
            put(mount / "b.jpg", 2)
            watch.until(lambda: {"a.jpg", "b.jpg"} <= watch.files())
            assert not watch.files(missing=1)
            watch.stop()
    finally:
        subprocess.run(["umount", "-l", mount], capture_output=True)


def test_root_that_is_not_there_at_the_start(photosearch: Command, photos: Path) -> None:
    Here(photosearch.folder)("index", photos)
    away = photos.with_name("away")
    photos.rename(away)
    with watching(photosearch, *QUICK) as watch:
        watch.until(lambda: any("offline, kept as it is" in line for line in watch.err))
        put(away / "meanwhile.jpg", 80)
        away.rename(photos)
        watch.until(lambda: "meanwhile.jpg" in watch.files())


def test_busy_library(photosearch: Command, photos: Path) -> None:
    """While another process writes, the watch waits, says so once, and goes on."""
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        with writer_lock(photosearch.library):
            put(photos / "new.jpg", 90)
            watch.until(lambda: any("being written to" in line for line in watch.err))
            assert "new.jpg" not in watch.files()
        watch.until(lambda: "new.jpg" in watch.files())
        assert sum("being written to" in line for line in watch.err) == 1
        # And others may write while it is idle.
        watch.until(lambda: len(watch.out) == 2)
        other = Here(photosearch.folder)
        assert other("prune", code=None).code == 0
        assert "3 unchanged" in other("index", photos).text


def test_nothing_is_done_when_nothing_happens(
    photosearch: Command, photos: Path, tmp_path: Path
) -> None:
    """Other files make no run, nor does the library's own folder, even inside the root."""
    inside = photos / "library"
    with watching(
        photosearch, tmp_path / "photos", *QUICK, PHOTOSEARCH_LIBRARY=str(inside)
    ) as watch:
        watch.library = inside
        started(watch)
        before = (inside / "catalogue.db").stat().st_mtime_ns
        (photos / "note.txt").write_text("no photo")
        (photos / "note.txt").unlink()
        (photos / ".hidden").mkdir()
        put(photos / ".hidden" / "a.jpg", 1)
        put(photos / "@eaDir" / "b.jpg", 2)
        put(inside / "thumbs" / "c.jpg", 3)
        end = time.monotonic() + 3
        watch.until(lambda: time.monotonic() > end)  # whatever is to happen has happened
        assert (inside / "catalogue.db").stat().st_mtime_ns == before
        assert len(watch.out) == 1
        assert len(watch.files()) == 2


def test_ignore_file_that_changes(photosearch: Command, photos: Path) -> None:
    put(photos / "private" / "x.jpg", 500)
    with watching(photosearch, photos, *QUICK, "--exclude", "*.png") as watch:
        started(watch, 3)
        (photos / ".photosearchignore").write_text("private/\n")
        watch.until(lambda: watch.files(missing=1) == {"private/x.jpg"})
        put(photos / "private" / "y.jpg", 501)
        picture(9).save(photos / "shot.png")
        put(photos / "marker.jpg", 3)
        watch.until(lambda: "marker.jpg" in watch.files())
        assert "private/y.jpg" not in watch.files()
        (photos / ".photosearchignore").unlink()
        watch.until(lambda: {"private/x.jpg", "private/y.jpg"} <= watch.files())
        assert "shot.png" not in watch.files()


@pytest.mark.skipif(sys.platform != "linux", reason="the queue of inotify")
def test_lost_events_are_made_up_for(photosearch: Command, photos: Path) -> None:
    """A queue of events that overflows is followed by a look at everything."""
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        watch.process.send_signal(signal.SIGSTOP)
        (photos / "note.txt").write_text("no photo")
        queued = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        for number in range(queued + 100):
            os.link(photos / "note.txt", photos / f"{number}.txt")
        put(photos / "lost.jpg", 5)
        watch.process.send_signal(signal.SIGCONT)
        watch.until(lambda: "lost.jpg" in watch.files())


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8")
def test_name_that_the_notifier_cannot_tell(photosearch: Command, photos: Path) -> None:
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        (photos / os.fsdecode(b"\xff.jpg")).write_bytes(jpeg(picture(1)))
        watch.until(lambda: os.fsdecode(b"\xff.jpg") in watch.files())
        put(photos / "after.jpg", 2)
        watch.until(lambda: "after.jpg" in watch.files())


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of inotify")
def test_limit_of_watched_folders(photosearch: Command, photos: Path) -> None:
    """Where the system watches no more folders, they are looked through, and it is said how."""
    for number in range(10):
        put(photos / f"folder{number}" / "a.jpg", number)
    script = (
        "echo 5 > /proc/sys/user/max_inotify_watches && exec "
        f"{sys.executable} -m photosearch watch {photos} --settle 0.3s --rescan 2s --model mini"
    )
    allowed = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", "echo 5 > /proc/sys/user/max_inotify_watches"],
        capture_output=True,
    )
    if allowed.returncode:
        pytest.skip("user namespaces are not allowed here")
    process = subprocess.Popen(
        ["unshare", "-Ur", "sh", "-c", script],
        env=photosearch.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines: list[str] = []
        while not any("max_user_watches" in line for line in lines):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        while not any(" 12 added" in line for line in lines):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        put(photos / "folder3" / "b.jpg", 500)
        while not any(" 1 added" in line for line in lines):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        assert sum("max_user_watches" in line for line in lines) == 1
    finally:
        process.terminate()
        process.wait(LIMIT)
        process.stdout.close()


def test_polling(photosearch: Command, photos: Path) -> None:
    with watching(photosearch, photos, *QUICK, "--poll", "--rescan", "1s") as watch:
        started(watch)
        put(photos / "new.jpg", 5)
        watch.until(lambda: "new.jpg" in watch.files())
        (photos / "new.jpg").unlink()
        watch.until(lambda: "new.jpg" in watch.files(missing=1))


def test_forgotten_root_is_not_indexed_again(photosearch: Command, photos: Path) -> None:
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        Here(photosearch.folder)("forget", photos)
        watch.until(lambda: any("taken out of the library" in line for line in watch.err))
        put(photos / "new.jpg", 5)
        end = time.monotonic() + 2
        watch.until(lambda: time.monotonic() > end)
        assert not watch.files()


def test_how_it_ends(photosearch: Command, photos: Path) -> None:
    """SIGTERM is how a service is stopped: 0. Ctrl-C: 130."""
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        with watching(photosearch, photos, *QUICK) as watch:
            put(photos / f"{number}.jpg", number)
            watch.until(lambda watch=watch, number=number: f"{number}.jpg" in watch.files())
            assert watch.stop(number) == code
            said = "".join(watch.err)
            assert f"watching {photos}; " in said
            assert "Ctrl-C ends it" in said
            assert "the watch has ended" in watch.err[-1]


def test_json_lines(photosearch: Command, photos: Path) -> None:
    with watching(photosearch, photos, *QUICK, "--json") as watch:
        started(watch)
        put(photos / "new.jpg", 100)
        watch.until(lambda: len(watch.out) == 2)
        first, second = map(json.loads, watch.out)
        assert (first["version"], first["index"]["added"], first["words"]) == (1, 2, None)
        assert second["index"]["added"] == 1


def test_words_are_read_when_nothing_else_is_to_be_done(photosearch: Command, photos: Path) -> None:
    with watching(photosearch, photos, *QUICK, PHOTOSEARCH_WORDS="1") as watch:
        watch.until(lambda: "looked for words in 2 photos: 0 show some" in watch.runs)
        shutil.copyfile(SAMPLES / "signs" / "exit-sign.jpg", photos / "exit.jpg")
        watch.until(lambda: "looked for words in 1 photo: 1 shows some" in watch.runs)
        assert watch.runs.index("1 added") < len(watch.runs) - 1  # its looks came first
        assert watch.stop() == 0
    (hit,) = Here(photosearch.folder)("query", "--words", "exit", "--json").json["hits"]
    assert Path(hit["path"]).name == "exit.jpg"


def test_trouble_with_the_library_is_told_and_waited_for(
    photosearch: Command, photos: Path
) -> None:
    """As when its disk is full or away for a while: what arrived meanwhile is indexed then."""
    catalogue = photosearch.library / "catalogue.db"
    away = catalogue.with_name("away")
    with watching(photosearch, photos, *QUICK) as watch:
        started(watch)
        catalogue.rename(away)
        catalogue.mkdir()
        put(photos / "new.jpg", 100)
        watch.until(lambda: any("trying again in" in line for line in watch.err))
        assert any(str(catalogue) in line for line in watch.err)
        catalogue.rmdir()
        away.rename(catalogue)
        watch.until(lambda: "new.jpg" in watch.files())
        assert watch.stop() == 0


def test_wrong_use(tmp_path: Path, photos: Path) -> None:
    photosearch = Here(tmp_path)
    assert "no such folder" in photosearch("watch", photos / "nowhere", code=2).err
    assert "is no time" in photosearch("watch", photos, "--settle", "soon", code=2).err
    assert "is no time" in photosearch("watch", photos, "--rescan", "0", code=2).err
    assert "is no folder" in photosearch("watch", next(photos.glob("*.*")), code=2).err
    assert "photosearch watch FOLDER" in photosearch("watch", code=2).err


def test_unit_is_one_that_systemd_reads(photosearch: Command, tmp_path: Path) -> None:
    """Names with spaces, quotes, percent and dollar signs are written as systemd reads them."""
    odd = tmp_path / 'my "photos" 100% $HOME\\x'
    odd.mkdir()
    done = photosearch(
        "watch", odd, "--print-unit", "--exclude", "*.png", "--exclude", "a b/", "--no-words"
    )
    assert "systemctl --user" in done.err
    assert not photosearch.library.exists()
    (line,) = [line for line in done.lines if line.startswith("ExecStart=")]
    assert "%%" in line
    assert "$$HOME" in line
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    unit = tmp_path / "photosearch-watch.service"
    unit.write_bytes(done.out)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", unit],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
