"""`--rerank geometry`: of the best candidates those come first that show the very same thing.

In: the hits of a query by example, its looking side. Out: hits, and what is to be said about them.
The pixels of the candidates are compared with the example's (search/geometry.py), for which they
are opened where they lie. Those that show the same thing come first, the surest before; the rest
keep their order.

A third of the candidates are those of the query. The others look like the middle of the example:
in a photo of a thing the thing is in the middle, and what lies around it is not in its other
photos. Of 99 phone photos of covers, 38 have the cover among the first 20 by the whole, 75 so
(1,317 photos, `mini`; scripts/bench instances).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from photosearch.decode.pixels import decode
from photosearch.errors import BadImage
from photosearch.paths import join
from photosearch.read import data_of
from photosearch.records import FoundFile, Hit
from photosearch.search.geometry import ENOUGH, NEED, Agreement, Features, agreement, features_of

if TYPE_CHECKING:
    from photosearch.search.looks import Looks
    from photosearch.search.run import Limits
    from photosearch.store.snapshot import Snapshot

# Candidates that are looked at in any case; as long as none of them shows the same thing, as many
# more, up to MOST.
STEP = 20
MOST = 100
# Reading, decoding and OpenCV leave Python's lock alone. Worker processes (decode/pool.py) would
# keep a decoder's crash to one photo, and cost 0.43 s of CPU for 20 photos instead of 0.11: these
# photos have been decoded before, when they were indexed.
_THREADS = 4


@dataclass(slots=True)
class Reranked:
    """The hits in their new order."""

    hits: list[Hit]
    notes: list[str] = field(default_factory=list)
    looked_at: int = 0


def rerank(
    hits: Sequence[Hit],
    looks: Looks,
    snapshot: Snapshot,
    limits: Limits,
    *,
    most: int = MOST,
) -> Reranked:
    """hits: the MOST best at least, if there are as many."""
    from photosearch.search.run import hits_of

    examples = [features_of(one.image, one.box) for one in looks.wanted.pictures]
    by_id = {hit.photo_id: hit for hit in hits}
    candidates = _candidates(hits, looks, most)
    same: dict[int, Agreement] = {}
    unseen = looked_at = 0
    with ThreadPoolExecutor(_THREADS) as threads:
        for at in range(0, len(candidates), STEP):
            some = candidates[at : at + STEP]
            brought = [photo_id for photo_id in some if photo_id not in by_id]
            by_id |= {hit.photo_id: hit for hit in hits_of(brought, looks, snapshot, limits)}
            some = [photo_id for photo_id in some if photo_id in by_id]
            files = _files_of(some, snapshot)
            jobs = [threads.submit(_features, *files.get(photo_id, (b"", []))) for photo_id in some]
            for photo_id, job in zip(some, jobs, strict=True):
                features = job.result()
                looked_at += 1
                unseen += features is None
                if features is None:
                    continue
                best = max(
                    (agreement(example, features) for example in examples),
                    key=lambda found: found.inliers,
                )
                if best.inliers >= ENOUGH:
                    same[photo_id] = best
            if same:
                break
    first = sorted(same, key=lambda photo_id: -same[photo_id].inliers)
    ordered = [
        replace(
            by_id[photo_id],
            evidence={"geometry": same[photo_id].as_dict(), **by_id[photo_id].evidence},
        )
        for photo_id in first
    ]
    ordered += [hit for hit in hits if hit.photo_id not in same]
    notes = []
    if unseen:
        notes.append(
            f"{unseen} of the {looked_at} photos that were compared with the example cannot be "
            "opened (offline, moved or changed): they keep their places"
        )
    return Reranked(
        [replace(hit, rank=rank) for rank, hit in enumerate(ordered, 1)], notes, looked_at
    )


def _candidates(hits: Sequence[Hit], looks: Looks, most: int) -> list[int]:
    """Ids of photos that are worth a closer look: of each list the best first."""
    lists = [[hit.photo_id for hit in hits]]
    for vector in looks.wanted.middles:
        middle = replace(looks, wanted=replace(looks.wanted, vector=vector))
        found = middle.search(min(most + len(looks.wanted.examples), looks.count))
        lists.append(found.ids.tolist())
    mixed = [one for same_rank in zip_longest(*lists) for one in same_rank if one is not None]
    return list(dict.fromkeys(mixed))[:most]


def _files_of(
    photo_ids: Sequence[int], snapshot: Snapshot
) -> dict[int, tuple[bytes, list[tuple[bytes, FoundFile]]]]:
    """(digest, places as `data_of` takes them) of these photos."""
    files: dict[int, tuple[bytes, list[tuple[bytes, FoundFile]]]] = {}
    for photo_id, digest, root, path, size, mtime_ns in snapshot.files_of(photo_ids):
        places = files.setdefault(photo_id, (digest, []))[1]
        places.append((join(root, path), FoundFile(path, size, mtime_ns)))
    return files


def _features(digest: bytes, places: Sequence[tuple[bytes, FoundFile]]) -> Features | None:
    """None where no file holds the photo now."""
    data = data_of(digest, places)
    if data is None:
        return None
    try:
        decoded = decode(data, need=NEED)
    except BadImage:
        return None
    return features_of(decoded.image, (0, 0, decoded.width, decoded.height))
