"""The API: `Library` over the sample photos with the embedded model."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import photosearch
from photosearch import Filters, Library
from photosearch.errors import BadImage, NoLibrary, PhotosearchError, WrongUse
from photosearch.search.example import InLibrary
from photosearch.search.query import make_query
from tests.make import write_photos

SAMPLES = Path(__file__).parents[2] / "examples" / "photos"
CAT = SAMPLES / "animals" / "cat.jpg"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PHOTOSEARCH_MODEL", raising=False)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    path = tmp_path_factory.mktemp("api") / "library"
    with Library.open(path, create=True) as library:
        library.index([SAMPLES])
        yield library


def test_public_names_resolve() -> None:
    for name in photosearch.__all__:
        assert getattr(photosearch, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        photosearch.nothing  # noqa: B018


def test_hits(samples: Library) -> None:
    hits = samples.search("a cat", k=3)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert hits[0].path == CAT
    assert hits[0].score > hits[1].score > hits[2].score
    assert hits[0].evidence["looks_like"]["rank"] == 1
    assert len(bytes.fromhex(hits[0].photo)) == 32


def test_an_image_may_count_against(samples: Library) -> None:
    """The photo that it is, and those like it, fall; it is no hit itself."""
    plain = {hit.path: hit.score or 0 for hit in samples.search("an animal", k=41)}
    hits = samples.search("an animal", unlike=CAT, k=41)
    less = {hit.path: hit.score or 0 for hit in hits}
    assert CAT in plain
    assert CAT not in less
    other_cat = next(path for path in plain if path.name == "kitten-playing.jpg")
    dog = next(path for path in plain if "dog" in path.name)
    order = list(less)
    assert list(plain).index(other_cat) < order.index(other_cat)
    assert plain[other_cat] - less[other_cat] > plain[dog] - less[dog]


def test_a_photo_of_the_library_named_by_its_content(samples: Library) -> None:
    """The same hits as by its path, and it needs no file: the vector is stored."""
    digest = hashlib.sha256(CAT.read_bytes()).hexdigest()
    by_path = samples.search(image=CAT, k=5)
    assert samples.search(image=InLibrary(digest), k=5) == by_path
    part = samples.search(image=InLibrary(digest), crop="0%,0%,50%,50%", k=5)
    assert part == samples.search(image=CAT, crop="0%,0%,50%,50%", k=5)
    assert part != by_path
    with pytest.raises(WrongUse, match="no photo of the library"):
        samples.search(image=InLibrary("0" * 64))


def test_a_photo_whose_file_is_gone_is_an_example_still(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cat.jpg", "kitten-playing.jpg"):
        shutil.copy(SAMPLES / "animals" / name, folder)
    with Library.open(tmp_path / "library", create=True) as library:
        library.index([folder], words=False)
        (folder / "cat.jpg").unlink()
        gone = InLibrary(hashlib.sha256(CAT.read_bytes()).hexdigest())
        assert [hit.path.name for hit in library.search(image=gone)] == ["kitten-playing.jpg"]
        with pytest.raises(BadImage, match="no file of it is there now"):
            library.search(image=gone, crop="0%,0%,50%,50%")


def test_twins_answer_at_once_in_threads_of_their_own(samples: Library) -> None:
    texts = ["a cat", "a keyboard", "a tomato", "a sign", "a bridge", "a dog"]
    expected = [[hit.photo for hit in samples.search(text)] for text in texts]
    twins = [samples.twin() for _ in range(3)]
    assert all(twin.encoder is samples.encoder for twin in twins)

    def answers(twin: Library) -> list[list[str]]:
        with twin:
            return [[hit.photo for hit in twin.search(text)] for text in texts]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(answers, twins)) == [expected] * 3


def test_what_is_kept_for_pages_is_not_that_of_another_catalogue(tmp_path: Path) -> None:
    """A backup that was restored, and written to since, may be of the same generation."""
    photos, backup = tmp_path / "photos", tmp_path / "kept.db"
    photos.mkdir()
    every = make_query(filters=Filters(type="jpeg"))
    with Library.open(tmp_path / "library", create=True) as library:

        def add(*names: str) -> None:
            for name in names:
                shutil.copy(SAMPLES / "animals" / name, photos)
            library.index([photos], words=False)

        def shown(twin: Library) -> list[str]:
            answer = twin.run_query(every, k=10, offset=0)
            assert twin.facets().photos == answer.total == len(answer.hits)
            return sorted(hit.path.name for hit in answer.hits)

        add("cat.jpg")
        library.backup(backup)
        add("otters.jpg")
        with library.twin() as twin:
            assert shown(twin) == ["cat.jpg", "otters.jpg"]
            before = library._snapshot.generation
            library.restore(backup)
            (photos / "otters.jpg").unlink()
            add("jaguar.jpg", "lemurs.jpg")
            assert library._snapshot.generation == before
            assert shown(twin) == ["cat.jpg", "jaguar.jpg", "lemurs.jpg"]


@pytest.mark.parametrize("form", ["path", "text", "bytes", "pillow"])
def test_an_example_in_every_form(samples: Library, form: str) -> None:
    with Image.open(CAT) as image:
        image.load()
        example = {"path": CAT, "text": str(CAT), "bytes": CAT.read_bytes(), "pillow": image}[form]
        hits = samples.search(image=example, k=2)
    # A picture in memory has no digest, so it cannot be told that the library has it.
    assert hits[0].path == (CAT if form == "pillow" else SAMPLES / "animals/kitten-playing.jpg")


def test_several_examples(samples: Library) -> None:
    hits = samples.search(image=[CAT, SAMPLES / "places" / "temple-china.jpg"], k=5)
    assert not {CAT, SAMPLES / "places" / "temple-china.jpg"} & {hit.path for hit in hits}


def test_stored_vector_of_an_example_equals_a_new_one(samples: Library, tmp_path: Path) -> None:
    from photosearch.search.likeness import image_vector

    model = samples._require_model()
    stored = image_vector(CAT, samples.encoder, samples._snapshot, model).vector
    with Image.open(CAT) as image:
        anew = image_vector(image, samples.encoder, samples._snapshot, model).vector
    assert float(stored @ anew) > 0.9999  # stored in float16


def test_filters(samples: Library) -> None:
    inside = samples.search("x", k=99, filters=Filters(in_folder=str(SAMPLES / "signs")))
    assert {hit.path.parent.name for hit in inside} == {"signs"}
    dated = samples.search("x", k=99, filters=Filters(after="2000"))
    assert dated
    assert all(hit.taken_at and hit.taken_at > "2000" for hit in dated)


def test_ranking_is_that_of_brute_force(samples: Library) -> None:
    ids = samples._snapshot.photo_ids()
    rows = dict(samples._snapshot.vectors_of(samples._require_model().id, ids))
    vector = samples.encoder.encode_texts(["a city at night"])[0]
    scores = {one: float(np.frombuffer(blob, "<f2").astype(np.float32) @ vector)
              for one, blob in rows.items()}  # fmt: skip
    hits = samples.search("a city at night", k=len(ids))
    assert [hit.photo_id for hit in hits] == sorted(scores, key=lambda one: (-scores[one], one))
    assert [hit.score for hit in hits] == pytest.approx(
        sorted(scores.values(), reverse=True), abs=1e-6
    )


def test_example_that_changed_since_it_was_indexed(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("cat.jpg", "kitten-playing.jpg", "horses.jpg"):
        shutil.copy(SAMPLES / "animals" / name, folder)
    with Library.open(tmp_path / "library", create=True) as library:
        library.index(folder)
        shutil.copyfile(folder / "horses.jpg", folder / "cat.jpg")
        # It is the horses now, which the library has, too: they are the example.
        found = [hit.path.name for hit in library.search(image=folder / "cat.jpg")]
    assert sorted(found) == ["cat.jpg", "kitten-playing.jpg"]


def test_weight_of_an_example(samples: Library) -> None:
    def first(weight: float) -> str:
        (hit,) = samples.search("a cup of coffee", image=CAT, k=1, weights={"image": weight})
        return hit.path.name

    assert first(0.01) == "coffee-cup.jpg"
    assert first(100) == "kitten-playing.jpg"


def test_min_score_leaves_out_what_is_below_it(samples: Library) -> None:
    scores = [hit.score for hit in samples.search("a cat", k=10)]
    kept = samples.search("a cat", k=10, min_score=scores[3])
    assert [hit.score for hit in kept] == scores[:4]
    assert samples.search("a cat", min_score=1.01) == []


def test_photos_that_are_gone_take_nobodys_place(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 30)
    with Library.open(tmp_path / "library", create=True) as library:
        library.index([tmp_path / "photos"])
        ranked = library.search("x", k=30)
        for hit in ranked[:12]:
            hit.path.unlink()
        library.index()
        found = library.search("x", k=5)
    assert [hit.photo for hit in found] == [hit.photo for hit in ranked[12:17]]
    assert [hit.rank for hit in found] == [1, 2, 3, 4, 5]


def test_open_library_sees_what_another_process_adds(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 3)
    with Library.open(tmp_path / "library", create=True) as reading:
        assert reading.search("x") == []
        with Library.open(tmp_path / "library") as writing:
            writing.index([tmp_path / "photos"])
        assert len(reading.search("x")) == 3
        (tmp_path / "photos" / "photo0000.jpg").unlink()
        with Library.open(tmp_path / "library") as writing:
            writing.index()
        assert len(reading.search("x")) == 2


def test_path_in_the_filtered_folder_is_the_one_shown(tmp_path: Path) -> None:
    (one,) = write_photos(tmp_path / "photos" / "a", 1)
    (tmp_path / "photos" / "b").mkdir()
    copy = Path(shutil.copy(one, tmp_path / "photos" / "b"))
    with Library.open(tmp_path / "library", create=True) as library:
        library.index([tmp_path / "photos"])
        for filters, wanted in (
            (Filters(in_folder=str(copy.parent)), copy),
            (Filters(not_in_folder=str(one.parent)), copy),
            (Filters(in_folder=str(one.parent)), one),
        ):
            (hit,) = library.search("x", filters=filters)
            assert (hit.path, hit.copies) == (wanted, ())


def test_copy_that_can_be_opened_comes_first(tmp_path: Path) -> None:
    (one,) = write_photos(tmp_path / "disk", 1)
    (tmp_path / "home").mkdir()
    copy = Path(shutil.copy(one, tmp_path / "home"))
    with Library.open(tmp_path / "library", create=True) as library:
        library.index([tmp_path / "disk", tmp_path / "home"])
        assert library.search("x")[0].path == one
        (tmp_path / "disk").rename(tmp_path / "unplugged")
        (hit,) = library.search("x")
        assert (hit.path, hit.copies, hit.offline) == (copy, (one,), False)


def test_library_remembers_its_model(tmp_path: Path) -> None:
    bundle = other_bundle(tmp_path)
    write_photos(tmp_path / "photos", 3)
    with Library.open(tmp_path / "library", create=True) as library:
        library.index([tmp_path / "photos"])
    with Library.open(tmp_path / "library", model=str(bundle)) as library:
        with pytest.raises(WrongUse, match="no photo has been encoded with model"):
            library.search("x")
        assert library.index([tmp_path / "photos"]).encoded == 3  # other preprocessing: new vectors
        models = {model.name: (model.vectors, model.current) for model in library.status().models}
        assert models == {"mini": (3, False), str(bundle): (3, True)}
    with Library.open(tmp_path / "library") as library:
        assert library.encoder.name == str(bundle)
        assert len(library.search("x")) == 3
    with Library.open(tmp_path / "library", model="mini") as library:
        assert len(library.search("x")) == 3


def test_another_model_takes_over_when_it_knows_every_photo(tmp_path: Path) -> None:
    bundle = other_bundle(tmp_path)
    write_photos(tmp_path / "photos" / "a", 3)
    write_photos(tmp_path / "photos" / "b", 2, first_seed=50)
    with Library.open(tmp_path / "library", create=True) as library:
        assert library.index([tmp_path / "photos"]).not_encoded == 0
    with Library.open(tmp_path / "library", model=str(bundle)) as library:
        report = library.index([tmp_path / "photos" / "a"])
        assert (report.encoded, report.not_encoded) == (3, 2)
        assert len(library.search("x")) == 3
    with Library.open(tmp_path / "library") as library:
        assert library.encoder.name == "mini"
        assert len(library.search("x")) == 5
    with Library.open(tmp_path / "library", model=str(bundle)) as library:
        assert library.index().not_encoded == 0
    with Library.open(tmp_path / "library") as library:
        assert library.encoder.name == str(bundle)


def other_bundle(folder: Path) -> Path:
    """`mini` with other preprocessing, which makes it another model."""
    bundle = folder / "bundle"
    shutil.copytree(Path(photosearch.__file__).parent / "models" / "mini", bundle)
    config = json.loads((bundle / "visual" / "preprocess.json").read_text())
    (bundle / "checksums.json").unlink()
    (bundle / "visual" / "preprocess.json").write_text(
        json.dumps({**config, "resize_mode": "shortest"})
    )
    return bundle


class TestRefuses:
    def test_no_library(self, tmp_path: Path) -> None:
        with pytest.raises(NoLibrary):
            Library.open(tmp_path / "nowhere")
        assert not (tmp_path / "nowhere").exists()

    def test_own_folder_as_photos(self, tmp_path: Path) -> None:
        with (
            Library.open(tmp_path / "library", create=True) as library,
            pytest.raises(WrongUse, match="inside the library's own folder"),
        ):
            library.index([tmp_path / "library" / "vectors"])

    def test_own_folder_below_the_photos_is_left_out(self, tmp_path: Path) -> None:
        write_photos(tmp_path / "photos", 1)
        with Library.open(tmp_path / "photos" / "library", create=True) as library:
            write_photos(library.path / "thumbs", 1, first_seed=9)
            assert library.index([tmp_path / "photos"]).added == 1

    def test_bytes_that_are_no_image(self, samples: Library) -> None:
        with pytest.raises(BadImage, match="not an image"):
            samples.search(image=b"rubbish")

    @pytest.mark.parametrize("k", [0, -1])
    def test_k(self, samples: Library, k: int) -> None:
        with pytest.raises(WrongUse, match="k must be"):
            samples.search("x", k=k)


class TestExport:
    def test_jsonl(self, samples: Library) -> None:
        out = io.BytesIO()
        count = samples.export("jsonl", out)
        rows = [json.loads(line) for line in out.getvalue().splitlines()]
        assert len(rows) == count == samples.status().photos
        cat = next(row for row in rows if row["path"] == str(CAT))
        assert (cat["width"], cat["height"], cat["format"], cat["model"]) == (
            451, 300, "jpeg", "mini",
        )  # fmt: skip
        assert np.linalg.norm(cat["vector"]) == pytest.approx(1, abs=1e-3)

    def test_npz_agrees_with_a_search(self, samples: Library) -> None:
        out = io.BytesIO()
        samples.export("npz", out)
        out.seek(0)
        with np.load(out) as arrays:
            vectors = arrays["vectors"].astype(np.float32)
            paths = arrays["paths"].tolist()
        vector = samples.encoder.encode_texts(["a cat"])[0]
        assert paths[int((vectors @ vector).argmax())] == str(CAT)

    def test_csv(self, samples: Library) -> None:
        import csv

        out = io.BytesIO()
        samples.export("csv", out)
        rows = list(csv.DictReader(io.StringIO(out.getvalue().decode())))
        assert {row["path"] for row in rows} >= {str(CAT)}
        statue = next(row for row in rows if row["path"].endswith("statue-san-diego.jpg"))
        assert float(statue["latitude"]) == pytest.approx(32.67, abs=0.01)
        assert statue["taken_at"].startswith("2017-09-11")

    @pytest.mark.parametrize("kind", ["jsonl", "csv", "npz"])
    def test_names_that_are_no_text(self, tmp_path: Path, kind: str) -> None:
        (one,) = write_photos(tmp_path / "photos", 1)
        os.rename(one, os.fsencode(one.parent) + b"/\xff.jpg")
        with Library.open(tmp_path / "library", create=True) as library:
            library.index([tmp_path / "photos"])
            out = io.BytesIO()
            assert library.export(kind, out) == 1
            if kind == "jsonl":
                path = json.loads(out.getvalue())["path"]
                assert os.fsencode(path).endswith(b"/\xff.jpg")

    def test_unknown_format(self, samples: Library) -> None:
        with pytest.raises(PhotosearchError, match="no export format"):
            samples.export("xml", io.BytesIO())


class TestEvaluate:
    @pytest.fixture
    def captions(self, tmp_path: Path) -> Path:
        lines = [
            {"file": "animals/cat.jpg", "captions": ["a cat", "a tabby cat looking at you"]},
            {"file": "animals/horses.jpg", "captions": ["horses in a field"]},
            {"file": "life/coffee-cup.jpg", "captions": ["a cup of coffee"]},
            {"file": "places/mountain-lake.jpg", "captions": ["a guitar and drums"]},  # wrong
            {"file": "life/guitar-and-drums.webp", "captions": ["a musician with a guitar"]},
        ]
        path = tmp_path / "captions.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)))
        return path

    def test_recall_is_counted_right(self, samples: Library, captions: Path) -> None:
        report = samples.evaluate(captions, SAMPLES)
        assert report.photos == 5
        assert report.text_to_image.queries == 6
        assert report.text_to_image.recall_at_1 == pytest.approx(100 * 5 / 6)
        assert report.text_to_image.recall_at_5 == 100
        assert report.text_to_image.median_rank == 1
        assert report.image_to_text.queries == 5

    def test_ranks_at_the_limits(self) -> None:
        from photosearch.survey.evaluate import _recall

        recall = _recall(np.array([1, 2, 5, 6, 10, 11, 11, 90]))
        assert recall.queries == 8
        assert (recall.recall_at_1, recall.recall_at_5, recall.recall_at_10) == (12.5, 37.5, 62.5)
        assert recall.median_rank == 8

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "line 1"),
            ('{"file": "a.jpg"}', "there is no 'captions'"),
            ('{"file": "a.jpg", "captions": "a"}', "line 1"),
            ("", "holds no captions"),
            ('{"file": "nowhere.jpg", "captions": ["a"]}', "nowhere.jpg: no such file"),
            ('{"file": "CREDITS.md", "captions": ["a"]}', "is not in the library"),
        ],
    )
    def test_wrong_files(self, samples: Library, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "bad.jsonl").write_text(text)
        with pytest.raises(WrongUse, match=message):
            samples.evaluate(tmp_path / "bad.jsonl", SAMPLES)
