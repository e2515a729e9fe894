"""web: looking for photos over HTTP, and what the page asks while somebody types."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from photosearch import Library
from photosearch.encode.names import open_encoder
from photosearch.index.base import Ranking
from photosearch.index.cache import refresh_index
from photosearch.records import Answer, Facts, FoundFile, Line, Photo
from photosearch.search.example import InLibrary
from photosearch.search.looks import Looks
from photosearch.search.query import Query, make_query
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.remembered import FILE
from photosearch.store.snapshot import Snapshot
from photosearch.store.words import Reading, reader_id, store_readings
from photosearch.web import upload
from photosearch.web.app import create_app
from photosearch.web.readers import Gone, Readers
from photosearch.web.site import Terms
from tests import make
from tests.command import SAMPLES, Command

CAT = SAMPLES / "animals" / "cat.jpg"


@pytest.fixture(scope="module")
def place(sampled: Command) -> Path:
    return Path(sampled.library)


@pytest.fixture
def client(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("PHOTOSEARCH_CACHE", str(tmp_path / "cache"))
    with asking(place) as client:
        yield client


def asking(library: Path) -> TestClient:
    app = create_app(Library.open(library), Terms())
    return TestClient(app, base_url="http://127.0.0.1:8420", raise_server_exceptions=False)


def ask(client: TestClient, path: str, status: int = 200, **parameters: Any) -> Any:
    reply = client.get(path, params=parameters)
    assert reply.status_code == status, reply.text
    return reply.json()


def id_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def photos_of(document: Any) -> list[str]:
    return [hit["photo"] for hit in document["hits"]]


# Searching


def test_the_document_is_that_of_the_command(client: TestClient, sampled: Command) -> None:
    for text in ("a cat", "animal -in:signs", "in:animals", '"nothing printed"'):
        mine = ask(client, "/api/search", q=text, k=5)
        theirs = sampled("query", text, "-k", "5", "--json", code=0 if mine["hits"] else 1).json
        assert mine.pop("offset") == 0
        assert mine.pop("more") is (text != '"nothing printed"')
        assert mine.pop("total") == (10 if text == "in:animals" else None)
        mine.pop("notes"), theirs.pop("notes")
        assert mine == theirs


def test_nothing_asked_for_lists_all_photos_the_newest_first(client: TestClient) -> None:
    document = ask(client, "/api/search", k=1000)
    assert document["total"] == len(document["hits"]) == 41
    taken = [hit["taken_at"] for hit in document["hits"] if hit["taken_at"]]
    assert taken == sorted(taken, reverse=True)
    assert document["hits"][len(taken)]["taken_at"] is None


@pytest.mark.parametrize(
    "asked",
    [{}, {"q": "an animal"}, {"q": "an animal", "sort": "name"}, {"q": "in:animals"},
     {"sort": "oldest"}, {"like": id_of(CAT)}, {"q": "a dog", "min_relevance": 0.2}],
)  # fmt: skip
def test_pages_are_cut_from_one_list(client: TestClient, asked: dict[str, Any]) -> None:
    whole = ask(client, "/api/search", **asked, k=1000)
    assert [hit["rank"] for hit in whole["hits"]] == list(range(1, len(whole["hits"]) + 1))
    found: list[str] = []
    more = True
    while more:
        page = ask(client, "/api/search", **asked, k=7, offset=len(found))
        assert page["total"] == whole["total"]
        assert page["matches_well"] == whole["matches_well"]
        found += photos_of(page)
        more = page["more"]
    assert found == photos_of(whole)
    assert photos_of(ask(client, "/api/search", **asked, offset=100_000)) == []


def test_examples_of_the_library_for_and_against(client: TestClient) -> None:
    cat = id_of(CAT)
    like = photos_of(ask(client, "/api/search", like=cat, k=41))
    assert cat not in like
    assert like == photos_of(ask(client, "/api/similar", photo=cat, k=41))
    less = photos_of(ask(client, "/api/search", q="an animal", unlike=like[0], k=41))
    plain = photos_of(ask(client, "/api/search", q="an animal", k=41))
    assert less.index(plain[0]) >= 0
    assert like[0] not in less[:5]


def test_what_is_unknown_or_wrong_is_said(client: TestClient) -> None:
    nobody = "0" * 64
    assert ask(client, "/api/similar", 404, photo=nobody)["error"]["kind"] == "WrongUse"
    for parameters, status in (
        ({"like": nobody}, 400),
        ({"q": "date:Junember"}, 400),
        ({"q": 'camera:"Pixel'}, 400),
        ({"words": "true", "like": nobody}, 400),
        ({"crop": "1,2,3,4", "q": "cat"}, 400),
        ({"k": 0}, 422),
        ({"k": "many"}, 422),
        ({"like": "cat.jpg"}, 422),
        ({"like": "../../etc/passwd"}, 422),
        ({"sort": "size"}, 422),
        ({"min_relevance": "2"}, 422),
        ({"q": "x" * 2001}, 422),
    ):
        error = ask(client, "/api/search", status, **parameters)["error"]
        assert error["message"]


def test_notes_are_fit_for_a_search_field(client: TestClient) -> None:
    """What a command would say with its options is said with qualifiers, and why nothing came."""
    (named,) = (note for note in ask(client, "/api/search", q="cat.jpg")["notes"] if "name" in note)
    assert named == "1 photo has this name: name:cat.jpg"
    nothing = ask(client, "/api/search", q="a cat", min_relevance=1)
    assert nothing["notes"] == ["nothing found within the least relevance"]
    assert "the filters" in ask(client, "/api/search", q="date:1950")["notes"][0]


def test_what_is_typed_is_not_remembered_on_disk(
    client: TestClient, tmp_path: Path, place: Path
) -> None:
    """A finished query is, also when it was typed before; its hits are the same."""
    kept = tmp_path / "cache" / FILE
    typed = ask(client, "/api/search", q="a kitten in the gra", typing="true")
    ask(client, "/api/search", q="a kitten in the grass", typing="true")
    assert not kept.exists()
    finished = ask(client, "/api/search", q="a kitten in the gra")
    assert kept.exists()
    assert finished == typed
    size = kept.stat().st_size
    ask(client, "/api/search", q="a kitten in the grass it li", typing="true")
    assert kept.stat().st_size == size


# An image of one's own


def post(client: TestClient, body: Any, kind: str = "image/jpeg", **parameters: Any) -> Any:
    return client.post(
        "/api/similar", content=body, params=parameters, headers={"Content-Type": kind}
    )


def test_an_image_is_an_example_and_goes_with_all_else(client: TestClient, place: Path) -> None:
    """Its bytes are found where the library has them; a part of it may count; texts add to it."""
    data = CAT.read_bytes()
    reply = post(client, data, k=3)
    assert reply.status_code == 200, reply.text
    assert photos_of(reply.json()) == photos_of(ask(client, "/api/similar", photo=id_of(CAT), k=3))
    other = make.jpeg(make.picture(5, (300, 200)))
    reply = post(client, other, "application/octet-stream", q="a dog in:animals", crop="0,0,50,50")
    document = reply.json()
    assert [part["kind"] for part in document["parts"]] == ["text", "image"]
    assert document["filters"] == {"in": ["animals"]}
    with Library.open(place) as library:
        asked = make_query("a dog in:animals", images=[other], crops=["0,0,50,50"])
        hits = library.run_query(asked, k=50).hits
    assert photos_of(document) == [hit.photo for hit in hits]


def test_a_body_is_refused_as_soon_as_it_is_known_to_be_wrong(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "MOST_BYTES", 5000)
    sent = []

    def blocks() -> Iterator[bytes]:
        for number in range(1000):
            sent.append(number)
            yield b"x" * 1000

    assert post(client, b"x" * 5001).status_code == 413
    assert post(client, blocks()).status_code == 413
    assert "larger" in post(client, b"x" * 5001).json()["error"]["message"]
    assert post(client, b"").status_code == 400
    assert post(client, b"no image").status_code == 400
    assert post(client, b"no image").json()["error"]["kind"] == "BadImage"
    assert post(client, CAT.read_bytes()[:3000]).status_code == 400
    assert post(client, b"<svg/>", "text/html").status_code == 415


def test_an_image_of_too_many_pixels_is_refused(client: TestClient) -> None:
    """Told by its head: nothing of that size is ever made."""
    bomb = make.raw_png(60_000, 60_000, depth=8, colour=0, rows=b"")
    reply = post(client, bomb, "image/png")
    assert reply.status_code == 400
    assert "pixels" in reply.json()["error"]["message"]


# What is in the library


def test_facets_of_what_passes_the_filters_of_a_text(client: TestClient, place: Path) -> None:
    with Library.open(place) as library:
        assert ask(client, "/api/facets") == library.facets().as_dict()
    inner = ask(client, "/api/facets", q="a cat in:animals")
    assert inner["photos"] == 10
    for year in inner["years"]:
        again = ask(client, "/api/search", q=f"in:animals {year['filter']}", k=100)
        assert again["total"] == year["photos"]
    assert ask(client, "/api/facets", 400, q="date:Junember")


def test_completion_over_http(client: TestClient) -> None:
    found = ask(client, "/api/complete", q="\U0001f431 type:p", at=9)
    assert (found["from"], found["to"]) == (3, 9)
    assert [item["insert"] for item in found["items"]] == [
        "type:png ",
        "type:jpeg ",
        "type:webp ",
    ]
    assert ask(client, "/api/complete")["items"]


def test_status_says_what_the_server_can_do(client: TestClient, place: Path) -> None:
    document = ask(client, "/api/status")
    assert document["photos"] == 41
    assert document["web"]["local"] is True
    assert set(document["web"]) == {"local", "can_open", "version"}


def test_locating_in_a_photo_of_the_library(client: TestClient, place: Path) -> None:
    document = ask(client, "/api/locate", photo=id_of(CAT), what="a cat, a bicycle")
    (photo,) = document["photos"]
    assert photo["path"] == str(CAT)
    best = photo["regions"][0]
    assert best["label"] == "a cat"
    with Library.open(place) as library:
        assert best == library.locate(CAT, "a cat, a bicycle")[0].as_dict()
    ask(client, "/api/locate", 404, photo="0" * 64, what="a cat")
    ask(client, "/api/locate", 422, photo=id_of(CAT))
    ask(client, "/api/locate", 400, photo=id_of(CAT), what=" , ")
    ask(client, "/api/locate", 400, photo=id_of(CAT), what=",".join(map(str, range(60))))


# Pages of a large library


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 photos of chance, some of which show words, and some of which lie nowhere."""
    folder = tmp_path_factory.mktemp("many") / "library"
    encoder = open_encoder("mini")
    chance = np.random.default_rng(0)
    rows = chance.standard_normal((2000, encoder.dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    catalogue = Catalogue(folder, create=True)
    root = catalogue.add_root(b"/many")
    model = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
    catalogue.set_setting("model", encoder.name)
    new = [
        NewPhoto(
            Photo(hashlib.sha256(b"%d" % number).digest(), 1, "jpeg", 4, 3, Facts()),
            row.astype("<f2").tobytes(),
            [FoundFile(b"%d.jpg" % number, 1, number)],
        )
        for number, row in enumerate(rows)
    ]
    catalogue.commit(root, model, Batch(new=new))
    reader = reader_id(catalogue, "test", "test")
    box = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    store_readings(
        catalogue,
        reader,
        (
            Reading(one, (Line(("dog", "hotdog", "a big dog", "beach")[one % 4], 0.9, box),))
            for one in range(5, 2000, 9)
        ),
    )
    with catalogue.transaction() as connection:
        connection.execute("UPDATE files SET missing = 1 WHERE id % 11 = 0")
    catalogue.close()
    snapshot = Snapshot(folder)
    found = snapshot.model(encoder.key)
    assert found is not None
    refresh_index(folder, snapshot, found)
    snapshot.close()
    return folder


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        (make_query("dog"), {}),
        (make_query("big dog beach"), {}),
        (make_query("dog", words=True), {}),
        (make_query("dog", words=False), {"min_relevance": 0.02}),
        (make_query("dog"), {"min_score": 0.02}),
        (make_query("dog"), {"sort": "name"}),
        (make_query(images=[InLibrary(hashlib.sha256(b"4").hexdigest())]), {}),
        (Query(()), {}),
        (make_query("name:1*"), {"sort": "oldest"}),
    ],
)
def test_hits_are_the_same_whatever_the_size_of_the_page(
    many: Path, asked: Query, options: dict[str, Any]
) -> None:
    def page(offset: int, k: int) -> Answer:
        return library.run_query(asked, k=k, offset=offset, **options)

    with Library.open(many) as library:
        whole = page(0, 1000)
        hits = [(hit.photo, hit.rank, hit.relevance, hit.evidence) for hit in whole.hits]
        assert len({photo for photo, *_ in hits}) == len(hits) > 15
        for k in (23, 150):
            found: list[Any] = []
            more = True
            while more and len(found) < 1000:
                answer = page(len(found), k)
                assert len(answer.hits) <= k
                found += answer.hits
                more = answer.more
            assert [(hit.photo, hit.rank, hit.relevance, hit.evidence) for hit in found][
                : len(hits)
            ] == hits


