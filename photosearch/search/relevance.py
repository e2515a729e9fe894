"""Relevance: does the query explain a photo better than ordinary words do?

In: a query's vector, photos' vectors, the bank of ordinary words. Out: 0..1 a photo, calibrated:
of the hits at 0.8 about four in five show what was asked. What a photo's other scores are is all
that is looked at; the library, the index and the text of the query are not known here.

The rise of a query above a photo's background,

    rise = (score - mean) / (best - mean)

where mean is that of the photo's scores for all words of the bank, and best the mean of its best
2 %. It is 0 for a query that fits as well as any word, 1 for one that fits as well as the words
that fit best. It does not change when all scores are shifted or scaled, so models whose cosines lie
between 0.15 and 0.35 are judged like those that fill -1..1. A logistic curve makes it a share of
hits that are right: fitted for `mini` on labelled photos, for other models on the library itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from photosearch.records import WEAK_BELOW
from photosearch.search import bank

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder
    from photosearch.search.query import Query

Vectors = NDArray[np.float32]

# The share of a photo's scores that is its background's top: 20 of 1,074 words. 0.5 % to 6 % give
# AUCs within 0.01 of each other; so do 500 words instead of 1,074.
BEST_SHARE = 0.02

# What the two landmarks of a library mean, from `mini` on labelled photos: a query that rises as
# high as the best 2 % of the words is right in a quarter of the hits; one that rises as high as the
# single best word, in 48-66 % by the library.
_AT_BEST_SHARE = 0.25
_AT_BEST_WORD = 0.6
_FEWEST_PHOTOS = 50  # below this a fit is chance
FITTED_ON = 1000  # photos; more change nothing


@dataclass(frozen=True, slots=True)
class Calibration:
    """The logistic curve from rise to relevance."""

    middle: float = 1.27  # the rise that is 0.5; defaults are those of `mini`, which fit anything
    slope: float = 4.192

    def __post_init__(self) -> None:
        if not (math.isfinite(self.middle) and math.isfinite(self.slope) and self.slope > 0):
            raise ValueError(f"no curve that rises: {self}")

    def as_text(self) -> str:
        """For the catalogue's settings."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str | None) -> Calibration:
        """As it was written; the default where nothing was, or nothing that is understood."""
        try:
            values = json.loads(text or "null")
            return cls(float(values["middle"]), float(values["slope"]))
        except (ValueError, TypeError, KeyError):
            return cls()


class Judge:
    """Judges hits of one model. Made by `Judge.open`; calling it gives relevances."""

    def __init__(self, words: NDArray[np.floating], calibration: Calibration) -> None:
        self._words = np.asarray(words, np.float32)
        self._calibration = calibration

    @classmethod
    def open(
        cls,
        encoder: Encoder,
        language: str | None = None,
        *,
        cache_folder: Path,
        fitted: str | None = None,
    ) -> Judge | None:
        """The judge of a model, or None while its bank is not made: `prepare` makes it.

        language: the text tower that reads the query. fitted: the catalogue's setting under
        `setting_name`, for models that the package does not know.
        """
        words = bank.load(encoder, cache_folder)
        if words is None:
            return None
        if bank.is_shipped(encoder):
            curves = bank.shipped()["calibration"]
            known = curves.get(language) or curves[encoder.languages[0]]
            return cls(words, Calibration(**known))
        return cls(words, Calibration.from_text(fitted))

    def __call__(self, query: Vectors, photos: Vectors) -> Vectors:
        return self.relevances(query, photos)

    def relevances(self, query: Vectors, photos: Vectors) -> Vectors:
        """float32[n] in 0..1 for float32[dim] and float32[n, dim], all of unit length."""
        mean, best, _ = background(self._words, photos)
        rises = rise(_products(photos, query[np.newaxis])[:, 0].astype(np.float64), mean, best)
        height = (rises - self._calibration.middle) * self._calibration.slope
        return np.asarray(1 / (1 + np.exp(-np.clip(height, -40, 40))), np.float32)


def is_match(relevances: Iterable[float]) -> bool:
    """Whether a query has a hit that is more likely right than wrong.

    To be asked of the ten best hits by score, however few are shown: captions of 1,000 photos are
    told from absent queries with AUC 0.94 by ten hits, 0.93 by three, 0.915 by one.
    """
    return max(relevances, default=0.0) >= WEAK_BELOW


def is_judged(query: Query) -> bool:
    """Whether relevance has a meaning: for queries of texts. An example image's cosines do not
    tell a right best hit from a wrong one (instances of 66 objects: cosine 0.85 and 0.80)."""
    return not query.images and any(part.weight > 0 for part in query.texts)


def setting_name(encoder: Encoder) -> str:
    """Where the catalogue keeps what was fitted for this pair of towers."""
    return f"relevance {encoder.key} {bank.key_of(encoder)}"


def prepare(encoder: Encoder, photos: Vectors, *, cache_folder: Path) -> str | None:
    """Make what a model's judge needs; gives the setting to store, None where none is needed.

    photos: vectors of some photos of the library, a thousand are plenty. A model that the package
    knows needs nothing. The bank is encoded once a machine, the fit is made anew at each call.
    """
    if bank.is_shipped(encoder):
        return None
    words = bank.load(encoder, cache_folder)
    if words is None:
        words = bank.make(encoder, cache_folder)
    fitted = fit(words.astype(np.float32), photos)
    return fitted.as_text() if fitted else None


def fit(words: Vectors, photos: Vectors) -> Calibration | None:
    """A curve through two landmarks of a library, without labels; None for too few photos.

    The landmarks are a rise of 1, and the rise of each photo's single best word, of which the
    median is taken. The further the best word stands out, the better the model tells what is in a
    photo from what is near it, and the flatter is the curve.
    """
    if len(photos) < _FEWEST_PHOTOS:
        return None
    mean, best, top = background(words, photos)
    further = float(np.median(rise(top, mean, best))) - 1
    further = min(max(further, 0.1), 0.8)
    slope = (_logit(_AT_BEST_WORD) - _logit(_AT_BEST_SHARE)) / further
    return Calibration(middle=1 - _logit(_AT_BEST_SHARE) / slope, slope=slope)


def background(words: Vectors, photos: Vectors) -> tuple[NDArray[np.float64], ...]:
    """(mean, best, top) of each photo's scores for the words: of all, of the best 2 %, the best."""
    scores = _products(photos, words)
    count = max(1, round(BEST_SHARE * len(words)))
    best = np.partition(scores, -count, axis=1)[:, -count:]
    return (
        scores.mean(axis=1, dtype=np.float64),
        best.mean(axis=1, dtype=np.float64),
        best.max(axis=1, initial=-np.inf).astype(np.float64),
    )


def rise(
    scores: NDArray[np.float64], mean: NDArray[np.float64], best: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far scores rise above a background; 0: not at all, 1: to its top."""
    span = best - mean
    # A photo all words fit alike has no background to rise above: nothing is said of it.
    flat = span < 1e-6
    found: NDArray[np.float64] = np.where(flat, 0.0, (scores - mean) / np.where(flat, 1.0, span))
    return found


def _products(photos: Vectors, others: Vectors) -> Vectors:
    """All inner products. For the few photos of a page without BLAS, whose threads take 8-16 ms to
    wake in a fresh process; numpy's own loop takes 1 ms for ten photos."""
    if len(photos) <= 32:
        found: Vectors = np.einsum("pd,wd->pw", photos, others)
        return found
    return photos @ others.T


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
