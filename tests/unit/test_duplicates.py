"""Duplicates: what is stored, which pairs are compared, what counts as one picture, what may go."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from photosearch.decode.pixels import decode
from photosearch.duplicates import candidates
from photosearch.duplicates.fingerprint import colour_of, perceptual_hash
from photosearch.duplicates.groups import Star, neighbours, recentred, stars
from photosearch.duplicates.keep import (
    _CAMERA,
    Candidate,
    Place,
    untidiness,
    what_is_lost,
    why_kept,
    worth,
)
from photosearch.duplicates.removable import removable
from photosearch.duplicates.same_picture import compare, view_of
from photosearch.duplicates.sequences import Shot, are_other_shots, sequences
from photosearch.records import Facts, FoundFile, Photo
from photosearch.reports.duplicates import DuplicateFile, DuplicateGroup, DuplicatesReport
from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
from photosearch.store.hashes import (
    ALTERED,
    DIFFERENT,
    SAME,
    Compared,
    NewHash,
    compared,
    failed_hashes,
    hashes_of,
    store_hashes,
    store_pairs,
    unhashed,
)
from photosearch.store.snapshot import Snapshot
from tests.make import encode, jpeg, picture


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture with detail everywhere: colours that change over all distances, and some boxes."""
    chance = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3))
    for cells in (3, 8, 20, 60):
        grid = chance.uniform(0, 255, (cells * 3 // 4 + 1, cells, 3)).astype(np.uint8)
        grown = Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)
        total += np.asarray(grown, float)
    image = Image.fromarray((total / 4 * 1.4 - 50).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = chance.integers(0, size[0]), chance.integers(0, size[1])
        wide, high = chance.integers(10, 90, 2)
        draw.rectangle((x, y, x + wide, y + high), fill=tuple(chance.integers(0, 255, 3).tolist()))
    return image


def again(image: Image.Image, **options: int) -> Image.Image:
    """As it comes back from a JPEG."""
    return decode(jpeg(image, **options)).image


def verdict(one: Image.Image, other: Image.Image) -> Compared:
    return compare(view_of(one, *one.size), view_of(other, *other.size))


def captioned(image: Image.Image) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, image.height * 9 // 10, image.width, image.height), fill="black")
    draw.text((8, image.height * 9 // 10 + 8), "Holiday 2019", fill="white")
    return image


class TestSamePicture:
    @pytest.mark.parametrize(
        "change",
        [
            lambda image: again(image, quality=30),
            lambda image: again(image.resize((320, 240))),
            lambda image: again(image.resize((1280, 960))),
            lambda image: again(image.convert("L").convert("RGB")),
            lambda image: again(ImageEnhance.Brightness(image).enhance(1.3)),
            lambda image: again(ImageEnhance.Contrast(image).enhance(0.7)),
            lambda image: again(image.rotate(90, expand=True)),
            lambda image: decode(encode(image, "WEBP", quality=60)).image,
        ],
        ids="recompressed smaller larger grey brighter softer turned webp".split(),
    )
    def test_a_version_is_the_same_picture(
        self, change: Callable[[Image.Image], Image.Image]
    ) -> None:
        found = verdict(scene(1), change(scene(1)))
        assert found.verdict == SAME
        assert found.shown_one > 0.98
        assert found.shown_other > 0.98

    @pytest.mark.parametrize("share", [0.9, 0.75, 0.5])
    def test_a_crop_is_shown_by_the_whole(self, share: float) -> None:
        whole = scene(2)
        side = share**0.5
        wide, high = round(whole.width * side), round(whole.height * side)
        crop = again(whole.crop((40, 30, 40 + wide, 30 + high)))
        found = verdict(whole, crop)
        assert found.verdict in (SAME, ALTERED)
        assert found.shown_one == pytest.approx(share, abs=0.03)
        assert found.shown_other > 0.97
        assert found.scale == pytest.approx(1, abs=0.02)

    def test_the_smaller_one_is_told_by_the_scale(self) -> None:
        assert verdict(scene(1), scene(1).resize((320, 240))).scale == pytest.approx(0.5, abs=0.01)

    def test_a_caption_is_noticed(self) -> None:
        assert verdict(scene(3), again(captioned(scene(3)))).verdict == ALTERED

    def test_other_pictures_are_different(self) -> None:
        for one, other in itertools.combinations(range(5), 2):
            assert verdict(scene(one), scene(other)).verdict == DIFFERENT

    def test_a_step_aside_is_another_photo(self) -> None:
        """Near things move against far ones: no single movement lays one over the other."""

        def taken_from(step: int) -> Image.Image:
            far = scene(10, (900, 480)).crop((100 + step, 0, 740 + step, 480))
            near = scene(11, (900, 480)).crop((100 + 4 * step, 0, 740 + 4 * step, 480))
            far.paste(near.crop((0, 260, 640, 480)), (0, 260))
            return far

        assert verdict(taken_from(0), again(taken_from(0))).verdict == SAME
        assert verdict(taken_from(0), taken_from(14)).verdict == DIFFERENT

    def test_something_that_moved_before_a_still_background_is_another_photo(self) -> None:
        def with_person_at(x: int) -> Image.Image:
            image = scene(12)
            image.paste(scene(13).crop((0, 0, 110, 260)), (x, 110))
            return again(image)

        assert verdict(with_person_at(150), with_person_at(330)).verdict == DIFFERENT

    def test_plain_pictures_are_one_only_where_they_are_equal(self) -> None:
        black, grey = (Image.new("RGB", (640, 480), colour) for colour in ("black", "grey"))
        assert verdict(black, again(black)).verdict == SAME
        assert verdict(black, grey).verdict == DIFFERENT

    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 700), st.integers(1, 700))
    def test_any_shape_can_be_compared(self, a: int, b: int, c: int, d: int) -> None:
        found = verdict(scene(1, (a, b)), scene(1, (c, d)))
        assert found.verdict in (SAME, ALTERED, DIFFERENT)

    def test_it_does_not_matter_which_is_asked_about(self) -> None:
        whole, crop = scene(4), scene(4).crop((30, 20, 600, 450))
        one, other = verdict(whole, crop), verdict(crop, whole).turned()
        assert one.verdict == other.verdict == SAME
        assert one.shown_one == pytest.approx(other.shown_one, abs=0.02)


def bits_apart(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


class TestFingerprint:
    def test_it_hardly_changes(self) -> None:
        image = scene(1)
        first = perceptual_hash(image)
        for version in (
            again(image, quality=30),
            image.resize((200, 150)),
            image.convert("L"),
            ImageEnhance.Brightness(image).enhance(1.2),
        ):
            assert bits_apart(first, perceptual_hash(version)) <= candidates.FEW_BITS

    def test_other_pictures_have_others(self) -> None:
        hashes = [perceptual_hash(scene(seed)) for seed in range(8)]
        for one, other in itertools.combinations(hashes, 2):
            assert bits_apart(one, other) > candidates.FEW_BITS

    def test_colour_is_told_from_grey(self) -> None:
        assert colour_of(scene(1)) > 10
        assert colour_of(again(scene(1).convert("L").convert("RGB"))) < 1


class TestCandidates:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32), st.integers(2, 60), st.integers(3, 40))
    def test_no_pair_is_lost_by_looking_at_few_dimensions(
        self, seed: int, count: int, dim: int
    ) -> None:
        chance = np.random.default_rng(seed)
        vectors = chance.normal(size=(count, dim))
        vectors[1::2] = vectors[: len(vectors[1::2])] + chance.normal(0, 0.2, vectors[1::2].shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors.astype(np.float16)
        hashes = chance.integers(0, 2**63, count).astype(np.uint64)
        least = candidates.least_cosine(candidates.sample_of(vectors), candidates.NEAR)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(candidates, "_VECTOR_TILE", (7, 11))
            patch.setattr(candidates, "_HASH_TILE", (5, 13))
            patch.setattr(candidates, "_FIRST", 2)
            patch.setattr(candidates, "MOST_EACH", count)
            one, other = candidates.pairs(hashes, vectors)
        cosines = vectors.astype(np.float32) @ vectors.astype(np.float32).T
        wanted = {
            (int(i), int(j))
            for i, j in zip(*np.nonzero(np.triu(cosines >= least + 1e-4, 1)), strict=True)
        }
        found = set(zip(one.tolist(), other.tolist(), strict=True))
        assert wanted <= found
        assert all(i < j for i, j in found)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, 2**64 - 1), max_size=40))
    def test_every_pair_of_like_hashes_is_found(self, numbers: list[int]) -> None:
        numbers += [number ^ 0b1011 for number in numbers]
        hashes = np.array(numbers, np.uint64)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(candidates, "_HASH_TILE", (4, 9))
            patch.setattr(candidates, "MOST_EACH", 100)
            one, other = candidates.pairs(hashes, np.zeros((len(hashes), 1), np.float16))
        assert set(zip(one.tolist(), other.tolist(), strict=True)) == {
            (i, j)
            for i, j in itertools.combinations(range(len(numbers)), 2)
            if (numbers[i] ^ numbers[j]).bit_count() <= candidates.FEW_BITS
        }

    def test_ten_thousand_black_frames_are_no_million_pairs(self) -> None:
        hashes = np.zeros(3000, np.uint64)
        one, _ = candidates.pairs(hashes, np.zeros((3000, 1), np.float16))
        assert len(one) <= 3000 * candidates.MOST_EACH
        assert np.bincount(one).max() == candidates.MOST_EACH


