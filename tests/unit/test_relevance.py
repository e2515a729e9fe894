"""Relevance: does a query explain a photo better than ordinary words do?"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from photosearch.decode.pixels import decode
from photosearch.encode.encoder import Encoder
from photosearch.encode.names import open_encoder
from photosearch.encode.towers import Scoring, normalise
from photosearch.records import WEAK_BELOW
from photosearch.search import bank
from photosearch.search.query import make_query
from photosearch.search.relevance import (
    Calibration,
    Judge,
    background,
    fit,
    is_judged,
    is_match,
    prepare,
    rise,
    setting_name,
)
from tests.make import shared_photos

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"
DIM = 32


def directions(seed: int, count: int, dim: int = DIM) -> NDArray[np.float32]:
    chance = np.random.default_rng(seed)
    return normalise(chance.standard_normal((count, dim)).astype(np.float32))


class HashTower:
    """A text tower without weights: each text has a direction of its own."""

    key = "hashes"
    dim = DIM

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        self.encoded += len(texts)
        seeds = [sum(text.encode()) * 1009 + len(text) for text in texts]
        return np.concatenate([directions(seed, 1) for seed in seeds])


class HashEncoder(Encoder):
    """A model that the package does not know."""

    def __init__(self, languages: list[str], text_key: str = "hashes") -> None:
        super().__init__("hashes")
        self.tower = HashTower()
        self._languages = languages
        self._text_key = text_key

    @property
    def key(self) -> str:
        return "colours"

    @property
    def dim(self) -> int:
        return DIM

    @property
    def languages(self) -> list[str]:
        return self._languages

    def text_key(self, language: str) -> str:
        return self._text_key

    def scoring(self, language: str | None = None) -> Scoring:
        return Scoring(100)

    def verify(self) -> None: ...

    def _open_image(self):  # type: ignore[no-untyped-def]
        raise AssertionError("no image is encoded to judge")

    def _open_text(self, language: str) -> HashTower:
        return self.tower


@pytest.fixture(scope="module")
def mini() -> Encoder:
    return open_encoder("mini")


# The bank


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_texts_are_many_short_and_different(language: str) -> None:
    texts = bank.texts(language)
    assert len(texts) >= 500
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and 0 < len(text) <= 40 for text in texts)


def test_no_query_of_the_benchmark_is_a_text_of_the_bank() -> None:
    """Otherwise a verdict on it would be a verdict on the bank."""
    data = Path(__file__).parents[2] / "scripts" / "benchmarks" / "data"
    for name, language in (("absent_queries.txt", "en"), ("absent_queries_zh.txt", "zh")):
        queries = set((data / name).read_text(encoding="utf-8").splitlines())
        assert not queries & set(bank.texts(language))


def test_what_is_shipped_is_of_this_model_and_these_texts(mini: Encoder, tmp_path: Path) -> None:
    """Nothing is encoded for the built-in model, and what lies there is what its tower says."""
    assert bank.is_shipped(mini), "make it anew: scripts/bench relevance --write"
    words = bank.load(mini, tmp_path)
    assert words is not None
    assert words.shape == (len(bank.texts("en")), mini.dim)
    some = list(range(0, len(words), 97))
    fresh = mini.text("en").encode([bank.texts("en")[row] for row in some])
    assert (fresh * words[some].astype(np.float32)).sum(axis=1).min() > 0.999
    assert not list(tmp_path.iterdir())


def test_another_model_makes_its_bank_once(tmp_path: Path) -> None:
    encoder = HashEncoder(["en"])
    assert bank.load(encoder, tmp_path) is None
    assert Judge.open(encoder, "en", cache_folder=tmp_path) is None
    photos = directions(1, 60)
    first = prepare(encoder, photos, cache_folder=tmp_path)
    made = encoder.tower.encoded
    assert made == len(bank.texts("en"))
    assert prepare(encoder, photos, cache_folder=tmp_path) == first
    assert encoder.tower.encoded == made
    assert Judge.open(encoder, "en", cache_folder=tmp_path, fitted=first) is not None
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"]


def test_a_folder_that_cannot_be_written_to_costs_the_keeping_alone(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_bytes(b"")
    made = bank.make(HashEncoder(["en"]), blocked)
    assert made.shape == (len(bank.texts("en")), DIM)


def test_a_model_that_reads_chinese_alone_has_the_chinese_bank(tmp_path: Path) -> None:
    assert len(bank.make(HashEncoder(["zh"]), tmp_path)) == len(bank.texts("zh"))
    assert len(bank.make(HashEncoder(["en", "zh", "mul"]), tmp_path)) == len(bank.texts("en"))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", b"no array at all", b"PK\x03\x04"],
    ids=["empty", "cut", "text", "archive"],
)
def test_a_damaged_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    encoder = HashEncoder(["en"])
    bank.make(encoder, tmp_path)
    (path,) = (tmp_path / bank.FOLDER).iterdir()
    path.write_bytes(content)
    assert bank.load(encoder, tmp_path) is None
    bank.make(encoder, tmp_path)
    assert bank.load(encoder, tmp_path) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((3, DIM), np.float16),
        np.full((len(bank.texts("en")), DIM), np.nan, np.float16),
        np.zeros((len(bank.texts("en")), DIM), np.float64),
        np.zeros((len(bank.texts("en")), DIM + 1), np.float16),
    ],
    ids=["fewer texts", "no numbers", "other numbers", "other length"],
)
def test_vectors_of_something_else_are_as_none(tmp_path: Path, wrong: NDArray[np.float16]) -> None:
    encoder = HashEncoder(["en"])
    bank.make(encoder, tmp_path)
    (path,) = (tmp_path / bank.FOLDER).iterdir()
    np.save(path, wrong)
    assert bank.load(encoder, tmp_path) is None


def test_another_tower_has_another_bank_and_setting(tmp_path: Path) -> None:
    one, other = HashEncoder(["en"]), HashEncoder(["en"], text_key="others")
    bank.make(one, tmp_path)
    assert bank.load(other, tmp_path) is None
    assert setting_name(one) != setting_name(other)


# Judging


def judge_of(words: NDArray[np.float32]) -> Judge:
    return Judge(words, Calibration())


@given(seed=st.integers(0, 10_000), count=st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_relevance_is_a_share_and_rises_with_the_score(seed: int, count: int) -> None:
    """For one photo the better of two queries is never the less relevant one."""
    words, photos = directions(seed, 200), directions(seed + 1, count)
    queries = directions(seed + 2, 9)
    judge = judge_of(words)
    found = np.stack([judge(query, photos) for query in queries])
    assert found.shape == (9, count)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()
    for photo in range(count):
        order = np.argsort(queries @ photos[photo])
        assert (np.diff(found[order, photo]) >= -1e-6).all()


@given(seed=st.integers(0, 10_000), shift=st.floats(-2, 2), scale=st.floats(0.01, 50))
@settings(max_examples=60, deadline=None)
def test_neither_shift_nor_scale_of_a_models_cosines_matters(
    seed: int, shift: float, scale: float
) -> None:
    """Cosines of 0.15 to 0.35 are judged like those that fill -1 to 1."""
    words, photos, queries = (directions(seed + n, count) for n, count in enumerate((200, 8, 5)))
    mean, best, _ = background(words, photos)
    for query in queries:
        scores = (photos @ query).astype(np.float64)
        before = rise(scores, mean, best)
        after = rise(shift + scale * scores, shift + scale * mean, shift + scale * best)
        assert np.allclose(before, after, atol=1e-5)


@pytest.mark.parametrize("common", [0.5, 3.0], ids=["some", "much"])
def test_what_all_texts_share_is_no_evidence(common: float) -> None:
    """A model whose vectors lie in a narrow cone: everything has a high cosine, little is right."""
    photos, words = directions(1, 40), directions(2, 400)
    cone = np.zeros(DIM, np.float32)
    cone[0] = common
    queries = np.concatenate([normalise(photos + 0.3 * directions(3, 40)), directions(4, 40)])
    narrow = [normalise(some + cone) for some in (words, queries, photos)]
    judge = judge_of(narrow[0])
    own = np.array([judge(narrow[1][n], narrow[2][n : n + 1])[0] for n in range(40)])
    other = np.array([judge(narrow[1][40 + n], narrow[2][n : n + 1])[0] for n in range(40)])
    assert np.median(own) > WEAK_BELOW > np.median(other)


@given(seed=st.integers(0, 1000), first=st.integers(0, 6), last=st.integers(7, 12))
@settings(max_examples=30, deadline=None)
def test_a_photo_is_judged_by_itself(seed: int, first: int, last: int) -> None:
    """The figure of a hit does not depend on which other hits are asked for."""
    words, photos, queries = (directions(seed + n, count) for n, count in enumerate((150, 12, 1)))
    judge = judge_of(words)
    together, apart = judge(queries[0], photos), judge(queries[0], photos[first:last])
    assert np.allclose(together[first:last], apart, atol=1e-5)


def test_a_photo_that_all_words_fit_alike_is_not_relevant() -> None:
    words = np.tile(directions(1, 1), (50, 1))
    with np.errstate(all="raise"):
        found = judge_of(words)(words[0], np.concatenate([words[:1], 0 * words[:1]]))
    assert (found < WEAK_BELOW).all()


def test_a_rise_is_none_at_the_mean_and_one_at_the_top() -> None:
    scores, mean, best = np.array([0.2, 0.3, 0.5, 0.9]), np.full(4, 0.2), np.full(4, 0.3)
    assert rise(scores, mean, best) == pytest.approx([0, 1, 3, 7])
    # Of a photo that all words fit alike nothing is said.
    assert rise(scores, mean, mean).tolist() == [0, 0, 0, 0]


def test_few_photos_and_many_are_judged_alike() -> None:
    """A page of hits is compared in another way than a whole library."""
    words, photos, queries = directions(1, 150), directions(2, 40), directions(3, 3)
    for query in queries:
        many = judge_of(words)(query, photos)
        few = [float(judge_of(words)(query, photos[at : at + 1])[0]) for at in range(40)]
        assert many.tolist() == pytest.approx(few, abs=1e-6)


def test_a_verdict_is_that_of_the_best_hit() -> None:
    assert is_match(np.array([0.1, 0.9], np.float32))
    assert is_match(np.array([WEAK_BELOW]))
    assert not is_match(np.array([0.1, 0.49], np.float32))
    assert not is_match(np.empty(0, np.float32))


def test_texts_are_judged_and_examples_are_not() -> None:
    assert is_judged(make_query("a dog"))
    assert is_judged(make_query("a dog", plus=["snow"], minus=["people"]))
    assert not is_judged(make_query(images=[b"..."]))
    assert not is_judged(make_query("a dog", images=[b"..."]))
    assert not is_judged(make_query(minus=["a dog"]))


# Calibration


@given(middle=st.floats(-5, 5), slope=st.floats(0.01, 100))
def test_a_calibration_comes_back_as_it_was_written(middle: float, slope: float) -> None:
    curve = Calibration(middle, slope)
    assert Calibration.from_text(curve.as_text()) == curve


@pytest.mark.parametrize(
    "text",
    [None, "", "null", "[]", "{}", "{", '{"middle": 1}', '{"middle": 1, "slope": 0}',
     '{"middle": "x", "slope": 1}', '{"middle": NaN, "slope": 1}'],
)  # fmt: skip
def test_what_is_not_understood_is_the_default(text: str | None) -> None:
    assert Calibration.from_text(text) == Calibration()


@given(seed=st.integers(0, 1000), count=st.integers(0, 120))
@settings(max_examples=30, deadline=None)
def test_any_library_gives_a_usable_curve_or_none(seed: int, count: int) -> None:
    """Few photos give none; otherwise the middle lies above the background's top."""
    curve = fit(directions(seed, 200), directions(seed + 1, count))
    if count < 50:
        assert curve is None
    else:
        assert curve is not None
        assert curve.middle > 1
        assert math.isfinite(curve.slope)
        assert curve.slope > 0


