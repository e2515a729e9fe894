"""Contact sheets: one file that shows it all, loads nothing, and takes no other's place."""

from __future__ import annotations

import base64
import io
import os
import re
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlparse

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photosearch.errors import StorageError, WrongUse
from photosearch.records import Answer, Hit
from photosearch.search.filters import Filters
from photosearch.search.query import make_query
from photosearch.show.contact import notes_of, sections_of, title_of
from photosearch.show.previews import Preview, Wanted, previews
from photosearch.show.sheet import check_sheet, page, write_sheet
from tests.hits import reads, write_hit
from tests.make import difference, jpeg, picture


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def sheet(hits: list[Hit], text: str = "a cat", notes: tuple[str, ...] = ()) -> Page:
    return Page("".join(pieces(hits, text, notes)))


def pieces(hits: list[Hit], text: str = "a cat", notes: tuple[str, ...] = ()) -> Iterator[str]:
    asked, answer = make_query(text), Answer(tuple(hits), None)
    about = notes_of(asked, text, answer, notes)
    return page(title_of(asked, text), about, sections_of(answer))


class TestPage:
    def test_shows_each_photo_and_why_it_was_found(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "a.jpg", evidence=reads("EXIT", (40, 30, 200, 90)))
        found = sheet([hit], "EXIT", ("nothing in this library matches well",))
        (image,) = found.all("img")
        kind, _, data = (image["src"] or "").partition(",")
        assert kind == "data:image/jpeg;base64"
        thumb = Image.open(io.BytesIO(base64.b64decode(data)))
        assert thumb.size == (320, 240)
        assert difference(thumb, picture(1, (400, 300)).resize((320, 240))) < 6
        assert (image["alt"] or "").startswith("a.jpg, reads")
        for shown in ('reads "EXIT", 98 % sure', "2024-06-01 10:11", "400 x 300", str(hit.path)):
            assert shown in found.text
        assert "matches well" in found.text
        # The box lies over the picture, in the photo's own pixels.
        (overlay,) = found.all("svg")
        assert overlay["viewbox"] == "0 0 400 300"
        assert {one["points"] for one in found.all("polygon")} == {
            "40.0,30.0 200.0,30.0 200.0,90.0 40.0,90.0"
        }
        (link,) = found.all("a")
        assert link["href"] == hit.path.as_uri()

    def test_weak_hits_stand_apart(self, tmp_path: Path) -> None:
        strong = write_hit(tmp_path / "a.jpg", 1, 2)
        weak = write_hit(tmp_path / "b.jpg", 2, 1, relevance=0.1)
        found = sheet([weak, strong])
        assert len(found.all("section")) == 2
        assert found.text.index("a.jpg") < found.text.index("Weak") < found.text.index("b.jpg")

    def test_loads_nothing_and_runs_nothing(self, tmp_path: Path) -> None:
        found = sheet([write_hit(tmp_path / "a.jpg")])
        policy = next(one["content"] or "" for one in found.all("meta") if one.get("http-equiv"))
        assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
        assert "unsafe" not in policy
        assert not {"script", "link", "iframe"} & {tag for tag, _ in found.tags}
        assert not [one for _, one in found.tags if "style" in one or "onload" in one]

    def test_a_photo_that_cannot_be_shown_says_why(self, tmp_path: Path) -> None:
        gone = write_hit(tmp_path / "gone.jpg", 1)
        gone.path.unlink()
        changed = write_hit(tmp_path / "changed.jpg", 2)
        changed.path.write_bytes(jpeg(picture(9)))
        broken = write_hit(tmp_path / "broken.jpg", 3)
        offline = write_hit(tmp_path / "offline.jpg", 4, offline=True)
        broken.path.write_bytes(broken.path.read_bytes()[:300])
        found = sheet([gone, changed, broken, offline])
        assert not found.all("img")
        for reason in ("no file there now", "changed since", "offline: the folder"):
            assert reason in found.text

    def test_a_copy_is_shown_where_the_first_file_is_gone(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "a.jpg", copies=(tmp_path / "copy.jpg",))
        hit.path.rename(tmp_path / "copy.jpg")
        assert len(sheet([hit]).all("img")) == 1

    @pytest.mark.skipif(os.name == "nt", reason="names are text there")
    @pytest.mark.parametrize(
        "name",
        [b"<script>alert(1)<\\script>.jpg", b"caf\xe9.jpg", b"a\nb \xe2\x80\xae.jpg", b'"&#.jpg'],
    )
    def test_names_are_shown_and_never_interpreted(self, tmp_path: Path, name: bytes) -> None:
        hit = write_hit(tmp_path / os.fsdecode(name), evidence=reads("<b>x</b>", (0, 0, 9, 9)))
        found = sheet([hit], '"<img src=x onerror=1>')
        assert not {"script", "b"} & {tag for tag, one in found.tags if tag != "b" or one}
        assert len(found.all("img")) == 1
        assert "<b>x</b>" in found.text
        (link,) = found.all("a")
        assert unquote_to_bytes(urlparse(link["href"] or "").path) == os.fsencode(hit.path)

    def test_without_hits_it_says_so(self) -> None:
        assert "No photos were found" in sheet([]).text

    def test_the_title_is_what_was_asked(self, tmp_path: Path) -> None:
        asked = make_query(
            "beach after:2021",
            plus=["sunset"],
            minus=["people"],
            filters=Filters(camera=("Pixel",)),
        )
        assert title_of(asked, "beach after:2021") == "beach after:2021 + sunset \u2212 people"
        assert "camera: Pixel" in "".join(notes_of(asked, "beach", Answer((), None), ()))
        example = write_hit(tmp_path / "ref.jpg")
        assert title_of(make_query(images=[example.path]), None) == "like ref.jpg"
        assert title_of(make_query(filters=Filters(after="2024")), None) == "after: 2024"


