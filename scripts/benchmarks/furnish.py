"""Give a filled library all else that real ones have: words, places, tags, cameras, hashes.

    python -m scripts.benchmarks.furnish LIBRARY

In: a library of `fill`. Out: the same, once. Printed lines in one photo of five, a position in one
of three (of 500 spots, so that naming them is quick), a tag in one of three, seven cameras, four
shapes, a perceptual hash each. What one function of the store writes is written by it; cameras,
shapes and positions are set in the rows that are there.
"""

from __future__ import annotations

import argparse
import random
from itertools import islice
from pathlib import Path

from photosearch.duplicates.fingerprint import KIND
from photosearch.ingest.places import name_places
from photosearch.ocr.rapid import fingerprint
from photosearch.records import Line
from photosearch.store.catalogue import Catalogue
from photosearch.store.hashes import NewHash, store_hashes
from photosearch.store.tags import NewTag, replace_tags
from photosearch.store.words import Reading, reader_id, store_readings

_DONE = "benchmark furnished"
_BATCH = 20_000
_WITH_LINES = 5  # one photo of so many
_POSITIONS = 3
_TAGS = 3
_CAMERAS = [
    ("Canon", "Canon EOS R6"),
    ("Canon", "Canon EOS 5D Mark IV"),
    ("NIKON CORPORATION", "NIKON Z 6_2"),
    ("SONY", "ILCE-7M3"),
    ("Apple", "iPhone 13 Pro"),
    ("Google", "Pixel 7"),
    (None, None),
]
_SHAPES = [(4000, 3000), (3000, 4000), (6000, 4000), (1080, 1080)]
_LABELS = (
    "cat dog beach mountain sunset food portrait car bicycle flower city street snow forest lake "
    "bird horse boat bridge church concert wedding birthday school garden museum market train "
    "plane building"
).split()
_SIGNS = (
    "exit open closed sale no parking welcome toilets platform ticket office hotel restaurant "
    "coffee bakery pharmacy police station caution wet floor total cash change thank you invoice "
    "receipt date time table menu price free entrance push pull danger emergency reserved"
).split()
_SYLLABLES = "ba be ka ke lo ma mi no ra ri sa se ta ti to va ne lu do gra sto pel tan mer".split()


class _Words:
    """Words as signs and receipts have them: few are frequent, most are seen once or twice."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def line(self) -> str:
        chance = self._chance
        parts = [self._word() for _ in range(chance.choice((1, 1, 2, 2, 3, 4, 6)))]
        if chance.random() < 0.2:
            parts.append(f"{chance.randrange(100_000) / 100:.2f}")
        text = " ".join(parts)
        return text.upper() if chance.random() < 0.3 else text

    def _word(self) -> str:
        chance = self._chance
        if chance.random() < 0.3:
            return _SIGNS[int(len(_SIGNS) * chance.random() ** 2)]
        count = chance.choice((2, 2, 3, 3, 4))
        return "".join(chance.choice(_SYLLABLES) for _ in range(count))


def furnish(library: Path, seed: int = 0) -> None:
    """Do all of it, unless that is done."""
    catalogue = Catalogue(library)
    try:
        if catalogue.setting(_DONE):
            return
        ids = [number for (number,) in catalogue.rows("SELECT id FROM photos ORDER BY id")]
        ((model_id,),) = catalogue.rows("SELECT id FROM models ORDER BY id LIMIT 1")
        _facts(catalogue, ids, seed)
        name_places(catalogue)
        chance = random.Random(seed)
        labelled = (NewTag(one, chance.choice(_LABELS), 0.9) for one in ids if not one % _TAGS)
        replace_tags(catalogue, "classify", model_id, labelled)
        _lines(catalogue, ids, seed)
        for at in range(0, len(ids), _BATCH):
            block = ids[at : at + _BATCH]
            hashes = (NewHash(one, chance.randbytes(8), 30.0) for one in block)
            store_hashes(catalogue, KIND, hashes)
        catalogue.set_setting(_DONE, "1")
    finally:
        catalogue.close()


def _facts(catalogue: Catalogue, ids: list[int], seed: int) -> None:
    chance = random.Random(seed)
    spots = [(chance.uniform(36, 60), chance.uniform(-8, 30)) for _ in range(500)]
    with catalogue.transaction() as connection:
        connection.executemany(
            "UPDATE photos SET make = ?, camera = ?, width = ?, height = ?, latitude = ?, "
            "longitude = ? WHERE id = ?",
            (
                (
                    *chance.choice(_CAMERAS),
                    *chance.choice(_SHAPES),
                    *((None, None) if one % _POSITIONS else chance.choice(spots)),
                    one,
                )
                for one in ids
            ),
        )


def _lines(catalogue: Catalogue, ids: list[int], seed: int) -> None:
    reader = reader_id(catalogue, fingerprint(), "rapidocr")
    chance, words = random.Random(seed), _Words(seed)

    def reading(photo_id: int) -> Reading:
        if photo_id % _WITH_LINES:
            return Reading(photo_id)
        lines = tuple(
            Line(
                words.line(),
                chance.uniform(0.7, 1.0),
                ((10.0, 10.0 + 50 * row), (400.0, 10.0 + 50 * row),
                 (400.0, 50.0 + 50 * row), (10.0, 50.0 + 50 * row)),
            )
            for row in range(chance.choice((1, 1, 2, 3, 5, 8)))
        )  # fmt: skip
        return Reading(photo_id, lines)

    readings = (reading(one) for one in ids)
    while block := list(islice(readings, _BATCH)):
        store_readings(catalogue, reader, block)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path)
    furnish(parser.parse_args().library.absolute())


if __name__ == "__main__":
    main()