def test_a_fitted_curve_goes_through_both_landmarks() -> None:
    """As high as the best 2 % of the words a quarter is right, as high as the best word 60 %."""
    words, photos = directions(1, 200), directions(2, 80)
    curve = fit(words, photos)
    assert curve is not None
    mean, best, top = background(words, photos)
    further = float(np.median(rise(top, mean, best)))
    assert 1.1 < further < 1.8
    for height, share in ((1.0, 0.25), (further, 0.6)):
        found = 1 / (1 + math.exp(-curve.slope * (height - curve.middle)))
        assert found == pytest.approx(share, abs=1e-3)


def test_what_was_fitted_is_what_judges(tmp_path: Path) -> None:
    encoder = HashEncoder(["en"])
    photos, query = directions(1, 60), directions(2, 1)[0]
    folder = tmp_path / "a" / "cache"
    assert Judge.open(encoder, cache_folder=folder) is None
    assert prepare(encoder, photos[:5], cache_folder=folder) is None
    found = []
    for fitted in (None, Calibration().as_text(), Calibration(2.0, 9.0).as_text()):
        judge = Judge.open(encoder, cache_folder=folder, fitted=fitted)
        assert judge is not None
        found.append(judge(query, photos).tolist())
    assert found[0] == found[1]
    assert max(found[2]) < max(found[0])
    assert len(list(folder.rglob("*.npy"))) == 1
    assert not list(folder.rglob("*.tmp"))


