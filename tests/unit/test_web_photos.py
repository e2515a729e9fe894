"""web: photos by their digest; previews, pictures, files, and several as a ZIP."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from photosearch import Library
from photosearch.store.previews import FOLDER, Previews, path_of, trim
from photosearch.web.app import create_app
from photosearch.web.bundle_zip import MISSING, zip_of
from photosearch.web.desktop import commands
from photosearch.web.sending import attachment, safe_name
from photosearch.web.site import Terms
from tests import make
from tests.fake import run_index

Photos = dict[str, Path]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library and its photos, which tests only read."""
    folder = tmp_path_factory.mktemp("web")
    fill(folder / "photos")
    run_index(folder / "library", [folder / "photos"])
    return folder


def fill(photos: Path) -> None:
    photos.mkdir()
    scene = make.picture(1, (800, 600))
    exif = make.camera_exif(orientation=6, camera="A camera", place=(48.1, 11.5))
    (photos / "turned.jpg").write_bytes(make.jpeg(make.stored_as(scene, 6), exif=exif))
    (photos / "plain.png").write_bytes(make.png(make.picture(2, (300, 200))))
    (photos / "large.jpg").write_bytes(make.jpeg(make.picture(3, (3000, 2000))))
    (photos / "old.tif").write_bytes(make.encode(make.picture(4, (640, 480)), "TIFF"))
    (photos / "small.bmp").write_bytes(make.encode(make.picture(5, (40, 30)), "BMP"))
    clear = make.picture(6, (400, 300)).convert("RGBA")
    clear.putalpha(128)
    (photos / "clear.webp").write_bytes(make.encode(clear, "WEBP"))
    turned = make.stored_as(make.picture(7, (80, 60)), 6)
    (photos / "turned.png").write_bytes(make.png(turned, exif=make.camera_exif(orientation=6)))
    (photos / "two").mkdir()
    (photos / "two" / "LARGE.jpg").write_bytes(make.jpeg(make.picture(8, (100, 80))))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A library that a test may harm, of a few small photos."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        (photos / f"{number}.jpg").write_bytes(make.jpeg(make.picture(number)))
    run_index(tmp_path / "library", [photos])
    return tmp_path