@pytest.fixture(scope="module")
def warm(many: Path) -> Iterator[Library]:
    """A library whose towers are loaded, for its twins."""
    with Library.open(many) as library:
        yield library


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.sampled_from(["dog", "big dog beach", "cat name:1*", "dog -name:2*", "zebra"]),
    words=st.sampled_from([None, True, False]),
    unlike=st.sampled_from([(), ("4",), ("4", "9")]),
    minus=st.sampled_from([(), ("a fox",)]),
    order=st.sampled_from(["relevance", "relevance", "date", "name"]),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    keeps=st.booleans(),
)
def test_pages_of_any_sizes_make_one_list(
    warm: Library,
    text: str,
    words: bool | None,
    unlike: tuple[str, ...],
    minus: tuple[str, ...],
    order: str,
    sizes: list[int],
    keeps: bool,
) -> None:
    """Whether rankings are kept between the pages or made anew for each."""
    if words:
        unlike, minus = (), ()
    examples = [InLibrary(hashlib.sha256(one.encode()).hexdigest()) for one in unlike]
    asked = make_query(text, unlike=examples, minus=minus, words=words)
    whole = warm.run_query(asked, k=1000, offset=0, sort=order).hits
    with warm.twin() as library:
        if keeps:
            with library.remembering(on_disk=False):
                pass
        found: list[Any] = []
        for size in [*sizes, 1000]:
            answer = library.run_query(asked, k=size, offset=len(found), sort=order)
            assert len(answer.hits) == min(size, len(whole) - len(found))
            found += answer.hits
            assert answer.more is (len(found) < len(whole))
            if not answer.more:
                break
        assert [(hit.photo, hit.rank) for hit in found] == [
            (hit.photo, hit.rank) for hit in whole[: len(found)]
        ]
        for mine, theirs in zip(found, whole, strict=False):
            assert mine.relevance == pytest.approx(theirs.relevance, abs=1e-3)