class TestGroups:
    @given(
        st.integers(2, 9).flatmap(
            lambda count: st.tuples(
                st.permutations(range(count)),
                st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))),
                st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))),
            )
        )
    )
    def test_each_member_was_compared_with_the_kept_one(
        self, given_: tuple[list[int], set[tuple[int, int]], set[tuple[int, int]]]
    ) -> None:
        order, pairs, same = given_
        pairs = {pair for pair in pairs if pair[0] != pair[1]}
        found = stars(
            order,
            neighbours(pairs),
            lambda kept, other: Compared(SAME) if (kept, other) in same else None,
        )
        seen: list[int] = []
        for star in found:
            members = [other for other, _ in star.others]
            assert members
            assert all((star.kept, other) in same for other in members)
            seen += [star.kept, *members]
        assert len(seen) == len(set(seen))  # no photo is in two groups

    def test_a_chain_is_no_group(self) -> None:
        alike = {(1, 2), (2, 1), (2, 3), (3, 2)}
        found = stars(
            [1, 2, 3],
            neighbours([(1, 2), (2, 3)]),
            lambda kept, other: Compared(SAME) if (kept, other) in alike else None,
        )
        assert [(star.kept, [other for other, _ in star.others]) for star in found] == [(1, [2])]

    def test_the_hundredth_copy_is_found_through_the_others(self) -> None:
        """Each photo names its next neighbour alone; all are the same picture."""
        found = stars(
            range(100),
            neighbours((one, one + 1) for one in range(99)),
            lambda kept, other: Compared(SAME),
        )
        assert [len(star.others) for star in found] == [99]

    def test_the_odd_one_out_is_not_the_one_to_keep(self) -> None:
        star = Star(0, tuple((other, Compared(ALTERED)) for other in (1, 2, 3)))

        def belongs(kept: int, other: int) -> Compared:
            return Compared(ALTERED if 0 in (kept, other) else SAME)

        found = recentred(star, [1, 2], belongs, lambda kept, other, what: what.verdict == SAME)
        assert found.kept == 1
        assert {other for other, _ in found.others} == {0, 2, 3}