def asking(folder: Path, terms: Terms | None = None) -> TestClient:
    library = Library.open(folder / "library")
    app = create_app(library, terms or Terms())
    return TestClient(app, base_url="http://127.0.0.1:8420", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(place: Path) -> Iterator[TestClient]:
    with asking(place) as client:
        yield client


def id_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def url(path: Path, what: str = "") -> str:
    return f"/api/photo/{id_of(path)}{what}"


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    pixels = [np.asarray(each.convert("RGB"), np.float32) for each in (one, other)]
    return float(np.abs(pixels[0] - pixels[1]).mean())


# Previews


@pytest.mark.parametrize(
    ("asked", "longer"), [(1, 240), (240, 240), (241, 480), (960, 960), (1920, 1920), (9999, 1920)]
)
def test_a_preview_has_the_next_of_a_few_sizes(
    client: TestClient, place: Path, asked: int, longer: int
) -> None:
    reply = client.get(url(place / "photos" / "large.jpg", f"/preview?size={asked}"))
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "image/webp"
    assert max(opened(reply.content).size) == longer


def test_a_preview_is_upright_and_says_nothing_of_the_camera(
    client: TestClient, place: Path
) -> None:
    data = client.get(url(place / "photos" / "turned.jpg", "/preview?size=480")).content
    image = opened(data)
    assert image.size == (480, 360)
    assert difference(image, make.picture(1, (800, 600)).resize((480, 360))) < 4
    assert not image.getexif()
    assert "icc_profile" not in image.info
    assert b"A camera" not in data


def test_a_preview_is_never_larger_than_the_photo(client: TestClient, place: Path) -> None:
    reply = client.get(url(place / "photos" / "small.bmp", "/preview?size=960"))
    assert opened(reply.content).size == (40, 30)


@pytest.mark.parametrize("name", ["plain.png", "old.tif", "clear.webp", "small.bmp", "turned.png"])
def test_every_format_has_a_preview(client: TestClient, place: Path, name: str) -> None:
    reply = client.get(url(place / "photos" / name, "/preview"))
    assert (reply.status_code, opened(reply.content).format) == (200, "WEBP")


def test_what_was_fetched_once_is_not_sent_again(client: TestClient, place: Path) -> None:
    for what in ("/preview?size=240", "/image", "/file"):
        path = url(place / "photos" / "plain.png", what)
        first = client.get(path)
        assert "immutable" in first.headers["cache-control"]
        assert "private" in first.headers["cache-control"]
        tag = first.headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            again = client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_sizes_have_tags_of_their_own(client: TestClient, place: Path) -> None:
    path = place / "photos" / "large.jpg"
    whats = ("/preview?size=240", "/preview?size=480", "/image", "/file")
    tags = {client.get(url(path, what)).headers["etag"] for what in whats}
    assert len(tags) == len(whats)


def test_previews_are_kept_for_their_owner_alone(own: Path) -> None:
    photo = own / "photos" / "1.jpg"
    with asking(own) as client:
        made = client.get(url(photo, "/preview")).content
    kept = path_of(own / "library" / FOLDER, id_of(photo), 240)
    assert kept.read_bytes() == made
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    for folder in (kept.parent, kept.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    kept.write_bytes(b"kept")
    with asking(own) as client:
        assert client.get(url(photo, "/preview")).content == b"kept"


def test_previews_go_with_the_photos_that_are_forgotten(own: Path) -> None:
    gone, stays = (own / "photos" / name for name in ("0.jpg", "1.jpg"))
    with asking(own) as client:
        for photo in (gone, stays):
            assert client.get(url(photo, "/preview")).status_code == 200
    folder = own / "library" / FOLDER
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / "half.tmp").write_bytes(b"left by a process that was killed")
    digest = id_of(gone)
    gone.unlink()
    run_index(own / "library", [own / "photos"])
    with Library.open(own / "library") as library:
        library.prune()
    assert not path_of(folder, digest, 240).exists()
    assert not (folder / "ab" / "half.tmp").exists()
    assert path_of(folder, id_of(stays), 240).exists()


def test_previews_are_deletable_and_no_trouble_to_a_check(own: Path) -> None:
    import shutil

    photo = own / "photos" / "1.jpg"
    with asking(own) as client:
        client.get(url(photo, "/preview"))
        with Library.open(own / "library") as library:
            assert library.check().ok
        shutil.rmtree(own / "library" / FOLDER)
        assert client.get(url(photo, "/preview")).status_code == 200


def test_a_limit_takes_what_was_not_used_for_longest(tmp_path: Path) -> None:
    previews = Previews([tmp_path], 1000)
    names = [f"{number:064x}" for number in range(8)]
    for age, name in enumerate(names):
        previews.put(name, 240, b"x" * 100)
        os.utime(path_of(tmp_path, name, 240), (age * 10_000, age * 10_000))
    assert previews.get(names[0], 240)  # now used last of all
    for number in range(8, 11):
        previews.put(f"{number:064x}", 240, b"x" * 100)
    left = [name for name in names if path_of(tmp_path, name, 240).exists()]
    assert left == [names[0], *names[3:]]
    assert trim(tmp_path, 0) == 0
    assert not list(tmp_path.rglob("*.webp"))


def test_no_place_for_previews_is_no_reason_to_show_none(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    second = tmp_path / "cache"
    previews = Previews([blocked / "thumbs", second], 1000)
    previews.put("a" * 64, 240, b"one")
    assert path_of(second, "a" * 64, 240).exists()
    assert previews.get("a" * 64, 240) == b"one"
    nowhere = Previews([blocked / "thumbs"], 1000)
    nowhere.put("a" * 64, 240, b"one")
    assert nowhere.get("a" * 64, 240) is None
    off = Previews([second], 0)
    off.put("b" * 64, 240, b"one")
    assert off.get("b" * 64, 240) is None


def test_many_who_ask_at_once_all_get_it_and_it_is_made_once(place: Path, own: Path) -> None:
    photo = own / "photos" / "2.jpg"
    with asking(own) as client:
        replies: list[bytes] = []
        threads = [
            threading.Thread(
                target=lambda: replies.append(client.get(url(photo, "/preview")).content)
            )
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made = client.app.state.site.thumbs.made  # type: ignore[attr-defined]
    assert len(replies) == 12
    assert len(set(replies)) == 1
    assert made < 12


def test_what_nobody_waits_for_any_more_is_not_made(own: Path) -> None:
    """The threads are held up; who leaves meanwhile costs nothing when they are free again."""
    from photosearch.web.readers import Gone

    class Leaving:
        async def receive(self) -> dict[str, str]:
            await asyncio.sleep(0.05)
            return {"type": "http.disconnect"}

    async def scenario(client: TestClient) -> list[str]:
        thumbs = client.app.state.site.thumbs  # type: ignore[attr-defined]
        held, made = threading.Event(), []
        busy = [thumbs._threads.submit(held.wait) for _ in range(thumbs._threads._max_workers)]

        def make_it() -> bytes:
            made.append("made")
            return b""

        with pytest.raises(Gone):
            await thumbs._once(Leaving(), "key", make_it)
        assert not thumbs._jobs
        held.set()
        for one in busy:
            one.result()
        thumbs._threads.submit(lambda: None).result()
        return made

    with asking(own) as client:
        assert asyncio.run(scenario(client)) == []


# Pictures and files


def test_browsers_get_the_file_itself_where_they_show_it(client: TestClient, place: Path) -> None:
    for name, kind in (("large.jpg", "image/jpeg"), ("plain.png", "image/png"),
                       ("clear.webp", "image/webp"), ("turned.jpg", "image/jpeg")):  # fmt: skip
        path = place / "photos" / name
        reply = client.get(url(path, "/image"))
        assert reply.content == path.read_bytes()
        assert reply.headers["content-type"] == kind


@pytest.mark.parametrize(("name", "seed"), [("old.tif", 4), ("small.bmp", 5), ("turned.png", 7)])
def test_browsers_get_a_jpeg_of_what_they_do_not_show_as_it_is(
    client: TestClient, place: Path, name: str, seed: int
) -> None:
    reply = client.get(url(place / "photos" / name, "/image"))
    assert reply.headers["content-type"] == "image/jpeg"
    image = opened(reply.content)
    assert difference(image, make.picture(seed, image.size)) < 6


def test_the_file_is_to_be_saved_under_its_name(client: TestClient, place: Path) -> None:
    path = place / "photos" / "old.tif"
    reply = client.get(url(path, "/file"))
    assert reply.content == path.read_bytes()
    assert reply.headers["content-disposition"].startswith('attachment; filename="old.tif"')
    assert reply.headers["content-type"] == "image/tiff"


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=99999999-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
        ("bytes=9-5", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("lines=0-9", 200, slice(None)),
        ("bytes=\u0661-", 200, slice(None)),
        ("bytes=" + "9" * 500 + "-", 200, slice(None)),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(
    client: TestClient, place: Path, asked: str, status: int, part: slice
) -> None:
    path = place / "photos" / "plain.png"
    data = path.read_bytes()
    header = {"Range": asked.encode("utf-8")}
    reply = client.get(url(path, "/file"), headers=header)
    assert reply.status_code == status
    assert reply.content == data[part]
    assert reply.headers["content-length"] == str(len(data[part]))
    if status == 206:
        first = part.indices(len(data))[0]
        span = f"bytes {first}-{first + len(reply.content) - 1}/{len(data)}"
        assert reply.headers["content-range"] == span
    old = client.get(url(path, "/file"), headers={**header, "If-Range": '"another"'})
    assert old.content == data


def test_pictures_and_files_can_do_nothing_in_a_browser(client: TestClient, place: Path) -> None:
    for what in ("/preview", "/image", "/file"):
        headers = client.get(url(place / "photos" / "plain.png", what)).headers
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["x-content-type-options"] == "nosniff"


def test_facts_are_those_of_the_command_and_how_it_can_be_shown(
    client: TestClient, place: Path
) -> None:
    path = place / "photos" / "turned.jpg"
    document = client.get(url(path)).json()
    with Library.open(place / "library") as library:
        expected = library.facts(path).as_dict()
    shown = document.pop("web")
    assert document == json.loads(json.dumps(expected))
    assert shown["image"] is True


# What is not of the library


@pytest.mark.parametrize("what", ["", "/preview", "/image", "/file"])
def test_an_unknown_photo_is_not_found(client: TestClient, what: str) -> None:
    reply = client.get(f"/api/photo/{'0' * 64}{what}")
    assert reply.status_code == 404
    assert reply.json()["error"]["kind"]
    assert reply.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/api/photo/../../../../etc/passwd",
        "/api/photo/..%2f..%2f..%2fetc%2fpasswd",
        "/api/photo/%2e%2e/%2e%2e/etc/passwd",
        "/api/photo/%252e%252e%252fetc%252fpasswd",
        "/api/photo/..%5c..%5cetc%5cpasswd",
        "/api/photo/%00",
        "/api/photo//etc/passwd",
        "/api/photo/%2fetc%2fpasswd/file",
        "/api/photo/%c0%ae%c0%ae%c0%afetc/file",
        "/api/photo/" + "A" * 64,
        "/api/photo/" + "a" * 63,
        "/api/photo/" + "a" * 64 + "%0a",
        "/page/../app.py",
        "/page/%2e%2e%2fapp.py",
        "/page/..%5capp.py",
        "/page/%2fetc%2fpasswd",
        "/page/index.html%00.js",
        "/page/",
        "/page",
        "/page/app.py",
        "/page/x/app.py",
        "/page/x/%2e%2e%2fapp.py",
        "/page/%2e%2e/app.py",
        "/page/x//etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out_of_the_library(client: TestClient, path: str) -> None:
    reply = client.get("http://127.0.0.1:8420" + path, follow_redirects=False)
    assert reply.status_code in (404, 422)
    assert b"root:" not in reply.content
    assert b"import" not in reply.content


def test_a_photo_whose_files_are_away_is_told_from_none(own: Path) -> None:
    photo = own / "photos" / "0.jpg"
    paths = [url(photo, what) for what in ("/preview?size=240", "/image", "/file")]
    photo.rename(own / "away.jpg")
    with asking(own) as client:
        for path in paths:
            reply = client.get(path)
            assert (reply.status_code, reply.headers["cache-control"]) == (
                410, "private, no-store"
            )  # fmt: skip
        assert client.get(paths[0].partition("/preview")[0]).status_code == 200
        (own / "away.jpg").rename(photo)
        for path in paths:
            assert client.get(path).status_code == 200


def test_a_preview_outlives_its_disk(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.jpg").write_bytes(make.jpeg(make.picture(1, (1000, 700))))
    run_index(tmp_path / "library", [photos])
    path = url(photos / "one.jpg", "/preview?size=")
    with asking(tmp_path) as client:
        kept = client.get(path + "480")
        photos.rename(tmp_path / "unplugged")
        assert client.get(path + "480").content == kept.content
        other = client.get(path + "960")
        assert other.content == kept.content
        assert "immutable" not in other.headers["cache-control"]


@pytest.mark.parametrize("kind", ["other", "same size and time", "link", "pipe", "folder", "grown"])
def test_nothing_else_is_ever_handed_out_at_a_photos_path(own: Path, kind: str) -> None:
    photo = own / "photos" / "0.jpg"
    digest, data, status = id_of(photo), photo.read_bytes(), photo.stat()
    secret = own / "secret"
    secret.write_bytes(b"secret" + b"." * (len(data) - 6))
    os.utime(secret, ns=(status.st_mtime_ns, status.st_mtime_ns))
    with asking(own) as client:
        for warm in (False, True):
            if warm:  # what is known of the file from an earlier look does not help
                assert client.get(f"/api/photo/{digest}/file").content == data
            photo.unlink()
            if kind == "other":
                photo.write_bytes(b"secret")
            elif kind == "same size and time":
                secret.rename(photo)
            elif kind == "link":
                photo.symlink_to(secret)
            elif kind == "pipe":
                os.mkfifo(photo)
            elif kind == "folder":
                photo.mkdir()
            else:
                photo.write_bytes(data + b"secret")
            for what in ("preview", "image", "file"):
                reply = client.get(f"/api/photo/{digest}/{what}")
                assert reply.status_code == 410, what
                assert b"secret" not in reply.content
            content = zipfile.ZipFile(
                io.BytesIO(client.post("/api/zip", data={"photos": digest}).content)
            )
            assert content.namelist() == [MISSING]
            if photo.is_dir():
                photo.rmdir()
            elif kind == "same size and time":
                photo.rename(secret)
            else:
                photo.unlink()
            photo.write_bytes(data)
            os.utime(photo, ns=(status.st_mtime_ns, status.st_mtime_ns))


def test_a_link_that_was_indexed_is_followed(tmp_path: Path) -> None:
    from photosearch.walk import WalkRules

    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    photos.mkdir()
    elsewhere.mkdir()
    (elsewhere / "one.jpg").write_bytes(make.jpeg(make.picture(1)))
    (photos / "link.jpg").symlink_to(elsewhere / "one.jpg")
    run_index(tmp_path / "library", [photos], rules=WalkRules(follow_links=True))
    with asking(tmp_path) as client:
        reply = client.get(url(elsewhere / "one.jpg", "/file"))
        assert reply.content == (elsewhere / "one.jpg").read_bytes()


def test_a_copy_elsewhere_is_as_good(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    data = make.jpeg(make.picture(1))
    for name in ("a.jpg", "b.jpg"):
        (photos / name).write_bytes(data)
    run_index(tmp_path / "library", [photos])
    (photos / "a.jpg").write_bytes(b"no photo any more")
    with asking(tmp_path) as client:
        assert client.get(url(photos / "b.jpg", "/image")).content == data


def test_a_picture_that_cannot_be_made_is_said_so(own: Path, tmp_path: Path) -> None:
    """A photo of the library whose decoder is not here any more, or refuses it by now."""
    import sqlite3

    path = own / "photos" / "broken.jpg"
    path.write_bytes(make.jpeg(make.picture(9))[:500])
    with sqlite3.connect(own / "library" / "catalogue.db") as catalogue:
        digest = hashlib.sha256(path.read_bytes()).digest()
        catalogue.execute(
            "UPDATE photos SET digest = ?, bytes = 500, format = 'tiff' WHERE id = 1", (digest,)
        )
        catalogue.execute("UPDATE files SET path = ? WHERE photo_id = 1", (b"broken.jpg",))
    catalogue.close()
    with asking(own) as client:
        for what in ("/preview", "/image"):
            reply = client.get(url(path, what))
            assert reply.status_code == 422
            assert "damaged" in reply.json()["error"]["message"]
        assert client.get(url(path, "/file")).content == path.read_bytes()


# Several at once


def test_a_zip_holds_the_files_under_names_of_their_own(client: TestClient, place: Path) -> None:
    photos = place / "photos"
    chosen = [photos / "large.jpg", photos / "two" / "LARGE.jpg", photos / "plain.png"]
    form = {"photos": [*map(id_of, chosen), id_of(chosen[0])]}
    reply = client.post("/api/zip", data=form)
    assert reply.headers["content-type"] == "application/zip"
    assert "attachment" in reply.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["large.jpg", "LARGE (2).jpg", "plain.png"]
        for name, path in zip(names, chosen, strict=True):
            assert archive.read(name) == path.read_bytes()
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_zip_names_what_it_lacks(own: Path) -> None:
    gone, there = own / "photos" / "0.jpg", own / "photos" / "1.jpg"
    ids = [id_of(gone), id_of(there), "0" * 64]
    gone.unlink()
    with asking(own) as client:
        reply = client.post("/api/zip", data={"photos": ids})
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.namelist() == ["1.jpg", MISSING]
        note = archive.read(MISSING).decode()
    assert "0.jpg" in note
    assert "0" * 64 in note


def test_an_own_missing_txt_is_not_lost(tmp_path: Path) -> None:
    from photosearch.store.originals import Original

    data = make.jpeg(make.picture(1))
    path = tmp_path / MISSING
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    original = Original(digest, "jpeg", len(data), 64, 48, 1, (os.fsencode(path),))
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_of([original], ["f" * 64])))) as archive:
        assert archive.namelist() == ["missing (2).txt", MISSING]
        assert archive.read("missing (2).txt") == data


def test_a_zip_is_not_read_ahead_of_whoever_takes_it(place: Path) -> None:
    """Its end is not made where the client has gone."""
    with Library.open(place / "library") as library:
        digests = [id_of(place / "photos" / name) for name in ("large.jpg", "plain.png")]
        originals = list(library.originals(digests).values())
    blocks = zip_of(originals)
    first = next(blocks)
    assert 0 < len(first) < originals[0].size + 1000
    blocks.close()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"photos=", "application/x-www-form-urlencoded", 400),
        (b"photos=../../etc/passwd", "application/x-www-form-urlencoded", 400),
        (b"photos=" + b"0" * 64, "application/x-www-form-urlencoded", 404),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"photos=" + b"0" * 64] * 2001), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"photos=" + b"0" * 64, "text/plain", 415),
    ],
)
def test_a_zip_is_of_photos(client: TestClient, body: bytes, kind: str, status: int) -> None:
    reply = client.post("/api/zip", content=body, headers={"Content-Type": kind})
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


