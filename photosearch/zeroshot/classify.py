"""Vectors of photos and of labels → probabilities.

In: unit vectors of photos; labels that were encoded once. Out: for each photo a number a label.
As CLIP does it (arXiv:2103.00020, 3.1): softmax over the labels of logit scale x cosine. As SigLIP
does it (arXiv:2303.15343): sigmoid of scale x cosine + bias, each label by itself. Several
templates are averaged as vectors: the mean of a label's unit vectors, scaled to unit length again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from photosearch.encode.taught import as_taught
from photosearch.encode.towers import normalise
from photosearch.errors import WrongUse
from photosearch.zeroshot.labels import check_labels, check_templates, parse_labels, texts_of

if TYPE_CHECKING:
    from photosearch.encode.encoder import Encoder

SOFTMAX, SIGMOID = "softmax", "sigmoid"


@dataclass(frozen=True, slots=True)
class LabelVectors:
    """Labels in the space of a model, ready to be compared with any number of photos."""

    labels: tuple[str, ...]
    vectors: NDArray[np.float32]  # float32[n, dim], unit length
    scales: NDArray[np.float64]  # float64[n]: each language's tower has its own
    biases: NDArray[np.float64] | None  # float64[n] for sigmoid scores, None for softmax

    @property
    def scoring(self) -> str:
        return SOFTMAX if self.biases is None else SIGMOID

    def logits(self, photos: NDArray[np.float32]) -> NDArray[np.float64]:
        """float32[m, dim] → float64[m, n]."""
        # In float64, which makes what a photo gets independent of the others (to 15 digits).
        cosines = photos.astype(np.float64) @ self.vectors.T.astype(np.float64)
        logits: NDArray[np.float64] = cosines * self.scales
        return logits if self.biases is None else logits + self.biases

    def probabilities(self, photos: NDArray[np.float32]) -> NDArray[np.float64]:
        """float32[m, dim] → float64[m, n], in the order of the labels."""
        return self._probabilities(self.logits(photos))

    def best(
        self, photos: NDArray[np.float32], top: int | None = None
    ) -> list[tuple[tuple[str, float], ...]]:
        """For each photo its `top` best labels (all without it) with their probabilities."""
        logits = self.logits(photos)
        chances = self._probabilities(logits)
        # By logit: far behind the first, probabilities are all 0 and would rank nothing.
        order = np.argsort(-logits, axis=1, kind="stable")[:, :top]
        return [
            tuple((self.labels[column], float(chances[row, column])) for column in columns)
            for row, columns in enumerate(order)
        ]

    def _probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        return softmax(logits) if self.biases is None else sigmoid(logits)


def label_vectors(
    encoder: Encoder,
    labels: str | Sequence[str],
    templates: str | Sequence[str] = (),
    language: str | None = None,
) -> LabelVectors:
    """Encode labels; a single text is read as the command reads --labels.

    language: the text tower, such as "zh"; else the script of each text chooses.
    """
    names = parse_labels(labels) if isinstance(labels, str) else check_labels(labels)
    given = check_templates(templates)
    texts: list[str] = []
    owners: list[int] = []  # texts[i] describes names[owners[i]]
    for number, name in enumerate(names):
        own = texts_of(name, given, encoder.language_of(name, language))
        texts += own
        owners += [number] * len(own)

    towers = [encoder.language_of(text, language) for text in texts]
    scorings = {tower: encoder.scoring(tower) for tower in set(towers)}
    is_sigmoid = any(scoring.is_sigmoid for scoring in scorings.values())
    if len(names) == 1 and not is_sigmoid:
        raise WrongUse(
            f"{names[0]!r} is the only label, and would always have 100 %: give two or more",
            hint=f'--labels "{names[0]},something else"',
        )
    vectors = _means(
        encoder.encode_texts(as_taught(texts, encoder, language), language=language), owners
    )
    # Where the templates of a label are in several languages: the mean, as of their vectors.
    scales = _means(np.array([[scorings[tower].scale] for tower in towers]), owners)[:, 0]
    biases = _means(np.array([[scorings[tower].bias or 0.0] for tower in towers]), owners)[:, 0]
    unit = normalise(vectors.astype(np.float32))
    return LabelVectors(tuple(names), unit, scales, biases if is_sigmoid else None)


def check_top(top: int | None) -> None:
    """Refuse a number of labels that makes no sense; None is all of them."""
    if top is not None and top < 1:
        raise WrongUse(f"--top must be 1 or more, not {top}")


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row to shares of 1. The largest is taken off first, so that nothing overflows."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) by powers of negative numbers alone, so that nothing overflows."""
    power = np.exp(-np.abs(logits))
    chances: NDArray[np.float64] = np.where(logits >= 0, 1.0, power) / (1.0 + power)
    return chances


def _means(rows: NDArray[Any], owners: list[int]) -> NDArray[np.float64]:
    """[n, width] → [labels, width]: the mean of each owner's rows; owners are 0, 1, … in order."""
    sums = np.zeros((owners[-1] + 1, rows.shape[1]))
    np.add.at(sums, owners, rows)
    means: NDArray[np.float64] = sums / np.bincount(owners)[:, np.newaxis]
    return means
