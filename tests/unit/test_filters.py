"""Filters: what SQL finds is what each field says, whatever the photos are."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from photosearch.cli.filters import filter_options
from photosearch.cli.output import command
from photosearch.errors import WrongUse
from photosearch.index.cache import open_index
from photosearch.records import Facts, FoundFile, Photo
from photosearch.search.browse import listed
from photosearch.search.dates import period_of
from photosearch.search.filters import Filters, filters_table, is_list, opposite, options
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.snapshot import Snapshot
from tests.long import examples

TODAY = date(2024, 7, 15)
ROOTS = [b"/photos", b"/more/Screenshots"]


@dataclass(frozen=True)
class Shot:
    """A photo as the tests know it."""

    photo: Photo
    paths: tuple[bytes, ...]  # absolute
    tags: frozenset[str]
    lines: tuple[str, ...]
    place: frozenset[str] | None  # normal names

    @property
    def facts(self) -> Facts:
        return self.photo.facts


FOLDERS = [b"a", b"a/b", b"A/Screenshots", b"a b", b"a0", b"\xff", b"c"]
NAMES = [b"IMG_1234.JPG", b"img_12.png", b"e\xcc\x81t\xc3\xa9.heic", b"\xfe.jpg", b"[x].raw", b"x"]
TAKEN = [None, "2019-12-31T23:59:59", "2020-01-01T00:00:00.25+09:00", "2020-06-15", "2023-07-01"]
CAMERAS = [(None, None), ("Google", "Pixel 6"), (None, "PIXEL 6 Pro"), ("Canon", None), ("İ", "ß")]
SPOTS = [(None, None), (35.0, 135.77), (35.01, 135.78), (-16.85, 179.97), (-16.85, -179.97)]
SPOTS += [(89.99, 10.0), (48.8584, 2.2945)]
PLACES = {35.0: {"kyoto", "japan", "jp"}, 35.01: {"uji", "japan", "jp"}, 48.8584: {"paris", "fr"}}


def shot(chance: random.Random, number: int) -> Shot:
    latitude, longitude = chance.choice(SPOTS)
    make, camera = chance.choice(CAMERAS)
    width, height = chance.choice(
        [(4000, 3000), (3000, 4000), (1000, 1000), (10, 20), (1500, 1000)]
    )
    facts = Facts(
        taken_at=chance.choice(TAKEN),
        make=make,
        camera=camera,
        lens=chance.choice([None, "EF 50mm", "Fisheye 8MM"]),
        latitude=latitude,
        longitude=longitude,
    )
    kind = chance.choice(["jpeg", "heic", "raw", "png"])
    photo = Photo(number.to_bytes(32, "big"), 1, kind, width, height, facts)
    paths = {
        b"%s/%s/%d/%s"
        % (chance.choice(ROOTS), chance.choice(FOLDERS), number, chance.choice(NAMES))
        for _ in range(chance.choice([1, 1, 2, 3]))
    }
    return Shot(
        photo,
        tuple(sorted(paths)),
        frozenset(chance.sample(["cat", "straße", "x y"], chance.choice([0, 0, 1, 2]))),
        ("EXIT",) * chance.choice([0, 0, 1, 2]),
        frozenset(PLACES[latitude]) if latitude in PLACES else None,
    )


class Shots:
    """A catalogue of random photos, and a vector of each."""

    def __init__(self, folder: Path, seed: int, count: int = 40) -> None:
        chance = random.Random(seed)
        catalogue = Catalogue(folder / "library", create=True)
        roots = {root: catalogue.add_root(root) for root in ROOTS}
        model = catalogue.add_model("key", "model", 4)
        self.shots: dict[int, Shot] = {}
        vectors = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float16)
        shots = [shot(chance, number) for number in range(count)]
        for root, root_id in roots.items():
            batch = Batch()
            for one, vector in zip(shots, vectors, strict=True):
                files = [
                    FoundFile(path.removeprefix(root + b"/"), 1, 1)
                    for path in one.paths
                    if path.startswith(root + b"/")
                ]
                batch.new += [NewPhoto(one.photo, vector.tobytes(), files)] if files else []
            catalogue.commit(root_id, model, batch)
        for one in shots:
            known = catalogue.photo_with_digest(one.photo.digest, model)
            assert known is not None
            self.shots[known[0]] = one
        with catalogue.transaction() as connection:
            for number, one in self.shots.items():
                self._store_more(connection, number, one)
        catalogue.close()
        # Photos have their numbers in the order in which they were stored, one root after another.
        self.vectors = {
            number: vectors[shots.index(one)].astype(np.float32)
            for number, one in self.shots.items()
        }
        self.shots = dict(sorted(self.shots.items()))
        self.library = folder / "library"
        self.snapshot = Snapshot(self.library)

    def _store_more(self, connection: sqlite3.Connection, number: int, one: Shot) -> None:
        connection.executemany(
            "INSERT INTO tags (photo_id, source, tag, label) VALUES (?, 'test', ?, ?)",
            [(number, tag.casefold(), tag) for tag in one.tags],
        )
        connection.executemany(
            "INSERT INTO lines (photo_id, text, confidence, box, normal, joined) "
            "VALUES (?, ?, 1.0, '[]', ?, '')",
            [(number, line, f" {line.lower()} ") for line in one.lines],
        )
        if one.place is not None:
            connection.execute(
                "INSERT INTO places (photo_id, names, gazetteer) VALUES (?, ?, 'test')",
                (number, "\n" + "".join(f"{name}\n" for name in sorted(one.place))),
            )


SEEDS = 8


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shots]]:
    """Catalogues of random photos, which the tests only read."""
    shots = [Shots(tmp_path_factory.mktemp("shots"), seed) for seed in range(SEEDS)]
    yield shots
    for one in shots:
        one.snapshot.close()


# What each field says, in the plainest Python: of a photo, or of one of its paths.


def is_taken(one: Shot, text: str) -> bool:
    first, end = period_of(text, TODAY).bounds
    return one.facts.taken_at is not None and first <= one.facts.taken_at < end


def holds(text: str | None, part: str) -> bool:
    return text is not None and part.casefold() in text.casefold()


def is_near(one: Shot, text: str, km: float) -> bool:
    if one.facts.latitude is None or one.facts.longitude is None:
        return False
    points = (float(part) for part in text.split(","))
    here, there = ball(*points), ball(one.facts.latitude, one.facts.longitude)
    return float(np.arccos(np.clip(here @ there, -1, 1))) * 6371.0088 <= km


def ball(latitude: float, longitude: float) -> np.ndarray:
    north, east = np.radians(latitude), np.radians(longitude)
    return np.array([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])


def has(one: Shot, fact: str) -> bool:
    return {
        "gps": one.facts.latitude is not None,
        "date": one.facts.taken_at is not None,
        "camera": bool(one.facts.make or one.facts.camera),
        "words": bool(one.lines),
        "tag": bool(one.tags),
    }[fact]


def is_so(one: Shot, way: str) -> bool:
    width, height = one.photo.width, one.photo.height
    return {"landscape": width > height, "portrait": width < height, "square": width == height}[way]


def is_in(path: bytes, folder: str) -> bool:
    if "/" in folder:
        return path.startswith(os.fsencode(folder) + b"/")
    parts = os.fsdecode(path).casefold().split("/")[:-1]
    return folder.casefold() in parts


def is_called(path: bytes, pattern: str) -> bool:
    import unicodedata

    name = unicodedata.normalize("NFC", os.fsdecode(path.rpartition(b"/")[2]).casefold())
    pattern = unicodedata.normalize("NFC", pattern.casefold())
    return fnmatchcase(name, pattern) or fnmatchcase(name.rpartition(".")[0], pattern)


OF_PHOTOS: dict[str, Callable[[Shot, Any], bool]] = {
    "tag": lambda one, text: text.casefold() in {tag.casefold() for tag in one.tags},
    "date": is_taken,
    "camera": lambda one, text: (
        holds(f"{one.facts.make or ''} {one.facts.camera or ''}".strip(), text)
        and has(one, "camera")
    ),
    "lens": lambda one, text: holds(one.facts.lens, text),
    "place": lambda one, text: one.place is not None and text.casefold() in one.place,
    "has": has,
    "type": lambda one, text: one.photo.format == text,
    "orientation": is_so,
}
OF_PATHS: dict[str, Callable[[bytes, str], bool]] = {"in_folder": is_in, "name": is_called}


def passes(one: Shot, filters: Filters) -> bool:
    """Brute force: whether a photo passes filters."""
    megapixels = one.photo.width * one.photo.height / 1_000_000
    taken = one.facts.taken_at
    km = filters.within or 25
    near = [is_near(one, text, km) for text in filters.near]
    return (
        all(
            (not (given := getattr(filters, name)))
            or (all if name in ("tag", "has") else any)(says(one, text) for text in given)
            for name, says in OF_PHOTOS.items()
        )
        and not any(
            says(one, text)
            for name, says in OF_PHOTOS.items()
            for text in getattr(filters, f"not_{name}")
        )
        and (not filters.near or any(near))
        and not any(is_near(one, text, km) for text in filters.not_near)
        and (filters.after is None or (taken is not None and taken >= first(filters.after)))
        and (filters.before is None or (taken is not None and taken < first(filters.before)))
        and (filters.min_megapixels is None or megapixels >= filters.min_megapixels)
        and (filters.max_megapixels is None or megapixels < filters.max_megapixels)
        and any(shows(path, filters) for path in one.paths)
        and all(passes(one, other) for other in filters.also)
    )


def first(text: str) -> str:
    return period_of(text, TODAY).bounds[0]


def shows(path: bytes, filters: Filters) -> bool:
    """Whether a path itself passes."""
    return all(
        (not getattr(filters, name) or any(says(path, text) for text in getattr(filters, name)))
        and not any(says(path, text) for text in getattr(filters, f"not_{name}"))
        for name, says in OF_PATHS.items()
    )


VALUES: dict[str, list[Any]] = {
    "in_folder": ["/photos", "/photos/a", "/photos/a/b", "/more", "screenshots", "A", "\udcff"],
    "after": ["2020", "2020-06-16", "last summer", "2030"],
    "before": ["2020", "2020-06", "this summer", "0001"],
    "tag": ["cat", "STRASSE", "x y", "dog", "'; --"],
    "date": ["2019", "2020", "2020-01-01", "last summer"],
    "camera": ["pixel 6", "google PIXEL", "canon", "ss", "%"],
    "lens": ["50MM", "fish", "mm"],
    "place": ["Kyoto", "JAPAN", "fr", "nowhere"],
    "near": ["35.0,135.77", "-16.85,180", "90,0", "48.8584,2.2945", "0,0"],
    "has": ["gps", "date", "camera", "words", "tag"],
    "type": ["jpeg", "raw", "tiff"],
    "orientation": ["landscape", "portrait", "square"],
    "min_megapixels": [1, 1.5, 12, 100],
    "max_megapixels": [1, 1.5, 12, 100],
    "name": ["img_*", "*.JPG", "IMG_1234", "Été*", "[[]x]*", "?.jpg", "*", "none"],
    "within": [0.5, 5, 50, 30_000],
}


@st.composite
def any_filters(draw: st.DrawFn, most: int = 3) -> Filters:
    """One to three fields filled in, with values of which some are true of some photos."""
    names = draw(
        st.lists(st.sampled_from([one.name for one in options()]), min_size=1, max_size=most)
    )
    given: dict[str, Any] = {}
    for one in options():
        if one.name in names:
            value = st.sampled_from(VALUES[one.name.removeprefix("not_")])
            given[one.name] = draw(
                st.lists(value, min_size=1, max_size=2) if is_list(one) else value
            )
    if "near" not in given and "not_near" not in given:
        given.pop("within", None)
    return Filters(**given)


seeds = st.integers(0, SEEDS - 1)


@settings(max_examples=examples(400, 1000), deadline=None)
@given(seed=seeds, filters=any_filters())
def test_sql_finds_what_brute_force_finds(many: list[Shots], seed: int, filters: Filters) -> None:
    shots = many[seed]
    allowed = filters.allowed_ids(shots.snapshot, TODAY)
    if filters.is_empty():
        assert allowed is None
        return
    assert allowed is not None
    assert allowed.dtype == np.int64
    assert allowed.tolist() == [
        number for number, one in shots.shots.items() if passes(one, filters)
    ]
    test = filters.path_test(shots.snapshot)
    for one in shots.shots.values():
        for path in one.paths:
            assert test(path) == shows(path, filters)


@settings(max_examples=examples(150, 300), deadline=None)
@given(seed=seeds, one=any_filters(), other=any_filters())
def test_merged_filters_pass_what_both_pass(
    many: list[Shots], seed: int, one: Filters, other: Filters
) -> None:
    shots = many[seed]
    both = one.merged(other, TODAY)
    allowed = both.allowed_ids(shots.snapshot, TODAY)
    assert (set() if allowed is None else set(allowed.tolist())) == {
        number
        for number, shot in shots.shots.items()
        if allowed is not None
        and passes(shot, replace(one, in_folder=(), not_in_folder=(), name=(), not_name=()))
        and passes(shot, replace(other, in_folder=(), not_in_folder=(), name=(), not_name=()))
        # What is about paths must hold of one and the same.
        and any(shows(path, one) and shows(path, other) for path in shot.paths)
    }


@settings(max_examples=300, deadline=None)
@given(seed=seeds, name=st.sampled_from(sorted(OF_PHOTOS)), data=st.data())
def test_a_filter_and_its_contrary_share_out_all_photos(
    many: list[Shots], seed: int, name: str, data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from(VALUES[name]))
    shots = many[seed]
    found = Filters(**{name: value}).allowed_ids(shots.snapshot, TODAY)
    others = Filters(**{f"not_{name}": value}).allowed_ids(shots.snapshot, TODAY)
    assert found is not None
    assert others is not None
    assert sorted([*found.tolist(), *others.tolist()]) == sorted(shots.shots)


@settings(max_examples=300, deadline=None)
@given(seed=seeds, filters=any_filters(most=2), k=st.integers(1, 50))
def test_ranking_inside_filters_is_that_of_brute_force(
    many: list[Shots], seed: int, filters: Filters, k: int
) -> None:
    shots = many[seed]
    allowed = filters.allowed_ids(shots.snapshot, TODAY)
    (model,) = shots.snapshot.models()
    index = open_index(shots.library, shots.snapshot, model, lambda _: None)
    query = np.random.default_rng(k).standard_normal(4).astype(np.float32)
    scores = {number: float(vector @ query) for number, vector in shots.vectors.items()}
    ranking = index.search(query, k, allowed)
    best = sorted(
        (number for number, one in shots.shots.items() if passes(one, filters)),
        key=lambda number: -scores[number],
    )
    assert [scores[number] for number in ranking.ids.tolist()] == pytest.approx(
        [scores[number] for number in best[:k]], abs=1e-4
    )
    assert set(ranking.ids.tolist()) <= set(best)


@settings(max_examples=500, deadline=None)
@given(
    name=st.sampled_from(["camera", "lens", "tag", "place", "name", "in_folder", "has", "type"]),
    text=st.one_of(
        st.text(min_size=1),
        st.text("%_*?[]!\\\"'\n\0;-\ud800\udcff(a", min_size=1, max_size=10),
    ),
)
def test_any_value_answers_or_is_wrong_use(many: list[Shots], name: str, text: str) -> None:
    found = [set[int]()] * 2
    for at, field in enumerate((name, f"not_{name}")):
        try:
            allowed = Filters(**{field: text}).allowed_ids(many[0].snapshot)
        except WrongUse:
            continue
        assert allowed is not None
        found[at] = set(allowed.tolist())
    assert not found[0] & found[1] or name in ("in_folder", "name")
    assert found[0] <= set(many[0].shots)


def test_many_values_are_answered_and_too_many_refused(many: list[Shots]) -> None:
    for field in ("tag", "not_tag", "name", "camera", "not_near"):
        values = [f"{number / 1000},1" for number in range(200)]
        allowed = Filters(**{field: values}).allowed_ids(many[0].snapshot)
        assert allowed is not None
        assert len(allowed) in (0, len(many[0].shots))
        with pytest.raises(WrongUse, match="more than 200 filters"):
            Filters(**{field: [*values, "2,2"]}).allowed_ids(many[0].snapshot)
        # Those of filters that must hold as well are counted too.
        for also, last in ((values[:100], values[100:]), (values[100:], values[:100])):
            both = Filters(**{field: last}, also=(Filters(**{field: also}),))
            assert both.allowed_ids(many[0].snapshot) is not None
            over = Filters(**{field: [*last, "2,2"]}, also=both.also)
            with pytest.raises(WrongUse, match="more than 200 filters") as caught:
                over.allowed_ids(many[0].snapshot)
            assert caught.value.hint == "fewer of them"


class TestFolders:
    def test_a_name_that_is_no_folder_here_means_every_folder_so_called(
        self, many: list[Shots]
    ) -> None:
        shots = many[1]
        found = Filters(in_folder="SCREENSHOTS").allowed_ids(shots.snapshot)
        assert found is not None
        assert 0 < len(found) < len(shots.shots)

    def test_a_folder_that_is_indexed_here_is_meant_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        catalogue = Catalogue(tmp_path / "library", create=True)
        root = catalogue.add_root(os.fsencode(tmp_path / "photos"))
        model = catalogue.add_model("key", "model", 4)
        for number, path in enumerate((b"2021/a.jpg", b"old/2021/a.jpg")):
            photo = Photo(number.to_bytes(32, "big"), 1, "jpeg", 1, 1)
            new = NewPhoto(photo, b"\0" * 8, [FoundFile(path, 1, 1)])
            catalogue.commit(root, model, Batch(new=[new]))
        catalogue.close()
        snapshot = Snapshot(tmp_path / "library")
        filters = Filters(in_folder="2021")
        for here, count in ((tmp_path, 2), (tmp_path / "photos", 1)):
            here.mkdir(exist_ok=True)
            monkeypatch.chdir(here)
            found = filters.allowed_ids(snapshot)
            assert found is not None
            assert len(found) == count
            inner = os.fsencode(tmp_path / "photos" / "old" / "2021" / "a.jpg")
            assert filters.path_test(snapshot)(inner) == (count == 2)
        snapshot.close()

    def test_a_name_that_no_folder_has(self, many: list[Shots]) -> None:
        shots = many[1]
        with pytest.raises(WrongUse, match="no indexed folder is called nosuch"):
            Filters(in_folder="nosuch").allowed_ids(shots.snapshot)
        everything = Filters(not_in_folder="nosuch").allowed_ids(shots.snapshot)
        assert everything is not None
        assert len(everything) == len(shots.shots)


OLD = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("schema", [1, 2])
def test_an_older_catalogue_answers_every_filter(tmp_path: Path, schema: int) -> None:
    shutil.copyfile(OLD / f"catalogue_schema{schema}.db", tmp_path / "catalogue.db")
    snapshot = Snapshot(tmp_path)
    everything = snapshot.photo_ids()
    for name, value in (("tag", "cat"), ("place", "Kyoto"), ("has", "words"), ("has", "tag")):
        found = Filters(**{name: value}).allowed_ids(snapshot)
        others = Filters(**{f"not_{name}": value}).allowed_ids(snapshot)
        assert found is not None
        assert others is not None
        assert sorted([*found.tolist(), *others.tolist()]) == everything
        if name != "tag" and value != "tag":
            assert not len(found)
    snapshot.close()


@given(
    path=st.binary().filter(lambda path: b"\0" not in path),
    pattern=st.text(max_size=12).filter(lambda text: text.strip() or not text),
)
def test_any_pattern_and_any_name(path: bytes, pattern: str) -> None:
    filters = Filters(name=pattern)
    assert filters.accepts_path(b"/" + path) in (True, False)
    if filters.name:
        assert Filters(not_name=pattern).accepts_path(b"/" + path) != filters.accepts_path(
            b"/" + path
        )


def test_filters_need_no_heavy_import() -> None:
    code = (
        "import sys; from photosearch.search.qualifiers import read_text; "
        "read_text('beach after:2021 in:a place:Kyoto near:1,2 camera:x type:jpg'); "
        "assert not {'numpy', 'dateparser', 'rapidfuzz', 'sqlite_utils', 'PIL', 'scipy', "
        "'reverse_geocode', 'difflib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class TestFields:
    def test_every_field_explains_itself(self) -> None:
        for one in options():
            about = one.metadata
            assert about["help"]
            assert about["example"].startswith(about["option"] + " ")
            assert not about["help"].endswith(".")

    def test_every_filter_has_a_contrary(self) -> None:
        for one in options():
            other = opposite(one)
            if one.name != "within":
                assert other is not None
                assert opposite(other) == one

    def test_the_table_names_every_option(self) -> None:
        table = filters_table()
        for one in options():
            assert f"`--{one.metadata['option']}" in table
        rows = table.splitlines()
        assert rows[0] == "| Option | Inside the text | Keeps photos | The contrary |"
        assert rows[1] == "| --- | --- | --- | --- |"
        assert (
            "| `--tag cat` | `tag:cat` | with this tag; of several, with all of them | "
            "`--not-tag`, `-tag:` |"
        ) in rows
        assert next(row for row in rows if "`--within 5`" in row).endswith("unless given) |  |")
        assert {row.replace("\\|", "").count("|") for row in rows} == {5}


runner = CliRunner()


class TestOptions:
    @pytest.fixture
    def app(self) -> typer.Typer:
        app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

        @app.command()
        @command
        @filter_options
        def query(
            text: Annotated[str | None, typer.Argument()] = None,
            filters: Filters = Filters(),  # noqa: B008
            library: Annotated[str | None, typer.Option("--library")] = None,
        ) -> None:
            """Find."""
            typer.echo(repr((text, library, filters.as_dict())))

        @app.command()
        @command
        @filter_options
        def like(filters: Filters = Filters()) -> None:  # noqa: B008
            """Find likewise."""
            query(text="x", filters=filters.merged(Filters(tag="cat")))

        return app

    @pytest.mark.parametrize("one", list(options()), ids=lambda one: str(one.name))
    def test_every_example_is_an_option(self, app: typer.Typer, one: Any) -> None:
        name, _, value = one.metadata["example"].partition(" ")
        done = runner.invoke(app, ["query", "dog", f"--{name}", value.strip('"')])
        assert done.exit_code == 0, done.output
        assert f"'{name}': " in done.output
        assert done.output.startswith("('dog', None, {")

    def test_repeated_options_are_a_list(self, app: typer.Typer) -> None:
        done = runner.invoke(app, ["query", "--tag", "a", "--tag", "b", "--library", "L"])
        assert done.output == "(None, 'L', {'tag': ['a', 'b']})\n"

    def test_help_names_every_option(self, app: typer.Typer) -> None:
        done = runner.invoke(app, ["query", "--help"])
        for one in options():
            assert f"--{one.metadata['option']} " in done.output

    def test_a_command_calls_another_with_filters(self, app: typer.Typer) -> None:
        done = runner.invoke(app, ["like", "--type", "jpg"])
        assert done.output == "('x', None, {'tag': ['cat'], 'type': ['jpeg']})\n"

    def test_what_is_wrong_is_one_line_and_a_hint(self, app: typer.Typer) -> None:
        done = runner.invoke(app, ["query", "--type", "exe"])
        assert done.exit_code == 2
        assert "photosearch: --type exe: no such format\nhint: one of: avif" in done.output


def test_samples_answer_filters_of_their_files(tmp_path: Path) -> None:
    """Real photos: the filters say what their files say."""
    from tests.fake import run_index

    samples = tmp_path / "photos"
    shutil.copytree(Path(__file__).parents[2] / "examples" / "photos", samples)
    run_index(tmp_path / "library", [samples])
    snapshot = Snapshot(tmp_path / "library")
    everything = snapshot.photo_ids()
    named = Filters(name="exit-*", type="jpg").allowed_ids(snapshot)
    assert named is not None
    assert len(named) == 1
    assert snapshot.photos(named.tolist())[named[0]].places[0].path == b"signs/exit-sign.jpg"
    wide = Filters(orientation="landscape").allowed_ids(snapshot)
    rest = Filters(orientation=["portrait", "square"]).allowed_ids(snapshot)
    assert wide is not None
    assert rest is not None
    assert sorted([*wide.tolist(), *rest.tolist()]) == everything
    signs = Filters(in_folder="SIGNS").allowed_ids(snapshot)
    assert signs is not None
    assert 0 < len(signs) < len(everything)
    snapshot.close()


@pytest.mark.parametrize("few", [0, 20_000])
def test_photos_that_lie_nowhere_do_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Whether each photo is asked for its files, or all files are looked through."""
    monkeypatch.setattr("photosearch.store.snapshot._FEW", few)
    catalogue = Catalogue(tmp_path, create=True)
    root = catalogue.add_root(b"/photos")
    model = catalogue.add_model("key", "name", 2)
    new = [
        NewPhoto(
            Photo(bytes([number]) * 32, 1, "jpeg", 1, 1, Facts(taken_at="2020-01-01")),
            bytes(4),
            [FoundFile(b"%d/%d" % (number, copy), 1, 1) for copy in range(2)],
        )
        for number in range(4)
    ]
    catalogue.commit(root, model, Batch(new=new))
    catalogue.close()
    with sqlite3.connect(tmp_path / "catalogue.db") as connection:
        connection.execute(
            "UPDATE files SET missing = 1 WHERE path IN (x'312f30', x'322f30', x'322f31')"
        )
        connection.execute("DELETE FROM files WHERE path IN (x'332f30', x'332f31')")
    snapshot = Snapshot(tmp_path)

    def allowed() -> list[int]:
        found = Filters(date=("2020",)).allowed_ids(snapshot)
        assert found is not None
        return found.tolist()

    assert allowed() == [1, 2]
    with sqlite3.connect(tmp_path / "catalogue.db") as connection:
        connection.execute("UPDATE files SET missing = 0")
        connection.execute("UPDATE settings SET value = value + 1 WHERE name = 'generation'")
    assert allowed() == [1, 2, 3]
    snapshot.close()


@pytest.mark.parametrize("order", ["date", "oldest"])
@pytest.mark.parametrize("few", [0, 20_000])
def test_a_list_is_in_the_order_of_dates(
    many: list[Shots], monkeypatch: pytest.MonkeyPatch, order: str, few: int
) -> None:
    """Whether photos are sorted or looked for along the index; those without a date come last."""
    monkeypatch.setattr("photosearch.search.browse._FEW", few)
    for one in many:
        chosen = [number for number in one.shots if number % 3]
        for only in (None, chosen, chosen[:1], []):
            dated = [
                (shot.facts.taken_at or "", number)
                for number, shot in one.shots.items()
                if only is None or number in only
            ]
            with_date = sorted((pair for pair in dated if pair[0]), reverse=order == "date")
            without = sorted((pair for pair in dated if not pair[0]), reverse=order == "date")
            expected = [number for _, number in with_date + without]
            ids = None if only is None else np.array(only, np.int64)
            for count in (1, 5, 100):
                assert listed(one.snapshot, ids, order, count) == expected[:count]
