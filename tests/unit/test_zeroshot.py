"""Labels → probabilities: the definitions, what is refused, photos in files and in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import photosearch
from photosearch.decode.pixels import decode
from photosearch.encode.towers import Scoring, normalise
from photosearch.errors import BadImage, WrongUse
from photosearch.records import Classified, Failure
from photosearch.zeroshot.classify import LabelVectors, label_vectors
from photosearch.zeroshot.files import NamedFile, PhotoFiles
from photosearch.zeroshot.labels import check_labels, check_templates, parse_labels, read_labels
from photosearch.zeroshot.photos import classify_images
from tests.fake import ColourTower
from tests.make import jpeg, picture, write_photos

DIM = 48  # of ColourTower


class Stranger:
    """An encoder that is none of ours: each text has a vector of its own, by its hash."""

    name = "stranger"
    key = "colours"
    dim = DIM

    def __init__(self, scoring: Scoring | None = None, zh: Scoring | None = None) -> None:
        self.image = self.bulk_image = ColourTower()
        self.texts: list[str] = []
        self._scorings = {"en": scoring or Scoring(20.0), "zh": zh or scoring or Scoring(20.0)}

    def language_of(self, text: str, wanted: str | None = None) -> str:
        return wanted or ("zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en")

    def scoring(self, language: str | None = None) -> Scoring:
        return self._scorings[language or "en"]

    def encode_texts(self, texts: list[str], *, language: str | None = None) -> NDArray[np.float32]:
        self.texts += texts
        return np.stack([self.vector(text) for text in texts])

    @staticmethod
    def vector(text: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        return unit(np.random.default_rng(seed), 1)[0]


def unit(rng: np.random.Generator, rows: int) -> NDArray[np.float32]:
    return normalise(rng.standard_normal((rows, DIM)).astype(np.float32))


def labels_of(
    seed: int, count: int, scale: float = 20.0, bias: float | None = None
) -> LabelVectors:
    return LabelVectors(
        tuple(f"label {number}" for number in range(count)),
        unit(np.random.default_rng(seed), count),
        np.full(count, scale),
        None if bias is None else np.full(count, bias),
    )


seeds = st.integers(0, 10_000)
# Up to what no model has, where a careless exp() would overflow.
scales = st.one_of(st.floats(0.01, 200), st.sampled_from([1e4, 1e9, 1e300]))


class TestProbabilities:
    @settings(max_examples=60, deadline=None)
    @given(seed=seeds, count=st.integers(2, 30), photos=st.integers(1, 5), scale=scales)
    def test_softmax_gives_shares_of_one(
        self, seed: int, count: int, photos: int, scale: float
    ) -> None:
        labels = labels_of(seed, count, scale)
        vectors = unit(np.random.default_rng(seed + 1), photos)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            chances = labels.probabilities(vectors)
        assert chances.shape == (photos, count)
        assert np.isfinite(chances).all()
        assert (chances >= 0).all()
        assert chances.sum(axis=1) == pytest.approx(np.ones(photos))
        assert (chances.argmax(axis=1) == labels.logits(vectors).argmax(axis=1)).all()

    @settings(max_examples=40, deadline=None)
    @given(seed=seeds, scale=scales, bias=st.floats(-1e9, 1e9))
    def test_sigmoid_is_its_definition_and_never_overflows(
        self, seed: int, scale: float, bias: float
    ) -> None:
        labels = labels_of(seed, 6, scale, bias)
        vectors = unit(np.random.default_rng(seed + 1), 3)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            chances = labels.probabilities(vectors)
        logits = labels.logits(vectors)
        assert np.isfinite(chances).all()
        near = np.abs(logits) < 500
        assert chances[near] == pytest.approx(1 / (1 + np.exp(-logits[near])))
        assert (chances[logits > 500] == 1).all()
        assert (chances[logits < -500] < 1e-200).all()

    def test_small_sigmoid_scores_keep_their_digits(self) -> None:
        labels = labels_of(1, 4, 100.0, -60.0)
        vectors = unit(np.random.default_rng(2), 1)
        (chances,) = labels.probabilities(vectors)
        assert chances == pytest.approx(np.exp(labels.logits(vectors)[0]), rel=1e-6)
        assert len(set(chances)) == 4

    @settings(max_examples=40, deadline=None)
    @given(seed=seeds, order=st.permutations(range(7)), bias=st.sampled_from([None, -3.0]))
    def test_order_of_labels_means_nothing(
        self, seed: int, order: list[int], bias: float | None
    ) -> None:
        labels = labels_of(seed, 7, bias=bias)
        turned = LabelVectors(
            tuple(labels.labels[number] for number in order),
            labels.vectors[order],
            labels.scales[order],
            None if labels.biases is None else labels.biases[order],
        )
        vectors = unit(np.random.default_rng(seed + 1), 3)
        assert turned.probabilities(vectors) == pytest.approx(
            labels.probabilities(vectors)[:, order], abs=1e-5
        )
        for one, other in zip(labels.best(vectors), turned.best(vectors), strict=True):
            assert dict(one) == pytest.approx(dict(other), abs=1e-5)

    @settings(max_examples=40, deadline=None)
    @given(seed=seeds, count=st.integers(2, 12), top=st.one_of(st.none(), st.integers(1, 15)))
    def test_best_labels_come_first(self, seed: int, count: int, top: int | None) -> None:
        labels = labels_of(seed, count)
        vectors = unit(np.random.default_rng(seed + 1), 4)
        for row, found in zip(
            labels.probabilities(vectors), labels.best(vectors, top), strict=True
        ):
            assert len(found) == min(count, top or count)
            wanted = sorted(zip(labels.labels, row, strict=True), key=lambda pair: -pair[1])
            assert list(found) == [(label, float(chance)) for label, chance in wanted[: len(found)]]

    def test_labels_far_behind_keep_their_order(self) -> None:
        # All but the first have probability 0: the cosines still rank them.
        vectors = normalise(np.eye(DIM, dtype=np.float32)[:1] + 0.0)
        rows = np.zeros((4, DIM), np.float32)
        rows[:, 0], rows[:, 1] = [0.1, 0.3, 1.0, 0.2], 1.0
        labels = LabelVectors(tuple("abcd"), normalise(rows), np.full(4, 1e6), None)
        (found,) = labels.best(vectors)
        assert [label for label, _ in found] == ["c", "b", "d", "a"]
        assert [chance for _, chance in found] == [1, 0, 0, 0]


class TestLabelVectors:
    def test_probabilities_by_hand(self) -> None:
        encoder = Stranger(Scoring(10.0))
        labels = label_vectors(encoder, ["cat", "dog"], "{}")
        photo = unit(np.random.default_rng(5), 1)
        logits = [10 * float(photo[0] @ encoder.vector(text)) for text in ("cat", "dog")]
        powers = np.exp(logits)
        assert labels.probabilities(photo)[0] == pytest.approx(powers / powers.sum(), rel=1e-5)
        assert labels.scoring == "softmax"

    @settings(max_examples=30, deadline=None)
    @given(
        names=st.lists(
            st.sampled_from("cat dog truck couch 猫 狗".split()), min_size=2, unique=True
        ),
        templates=st.lists(
            st.sampled_from(["{}", "a {}", "the {}, the {}", "{} of {name} {0}"]), min_size=1
        ),
    )
    def test_templates_are_averaged_by_definition(
        self, names: list[str], templates: list[str]
    ) -> None:
        encoder = Stranger()
        labels = label_vectors(encoder, names, templates)
        for name, vector in zip(names, labels.vectors, strict=True):
            rows = [encoder.vector(template.replace("{}", name)) for template in templates]
            mean = np.mean(rows, axis=0)
            assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)

    def test_default_templates_by_language(self) -> None:
        encoder = Stranger()
        label_vectors(encoder, ["cat", "猫"])
        assert encoder.texts == ["a photo of a cat", "猫"]
        encoder = Stranger()
        label_vectors(encoder, ["cat", "dog"], language="zh")
        assert encoder.texts == ["cat", "dog"]

    def test_each_language_has_its_own_scale(self) -> None:
        encoder = Stranger(Scoring(22.0), zh=Scoring(17.0))
        assert label_vectors(encoder, ["cat", "猫"]).scales.tolist() == [22, 17]
        # A template may be in a language that its label is not.
        assert (
            label_vectors(encoder, ["cat", "dog"], ["{}", "一张{}"]).scales.tolist() == [19.5] * 2
        )

    def test_sigmoid_scores(self) -> None:
        encoder = Stranger(Scoring(100.0, -12.0))
        labels = label_vectors(encoder, "one label alone", "{}")
        photo = encoder.vector("one label alone")[np.newaxis]
        assert labels.scoring == "sigmoid"
        assert labels.probabilities(photo)[0, 0] == pytest.approx(1 / (1 + np.exp(12.0 - 100.0)))
        both = label_vectors(encoder, ["one label alone", "another"], "{}")
        # Each label by itself: what else is asked changes nothing.
        assert both.probabilities(photo)[0, 0] == labels.probabilities(photo)[0, 0]

    @pytest.mark.parametrize("labels", ["cat", ["cat"], "cat,Cat", ["cat", " CAT "]])
    def test_one_label_alone_says_nothing(self, labels: str | list[str]) -> None:
        with pytest.raises(WrongUse, match="only label"):
            label_vectors(Stranger(), labels)


class TestLabels:
    @pytest.mark.parametrize(
        ("text", "labels"),
        [
            ("cat,dog,two cats", ["cat", "dog", "two cats"]),
            (" cat , dog ,", ["cat", "dog"]),
            ('"salt, pepper",cat', ["salt, pepper", "cat"]),
            ('cat, "a ""big"" dog"', ["cat", 'a "big" dog']),
            ("猫，狗、卡车", ["猫", "狗", "卡车"]),
            ("cat\ndog\r\nhorse", ["cat", "dog", "horse"]),
            ("two   cats,\tdog", ["two cats", "dog"]),
            ("Cat,dog,cat,CAT", ["Cat", "dog"]),
            ("don't,5\" nail", ["don't", '5" nail']),
        ],
    )
    def test_of_a_text(self, text: str, labels: list[str]) -> None:
        assert parse_labels(text) == labels

    @pytest.mark.parametrize("text", ["", " ", ",", " , ,", "\n", '""'])
    def test_none(self, text: str) -> None:
        with pytest.raises(WrongUse, match=r"^labels names no label"):
            parse_labels(text)

    @pytest.mark.parametrize("text", ['"cat', 'cat,"dog" x', '"a"b'])
    def test_quotes_that_are_not_closed(self, text: str) -> None:
        with pytest.raises(WrongUse, match="not understood") as caught:
            parse_labels(text)
        assert "quotes" in caught.value.hint

    @given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
    def test_any_list_keeps_each_label_once(self, labels: list[str]) -> None:
        if not any(label.strip() for label in labels):
            return
        kept = check_labels(labels)
        assert check_labels(kept) == kept
        assert {" ".join(label.split()) for label in labels} - {""} >= set(kept)

    def test_odd_bytes(self) -> None:
        with pytest.raises(WrongUse, match="no text in UTF-8"):
            parse_labels("cat,\udcff")

    @pytest.mark.parametrize(
        "data",
        [
            b"cat\ndog\n",
            b"\xef\xbb\xbf# animals\r\n\r\ncat\r\n  dog  \r\n# end",
            b"cat\rdog",
            b"cat\n\n\ndog\ncat\n",
        ],
        ids=["plain", "Windows", "old Mac", "twice"],
    )
    def test_of_a_file(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "labels.txt").write_bytes(data)
        assert read_labels(tmp_path / "labels.txt") == ["cat", "dog"]

    def test_a_comma_of_a_file_is_part_of_the_label(self, tmp_path: Path) -> None:
        (tmp_path / "labels.txt").write_text("salt, pepper\n猫，狗\n", encoding="utf-8")
        assert read_labels(tmp_path / "labels.txt") == ["salt, pepper", "猫，狗"]

    @pytest.mark.parametrize(
        ("data", "message"),
        [(b"", "names no label"), (b"# a\n\n", "names no label"), (b"\xff\xd8\xff", "UTF-8")],
    )
    def test_of_files_that_are_no_list(self, tmp_path: Path, data: bytes, message: str) -> None:
        path = tmp_path / "labels.txt"
        path.write_bytes(data)
        with pytest.raises(WrongUse, match=message) as caught:
            read_labels(path)
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize("name", ["nowhere.txt", ".", "a\0b"])
    def test_of_files_that_cannot_be_read(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(WrongUse, match="cannot be read"):
            read_labels(tmp_path / name)

    @pytest.mark.parametrize("template", ["", "a photo", "a {name}", "{ }"])
    def test_templates_without_a_place(self, template: str) -> None:
        with pytest.raises(WrongUse, match=r"has no \{\}"):
            check_templates(["{}", template])


def shown(files: PhotoFiles) -> list[str]:
    return [str(one.shown) for one in files if isinstance(one, NamedFile)]


class TestFiles:
    def test_stable_order_and_the_rules_of_indexing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("b/2.jpg", "b/1.jpg", "b/10.jpg", "z.jpg", "a.jpg", "a/x/1.png", "c/3.jpg"):
            (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / name).write_bytes(b"")
        for name in (".hidden.jpg", "._a.jpg", "notes.txt", "b/skip.jpg"):
            (tmp_path / "in" / name).write_bytes(b"")
        (tmp_path / "in" / ".photosearchignore").write_text("skip.jpg\n/c/\n")
        monkeypatch.chdir(tmp_path)
        wanted = "a.jpg z.jpg a/x/1.png b/1.jpg b/10.jpg b/2.jpg".split()
        files = PhotoFiles(["in", "in/b/skip.jpg", "in/notes.txt"])
        assert shown(files) == [f"in/{name}" for name in [*wanted, "b/skip.jpg", "notes.txt"]]
        assert shown(files) == shown(files)

    def test_folders_to_avoid(self, tmp_path: Path) -> None:
        write_photos(tmp_path / "library" / "thumbs", 1)
        (photo,) = write_photos(tmp_path, 1)
        avoid = frozenset({bytes(tmp_path / "library")})
        assert shown(PhotoFiles([tmp_path], avoid=avoid)) == [str(photo)]

    def test_missing(self, tmp_path: Path) -> None:
        (photo,) = write_photos(tmp_path, 1)
        with pytest.raises(WrongUse, match=r"b\.jpg: no such file or folder"):
            PhotoFiles([photo, tmp_path / "b.jpg"])

    def test_raw_files_of_a_folder_are_counted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("photosearch.zeroshot.files.has_raw_decoder", lambda: False)
        (photo,) = write_photos(tmp_path, 1)
        (tmp_path / "b.nef").write_bytes(b"")
        files = PhotoFiles([tmp_path])
        assert shown(files) == [str(photo)]
        assert files.raw_skipped == 1
        assert shown(PhotoFiles([tmp_path / "b.nef"])) == [str(tmp_path / "b.nef")]


class TestPhotos:
    def classify(self, paths: Sequence[Path], jobs: int = 2) -> list[Classified | Failure]:
        encoder = Stranger()
        labels = label_vectors(encoder, ["cat", "dog", "horse"])
        return list(classify_images(PhotoFiles(paths), labels, encoder.image, jobs=jobs))

    def test_order_is_kept_across_batches_and_failures(self, tmp_path: Path) -> None:
        photos = write_photos(tmp_path, 50)
        for number in (0, 1, 17, 33, 49):
            photos[number].write_bytes(b"rubbish")
        records = self.classify([tmp_path])
        assert [record.path for record in records] == photos
        assert [type(record) for record in records] == [
            Failure if number in (0, 1, 17, 33, 49) else Classified for number in range(50)
        ]
        for again in (
            [self.classify([path])[0] for path in photos],
            self.classify([tmp_path], jobs=1),
        ):
            for one, other in zip(again, records, strict=True):
                if isinstance(one, Classified) and isinstance(other, Classified):
                    assert dict(one.labels) == pytest.approx(dict(other.labels), rel=1e-9)
                else:
                    assert one == other

    def test_probabilities_are_those_of_the_pixels(self, tmp_path: Path) -> None:
        (path,) = write_photos(tmp_path, 1)
        encoder = Stranger()
        labels = label_vectors(encoder, ["cat", "dog"])
        preprocess = encoder.image.preprocess
        pixels = preprocess.resize(decode(path.read_bytes(), need=preprocess.need).image)
        vector = encoder.image.encode(pixels[np.newaxis])
        (record,) = classify_images(PhotoFiles([path]), labels, encoder.image)
        assert isinstance(record, Classified)
        assert record.labels == labels.best(vector)[0]

    def test_files_without_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "photo").write_bytes(jpeg(picture(1)))
        (tmp_path / "README").write_text("no photo")
        (record,) = self.classify([tmp_path])
        assert record.path == tmp_path / "photo"
        (named,) = self.classify([tmp_path / "README"])  # it was asked for
        assert isinstance(named, Failure)

    def test_file_that_vanishes_or_changes(self, tmp_path: Path) -> None:
        encoder = Stranger()
        labels = label_vectors(encoder, ["cat", "dog"])
        one, two = write_photos(tmp_path, 2)
        items = list(PhotoFiles([one, two]))
        one.unlink()
        two.write_bytes(b"longer than before" * 1000)
        reasons = [record.reason for record in classify_images(items, labels, encoder.image)]
        assert reasons == ["cannot be read: No such file or directory",
                           "changed while it was being read"]  # fmt: skip


class TestFunction:
    """`photosearch.classify`, with the stranger and with the embedded model."""

    def test_paths_and_images(self, tmp_path: Path) -> None:
        paths = write_photos(tmp_path, 3)
        encoder = Stranger()
        with Image.open(paths[1]) as image:
            records = photosearch.classify(
                [paths[0], image, str(paths[2])], "cat,dog", model=encoder
            )
        assert [record.path for record in records] == [paths[0], None, paths[2]]
        (one,) = photosearch.classify(paths[1], ["cat", "dog"], model=encoder)
        # A file is decoded at reduced scale.
        assert dict(one.labels) == pytest.approx(dict(records[1].labels), abs=0.02)
        assert photosearch.classify([], "cat,dog", model=encoder) == []

    def test_record(self, tmp_path: Path) -> None:
        (path,) = write_photos(tmp_path, 1)
        (record,) = photosearch.classify(path, "cat,dog,horse", top=2, model=Stranger())
        assert record.best == record.labels[0][0]
        assert len(record.labels) == 2
        assert record.as_dict() == {
            "path": str(path),
            "scoring": "softmax",
            "labels": [
                {"label": label, "probability": round(chance, 6)} for label, chance in record.labels
            ],
        }

    def test_what_is_no_photo(self, tmp_path: Path) -> None:
        (path,) = write_photos(tmp_path, 1)
        (tmp_path / "b.jpg").write_bytes(b"rubbish")
        for bad, message in (
            (tmp_path / "b.jpg", "not an image"),
            (tmp_path / "c.jpg", "No such file"),
            (tmp_path, "is a folder"),
        ):
            with pytest.raises(BadImage, match=message) as caught:
                photosearch.classify([path, bad], "cat,dog", model=Stranger())
            assert str(bad) in str(caught.value)

    def test_image_in_memory_that_is_cut(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.jpg"
        path.write_bytes(jpeg(picture(1, (300, 200)))[:2000])
        with Image.open(path) as image, pytest.raises(BadImage, match="in memory"):
            photosearch.classify(image, "cat,dog", model=Stranger())

    @pytest.mark.parametrize("top", [0, -1])
    def test_top(self, top: int) -> None:
        with pytest.raises(WrongUse, match=r"^top must"):
            photosearch.classify([], "cat,dog", top=top, model=Stranger())