def test_a_library_of_one_flat_picture_has_a_curve_too() -> None:
    words, photos = directions(1, 100), np.zeros((60, DIM), np.float32)
    assert fit(words, photos) is not None


def test_a_known_model_needs_no_preparing(mini: Encoder, tmp_path: Path) -> None:
    assert prepare(mini, directions(1, 60, mini.dim), cache_folder=tmp_path) is None
    assert not list(tmp_path.iterdir())


# The built-in model on real photos


def vectors_of(mini: Encoder, paths: list[Path]) -> NDArray[np.float32]:
    tower = mini.image
    return np.concatenate(
        [
            tower.encode(
                tower.preprocess.resize(
                    decode(path.read_bytes(), need=tower.preprocess.need).image
                )[np.newaxis]
            )
            for path in paths
        ]
    )


def test_each_tower_has_its_own_curve(mini: Encoder, tmp_path: Path) -> None:
    photos, query = directions(1, 5, mini.dim), directions(2, 1, mini.dim)[0]
    found = {}
    for language in mini.languages:
        judge = Judge.open(mini, language, cache_folder=tmp_path)
        assert judge is not None
        found[language] = judge(query, photos).tolist()
    assert found["en"] != found["zh"]


def test_captions_of_photos_that_are_there_match_and_other_queries_do_not(
    mini: Encoder, tmp_path: Path
) -> None:
    """On 120 captioned photos: most captions have a strong hit, most absent things have none."""
    shared = shared_photos()
    if shared is None:
        pytest.skip("needs the captioned test photos beside the repository")
    lines = (shared / "retrieval" / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines[::8][:120]]
    photos = vectors_of(mini, [shared / "retrieval" / row["file"] for row in rows])
    data = Path(__file__).parents[2] / "scripts" / "benchmarks" / "data" / "absent_queries.txt"
    absent = [line for line in data.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    judge = Judge.open(mini, "en", cache_folder=tmp_path)
    assert judge is not None

    def share_with_a_match(texts: list[str]) -> float:
        vectors = mini.text("en").encode(texts)
        return float(np.mean([is_match(judge(vector, photos)) for vector in vectors]))

    assert share_with_a_match([row["captions"][0] for row in rows[:60]]) > 0.6
    assert share_with_a_match(absent[::4]) < 0.15


# What samples show, and what none of them does.
SHOWN = {
    "pink tulips": "pink-tulips",
    "horses": "horses",
    "a black and white cow": "cow",
    "a cup of coffee": "coffee-cup",
    "mountains behind a lake": "mountain-lake",
    "chickens": "chickens",
    "a parrot": "parrot",
    "sand dune": "desert-dune",
}
NOT_SHOWN = ["ultrasound picture of a baby", "tax return form", "dental x-ray", "a bowl of ramen",
             "chess board", "tennis player", "penguins", "birthday cake"]  # fmt: skip


def test_the_samples_match_what_they_show(mini: Encoder, tmp_path: Path) -> None:
    """Things on the samples are judged far above things that are on none of them."""
    paths = sorted(path for path in EXAMPLES.rglob("*") if path.suffix in (".jpg", ".png", ".webp"))
    photos = vectors_of(mini, paths)
    names = [path.stem for path in paths]
    judge = Judge.open(mini, "en", cache_folder=tmp_path)
    assert judge is not None
    own = [
        judge(vector, photos)[names.index(name)]
        for vector, name in zip(mini.text("en").encode(list(SHOWN)), SHOWN.values(), strict=True)
    ]
    others = [judge(vector, photos).max() for vector in mini.text("en").encode(NOT_SHOWN)]
    assert np.median(own) >= WEAK_BELOW
    assert max(others) < WEAK_BELOW
    assert np.median(others) < np.min(own)


def test_judging_needs_neither_runtime_nor_torch(mini: Encoder, tmp_path: Path) -> None:
    """A repeated query stays as light as it was."""
    code = (
        "import sys; from pathlib import Path; import numpy as np;"
        "from photosearch.encode.names import open_encoder;"
        "from photosearch.search.relevance import Judge;"
        "judge = Judge.open(open_encoder('mini'), 'en', cache_folder=Path(sys.argv[1]));"
        "judge(np.ones(512, np.float32), np.ones((3, 512), np.float32));"
        "print(*{'torch', 'onnxruntime', 'tokenizers', 'PIL', 'faiss'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