class TestStore:
    @pytest.fixture
    def writer(self, tmp_path: Path):  # type: ignore[no-untyped-def]
        catalogue = filled(tmp_path / "library", 6)
        yield catalogue
        catalogue.close()

    @settings(max_examples=40, deadline=None)
    @given(
        st.dictionaries(
            st.integers(1, 6), st.one_of(st.binary(min_size=8, max_size=8), st.text(min_size=1))
        )
    )
    def test_what_goes_in_comes_out(self, rows: dict[int, bytes | str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "library"
            writer = filled(library, 6)
            snapshot = Snapshot(library)
            try:
                # A character that SQLite does not take as text cannot be in a reason.
                given_ = {
                    one: row if isinstance(row, bytes) else repr(row) for one, row in rows.items()
                }
                store_hashes(
                    writer,
                    "way",
                    [
                        NewHash(one, row, 1.5)
                        if isinstance(row, bytes)
                        else NewHash(one, None, failure=row)
                        for one, row in given_.items()
                    ],
                )
                found = {one: bits for one, bits, _ in hashes_of(snapshot, "way")}
                assert {**found, **failed_hashes(snapshot, "way")} == given_
                assert set(unhashed(snapshot, "way")) == set(range(1, 7)) - set(given_)
                assert unhashed(snapshot, "another way") == list(range(1, 7))
            finally:
                snapshot.close()
                writer.close()

    def test_a_pair_is_told_from_both_sides(self, writer: Catalogue, tmp_path: Path) -> None:
        found = Compared(SAME, 0.9, 0.5, 1.0, 2.0, 3.0)
        store_pairs(writer, "way", [(5, 2, found), (1, 3, found)])
        snapshot = Snapshot(tmp_path / "library")
        assert compared(snapshot, "way", 5, 2) == found
        assert compared(snapshot, "way", 2, 5) == Compared(SAME, 0.9, 1.0, 0.5, 0.5, 3.0)
        assert compared(snapshot, "way", 1, 3) == found
        assert compared(snapshot, "way", 1, 2) is None
        assert compared(snapshot, "another way", 5, 2) is None
        snapshot.close()

    def test_photos_that_are_gone_are_left_out(self, writer: Catalogue, tmp_path: Path) -> None:
        store_hashes(writer, "way", [NewHash(99, b"12345678", 0.0)])
        store_pairs(writer, "way", [(1, 99, Compared(SAME))])
        snapshot = Snapshot(tmp_path / "library")
        assert list(hashes_of(snapshot, "way")) == []
        snapshot.close()

    def test_what_is_known_of_a_photo_goes_with_it(self, writer: Catalogue, tmp_path: Path) -> None:
        store_hashes(writer, "way", [NewHash(1, b"12345678", 0.0), NewHash(2, b"12345678", 0.0)])
        store_pairs(writer, "way", [(1, 2, Compared(SAME)), (2, 3, Compared(SAME))])
        writer.drop_vanished([1])
        writer.prune()
        for table, left in (("hashes", 1), ("pairs", 1)):
            assert list(writer.rows(f"SELECT count(*) FROM {table}")) == [(left,)]


def filled(library: Path, photos: int) -> Catalogue:
    catalogue = Catalogue(library, create=True)
    root, model = catalogue.add_root(b"/photos"), catalogue.add_model("key", "model", 4)
    batch = Batch(
        new=[
            NewPhoto(
                Photo(number.to_bytes(32, "big"), 10, "jpeg", 4, 3),
                np.full(4, number, "<f2").tobytes(),
                [FoundFile(b"%d.jpg" % number, 10, 1)],
            )
            for number in range(1, photos + 1)
        ]
    )
    catalogue.commit(root, model, batch)
    return catalogue


def photo(number: int = 1, **changes: object) -> Candidate:
    known: dict[str, object] = {
        "photo_id": number,
        "digest": number.to_bytes(32, "big"),
        "format": "jpeg",
        "bytes": 1000,
        "width": 4000,
        "height": 3000,
        "taken_at": "2020-01-01T10:00:00",
        "camera": "Pixel 6",
        "facts": 5,
        "colour": 30.0,
        "places": (Place(b"/photos", b"a.jpg", 1000, 1),),
    }
    return Candidate(**{**known, **changes})  # type: ignore[arg-type]


def shown(verdict: str, **more: float) -> Compared:
    """A comparison of two photos with the same frame."""
    return Compared(verdict, **{"likeness": 1.0, "shown_one": 1.0, "shown_other": 1.0, **more})


class TestKeep:
    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            (photo(1), photo(2, width=2000, height=1500, bytes=9999)),
            (photo(1), photo(2, colour=0.5, width=8000, height=6000)),
            (photo(1, format="raw"), photo(2, width=4100)),
            (photo(1), photo(2, facts=0, taken_at=None, bytes=9999)),
            (photo(1), photo(2, format="webp", bytes=9999)),
            (photo(1), photo(2, bytes=500)),
            (photo(1), photo(2, taken_at="2021-01-01T10:00:00")),
            (
                photo(1, places=(Place(b"/p", b"a.jpg", 1, 9),)),
                photo(2, places=(Place(b"/p", b"WhatsApp Images/a.jpg", 1, 1),)),
            ),
        ],
        ids="pixels colour raw camera format bytes date folder".split(),
    )
    def test_what_is_worth_more_comes_first(self, better: Candidate, worse: Candidate) -> None:
        assert sorted([worse, better], key=worth)[0] is better
        assert why_kept(better, [worse])

    @pytest.mark.parametrize(
        "name",
        [
            b"IMG_1 (1).jpg",
            b"IMG_1 copy.jpg",
            b"Copy of IMG_1.jpg",
            b"IMG_1-edited.jpg",
            b"IMG_1-1024x768.jpg",
            b"Downloads/IMG_1.jpg",
            b".thumbnails/IMG_1.jpg",
        ],
    )
    def test_the_name_of_a_copy_is_known(self, name: bytes) -> None:
        original = Place(b"/photos", b"IMG_1.jpg", 1, 99)
        assert untidiness(original) < untidiness(Place(b"/photos", name, 1, 1))

    @pytest.mark.parametrize(
        ("other", "found", "reason"),
        [
            (photo(2), shown(ALTERED), "a part"),
            (photo(2, format="raw"), shown(SAME), "raw"),
            (photo(2), shown(SAME, scale=1.5), "more detail"),
            (photo(2), shown(SAME, tones=20), "brighter"),
            (photo(2), shown(SAME, shown_one=0.9), "cropped"),
            (photo(2, colour=60.0), shown(SAME), "colours"),
            (photo(2, taken_at="1999-01-01T00:00:00"), shown(SAME), "date"),
            (photo(2, facts=9), shown(SAME), "camera data"),
            (photo(2, camera="Canon"), shown(SAME), "camera data"),
        ],
    )
    def test_what_only_the_other_has_is_not_given_up(
        self, other: Candidate, found: Compared, reason: str
    ) -> None:
        assert reason in (what_is_lost(photo(1), other, found) or "")

    def test_a_worse_version_may_go(self) -> None:
        worse = photo(2, width=2000, height=1500, facts=0, taken_at=None, camera=None)
        assert what_is_lost(photo(1), worse, shown(SAME, scale=0.5)) is None

    def test_a_jpeg_beside_its_raw_file_stays(self) -> None:
        raw = photo(1, format="raw")
        assert "belong together" in (what_is_lost(raw, photo(2), shown(SAME)) or "")


