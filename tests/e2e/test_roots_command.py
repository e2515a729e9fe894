"""The command and the names of files: whatever they hold, a terminal shows it and does not obey it;
what is for other programs is exact. And the words about disks that are gone.
"""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photosearch.cli.app import app
from photosearch.errors import WrongUse
from photosearch.library import temporary_library
from tests.command import Command
from tests.here import Here
from tests.make import jpeg, picture, write_photos

# Each as bytes: what a name can do to a terminal, to a line of text, or to a parser of options.
HOSTILE = [
    b"\x1b[31mred",
    b"\x1b]0;title\x07",
    b"\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\".replace(b"/", b"\xe2\x81\x84"),
    b"\x1b[2J\x1b[1;1Hclear",
    b"bell\x07back\x08\x08del\x7f",
    "c1 \u009b31m and \u0085".encode(),
    "rtl \u202egpj.exe\u202c \u2066iso\u2069 \u061c".encode(),
    "zero\u200bwidth\ufeff\u200d\u00ad".encode(),
    "lines \u2028 and \u2029".encode(),
    b"line\nend\rreturn\ttab",
    b"not utf-8 \xff\xfe\x80\x9b31m",
    b"-rf",
    b"--help",
    b"%s %n {0} $HOME `id` ; 'quote' \"double\"",
    b"\\x1b[31m",
    b"*?[a]",
    b"n" * 251,
    "\u0301marks alone".encode(),
    b" blanks ",
]
_LINK = re.compile(r"\x1b\]8;;(?:file://[!-~]*)?\x1b\\")
_DANGEROUS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u00ad"
    "\ud800-\udfff]"
)


def assert_harmless(shown: bytes, what: object) -> None:
    text = shown.decode("utf-8", "surrogateescape")
    found = _DANGEROUS.search(text)
    assert not found, f"{what}: {text[max(0, found.start() - 60) : found.end() + 20]!r}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A library of photos with such names in folders with such names, one of each broken."""
    folder = tmp_path_factory.mktemp("hostile")
    command = Here(folder)
    root = os.fsencode(folder / "photos")
    for number, name in enumerate(HOSTILE):
        inner = os.path.join(root, b"%02d" % number + name[:200])
        try:
            os.makedirs(inner)
            with open(os.path.join(inner, name + b".jpg"), "wb") as file:
                file.write(jpeg(picture(number)))
            with open(os.path.join(inner, b"broken" + name[:240] + b".jpg"), "wb") as file:
                file.write(jpeg(picture(number))[:-150])
        except OSError as error:
            if error.errno not in (errno.EILSEQ, errno.EINVAL):
                raise
    os.symlink(inner, os.path.join(root, b"link \x1b[31m"))
    command.out = Command(folder)("index", folder / "photos", code=3)  # type: ignore[attr-defined]
    return command


def paths_of(command: Command) -> list[bytes]:
    """Every photo's path, as `find` sees them."""
    root = os.fsencode(command.folder / "photos")
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(root)
        for name in names
        if not name.startswith(b"broken")
    ]


def test_every_photo_is_found_and_each_broken_one_told(hostile: Command) -> None:
    paths = paths_of(hostile)
    assert hostile("status", "--json").json["photos"] == len(paths)
    assert len(hostile("status", "--failures").lines) == len(paths)


@pytest.mark.parametrize(
    "arguments",
    [
        ("index",),
        ("index", "--retry"),
        ("index", "--dry-run"),
        ("query", "red", "-k", "99"),
        ("query", "red", "-k", "99", "--all-copies"),
        ("query", "red", "-k", "99", "--scores"),
        ("query", "--type", "jpeg", "--sort", "name", "-k", "99"),
        ("query", "--in", "photos", "-k", "99"),
        ("status",),
        ("status", "--failures"),
        ("classify", "--library-wide", "--labels", "a,\x1b[31mb,c\u202e"),
        ("classify", "--library-wide", "--labels", "a,\x1b[31mb,c\u202e", "--write-tags"),
        ("query", "red", "--tag", "\x1b[31m"),
        ("forget", "\x1b[31m/nowhere"),
        ("relocate", "\x1b[31m/nowhere", "\x1b[32m/nowhere"),
        ("check",),
        ("duplicates", "--exact"),
    ],
    ids=" ".join,
)
def test_no_command_prints_a_name_that_a_terminal_obeys(
    hostile: Command, arguments: Sequence[str]
) -> None:
    done = hostile(*arguments, code=None)
    assert done.code in (0, 1, 2, 3)
    assert_harmless(done.out, arguments)
    assert_harmless(done.err.encode("utf-8", "surrogateescape"), arguments)
    assert "unexpected error" not in done.err