@pytest.mark.parametrize("asked", [make_query("dog"), make_query("dog", words=True), Query(())])
def test_who_scrolls_while_photos_come_and_go_sees_none_twice(
    many: Path, tmp_path: Path, asked: Query
) -> None:
    """The pages go on in the list that the first one was cut from; what is gone is left out, and a
    first page is that of the library as it is.
    """
    folder = tmp_path / "library"
    shutil.copytree(many, folder)
    with Library.open(folder) as library:
        with library.remembering(on_disk=False):
            pass
        other = library.twin()
        before = library.run_query(asked, k=1000, offset=0).hits
        seen = list(other.run_query(asked, k=60, offset=0).hits)
        gone = {seen[0].photo_id, before[70].photo_id}
        catalogue = Catalogue(folder)
        with catalogue.transaction() as connection:
            for photo_id in gone:
                connection.execute("DELETE FROM files WHERE photo_id = ?", (photo_id,))
        catalogue.close()
        while True:
            answer = other.run_query(asked, k=60, offset=60 * -(-len(seen) // 60))
            seen += answer.hits
            if not answer.more or len(seen) > 1000:
                break
        expected = [hit.photo for hit in before if hit.photo_id != before[70].photo_id]
        assert [hit.photo for hit in seen][: len(expected)] == expected
        other.close()
        again = other.run_query(asked, k=1000, offset=0).hits
        assert not gone & {hit.photo_id for hit in again}
        other.close()


def test_a_page_of_a_kept_ranking_makes_none_anew(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    search = Looks.search

    def counted(self: Looks, count: int) -> Ranking:
        searched.append(count)
        return search(self, count)

    monkeypatch.setattr(Looks, "search", counted)
    with Library.open(many) as library, library.remembering(on_disk=False):
        twin = library.twin()
        for offset in range(0, 1000, 50):
            for one in (library, twin):
                one.run_query(make_query("dog"), k=50, offset=offset)
        twin.close()
    assert searched == [100, 300, 1000]


@pytest.mark.parametrize(
    "text",
    ["camera:", 'camera:"Pix', "date:", "date:20", "near:", "-tag:", "in:", "has:g", "type:j"],
)
def test_a_filter_that_is_being_typed_is_no_error(client: TestClient, text: str) -> None:
    ask(client, "/api/search", 400, q=f"a cat {text}")
    typed = ask(client, "/api/search", q=f"a cat {text}", typing="true")
    plain = ask(client, "/api/search", q="a cat", typing="true")
    assert photos_of(typed) == photos_of(plain)
    assert typed["notes"][0] == f"{text} does not count yet: it is not finished"
    ask(client, "/api/facets", 400, q=text)
    assert ask(client, "/api/facets", q=text, typing="true") == ask(client, "/api/facets")
    # What stands before it has to make sense.
    ask(client, "/api/search", 400, q=f"date:Junember {text}", typing="true")


# Threads


def waiting(left: threading.Event) -> Request:
    """A request whose client leaves when it is told to."""

    async def receive() -> dict[str, Any]:
        while not left.is_set():
            await asyncio.sleep(0.005)
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


def test_who_has_left_is_not_answered(place: Path) -> None:
    """Of 20 who type ten letters each, only those are worked on who still wait."""
    readers = Readers(Library.open(place), 1)
    worked: list[int] = []
    hold, left, stays = threading.Event(), threading.Event(), threading.Event()

    async def run() -> list[Any]:
        first = asyncio.create_task(readers.ask(waiting(stays), lambda _: hold.wait(10)))
        await asyncio.sleep(0.05)
        typed = [
            asyncio.create_task(
                readers.ask(
                    waiting(stays if number % 10 == 9 else left),
                    lambda _, number=number: worked.append(number),
                )
            )
            for number in range(200)
        ]
        await asyncio.sleep(0.05)
        left.set()
        await asyncio.sleep(0.2)
        hold.set()
        await first
        return await asyncio.gather(*typed, return_exceptions=True)

    try:
        answers = asyncio.run(run())
    finally:
        hold.set()
        readers.close()
    assert worked == list(range(9, 200, 10))
    assert sum(isinstance(one, Gone) for one in answers) == 180


def test_what_takes_long_does_not_hold_up_the_rest(place: Path) -> None:
    readers = Readers(Library.open(place), 1)
    hold, stays = threading.Event(), threading.Event()

    async def run() -> int:
        slow = asyncio.create_task(
            readers.ask(waiting(stays), lambda _: hold.wait(10), slowly=True)
        )
        quick = await asyncio.wait_for(
            readers.ask(waiting(stays), lambda library: library.status().photos), 10
        )
        assert not slow.done()
        hold.set()
        await slow
        return quick

    try:
        assert asyncio.run(run()) == 41
    finally:
        hold.set()
        readers.close()


def test_every_thread_is_warmed_once(place: Path) -> None:
    readers = Readers(Library.open(place), 3)
    warmed: set[int] = set()
    readers.warm(lambda library: warmed.add(id(library)))
    deadline = time.monotonic() + 10
    while len(warmed) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    readers.close()
    assert len(warmed) == 3