class TestSequences:
    def shots(self, *times: str, camera: str | None = "Pixel 6") -> list[Shot]:
        return [Shot(number, time, ("Google", camera)) for number, time in enumerate(times)]

    def test_frames_within_seconds_are_one_burst(self) -> None:
        shots = self.shots(
            "2020-01-01T10:00:00.1",
            "2020-01-01T10:00:00.9+02:00",
            "2020-01-01T10:00:02",
            "2020-01-01T10:00:09",
            "2020-01-01T10:00:10",
        )
        assert sequences(shots, lambda one, other: True) == [[0, 1, 2], [3, 4]]

    def test_what_does_not_look_alike_is_none(self) -> None:
        shots = self.shots("2020-01-01T10:00:00", "2020-01-01T10:00:01")
        assert sequences(shots, lambda one, other: False) == []

    def test_two_cameras_do_not_make_one(self) -> None:
        first, second = self.shots("2020-01-01T10:00:00", "2020-01-01T10:00:01")
        other = Shot(second.photo_id, second.taken_at, ("Canon", "5D"))
        assert sequences([first, other], lambda one, other: True) == []
        unknown = self.shots("2020-01-01T10:00:00", "2020-01-01T10:00:01", camera=None)
        assert sequences(unknown, lambda one, other: True) == []

    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            ("2020-01-01T10:00:00", "2020-01-01T10:00:01", True),
            ("2020-01-01T10:00:00.2", "2020-01-01T10:00:00.6", True),
            ("2020-01-01T10:00:00.2", "2020-01-01T10:00:00", False),
            ("2020-01-01T10:00:00", "2020-01-01T11:00:00", False),  # a time zone
            ("2020-01-01T10:00:00", "2023-05-05T10:00:00", False),  # the day of editing
            ("2020-01-01T10:00:00", None, False),
            ("0", "2020-01-01T10:00:00", False),
        ],
    )
    def test_times_that_tell_two_exposures(
        self, one: str, other: str | None, expected: bool
    ) -> None:
        assert are_other_shots(one, other) is expected
        assert are_other_shots(other, one) is expected


