"""The command with a warm process beside it: the same answers, and no trouble that shows."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import photosearch
from photosearch.resident.place import socket_path
from photosearch.resident.start import Running, running
from photosearch.resident.wire import MAX_REQUEST, framed
from tests.command import SAMPLES, Command
from tests.here import Here
from tests.make import write_photos

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Python has no Unix sockets there")

PATIENCE = 30.0


class Resident:
    """A command whose library may have a resident, its socket in a folder of its own."""

    def __init__(self, command: Command, runtime: Path) -> None:
        self.command = command
        command.env.pop("PYTHONUNBUFFERED", None)
        command.env |= {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(runtime)}

    @property
    def socket(self) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", self.command.env["XDG_RUNTIME_DIR"])
            path = socket_path(str(self.command.library))
        assert path is not None
        return path

    @contextmanager
    def running(
        self, *options: str, cwd: Path | None = None, **env: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "serve", "--socket", *options],
            env=self.command.env | env,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=cwd,
        )
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert b"answering queries" in first, first + process.stderr.read()
            yield process
        finally:
            process.kill()
            process.communicate()

    def status(self) -> Running | None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", self.command.env["XDG_RUNTIME_DIR"])
            return running(str(self.command.library))

    @property
    def answered(self) -> int:
        found = self.status()
        assert found is not None
        return found.answered

    def run(self, *arguments: Any, alone: bool = False, **options: Any) -> tuple[int, bytes, bytes]:
        env = self.command.env | {"PHOTOSEARCH_RESIDENT": "0" if alone else ""}
        env |= options.pop("env", {})
        done = subprocess.run(
            [sys.executable, "-m", "photosearch", *map(os.fspath, arguments)],
            env=env,
            stdin=subprocess.DEVNULL,
            timeout=120,
            **({"capture_output": True} | options),
        )
        return done.returncode, done.stdout, done.stderr

    def alone(
        self, *arguments: Any, cwd: Path | None = None, **options: Any
    ) -> tuple[int, bytes, bytes]:
        """Run it without a resident: in this process, unless its surroundings matter."""
        if options or "--help" in arguments:  # as wide as the terminal at the start
            return self.run(*arguments, alone=True, cwd=cwd, **options)
        here = Here(self.command.folder)
        here.env = self.command.env
        done = here(*arguments, code=None, cwd=cwd)
        return done.code, done.out, done.err.encode()

    def agree(self, *arguments: Any, **options: Any) -> tuple[int, bytes, bytes]:
        """Run it both ways; the answers must be the same."""
        warm = self.run(*arguments, **options)
        assert warm == self.alone(*arguments, **options)
        assert b"Traceback" not in warm[1] + (warm[2] or b"")
        return warm


def wait_for(condition: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


@contextmanager
def made(folder: Path) -> Iterator[Resident]:
    # A socket's path is 108 bytes at most; pytest's folders take more.
    runtime = Path(tempfile.mkdtemp(prefix="ps"))
    try:
        yield Resident(Command(folder), runtime)
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the samples, and names that not every terminal can show."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("animals", "signs"):
        shutil.copytree(SAMPLES / name, folder / name)
    write_photos(folder / "海边", 2)
    with suppress(OSError):  # macOS refuses such a name
        os.rename(folder / "海边" / "photo0001.jpg", os.fsencode(folder / "海边") + b"/caf\xe9.jpg")
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A library to be copied."""
    command = Here(tmp_path_factory.mktemp("indexed"))
    command("index", "-q", photos)
    return command.library


@pytest.fixture(scope="module")
def resident(tmp_path_factory: pytest.TempPathFactory, indexed: Path) -> Iterator[Resident]:
    """One resident for the tests that only ask."""
    with made(tmp_path_factory.mktemp("resident")) as one:
        shutil.copytree(indexed, one.command.library)
        with one.running():
            yield one


@pytest.fixture
def fresh(tmp_path: Path, indexed: Path) -> Iterator[Resident]:
    """A library of its own, without a resident yet."""
    with made(tmp_path) as one:
        shutil.copytree(indexed, one.command.library)
        yield one