def test_the_first_run_printed_none_either(hostile: Command) -> None:
    done = hostile.out  # type: ignore[attr-defined]
    assert_harmless(done.out + done.err.encode(), "index")
    assert "truncated" in done.err


def test_names_given_as_arguments_come_back_harmless(
    hostile: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In answers where there is such a file, and in complaints where there is none."""
    odd = "\x1b[31m\u202e\u009b\x07\nx\u2028"
    here = os.fsencode(hostile.folder / "photos")
    with_it = os.path.join(here, b"00" + HOSTILE[0], HOSTILE[0] + b".jpg")
    cases: list[tuple[str | bytes, ...]] = [
        ("index", odd),
        ("index", "--exclude", "!" + odd),
        ("index", "--model", odd),
        ("index", f"--{odd}"),
        ("index", "--jobs", odd),
        (odd,),
        ("query", odd),
        ("query", "IMG_1" + odd),
        ("query", f"after:{odd}"),
        ("query", f"{odd}:x"),
        ("query", "--sort", odd),
        ("query", "-k", odd),
        ("query", "--in", "/" + odd),
        ("query", "--in", odd),
        ("query", "--type", odd),
        ("query", "--place", odd),
        ("query", "--min-relevance", odd),
        ("query", "--weight", odd),
        ("query", "--image", odd),
        ("query", "--image", f"ftp://{odd}"),
        ("query", "--name", odd),
        ("similar", odd),
        ("facts", odd),
        ("facts", with_it),
        ("similar", with_it, "--include-self"),
        ("query", os.path.basename(with_it)),
        ("query", os.path.basename(with_it).replace(b"\x1b[31m", b"name:\x1b*")),
        ("classify", with_it, "--labels", "a,b"),
        ("classify", with_it, odd, "--labels", "a,b"),
        ("classify", here, "--labels", "a,b"),
        ("classify", with_it, "--labels-file", odd),
        ("export", "--format", odd),
        ("export", "-o", f"/nowhere/{odd}"),
        ("eval", odd, "--root", odd),
        ("status", "--library", odd),
        ("models", "show", odd),
        ("models", "pull", odd),
        ("forget", odd),
    ]
    for name, value in hostile.env.items():
        monkeypatch.setenv(name, value)
    for arguments in cases:
        # In this process: most of these are refused before there is anything to do.
        done = CliRunner().invoke(app, [os.fsdecode(one) for one in arguments])
        assert done.exit_code in (0, 1, 2, 3), arguments
        assert_harmless(done.stdout_bytes + done.stderr_bytes, arguments)
        assert "unexpected error" not in done.stderr, arguments


def test_what_is_for_programs_is_exact(hostile: Command) -> None:
    paths = sorted(paths_of(hostile))
    everything = ("--type", "jpeg", "--sort", "name", "-k", "99")
    null = Command(hostile.folder)("query", *everything, "-0").out
    assert sorted(null.removesuffix(b"\0").split(b"\0")) == paths
    plain = Command(hostile.folder)("query", *everything, "--paths").out
    assert plain == b"".join(path + b"\n" for path in null.removesuffix(b"\0").split(b"\0"))
    hits = hostile("query", *everything, "--json").json["hits"]
    assert sorted(os.fsencode(hit["path"]) for hit in hits) == paths
    rows = [json.loads(line) for line in hostile("export").out.splitlines()]
    assert sorted(os.fsencode(row["path"]) for row in rows) == paths
    failed = hostile("status", "--failures", "--json").json["failed"]
    assert all(os.path.isfile(os.fsencode(one["path"])) for one in failed)
    assert len(failed) == len(paths)
    # And back again: every name leads to its photo.
    for path in paths[:6]:
        facts = hostile("facts", path, "--json", "--nearest", "0").json
        assert [os.fsencode(one) for one in facts["paths"]] == [path]


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "red", "-k", "99"),
        ("query", "--type", "jpeg", "--sort", "name", "-k", "99"),
        ("status", "--failures"),
        ("index", "--retry"),
        ("classify", "--library-wide", "--labels", "a,b"),
    ],
    ids=" ".join,
)
def test_in_a_terminal(hostile: Command, arguments: tuple[str, ...]) -> None:
    shown = in_terminal(hostile, *arguments).replace(b"\r\n", b"\n")
    text = _LINK.sub("", shown.decode("utf-8", "surrogateescape"))
    if arguments[0] == "index":  # the bar of progress moves about
        text = text.replace("\r", "").replace("\x1b[A", "")
    assert_harmless(text.encode("utf-8", "surrogateescape"), arguments)
    if arguments[0] == "query":
        assert "\x1b]8;;file://" in shown.decode("utf-8", "surrogateescape")


def in_terminal(command: Command, *arguments: str) -> bytes:
    """All that a terminal gets to see."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "photosearch", *arguments],
        env={**command.env, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = bytearray()
    while True:
        try:
            block = os.read(ours, 1 << 16)
        except OSError:  # so Linux says that the other end is closed
            block = b""
        if not block:
            break
        shown += block
    os.close(ours)
    assert process.wait() in (0, 3)
    return bytes(shown)


@pytest.fixture
def photosearch(tmp_path: Path) -> Here:
    return Here(tmp_path)


class TestWhatIsNoPhoto:
    def test_pipes_devices_sockets_and_lies_end_in_a_line(
        self, photosearch: Command, tmp_path: Path
    ) -> None:
        """Nothing blocks, nothing is swallowed whole, and the photo beside them is taken."""
        import socket

        root = tmp_path / "photos"
        write_photos(root, 1)
        os.mkfifo(root / "pipe.jpg")
        os.mkfifo(root / ".photosearchignore")
        os.mkfifo(root / "unnamed")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(root / "socket.jpg"))
            with suppress(PermissionError):
                os.mknod(root / "zero.jpg", 0o20666, os.makedev(1, 5))
            with (root / "sparse.jpg").open("wb") as file:
                file.truncate(1 << 40)
            (root / "empty.jpg").touch()
            (root / "nothing").symlink_to("/dev/zero")
            done = photosearch("index", root, "--follow-links", code=3)
        assert "1 added" in done.text
        lines = sorted(line for line in done.err.splitlines() if ".jpg" in line)
        assert [re.search(r"(\w+)\.jpg: (.*)", line)[1] for line in lines] == ["empty", "sparse"]  # type: ignore[index]
        assert "larger than" in lines[1]

    @pytest.mark.parametrize("command", ["query --image", "similar", "facts", "classify"])
    def test_named_by_themselves(self, photosearch: Command, tmp_path: Path, command: str) -> None:
        write_photos(tmp_path / "photos", 1)
        photosearch("index", "-q", tmp_path / "photos")
        with (tmp_path / "sparse.jpg").open("wb") as file:
            file.truncate(1 << 40)
        more = ["--labels", "a,b"] if command == "classify" else []
        for name in (tmp_path / "sparse.jpg", tmp_path / "photos"):
            if command in ("facts", "classify") and name.name != "sparse.jpg":
                continue
            if command == "facts":
                continue  # it reads what it is given, to its end
            done = photosearch(*command.split(), name, *more, code=2)
            assert "larger than" in done.err or "is a folder" in done.err

    def test_a_file_of_the_system_that_claims_to_be_empty(
        self, photosearch: Command, tmp_path: Path
    ) -> None:
        if not os.path.exists("/proc/self/maps"):
            pytest.skip("this system has no /proc")
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "maps.jpg").symlink_to("/proc/self/maps")
        done = photosearch("index", tmp_path / "photos", "--follow-links", code=3)
        assert "maps.jpg: changed while it was being read" in done.err