class TestPreviews:
    def test_come_in_order_whatever_their_size(self, tmp_path: Path) -> None:
        sizes = [(2000, 1500), (40, 30), (300, 900), (1, 1), (640, 480)]
        paths = []
        for number, size in enumerate(sizes):
            paths.append(tmp_path / f"{number}.jpg")
            paths[-1].write_bytes(jpeg(picture(number, size)))
        found = list(previews([Wanted((path,)) for path in paths], (100, 80), as_pixels=True))
        for number, (one, size) in enumerate(zip(found, sizes, strict=True)):
            assert isinstance(one, Preview)
            assert one.width <= 100
            assert one.height <= 80
            assert one.file_bytes == paths[number].stat().st_size
            small = Image.frombytes("RGB", (one.width, one.height), one.data)
            if min(size) > 1:
                assert difference(small, picture(number, size).resize(small.size)) < 8

    def test_nothing_but_the_picture_comes_along(self, tmp_path: Path) -> None:
        """A sheet may be sent to somebody: not so what its photos' files say beside the picture."""
        image = picture(1, (300, 200))
        exif = Image.Exif()
        exif[0x010E] = "secret description"
        image.save(tmp_path / "a.jpg", exif=exif, comment=b"secret comment")
        (one,) = previews([Wanted((tmp_path / "a.jpg",))], (100, 80))
        assert isinstance(one, Preview)
        assert b"secret" in (tmp_path / "a.jpg").read_bytes()
        assert b"secret" not in one.data

    @pytest.mark.skipif(os.name == "nt", reason="no pipes among files there")
    def test_a_pipe_in_the_place_of_a_photo_holds_nobody_up(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        (reason,) = previews([Wanted((tmp_path / "pipe.jpg",))], (9, 9), seconds=20)
        assert reason == "not a regular file"

    def test_what_takes_too_long_is_given_up(self, tmp_path: Path) -> None:
        slow = Wanted((tmp_path / "slow.png",))
        Image.new("L", (14000, 14000)).save(slow.paths[0], compress_level=1)  # takes 0.3 s
        # On a busy machine an answer may be there when its time is looked at: not each time.
        found = list(previews([slow] * 4, (9, 9), seconds=0.001))
        assert "not read within 0.001 s" in found


class TestFile:
    def test_only_a_page_of_ours_is_replaced(self, tmp_path: Path) -> None:
        target = tmp_path / "page.html"
        check_sheet(target, force=False)
        write_sheet(target, pieces([]))
        check_sheet(target, force=False)
        write_sheet(target, pieces([], "another"))
        assert "another" in target.read_text()
        target.write_text("<!doctype html><title>mine</title>")
        with pytest.raises(WrongUse, match="exists already"):
            check_sheet(target, force=False)
        check_sheet(target, force=True)
        target.write_text("")
        check_sheet(target, force=False)

    def test_no_folder_no_photo_and_nothing_that_is_not_there(self, tmp_path: Path) -> None:
        hit = write_hit(tmp_path / "a.jpg")
        for wrong in (tmp_path, tmp_path / "none" / "a.html"):
            with pytest.raises(WrongUse):
                check_sheet(wrong, force=True)
        with pytest.raises(WrongUse):
            check_sheet(hit.path, force=True)
        with pytest.raises(WrongUse):
            check_sheet(tmp_path / "new.jpg", force=True)

    def test_a_page_that_breaks_off_leaves_what_was_there(self, tmp_path: Path) -> None:
        target = tmp_path / "page.html"
        target.write_text("before")

        def broken() -> Iterator[str]:
            yield "<!doctype html>"
            raise OSError(28, "No space left on device")

        with pytest.raises(StorageError, match="No space left"):
            write_sheet(target, broken())
        assert target.read_text() == "before"
        assert os.listdir(tmp_path) == ["page.html"]

    @pytest.mark.skipif(os.name == "nt", reason="no modes there")
    def test_the_file_may_be_read_by_whom_the_umask_lets(self, tmp_path: Path) -> None:
        write_sheet(tmp_path / "page.html", pieces([]))
        mask = os.umask(0)
        os.umask(mask)
        mode = stat.S_IMODE((tmp_path / "page.html").stat().st_mode)
        assert mode == 0o666 & ~mask


@given(st.text(max_size=40))
def test_any_query_is_a_harmless_title(text: str) -> None:
    found = Page("".join(page(text, [text], [])))
    assert [tag for tag, _ in found.tags if tag not in ("style",)] == [
        "html", "head", "meta", "meta", "meta", "meta", "meta", "title", "body", "main", "header",
        "h1", "p",
    ]  # fmt: skip
    assert not re.search("[\ud800-\udfff]", found.text)