ANSWERED = (
    ["query", "a cat"],
    ["query", "a cat", "-k", "3", "--json"],
    ["query", "a sign", "--paths"],
    ["query", "a sign", "-0"],
    ["query", "a sign", "--scores", "--all-copies"],
    ["query", "一只猫", "-k", "3"],
    ["query", "a cat", "--plus", "grass", "--minus", "dog", "--weight", "plus=0.5"],
    ["query", "x-ray of a broken arm", "-k", "2"],
    ["query", "--in", "animals", "--sort", "name"],
    ["query", "a cat -in:signs"],
    ["query", "a cat after:2001", "--json"],
    ["query", "a cat", "--type", "png"],
    ["query", "--words", "EXIT"],
    ["query", "a cat", "--min-score", "0.99"],
    ["query", "a cat", "--tag", "nothing", "--json"],
    ["query", "--after", "today", "--json"],
    ["query", "--image", "animals/cat.jpg", "-k", "2"],
    ["query", "a cat", "--model", "mini", "--library", "../library"],
    ["similar", "animals/cat.jpg", "-k", "3"],
    ["similar", "海边/photo0000.jpg", "--include-self"],
    ["facts", "animals/cat.jpg"],
    ["facts", "animals/cat.jpg", "--json", "--nearest", "2"],
    ["status", "--failures"],
)
ALONE = (
    ["query"],
    ["query", "a cat", "-k", "0"],
    ["query", "a cat", "--json", "--paths"],
    ["query", "a cat", "--nonsense"],
    ["query", "--help"],
    ["query", "a cat", "--model", "no-such-model", "--json"],
    ["query", "a cat", "--library", "no/such/library"],
    ["query", "--image", "missing.jpg"],
    ["query", "--image", "-"],
    ["similar", "/dev/null"],
    ["facts", "missing.jpg"],
)


@pytest.mark.parametrize("arguments", ANSWERED, ids=" ".join)
def test_an_answer_is_the_same_to_the_byte(
    resident: Resident, photos: Path, arguments: list[str]
) -> None:
    if "../library" in arguments:
        arguments = [str(resident.command.library) if one == "../library" else one
                     for one in arguments]  # fmt: skip
    before = resident.answered
    code, _, _ = resident.agree(*arguments, cwd=photos)
    assert code in (0, 1)
    assert resident.answered == before + 1


@pytest.mark.parametrize("arguments", ALONE, ids=" ".join)
def test_what_fails_or_reads_elsewhere_says_the_same(
    resident: Resident, photos: Path, arguments: list[str]
) -> None:
    before = resident.answered
    resident.agree(*arguments, cwd=photos)
    assert resident.answered == before


@pytest.mark.parametrize(
    "env",
    [
        {"TZ": "Pacific/Kiritimati"},
        {"TZ": "Pacific/Pago_Pago"},
        {"LC_ALL": "C", "LANG": ""},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": "1"},
        {"PHOTOSEARCH_MODEL": "auto"},
        {"COLUMNS": "20", "HOME": "/"},
    ],
    ids=str,
)
def test_the_environment_is_that_of_whoever_asks(
    resident: Resident, photos: Path, env: dict[str, str]
) -> None:
    before = resident.answered
    for arguments in (["query", "--after", "today", "--json"], ["query", "蓝天", "-k", "20"]):
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "capture_output": False}
        resident.agree(*arguments, cwd=photos, env=env, **both)
    assert resident.answered == before + 2


def test_a_terminal_shows_the_same(resident: Resident, photos: Path) -> None:
    def shown(alone: bool, columns: int) -> bytes:
        main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        env = {name: value for name, value in resident.command.env.items() if name != "COLUMNS"}
        env |= {"PHOTOSEARCH_RESIDENT": "0" if alone else "", "TERM": "xterm-256color"}
        process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "query", "一只猫", "-k", "4"],
            env=env, stdin=other, stdout=other, stderr=other, cwd=photos,
        )  # fmt: skip
        os.close(other)
        data = b""
        with suppress(OSError):  # Linux ends a terminal by an error
            while block := os.read(main, 4096):
                data += block
        os.close(main)
        assert process.wait(60) == 0
        return data

    before = resident.answered
    narrow, wide = shown(False, 45), shown(False, 130)
    assert resident.answered == before + 2
    assert narrow == shown(True, 45)
    assert wide == shown(True, 130)
    assert narrow != wide
    assert b"\x1b]8;;file://" in wide


def test_a_reader_that_leaves_and_a_full_disk_end_it_alike(resident: Resident) -> None:
    def ended(alone: bool, json_: bool) -> list[tuple[int, bytes]]:
        found = []
        reading, writing = os.pipe()
        os.close(reading)
        targets = [writing] + ([os.open("/dev/full", os.O_WRONLY)]
                               if os.path.exists("/dev/full") else [])  # fmt: skip
        for target in targets:
            for text in ("a cat", "a cat in:nowhere"):
                code, _, err = resident.run(
                    "query", text, *(["--json"] if json_ else []), alone=alone,
                    capture_output=False, stdout=target, stderr=subprocess.PIPE,
                )  # fmt: skip
                found.append((code, err))
            os.close(target)
        return found

    for json_ in (False, True):
        assert ended(False, json_) == ended(True, json_)


def test_twenty_at_once(resident: Resident) -> None:
    before = resident.answered
    expected = resident.alone("query", "a dog", "-k", "5")[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "photosearch", "query", "a dog", "-k", "5"],
            env=resident.command.env,
            stdout=subprocess.PIPE,
        )
        for _ in range(20)
    ]
    assert {process.communicate(timeout=120)[0] for process in processes} == {expected}
    assert resident.answered > before


