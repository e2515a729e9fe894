"""encode/download, encode/fetch: cut, slow, wrong and lying servers; full disks; kill -9."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosearch.encode import download as module
from photosearch.encode import fetch
from photosearch.encode.download import download
from photosearch.encode.known import MINI, OPENAI, KnownModel, known
from photosearch.errors import DownloadFailed, PhotosearchError, StorageError, UnknownModel
from tests.hub import Hub

DATA = bytes(hashlib.sha256(str(number).encode()).digest()[0] for number in range(300_000))
SUM = hashlib.sha256(DATA).hexdigest()
NAME = "RN50.pt"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        server.publish(NAME, DATA)
        yield server


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.001)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PHOTOSEARCH_OFFLINE", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / NAME


def url_of(hub: Hub) -> str:
    return f"{hub.openai_url}/{SUM}/{NAME}"


def part_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def left(target: Path) -> set[str]:
    """Names in the target's folder; the lock is an empty file that stays."""
    return {path.name for path in target.parent.iterdir()} - {f"{target.name}.lock"}


def test_a_file_arrives_whole(hub: Hub, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = download(url_of(hub), target, sha256=SUM, progress=lambda *at: seen.append(at))
    assert path == target
    assert target.read_bytes() == DATA
    assert left(target) == {NAME}
    assert seen == sorted(seen)
    assert seen[-1] == (len(DATA), len(DATA))


def test_the_right_file_is_not_fetched_again(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(DATA)
    download(url_of(hub), target, sha256=SUM)
    assert hub.requests == []


def test_a_wrong_file_in_its_place_is_replaced(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(DATA[:-1])
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA


def test_an_earlier_part_is_continued(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(DATA[:100_000])
    seen: list[tuple[int, int | None]] = []
    download(url_of(hub), target, sha256=SUM, progress=lambda *at: seen.append(at))
    assert target.read_bytes() == DATA
    assert [request.range for request in hub.requests] == ["bytes=100000-"]
    assert [request.status for request in hub.requests] == [206]
    assert seen[0][0] > 100_000


def test_without_ranges_it_starts_over(hub: Hub, target: Path) -> None:
    hub.ranges = False
    target.parent.mkdir()
    part_of(target).write_bytes(b"?" * 100_000)
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA
    assert [request.status for request in hub.requests] == [200]


def test_a_part_that_lacks_nothing_is_taken_as_it_is(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(DATA)  # killed before it was renamed
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA
    assert [request.status for request in hub.requests] == [416]


@pytest.mark.parametrize("length", [1000, len(DATA), len(DATA) + 5], ids=["short", "same", "long"])
def test_a_part_of_another_file_is_thrown_away(hub: Hub, target: Path, length: int) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(b"?" * length)
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA


def test_cut_connections_are_resumed_in_one_call(hub: Hub, target: Path) -> None:
    for bytes_more in (50_000, 0, 60_000):
        hub.fault(NAME, cut=bytes_more)
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA
    ranges = [request.range for request in hub.requests]
    assert ranges == [None, "bytes=50000-", "bytes=50000-", "bytes=110000-"]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, len(DATA)), max_size=4), ranges=st.booleans())
def test_however_it_is_cut_the_file_is_right(hub: Hub, cuts: list[int], ranges: bool) -> None:
    hub.ranges = ranges
    hub.faults.clear()
    for bytes_more in cuts:
        hub.fault(NAME, cut=bytes_more)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / NAME
        download(url_of(hub), target, sha256=SUM)
        assert target.read_bytes() == DATA
        assert left(target) == {NAME}


def test_a_line_that_is_always_cut_ends_in_one_error_and_goes_on_later(
    hub: Hub, target: Path
) -> None:
    hub.fault(NAME, times=module.TRIES, cut=1000)
    with pytest.raises(DownloadFailed, match=r"was cut after 5,000 of 300,000 bytes") as caught:
        download(url_of(hub), target, sha256=SUM)
    assert "\n" not in str(caught.value)
    assert "goes on" in caught.value.hint
    assert len(hub.requests) == module.TRIES
    assert left(target) == {f"{NAME}.part"}
    download(url_of(hub), target, sha256=SUM)
    assert hub.requests[-1].range == "bytes=5000-"
    assert target.read_bytes() == DATA
    assert left(target) == {NAME}


def test_progress_is_worth_more_tries(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORTHWHILE", 20_000)
    hub.fault(NAME, times=2 * module.TRIES, cut=20_000)
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA


def test_other_content_leaves_nothing(hub: Hub, target: Path) -> None:
    hub.fault(NAME, times=9, body=b"something else")
    with pytest.raises(DownloadFailed, match=f"is not the file .* {SUM[:12]}"):
        download(url_of(hub), target, sha256=SUM)
    assert left(target) == set()
    assert len(hub.requests) == 1


def test_other_content_does_not_touch_what_is_there(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"older")
    hub.fault(NAME, body=b"something else")
    with pytest.raises(DownloadFailed):
        download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == b"older"


def test_a_missing_file_is_told_at_once(hub: Hub, target: Path) -> None:
    with pytest.raises(DownloadFailed, match=r"nothing\.pt cannot be downloaded: .* says 404"):
        download(f"{hub.url}/nothing.pt", target, sha256=SUM)
    assert len(hub.requests) == 1
    assert left(target) == set()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_recovers_is_asked_again(hub: Hub, target: Path, status: int) -> None:
    hub.fault(NAME, times=2, status=status)
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA


def test_a_server_that_does_not_recover_is_left_alone(hub: Hub, target: Path) -> None:
    hub.fault(NAME, times=99, status=503)
    with pytest.raises(DownloadFailed, match="says 503"):
        download(url_of(hub), target, sha256=SUM)
    assert len(hub.requests) == module.TRIES


def test_a_login_page_is_not_taken_for_a_model(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(DATA[:1000])
    hub.ranges = False
    hub.fault(NAME, body=b"<html>", kind="text/html")
    with pytest.raises(DownloadFailed, match="web page"):
        download(url_of(hub), target, sha256=SUM)
    assert part_of(target).read_bytes() == DATA[:1000]


def test_a_redirect_is_followed_with_its_range(hub: Hub, target: Path) -> None:
    hub.fault("/old/", status=302, location=url_of(hub))
    target.parent.mkdir()
    part_of(target).write_bytes(DATA[:7])
    download(f"{hub.url}/old/{NAME}", target, sha256=SUM)
    assert [request.range for request in hub.requests] == ["bytes=7-"] * 2
    assert target.read_bytes() == DATA


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_to_the_web_only(hub: Hub, target: Path, location: str) -> None:
    hub.fault(NAME, times=9, status=302, location=location)
    with pytest.raises(DownloadFailed):
        download(url_of(hub), target, sha256=SUM)
    assert left(target) == set()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "RN50.pt", "data:,x"])
def test_only_the_web_is_fetched_from(url: str, target: Path) -> None:
    with pytest.raises(DownloadFailed, match="only http and https"):
        download(url, target, sha256=SUM)
    assert not target.parent.exists()


def test_a_silent_server_is_given_up(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    hub.fault(NAME, times=99, hang=30)
    started = time.monotonic()
    with pytest.raises(DownloadFailed, match="does not answer"):
        download(url_of(hub), target, sha256=SUM)
    assert time.monotonic() - started < 5


def test_silence_in_the_middle_is_a_cut(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    hub.fault(NAME, stall=1000)
    download(url_of(hub), target, sha256=SUM)
    assert hub.requests[-1].range == "bytes=1000-"
    assert target.read_bytes() == DATA


def test_nobody_listens(target: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        with pytest.raises(DownloadFailed, match="refuses the connection") as caught:
            download(f"http://127.0.0.1:{taken.getsockname()[1]}/x", target, sha256=SUM)
    assert "network" in caught.value.hint
    assert left(target) == set()


def test_no_such_host(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DownloadFailed, match=r"models\.invalid is not found; is there a network"):
        download("https://models.invalid/x", target, sha256=SUM)


def test_an_unreachable_host_is_waited_for_once(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []

    def never(address: object, timeout: float, *_: object, **__: object) -> None:
        limits.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", never)
    with pytest.raises(DownloadFailed, match=r"models\.invalid does not answer"):
        download("http://models.invalid/x", target, sha256=SUM)
    assert limits == [module.CONNECT_SECONDS]


@pytest.mark.parametrize("variable", ["PHOTOSEARCH_OFFLINE", "HF_HUB_OFFLINE"])
@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_offline_asks_nobody(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(DownloadFailed, match=f"{variable} says to stay offline"):
        download(url_of(hub), target, sha256=SUM)
    assert hub.requests == []


def test_offline_set_to_nothing_means_online(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    download(url_of(hub), target, sha256=SUM)


def test_proxies_are_those_of_the_environment(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", hub.url)
    monkeypatch.setenv("no_proxy", "")
    url = url_of(hub).replace(hub.url, "http://models.invalid")
    download(url, target, sha256=SUM)
    assert hub.requests[0].headers["host"] == "models.invalid"
    assert target.read_bytes() == DATA


def test_two_that_want_the_same_file_fetch_it_once(hub: Hub, target: Path) -> None:
    hub.fault(NAME, hang=0.3)
    threads = [
        threading.Thread(target=download, args=(url_of(hub), target), kwargs={"sha256": SUM})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert target.read_bytes() == DATA
    assert len(hub.asked(NAME)) == 1


def test_who_waits_sees_how_far_the_other_is(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).write_bytes(DATA[:1234])
    lock = FileLock(f"{target}.lock")
    lock.acquire()
    seen: list[tuple[int, int | None]] = []

    def progress(done: int, total: int | None) -> None:
        seen.append((done, total))
        lock.release()

    download(url_of(hub), target, sha256=SUM, progress=progress)
    assert seen[0] == (1234, None)
    assert target.read_bytes() == DATA


def test_a_disk_without_room_is_told_before_it_is_full(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=len(DATA) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageError, match=r"has no room for RN50\.pt"):
        download(url_of(hub), target, sha256=SUM)
    assert left(target) == set()
    target.parent.mkdir(exist_ok=True)
    part_of(target).write_bytes(DATA[:1])  # what is left to fetch does fit
    download(url_of(hub), target, sha256=SUM)


LIMITED = """
import resource, sys
from pathlib import Path
from photosearch.encode.download import download
from photosearch.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    download(sys.argv[1], Path(sys.argv[2]), sha256=sys.argv[3])
except StorageError as error:
    print(error, "|", error.hint)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_disk_that_fills_up_keeps_what_has_come(hub: Hub, target: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, url_of(hub), str(target), SUM],
        # A measurement of coverage, as large a file, would be cut off, too.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert "File too large" in done.stdout
    assert "free some disk space" in done.stdout
    assert left(target) == {f"{NAME}.part"}
    assert part_of(target).read_bytes() == DATA[:100_000]
    download(url_of(hub), target, sha256=SUM)
    assert hub.requests[-1].range == "bytes=100000-"
    assert target.read_bytes() == DATA


def test_a_folder_that_cannot_be_made(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file") as caught:
        download(url_of(hub), tmp_path / "file" / NAME, sha256=SUM)
    assert "PHOTOSEARCH_MODELS" in caught.value.hint


CHILD = """
import sys
from pathlib import Path
from photosearch.encode.download import download
download(sys.argv[1], Path(sys.argv[2]), sha256=sys.argv[3])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("bytes_before", [1, 70_000, 299_999])
def test_killed_in_the_middle_the_next_call_goes_on(
    hub: Hub, target: Path, bytes_before: int
) -> None:
    hub.fault(NAME, stall=bytes_before)
    child = subprocess.Popen([sys.executable, "-c", CHILD, url_of(hub), str(target), SUM])
    deadline = time.monotonic() + 30
    while not (part_of(target).exists() and hub.asked(NAME)) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)  # so that what was sent is there, too
    child.kill()
    child.wait()
    assert left(target) == {f"{NAME}.part"}
    have = part_of(target).stat().st_size
    assert have <= bytes_before
    download(url_of(hub), target, sha256=SUM)
    assert target.read_bytes() == DATA
    assert left(target) == {NAME}
    if have:
        assert hub.requests[-1].range == f"bytes={have}-"


# fetch_openai


@pytest.fixture
def model() -> KnownModel:
    original = known("RN50")
    assert original is not None
    return dataclasses.replace(original, sha256=SUM, download_bytes=len(DATA))


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files whose SHA-256 fetch_openai computes itself."""
    hashed: list[Path] = []
    original = fetch.sha256_of

    def counted(path: Path) -> str:
        hashed.append(path)
        return original(path)

    monkeypatch.setattr(fetch, "sha256_of", counted)
    return hashed


@pytest.fixture
def mirror(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("PHOTOSEARCH_OPENAI_URL", f"{hub.openai_url}/")
    return hub


@pytest.mark.parametrize("one", OPENAI, ids=lambda one: one.name)
def test_openais_addresses(
    one: KnownModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(fetch, "download", lambda url, path, **_: asked.append(url))
    monkeypatch.delenv("PHOTOSEARCH_OPENAI_URL", raising=False)
    assert fetch.fetch_openai(one, tmp_path) == tmp_path / str(one.file)
    assert asked == [
        f"https://openaipublic.azureedge.net/clip/models/{one.sha256}/{one.file}",
    ]


def test_a_model_is_downloaded_once_and_checked_once(
    mirror: Hub, model: KnownModel, target: Path, sums: list[Path]
) -> None:
    assert fetch.fetch_openai(model, target.parent) == target
    assert target.read_bytes() == DATA
    for _ in range(3):
        assert fetch.fetch_openai(model, target.parent) == target
    assert len(mirror.requests) == 1
    assert sums == []  # download has looked at it already


def test_a_file_put_there_by_hand_is_checked_once(
    mirror: Hub, model: KnownModel, target: Path, sums: list[Path]
) -> None:
    target.parent.mkdir()
    target.write_bytes(DATA)
    for _ in range(3):
        assert fetch.fetch_openai(model, target.parent) == target
    assert sums == [target]
    assert mirror.requests == []


def test_a_changed_file_is_checked_again_and_replaced(
    mirror: Hub, model: KnownModel, target: Path
) -> None:
    fetch.fetch_openai(model, target.parent)
    target.write_bytes(DATA[:-1] + b"?")
    os.utime(target, (1, 1))
    assert fetch.fetch_openai(model, target.parent) == target
    assert target.read_bytes() == DATA


def test_the_clip_packages_own_copy_is_used_in_place(
    mirror: Hub, model: KnownModel, tmp_path: Path, sums: list[Path]
) -> None:
    own = tmp_path / "home" / ".cache" / "clip" / NAME
    own.parent.mkdir(parents=True)
    own.write_bytes(DATA)
    for _ in range(2):
        assert fetch.fetch_openai(model, tmp_path / "models") == own
    assert sums == [own]
    assert os.listdir(own.parent) == [NAME]
    assert mirror.requests == []


def test_a_damaged_copy_of_the_clip_package_is_passed_over(
    mirror: Hub, model: KnownModel, tmp_path: Path, target: Path
) -> None:
    own = tmp_path / "home" / ".cache" / "clip" / NAME
    own.parent.mkdir(parents=True)
    own.write_bytes(DATA[:1000])
    assert fetch.fetch_openai(model, target.parent) == target
    assert own.read_bytes() == DATA[:1000]


def test_offline_takes_what_is_here(
    mirror: Hub, model: KnownModel, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOSEARCH_OFFLINE", "1")
    with pytest.raises(DownloadFailed, match="stay offline"):
        fetch.fetch_openai(model, target.parent)
    target.write_bytes(DATA)
    assert fetch.fetch_openai(model, target.parent) == target
    assert mirror.requests == []


@pytest.mark.parametrize("broken", [b"", b"[1]", b"\xff{"])
def test_a_damaged_note_only_costs_time(
    mirror: Hub, model: KnownModel, target: Path, broken: bytes
) -> None:
    fetch.fetch_openai(model, target.parent)
    target.with_name(f"{NAME}.checked").write_bytes(broken)
    assert fetch.fetch_openai(model, target.parent) == target
    assert len(mirror.requests) == 1


def test_models_of_others_have_no_file_of_openais(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="mini"):
        fetch.fetch_openai(MINI, tmp_path)


def test_a_bar_is_shown_on_a_terminal_alone(
    mirror: Hub,
    model: KnownModel,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mirror.fault(NAME, cut=1000)
    fetch.fetch_openai(model, target.parent)
    assert capsys.readouterr() == ("", "")
    target.unlink()
    monkeypatch.setattr(fetch, "is_terminal", lambda: True)
    fetch.fetch_openai(model, target.parent)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "RN50" in captured.err


@pytest.mark.parametrize(
    "broken",
    [
        lambda hub: hub.fault(NAME, times=9, body=b"x"),
        lambda hub: hub.fault(NAME, times=9, status=404),
        lambda hub: hub.fault(NAME, times=9, cut=10),
    ],
    ids=["content", "missing", "cut"],
)
def test_every_failure_is_one_line_with_a_way_out(
    mirror: Hub, model: KnownModel, target: Path, broken: Callable[[Hub], None]
) -> None:
    broken(mirror)
    with pytest.raises(PhotosearchError) as caught:
        fetch.fetch_openai(model, target.parent)
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert not target.exists()