class TestRemovable:
    """Whoever pipes these paths to rm must not lose a picture."""

    def file(self, path: Path, relation: str = "copy", **changes: object) -> DuplicateFile:
        data = path.read_bytes()
        known: dict[str, object] = {
            "path": path,
            "photo": hashlib.sha256(data).hexdigest(),
            "relation": relation,
            "reason": "",
            "width": 4,
            "height": 3,
            "bytes": len(data),
            "format": "jpeg",
            "taken_at": None,
            "mtime_ns": path.stat().st_mtime_ns,
        }
        return DuplicateFile(**{**known, **changes})  # type: ignore[arg-type]

    @pytest.fixture
    def kept(self, tmp_path: Path) -> Path:
        path = tmp_path / "kept.jpg"
        path.write_bytes(b"picture")
        return path

    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        path = tmp_path / "copy.jpg"
        path.write_bytes(b"picture")
        return path

    def left(self, *files: DuplicateFile) -> tuple[list[Path], list[str]]:
        found = removable(DuplicatesReport("near", (DuplicateGroup(files),)))
        return list(found.paths), [reason for _, reason in found.left_out]

    def test_a_copy_may_go(self, kept: Path, copy: Path) -> None:
        assert self.left(self.file(kept, "kept"), self.file(copy)) == ([copy], [])

    def test_never_where_the_kept_one_is_gone(self, kept: Path, copy: Path) -> None:
        files = self.file(kept, "kept"), self.file(copy)
        kept.unlink()
        paths, (reason,) = self.left(*files)
        assert paths == []
        assert "not there" in reason

    def test_never_where_the_kept_one_has_changed(self, kept: Path, copy: Path) -> None:
        files = self.file(kept, "kept"), self.file(copy)
        kept.write_bytes(b"another picture")
        assert self.left(*files)[0] == []

    def test_never_where_content_changed_behind_the_same_size_and_time(
        self, kept: Path, copy: Path
    ) -> None:
        for changed in (kept, copy):
            files = self.file(kept, "kept"), self.file(copy)
            state = changed.stat()
            changed.write_bytes(b"PICTURE")
            os.utime(changed, ns=(state.st_atime_ns, state.st_mtime_ns))
            paths, (reason,) = self.left(*files)
            assert paths == []
            assert "another content" in reason
            changed.write_bytes(b"picture")

    def test_never_a_file_that_has_changed_or_gone(self, kept: Path, copy: Path) -> None:
        files = self.file(kept, "kept"), self.file(copy)
        copy.write_bytes(b"a new picture")
        assert "changed" in self.left(*files)[1][0]
        copy.unlink()
        assert "not there" in self.left(*files)[1][0]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ("none", None),
            ("smaller", None),
            ("a word more", "it differs in a detail"),
            ("half of it", "its frame is another one"),
            ("no picture", "its detail cannot be compared"),
            ("large", "it is too large to be compared in every detail"),
        ],
    )
    def test_only_what_the_kept_one_shows_in_every_detail(
        self, tmp_path: Path, change: str, reason: str | None
    ) -> None:
        """Likeness of the whole put it into the group; that is not enough for rm."""
        kept, other = tmp_path / "kept.jpg", tmp_path / "other.jpg"
        image = picture(1, (640, 480))
        kept.write_bytes(jpeg(image, quality=95))
        if change == "smaller":
            image = image.resize((320, 240))
        elif change == "half of it":
            image = image.crop((0, 0, 640, 240))
        elif change == "a word more":
            ImageDraw.Draw(image).text((300, 200), "1987", fill="white", stroke_width=1)
        other.write_bytes(b"none" if change == "no picture" else jpeg(image, quality=80))
        size = (20_000, 15_000) if change == "large" else image.size
        files = (
            self.file(kept, "kept", width=640, height=480),
            self.file(other, width=size[0], height=size[1]),
        )
        paths, reasons = self.left(*files)
        assert (paths, reasons) == (([other], []) if reason is None else ([], [reason]))

    def test_never_a_folder_that_took_a_file_s_name(self, kept: Path, copy: Path) -> None:
        files = self.file(kept, "kept"), self.file(copy)
        copy.unlink()
        copy.mkdir()
        assert self.left(*files) == ([], ["it is no regular file"])

    def test_never_a_hard_link_of_the_kept_one(self, kept: Path, tmp_path: Path) -> None:
        os.link(kept, tmp_path / "link.jpg")
        paths, (reason,) = self.left(
            self.file(kept, "kept"), self.file(tmp_path / "link.jpg", "copy")
        )
        assert paths == []
        assert "another path" in reason

    def test_never_a_symbolic_link(self, kept: Path, copy: Path, tmp_path: Path) -> None:
        for target in (kept, copy):
            link = tmp_path / f"to-{target.name}"
            link.symlink_to(target)
            assert self.left(self.file(kept, "kept"), self.file(link))[0] == []

    def test_never_through_a_folder_that_is_a_link(self, kept: Path, tmp_path: Path) -> None:
        (tmp_path / "again").symlink_to(tmp_path)
        same = tmp_path / "again" / "kept.jpg"
        assert self.left(self.file(kept, "kept"), self.file(same))[0] == []

    def test_never_what_may_be_the_same_file_on_another_mount(
        self, kept: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A share that is mounted twice has two device numbers."""
        os.utime(copy, ns=(0, kept.stat().st_mtime_ns))
        files = self.file(kept, "kept"), self.file(copy)
        real = os.stat

        def stat(path, *args, **options):  # type: ignore[no-untyped-def]
            state = real(path, *args, **options)
            if os.fspath(path) == os.fspath(copy):
                values = list(state)
                values[2] += 1  # st_dev
                return os.stat_result(values, {"st_mtime_ns": state.st_mtime_ns})
            return state

        monkeypatch.setattr(os, "stat", stat)
        paths, (reason,) = self.left(*files)
        assert paths == []
        assert "mount" in reason

    def test_never_what_holds_something_of_its_own(self, kept: Path, copy: Path) -> None:
        file = self.file(copy, "altered", lost="a part of the picture differs")
        assert self.left(self.file(kept, "kept"), file) == ([], ["a part of the picture differs"])

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.sampled_from(["copy", "link", "gone", "changed", "kept"]), max_size=6))
    def test_the_kept_one_is_never_named(self, sorts: list[str]) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            kept = folder / "kept.jpg"
            kept.write_bytes(b"picture")
            files = [self.file(kept, "kept")]
            for number, sort in enumerate(sorts):
                path = folder / f"{number}.jpg"
                if sort == "link":
                    os.link(kept, path)
                else:
                    path.write_bytes(b"picture")
                files.append(self.file(kept if sort == "kept" else path))
                if sort == "gone":
                    path.unlink()
                elif sort == "changed":
                    path.write_bytes(b"something else")
            paths, reasons = self.left(*files)
            assert kept not in paths
            assert len(paths) == sorts.count("copy")
            assert len(paths) + len(reasons) == len(sorts)
            for path in paths:
                path.unlink()
            assert kept.read_bytes() == b"picture"


def test_facts_that_count_are_facts() -> None:
    assert set(_CAMERA) <= set(Facts.__slots__)