# Names


@given(st.binary(min_size=1, max_size=300))
def test_any_file_name_can_be_saved_and_sent(name: bytes) -> None:
    header = attachment(os.fsdecode(name))
    assert header.isascii()
    assert header.isprintable()
    plain, _, coded = header.partition("; filename*=UTF-8''")
    assert plain.count('"') == 2
    assert "\\" not in plain
    assert unquote(coded) == safe_name(os.fsdecode(name))


@given(st.text(min_size=1, max_size=300))
def test_a_saved_name_is_one_name_on_every_system(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert not set(safe) & set('/\\:*?"<>|\0\n\r\u202e')
    assert safe.strip(" .") == safe
    assert len(safe.encode()) <= 255
    assert safe.partition(".")[0].lower() not in ("con", "nul", "aux", "prn", "com1")
    assert safe_name(safe) == safe


def test_names_are_kept_where_they_can_be() -> None:
    for name in ("IMG_1.jpg", "Käse ä.jpg", "东京 (2).heic", "a'b & c%41;d.png"):
        assert safe_name(name) == name
    assert safe_name("..\\..\\evil.jpg") == "_.._evil.jpg"
    assert safe_name("\udcff.jpg") == "_.jpg"
    assert safe_name("x" * 400 + ".jpg").endswith("x.jpg")
    assert safe_name("gpj.\u202eexe.jpg") == "gpj._exe.jpg"


# The file manager


def test_a_folder_is_opened_on_this_machine_alone(own: Path, place: Path) -> None:
    body = {"photo": id_of(own / "photos" / "0.jpg")}
    token = {"Authorization": "Bearer 0123456789"}
    with asking(own, Terms(host="0.0.0.0", token="0123456789")) as client:
        assert client.post("/api/open", json=body, headers=token).status_code == 403
        facts = client.get(f"/api/photo/{body['photo']}", headers=token).json()
        assert facts["web"]["can_open"] is False


def test_a_folder_is_opened_without_a_shell(
    own: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A desktop of our own, whose xdg-open writes down what it is given."""
    tools = tmp_path / "tools"
    tools.mkdir()
    script = tools / "xdg-open"
    script.write_text(f'#!/bin/sh\nprintf "%s" "$#:$1" > {tmp_path}/opened\n')
    script.chmod(0o755)
    odd = own / "photos" / "$(touch evil); 'x' & y"
    odd.mkdir()
    (odd / "-a.jpg").write_bytes(make.jpeg(make.picture(30)))
    run_index(own / "library", [own / "photos"])
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("DISPLAY", ":99")
    with asking(own) as client:
        photo = id_of(odd / "-a.jpg")
        assert client.get(f"/api/photo/{photo}").json()["web"]["can_open"] is True
        reply = client.post("/api/open", json={"photo": photo})
        assert (reply.status_code, reply.json()["opened"]) == (200, str(odd))
        assert (tmp_path / "opened").read_text() == f"1:{odd}"
        assert client.post("/api/open", json={"photo": "../x"}).status_code == 422
        assert client.post("/api/open", json={"photo": "0" * 64}).status_code == 404
        form = {"Content-Type": "text/plain"}  # as a page of another site could send it
        reply = client.post("/api/open", content=json.dumps({"photo": photo}), headers=form)
        assert reply.status_code == 422
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with asking(own) as client:
        assert client.post("/api/open", json={"photo": photo}).status_code == 403


def test_a_name_stays_one_argument_on_every_system() -> None:
    path = Path("/photos/a 'b'], [\"c\" $(d).jpg")
    for platform in ("linux", "darwin"):
        for command in commands(path, platform):
            assert isinstance(command, list)
            assert all("'b'" not in one or one == str(path) for one in command)
    assert commands(Path("C:\\a, b\\c.jpg"), "win32") == ['explorer.exe /select,"C:\\a, b\\c.jpg"']


# What happens to the library meanwhile


def test_what_is_indexed_meanwhile_is_served(own: Path) -> None:
    new = own / "photos" / "new.jpg"
    with asking(own) as client:
        assert client.get(url(own / "photos" / "0.jpg")).status_code == 200
        new.write_bytes(make.jpeg(make.picture(40)))
        assert client.get(url(new, "/preview")).status_code == 404
        run_index(own / "library", [own / "photos"])
        assert client.get(url(new, "/preview")).status_code == 200


def test_a_library_that_is_restored_or_away_is_noticed(own: Path) -> None:
    new = own / "photos" / "new.jpg"
    with Library.open(own / "library") as library:
        copy = library.backup(own / "backup.db")
    new.write_bytes(make.jpeg(make.picture(40)))
    run_index(own / "library", [own / "photos"])
    with asking(own) as client:
        for _ in range(4):
            assert client.get(url(new)).status_code == 200
        with Library.open(own / "library") as library:
            library.restore(copy)
        for _ in range(4):
            assert client.get(url(new)).status_code == 404
        (own / "library").rename(own / "moved")
        for _ in range(4):
            reply = client.get(url(own / "photos" / "0.jpg"))
            assert reply.status_code == 503
            assert reply.json()["error"]["kind"] == "NoLibrary"
        (own / "moved").rename(own / "library")
        assert client.get(url(own / "photos" / "0.jpg")).status_code == 200