def test_bad_clients_are_no_trouble_to_others(resident: Resident) -> None:
    def connected() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(resident.socket)
        return connection

    def is_refused(message: bytes) -> bool:
        with connected() as connection, suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(message)
            return connection.recv(100) == b""
        return True

    assert is_refused(b"GET / HTTP/1.1\r\n\r\n")
    assert is_refused(b"PSR1" + (MAX_REQUEST + 1).to_bytes(4, "big") + b"x" * 1000)
    assert is_refused(framed([b"run", b"x"]))
    assert is_refused(framed([]))
    assert is_refused(b"PSR1\0\0\0\x05\0\0\0\xffx")
    before = resident.answered
    with connected() as half, connected() as silent, connected():
        half.sendall(framed([b"run"])[:7])
        silent.sendall(framed([b"status"]))  # and its answer is never read
        resident.agree("query", "a cat", "-k", "1")
        assert resident.answered == before + 1


def test_only_its_user_can_reach_the_socket(resident: Resident) -> None:
    path = resident.socket
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    before = resident.answered
    os.chmod(os.path.dirname(path), 0o755)
    try:
        assert resident.run("query", "a cat", "-k", "1")[0] == 0
    finally:
        os.chmod(os.path.dirname(path), 0o700)
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
        try:
            assert resident.run("query", "a cat", "-k", "1")[0] == 0
        finally:
            os.chown(path, 0, -1)
    assert resident.answered == before
    assert resident.run("query", "a cat", alone=True)[0] == 0
    assert resident.answered == before


def test_a_second_one_says_that_there_is_one(resident: Resident) -> None:
    code, _, err = resident.run("serve", "--socket")
    assert code == 2
    found = resident.status()
    assert found is not None
    assert f"pid {found.pid}".encode() in err


def test_what_is_stored_meanwhile_is_found(fresh: Resident, tmp_path: Path) -> None:
    run = Here(fresh.command.folder)
    with fresh.running():
        fresh.agree("query", "a red thing", "-k", "3", "--json")
        more = write_photos(tmp_path / "more", 8, first_seed=50)
        run("index", "-q", tmp_path / "more")
        _, out, _ = fresh.agree("query", "a red thing", "-k", "100", "--paths")
        assert all(os.fsencode(path) in out for path in more)
        run("backup", tmp_path / "copy.db")
        more[0].unlink()
        run("index", "-q")
        run("prune")
        _, out, _ = fresh.agree("query", "a red thing", "-k", "100", "--paths")
        assert os.fsencode(more[0]) not in out
        run("restore", tmp_path / "copy.db")
        _, out, _ = fresh.agree("query", "a red thing", "-k", "100", "--paths")
        assert os.fsencode(more[0]) in out
        run("repair", code=None)
        fresh.agree("query", "a red thing", "-k", "100")
        (twin,) = [shutil.copytree(Path(photosearch.__file__).parent / "models" / "mini",
                                   tmp_path / "twin")]  # fmt: skip
        run("index", "-q", "--model", twin)
        _, out, _ = fresh.agree("query", "a red thing", "--json")
        assert json.loads(out)["model"] == str(twin)
        assert fresh.answered == 6
        shutil.rmtree(fresh.command.library)
        assert fresh.agree("query", "a red thing")[0] == 2
        wait_for(lambda: not os.path.exists(fresh.socket))


def test_another_library_is_not_mixed_up_with_this_one(fresh: Resident, tmp_path: Path) -> None:
    write_photos(tmp_path / "few", 2)
    run = Here(fresh.command.folder)
    run("index", "-q", tmp_path / "few", "--library", tmp_path / "other")
    with fresh.running():
        code, out, _ = fresh.agree("query", "--type", "jpeg", "--paths",
                                   "--library", tmp_path / "other")  # fmt: skip
        assert (code, len(out.splitlines())) == (0, 2)
        # The last one counts, as it does for the command.
        fresh.agree("query", "a cat", "--library", fresh.command.library,
                    "--library", tmp_path / "other")  # fmt: skip
        fresh.agree("query", "a cat", "--plus", "--library", "-k", "3")
        link = tmp_path / "link"
        link.symlink_to(fresh.command.library)
        before = fresh.answered
        fresh.agree("query", "a cat", "--library", link)
        assert fresh.answered == before + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_when_told_and_leaves_nothing_in_the_way(
    fresh: Resident, number: signal.Signals
) -> None:
    with fresh.running() as process:
        process.send_signal(number)
        ends = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}
        assert process.wait(PATIENCE) == ends.get(number, 0)
    assert os.path.exists(fresh.socket) == (number == signal.SIGKILL)
    fresh.agree("query", "a cat", "-k", "1")
    if number == signal.SIGKILL:  # its socket is still there, and of no use
        with fresh.running():
            fresh.agree("query", "a cat", "-k", "1")
            assert fresh.answered == 1
            code, out, _ = fresh.run("serve", "--stop")
            assert (code, out[:13]) == (0, b"ended process")
        assert fresh.run("serve", "--stop")[0] == 1
        assert fresh.run("serve", "--status")[0] == 1


