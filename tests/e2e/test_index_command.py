"""`photosearch index`, and what keeps a library in order.

In this process, where signals, locks and streams are no matter.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import Command
from tests.contents import contents_of
from tests.here import Here
from tests.make import camera_exif, jpeg, picture, write_photos

INDEX_FIELDS = {
    "version", "encoded", "added", "changed", "unchanged", "moved", "copied", "missing",
    "returned", "read", "known_failures", "raw_skipped", "not_encoded", "offline", "failed",
    "seconds", "photos_per_second", "interrupted", "dry_run", "words", "regions",
}  # fmt: skip


@pytest.fixture
def photosearch(tmp_path: Path) -> Here:
    """The command with an empty library, run in this process."""
    return Here(tmp_path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos", 6)
    return tmp_path / "photos"


def test_json_report(photosearch: Command, photos: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"no image")
    report = photosearch("index", "--json", photos, code=3).json
    assert set(report) == INDEX_FIELDS
    assert (report["version"], report["encoded"], report["added"]) == (1, 6, 6)
    assert report["failed"] == [{"path": str(photos / "bad.jpg"), "reason": "text, not an image"}]
    assert report["photos_per_second"] > 0


def test_report_for_people(photosearch: Command, photos: Path) -> None:
    first = Command(photosearch.folder)("index", photos)
    assert first.lines[0] == "6 added"
    assert first.lines[1].startswith("encoded 6 photos in ")
    (line,) = first.err.splitlines()  # no progress bar where no one watches
    assert "using mini" in line
    assert "photosearch models pull ViT-B/32" in line
    again = Command(photosearch.folder)("index", photos)
    assert (again.lines, again.err) == (["6 unchanged"], "")
    assert Command(photosearch.folder)("index").lines == ["6 unchanged"]  # all known folders


def test_failures_are_named_with_reason_and_listed_later(
    photosearch: Command, photos: Path
) -> None:
    bad = photos / "bad.jpg"
    bad.write_bytes(jpeg(picture(3))[:-200])
    done = photosearch("index", photos, code=3)
    assert f"{bad}: damaged: image file is truncated" in done.err
    assert photosearch("status", "--failures").lines[0].startswith(f"{bad}: damaged")
    listed = photosearch("status", "--failures", "--json").json["failed"]
    assert [one["path"] for one in listed] == [str(bad)]
    again = photosearch("index", photos)  # nothing new went wrong
    assert "1 file failed at an earlier run" in again.text


def test_quiet_says_nothing(photosearch: Command, photos: Path) -> None:
    done = Command(photosearch.folder)("index", "-q", photos)
    assert (done.out, done.err) == (b"", "")


def test_dry_run_stores_nothing(photosearch: Command, photos: Path) -> None:
    done = photosearch("index", "--dry-run", photos)
    assert done.text == "would read 6 files: 6 new, 0 changed; 0 unchanged\n"
    assert not photosearch.library.exists()
    photosearch("index", "-q", photos)
    (photos / "photo0000.jpg").unlink()
    write_photos(photos, 1, first_seed=50)
    assert photosearch("index", "--dry-run", "--json", photos).json["added"] == 1
    assert photosearch("status", "--json").json["photos"] == 6


def test_options_of_the_walk(photosearch: Command, photos: Path, tmp_path: Path) -> None:
    write_photos(photos / "skip", 1, first_seed=20)
    write_photos(photos / ".hidden", 1, first_seed=30)
    write_photos(tmp_path / "elsewhere", 1, first_seed=40)
    (photos / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(photos)
    assert photosearch("index", "--json", photos, "--exclude", "skip/").json["added"] == 6
    assert photosearch("index", "--json", photos).json["added"] == 1
    assert photosearch("index", "--json", photos, "--hidden").json["added"] == 1
    assert photosearch("index", "--json", photos, "--follow-links").json["added"] == 1


def test_photo_folder_is_never_written_to(photosearch: Command, photos: Path) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted(
            (str(path), path.stat().st_mtime_ns, path.stat().st_size)
            for path in [photos, *photos.rglob("*")]
        )

    before = state()
    photosearch("index", photos)
    photosearch("query", "a sun", "-k", "3")
    photosearch("similar", photos / "photo0001.jpg")
    assert state() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["index", "nowhere"], "nowhere: no such file or folder"),
        (["index"], "there is no library"),
        (["index", ".", "--model", "ViT-X"], "no model of the name 'ViT-X'"),
        (["index", ".", "--model", "ViT-B/32"], "PHOTOSEARCH_OFFLINE"),
        (["index", ".", "--model", "hf:openai/clip"], "hf:openai/clip"),
        (["index", ".", "--model", "a/clip.pt"], "holds no 'a'"),
        (["index", ".", "--device", "tpu", "--model", "mini"], "'tpu' is no device"),
        (["index", ".", "--precision", "int4"], "'int4' is no precision"),
        (["index", ".", "--model", "min"], "no model of the name 'min'"),
        (["index", ".", "--batch-size", "0"], "--batch-size must be 1 or more"),
        (["index", ".", "--jobs", "zero"], "--jobs"),
    ],
    ids=[
        "folder",
        "none yet",
        "model",
        "OpenAI",
        "hub",
        "file",
        "device",
        "precision",
        "misspelt model",
        "batch size",
        "jobs",
    ],
)
def test_wrong_use(photosearch: Command, arguments: list[str], message: str) -> None:
    done = photosearch(*arguments, code=2, cwd=photosearch.folder)
    assert message in done.err
    assert done.out == b""


def test_bundle_folder_as_model(photosearch: Command, photos: Path, tmp_path: Path) -> None:
    import photosearch as package

    bundle = tmp_path / "bundle"
    shutil.copytree(Path(package.__file__).parent / "models" / "mini", bundle)
    photosearch("index", "-q", photos)
    same = photosearch("index", "--json", photos, "--model", bundle).json
    assert same["encoded"] == 0  # the same weights by another name: the same vectors
    (bundle / "visual" / "model.onnx").write_bytes(b"rubbish")
    write_photos(photos, 1, first_seed=60)
    done = photosearch("index", photos, "--model", bundle, code=2)
    assert "model.onnx is not the file that its checksum names" in done.err


def test_second_indexer_is_told_who_is_at_work(photosearch: Command, photos: Path) -> None:
    photosearch("index", "-q", photos)  # a library that is made is locked for a moment by itself
    write_photos(photos, 200, first_seed=1000)
    first = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "index", "-q", photos], env=photosearch.env
    )
    try:
        while not (photosearch.library / "writer.json").exists():
            assert first.poll() is None
            time.sleep(0.01)
        second = photosearch("index", photos, code=2)
        assert f"is being written to by process {first.pid} since" in second.err
        assert photosearch("status", "--json").json["writer"].startswith(f"process {first.pid}")
        photosearch("query", "a sun", code=None)  # queries work meanwhile
    finally:
        assert first.wait() == 0
    assert len(contents_of(photosearch.library).files) == 206


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_cleanly_and_the_next_run_goes_on(photosearch: Command, photos: Path) -> None:
    write_photos(photos, 300, first_seed=2000)
    run = subprocess.Popen(
        [sys.executable, "-m", "photosearch", "index", photos],
        env=photosearch.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not stored(photosearch.library):
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the worker processes get it, too
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "The same command goes on from here" in err
    assert "Traceback" not in err
    done = stored(photosearch.library)
    assert 0 < done < 306
    rest = photosearch("index", "--json", photos).json
    assert rest["encoded"] == 306 - done


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_a_closed_terminal_ends_it_as_ctrl_c_does(photosearch: Command, photos: Path) -> None:
    """Although nothing can be said any more; no photo that was being read counts as failed."""
    import pty

    write_photos(photos, 600, first_seed=3000)  # the first 256 are stored at once
    process, terminal = pty.fork()
    if process == 0:
        command = [sys.executable, "-m", "photosearch", "index", os.fspath(photos)]
        os.execve(sys.executable, command, photosearch.env)
    while not stored(photosearch.library):
        time.sleep(0.01)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130
    done = stored(photosearch.library)
    assert 0 < done < 606
    rest = photosearch("index", "--json", photos).json
    assert (rest["encoded"], rest["known_failures"]) == (606 - done, 0)


def stored(library: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{library}/catalogue.db?mode=ro", uri=True)) as found:
            return int(found.execute("SELECT count(*) FROM photos").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


class TestUpkeep:
    def test_prune_forgets_what_is_gone(self, photosearch: Command, photos: Path) -> None:
        photosearch("index", "-q", photos)
        (photos / "photo0000.jpg").unlink()
        done = photosearch("index", photos)
        assert "1 missing" in done.text
        assert "photosearch prune" in done.text
        assert len(photosearch("query", "x", "-k", "100").lines) == 5
        assert photosearch("prune").text == "1 entry and 1 photo forgotten\n"
        assert photosearch("prune", "--json").json == {"version": 1, "files": 0, "photos": 0}
        state = photosearch("status", "--json").json
        assert (state["photos"], state["missing"], state["forgotten"]) == (5, 0, 0)

    def test_forgetting_a_folder_prunes_no_other(
        self, photosearch: Command, photos: Path, tmp_path: Path
    ) -> None:
        """What is missing elsewhere may come back: only `prune` gives it up."""
        write_photos(tmp_path / "other", 3, first_seed=500)
        photosearch("index", "-q", photos, tmp_path / "other")
        gone = photos / "photo0000.jpg"
        gone.rename(tmp_path / "aside.jpg")
        photosearch("index", "-q")
        assert photosearch("forget", tmp_path / "other").text.endswith(
            "3 entries and 3 photos forgotten\n"
        )
        (tmp_path / "aside.jpg").rename(gone)
        back = photosearch("index", "--json").json
        assert (back["returned"], back["encoded"]) == (1, 0)
        assert "back again" not in photosearch("index").text

    def test_prune_keeps_what_is_offline(self, photosearch: Command, photos: Path) -> None:
        photosearch("index", "-q", photos)
        photos.rename(photos.with_name("unplugged"))
        assert "offline, kept as it is" in photosearch("index").text
        photosearch("prune")
        hits = photosearch("query", "x", "--json").json["hits"]
        assert len(hits) == 6
        assert all(hit["offline"] for hit in hits)
        assert not photosearch("status", "--json").json["roots"][0]["online"]

    def test_forget(self, photosearch: Command, photos: Path, tmp_path: Path) -> None:
        write_photos(tmp_path / "other", 2, first_seed=70)
        photosearch("index", "-q", photos, tmp_path / "other")
        done = photosearch("forget", tmp_path / "nowhere", code=2)
        assert "is not an indexed folder" in done.err
        assert str(photos) in done.err
        assert "6 entries and 6 photos forgotten" in photosearch("forget", photos).text
        assert photosearch("status", "--json").json["photos"] == 2
        assert len(photosearch("query", "x", "--paths").lines) == 2
        assert len(os.listdir(photos)) == 6

    def test_status(self, photosearch: Command, photos: Path) -> None:
        photosearch("index", "-q", photos)
        text = photosearch("status").text
        assert f"folder    {photos}: 6 files" in text
        assert "model     mini: all photos encoded" in text
        state = photosearch("status", "--json").json
        assert state["version"] == 1
        assert state["library"] == str(photosearch.library)
        assert state["models"][0] | {"key": ""} == {
            "name": "mini",
            "key": "",
            "dim": 512,
            "vectors": 6,
            "current": True,
            "cosine_to_float32": None,
        }
        assert state["bytes"]["catalogue"] > 0
        assert state["bytes"]["vectors"] > 6 * 1024

    @pytest.mark.parametrize("command", ["status", "prune", "export"])
    def test_without_a_library(self, photosearch: Command, command: str) -> None:
        done = photosearch(command, code=2)
        assert "there is no library" in done.err
        assert "try: photosearch index FOLDER" in done.err


def test_library_in_a_place_that_cannot_be_written(photosearch: Command, photos: Path) -> None:
    blocked = photosearch.folder / "file"
    blocked.touch()
    done = photosearch("index", photos, "--library", blocked / "library", code=2)
    assert "Not a directory" in done.err


def test_damaged_metadata_is_no_matter_for_the_user(photosearch: Command, photos: Path) -> None:
    whole = camera_exif(camera="Pixel 6", orientation=1).tobytes()
    image = io.BytesIO()
    picture(77).save(image, "JPEG", exif=whole[: len(whole) - 7])
    (photos / "cut-exif.jpg").write_bytes(image.getvalue())
    done = photosearch("index", photos)
    assert "7 added" in done.text
    assert "Warning" not in done.err


LATE = """
import sys
part = sys.argv.pop()
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == part:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from photosearch.__main__ import main
sys.argv.append("status")
main()
"""


@pytest.mark.parametrize("part", ["photosearch.cli.app", "photosearch.library", "typer"])
def test_ctrl_c_while_starting_shows_no_traceback(photosearch: Command, part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE, part], env=photosearch.env, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"photosearch: interrupted\n")
