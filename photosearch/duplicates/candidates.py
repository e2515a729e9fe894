"""Pairs of photos that may show the same picture: by perceptual hash, and by embedding.

In: hashes and vectors, row by row of the same photos. Out: for each photo those few others that are
worth comparing pixel by pixel. Cheap and generous: whether two are the same picture is decided
elsewhere. Every photo is compared with every other one, tile by tile, so memory does not grow with
the square of their number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Of 64 bits. Recompressed, scaled, grey and brightened pictures differ in 6 at most; of 499,500
# pairs of different photos none does in 10 or fewer, 144 in 16 or fewer (scripts/bench duplicates).
FEW_BITS = 10
# Cropped and captioned pictures differ in up to 16 and more: so many are enough where the
# embeddings are near as well.
SOME_BITS = 16
SOMEWHAT_NEAR = 0.6
# How near two embeddings must be to count alone, between what two photos taken at random have in
# common (0) and identity (1). Models differ much in the former: 0.05 for mini, 0.5 for CLIP. Of the
# 499,500 pairs 11 are so near, of 33 cropped and 16 captioned pictures all but one.
NEAR = 0.86
# How many later photos one is compared with, the nearest first: a library of 10,000 black frames
# must not become 50 million pairs. What is left out is found through the group's other members.
MOST_EACH = 12

# Rows and columns of a tile: what fits the processor's caches.
_HASH_TILE = 128, 4096
_VECTOR_TILE = 1024, 4096
_SAMPLE = 2000
# Dimensions that are compared first.
_FIRST = 48

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
_Matches = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
Stop = Callable[[], bool]


def pairs(
    hashes: NDArray[np.uint64], vectors: NDArray[np.float16], should_stop: Stop = lambda: False
) -> Pairs:
    """Rows (i, j), i < j, that are worth comparing; a vector of zeros is near to none."""
    sample = sample_of(vectors)
    found = [
        _by_hash(hashes, vectors, least_cosine(sample, SOMEWHAT_NEAR), should_stop),
        _by_vector(vectors, sample, least_cosine(sample, NEAR), should_stop),
    ]
    return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])


def least_cosine(sample: NDArray[np.float32], nearness: float) -> float:
    """The cosine of two photos that are so near to each other, as it suits the model."""
    count = len(sample)
    total = sample.sum(0)
    # The mean over all pairs of different rows, without making the pairs.
    common = (float(total @ total) - float((sample * sample).sum())) / max(count * (count - 1), 1)
    # A library of one scene alone must not have the bar raised out of reach.
    common = min(max(common, 0.0), 0.7)
    return common + nearness * (1 - common)


def sample_of(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """Some of the vectors, to learn what they have in common."""
    present = np.flatnonzero(vectors.any(1))
    chosen = np.linspace(0, len(present) - 1, min(len(present), _SAMPLE)).astype(np.int64)
    return vectors[present[chosen]].astype(np.float32)


def _by_hash(
    hashes: NDArray[np.uint64], vectors: NDArray[np.float16], least: float, should_stop: Stop
) -> Pairs:
    def matches(rows: slice, columns: slice) -> _Matches:
        apart = np.bitwise_count(hashes[rows, None] ^ hashes[None, columns])
        one, other = _where(apart <= SOME_BITS, rows, columns)
        bits = apart[one - rows.start, other - columns.start]
        near = bits <= FEW_BITS
        unsure = np.flatnonzero(~near)
        near[unsure] = _cosines(vectors, one[unsure], other[unsure]) >= least
        return one[near], other[near], -bits[near].astype(np.float32)

    return _by_tiles(len(hashes), _HASH_TILE, matches, should_stop)


def _by_vector(
    vectors: NDArray[np.float16], sample: NDArray[np.float32], least: float, should_stop: Stop
) -> Pairs:
    if len(sample) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = _first_dimensions(vectors, sample)

    def matches(rows: slice, columns: slice) -> _Matches:
        product = first[rows] @ first[columns].T
        # Rounded numbers must not lose a pair either.
        one, other = _where(product >= least - 1e-3, rows, columns)
        cosines = _cosines(vectors, one, other)
        near = cosines >= least
        return one[near], other[near], cosines[near]

    return _by_tiles(len(vectors), _VECTOR_TILE, matches, should_stop)


def _first_dimensions(
    vectors: NDArray[np.float16], sample: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The vectors along their main directions, and the length of what is left of them.

    The product of two such rows is never less than that of the vectors (Cauchy-Schwarz), so not
    one pair is lost by looking at 49 numbers instead of 512. 0.04 % of the pairs pass.
    """
    _, _, axes = np.linalg.svd(sample, full_matrices=False)
    basis = axes[:_FIRST].T
    out = np.empty((len(vectors), basis.shape[1] + 1), np.float32)
    for at in range(0, len(vectors), 4096):
        block = vectors[at : at + 4096].astype(np.float32)
        along = block @ basis
        rest = (block * block).sum(1) - (along * along).sum(1)
        out[at : at + 4096, :-1] = along
        out[at : at + 4096, -1] = np.sqrt(np.maximum(rest, 0))
    return out


def _cosines(
    vectors: NDArray[np.float16], one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float32]:
    out = np.empty(len(one), np.float32)
    for at in range(0, len(one), 4096):
        some = slice(at, at + 4096)
        out[some] = np.einsum(
            "nd,nd->n", vectors[one[some]].astype("f4"), vectors[other[some]].astype("f4")
        )
    return out


def _where(
    mask: NDArray[np.bool_], rows: slice, columns: slice
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the photos of a tile's marked pairs, each pair once."""
    if not mask.any():  # most tiles: five times faster than looking where
        return np.empty(0, np.int64), np.empty(0, np.int64)
    one, other = np.divmod(np.flatnonzero(mask), mask.shape[1])
    one, other = one + rows.start, other + columns.start
    once = one < other
    return one[once], other[once]


def _by_tiles(
    count: int,
    tile: tuple[int, int],
    matches: Callable[[slice, slice], _Matches],
    should_stop: Stop,
) -> Pairs:
    high, wide = tile
    found: list[Pairs] = []
    for top in range(0, count, high):
        if should_stop():
            break
        rows = slice(top, min(top + high, count))
        parts = [
            matches(rows, slice(left, min(left + wide, count))) for left in range(top, count, wide)
        ]
        one, other, strength = (np.concatenate(part) for part in zip(*parts, strict=True))
        found.append(_strongest(one, other, strength))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])


def _strongest(
    one: NDArray[np.int64], other: NDArray[np.int64], strength: NDArray[np.float32]
) -> Pairs:
    """At most MOST_EACH others for each, the strongest first."""
    order = np.lexsort((-strength, one))
    one, other = one[order], other[order]
    place = np.arange(len(one)) - np.searchsorted(one, one)
    return one[place < MOST_EACH], other[place < MOST_EACH]