def test_it_ends_by_itself_when_nothing_is_asked(fresh: Resident) -> None:
    with fresh.running("--idle", "1s") as process:
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert b"ended: idle" in process.stderr.read()


def test_it_ends_when_the_program_changes(fresh: Resident, tmp_path: Path) -> None:
    package = Path(photosearch.__file__).parent
    copy = tmp_path / "program" / "photosearch"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("models", "__pycache__"))
    (copy / "models").symlink_to(package / "models")
    with fresh.running(cwd=copy.parent) as process:
        before = fresh.run("query", "a cat", cwd=copy.parent)
        assert fresh.run("query", "a cat") == before  # by another program: not asked
        found = json.loads(fresh.run("serve", "--status", "--json", cwd=copy.parent)[1])
        assert found["running"]["answered"] == 1
        os.utime(copy / "records.py")
        time.sleep(1.1)  # it does not look more often
        assert fresh.run("query", "a cat", cwd=copy.parent) == before
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert b"photosearch has changed" in process.stderr.read()


def test_with_the_variable_a_query_starts_one_for_the_next(fresh: Resident) -> None:
    asking = {"PHOTOSEARCH_RESIDENT": "1"}
    expected = fresh.alone("query", "a cat")
    assert fresh.status() is None
    assert fresh.run("query", "a cat", env=asking) == expected
    try:
        wait_for(lambda: fresh.status() is not None)
        assert fresh.run("query", "a cat", env=asking) == expected
        assert fresh.answered == 1
    finally:
        fresh.run("serve", "--stop")
    assert fresh.status() is None


@contextmanager
def pretender(fresh: Resident) -> Iterator[socket.socket]:
    """Something that listens in the place of a resident."""
    folder = os.path.join(fresh.command.env["XDG_RUNTIME_DIR"], "photosearch")
    os.mkdir(folder, 0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        listener.bind(fresh.socket)
        listener.listen(5)
        yield listener


def test_whatever_goes_wrong_there_the_command_runs_itself(fresh: Resident) -> None:
    half = framed([b"answer", b"0", b"\x01half of it"])[:-3]
    replies = {
        "silent": b"",
        "nonsense": b"nonsense",
        "taken, then gone": framed([b"taken"]),
        "half an answer": framed([b"taken"]) + half,
        "no number": framed([b"taken"]) + framed([b"answer", b"zero"]),
        "refused": framed([b"refused", b"busy"]),
    }
    expected = fresh.alone("query", "a cat")
    with pretender(fresh) as listener:
        for name, reply in replies.items():
            process = subprocess.Popen(
                [sys.executable, "-m", "photosearch", "query", "a cat"],
                env=fresh.command.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            connection, _ = listener.accept()
            if reply:
                connection.recv(100)
                connection.sendall(reply)
                connection.shutdown(socket.SHUT_RDWR)
            out, err = process.communicate(timeout=PATIENCE)
            connection.close()
            assert (process.returncode, out, err) == expected, name


def test_ctrl_c_while_waiting_is_an_interruption(fresh: Resident) -> None:
    with pretender(fresh) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "photosearch", "query", "a cat"],
            env=fresh.command.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # Tests that are run in the background of a shell have Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        connection, _ = listener.accept()
        connection.recv(100)
        connection.sendall(framed([b"taken"]))
        # A signal between two system calls is seen after the second, which here would never end.
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        connection.close()
    assert (process.returncode, out, err) == (130, b"", b"photosearch: interrupted\n")


def test_the_client_imports_next_to_nothing(resident: Resident) -> None:
    code = (
        "import sys; before = set(sys.modules); from photosearch.resident import client; "
        "import _socket; print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; "
                           f"sys.path.insert(0, {str(Path(photosearch.__file__).parents[1])!r}); "
                           + code], capture_output=True, text=True)  # fmt: skip
    unwanted = {"typing", "socket", "json", "pathlib", "subprocess", "logging", "hashlib", "re"}
    assert done.returncode == 0, done.stderr
    assert not any(f"'{name}'" in done.stdout for name in unwanted)


def test_wrong_use_of_serve_is_told_in_a_line(resident: Resident) -> None:
    for arguments in (["--socket", "--stop"], ["--socket", "--idle", "soon"]):
        code, out, err = resident.run("serve", *arguments)
        assert (code, out) == (2, b"")
        assert err.startswith(b"photosearch: ")