class TestPermissions:
    def unprivileged(
        self, photosearch: Command, *arguments: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it as someone to whom permissions apply, root without its powers over files."""
        command = [sys.executable, "-m", "photosearch", *arguments]
        if not os.geteuid():
            if not shutil.which("setpriv"):
                pytest.skip("root may read everything, and there is no setpriv to be less")
            command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
        return subprocess.run(command, env=photosearch.env, capture_output=True)

    @pytest.mark.parametrize("mode", [0o000, 0o444, 0o311], ids=["none", "list-only", "enter-only"])
    def test_a_folder_that_may_not_be_read(
        self, photosearch: Command, tmp_path: Path, mode: int
    ) -> None:
        root = tmp_path / "photos"
        write_photos(root / "open", 2)
        write_photos(root / "closed", 3, first_seed=30)
        first = self.unprivileged(photosearch, "index", str(root))
        assert first.returncode == 0, first.stderr
        (root / "closed").chmod(mode)
        try:
            done = self.unprivileged(photosearch, "index", str(root))
            again = self.unprivileged(photosearch, "status", "--json")
        finally:
            (root / "closed").chmod(0o755)
        assert done.returncode == 3, done.stderr
        assert b"closed" in done.stderr
        assert b"missing" not in done.stdout
        assert json.loads(again.stdout)["files"] == 5
        done = self.unprivileged(photosearch, "index", str(root))
        assert (done.returncode, done.stdout.strip()) == (0, b"5 unchanged")


class TestOfflineWords:
    def test_an_emptied_root_is_called_offline_everywhere(
        self, photosearch: Command, tmp_path: Path
    ) -> None:
        root = tmp_path / "photos"
        write_photos(root, 3)
        photosearch("index", "-q", root)
        shutil.rmtree(root)
        (root / "lost+found").mkdir(parents=True)
        assert "offline, kept as it is" in photosearch("index").text
        assert "3 files, offline" in photosearch("status").text
        hits = photosearch("query", "x", "--json").json["hits"]
        assert [hit["offline"] for hit in hits] == [True] * 3

    def test_forget_says_what_can_be_done(self, photosearch: Command, tmp_path: Path) -> None:
        root = tmp_path / "photos"
        write_photos(root / "a", 3)
        photosearch("index", "-q", root)
        done = photosearch("forget", root / "a", code=2)
        assert "is a part of" in done.err
        assert ".photosearchignore" in done.err
        assert "nothing is known" in photosearch("forget", root / "b", code=2).err
        (tmp_path / "link").symlink_to(root)
        assert "3 entries and 3 photos forgotten" in photosearch("forget", tmp_path / "link").text

    def test_an_example_in_another_normal_form(self, photosearch: Command, tmp_path: Path) -> None:
        stored, typed = (unicodedata.normalize(form, "Zoë.jpg") for form in ("NFD", "NFC"))
        (path,) = write_photos(tmp_path / "photos", 1)
        path.rename(path.with_name(stored))
        photosearch("index", "-q", tmp_path / "photos")
        if (tmp_path / "photos" / typed).exists():
            pytest.skip("this file system takes both for one name")
        wanted = tmp_path / "photos" / typed
        assert photosearch("similar", wanted, "--include-self", "--paths").lines
        assert photosearch("facts", wanted, "--json").json["paths"]
        assert "1 photo has this name" in photosearch("query", typed).err


def test_an_empty_name_does_not_mean_the_current_folder() -> None:
    """`index ""` comes of a variable of a shell that is not set."""
    with temporary_library() as library, pytest.raises(WrongUse, match="empty path"):
        library.index("")
