"""photosearch beside rclip, in turns: start, query, rescan, cold page cache, memory, disk.

rclip is its own program in its own environment (`scripts/benchmarks/peer_rclip.py` says how it is
found); without it there is nothing to compare, and that is all that is said. Both hold the same
photos and the same vectors. Indexing of photos is compared by `scripts/bench index`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scripts.benchmarks.common import SCRATCH, in_turns, report, table
from scripts.benchmarks.pages import drop_cache, say_if_kept
from scripts.benchmarks.peer_rclip import absent, index_command, query_command, rclip_environment

BATCH = 2_000
Command = tuple[Sequence[str], Mapping[str, str]]
Maker = Callable[[int], Command]
TEXT = "a dog in the snow"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold-rounds", type=int, default=3, help="with a cold page cache")
    parser.add_argument("--new", type=int, default=64, help="photos that are indexed by both")
    options = parser.parse_args()
    place = rclip_environment()
    if place is None:
        print(absent())
        return
    rows: list[dict[str, object]] = []
    kept: set[str] = set()

    def measured(photos: int, makers: Mapping[str, Maker], rounds: int) -> None:
        results = in_turns(makers, rounds)
        found = table(results, next(iter(makers)))
        rows.extend({"photos": photos, **row} for row in found)

    tool = [sys.executable, "-m", "photosearch"]
    rclip = str(place / "venv/bin/rclip")
    offline = {"HF_HUB_OFFLINE": "1"}
    measured(
        0,
        {
            "rclip --help": lambda _: ([rclip, "--help"], offline),
            "photosearch --help": lambda _: ([*tool, "--help"], {}),
        },
        options.rounds,
    )
    for photos in options.photos:
        theirs = place / "libraries" / str(photos)
        if not (theirs / "paths.txt").exists():
            print(f"rclip has no library of {photos:,} photos: left out", file=sys.stderr)
            continue
        ours = SCRATCH / f"peer-{photos}"
        maker = [sys.executable, "-m", "scripts.benchmarks.peers", "--make", str(theirs), str(ours)]
        subprocess.run(maker, check=True)
        env = {
            "PHOTOSEARCH_LIBRARY": str(ours),
            "PHOTOSEARCH_CACHE": str(SCRATCH / "cache"),
            "PHOTOSEARCH_WORDS": "0",
            "PHOTOSEARCH_RESIDENT": "0",
        }
        query, theirs_env, folder = query_command(place, photos, TEXT)
        plain = ["env", "-C", str(folder), *query]
        walking = [word for word in plain if word != "--no-indexing"]
        asked: dict[str, Maker] = {
            "rclip, --no-indexing": lambda _, c=plain, e=theirs_env: (c, e),
            "photosearch, new text": lambda _, e=env: (
                [*tool, "query", f"{TEXT} {time.time_ns()}"], e
            ),
            "photosearch, repeated text": lambda _, e=env: ([*tool, "query", TEXT], e),
        }  # fmt: skip
        measured(photos, asked, options.rounds)
        measured(
            photos,
            {
                "rclip, with its walk": lambda _, c=walking, e=theirs_env: (c, e),
                "photosearch index, unchanged": lambda _, e=env: ([*tool, "index", "-q"], e),
            },
            min(options.rounds, 5),
        )
        data = [Path(theirs_env["RCLIP_DATADIR"])]
        own = [ours, SCRATCH / "cache", Path(__file__).parents[2] / "photosearch" / "models"]
        measured(
            photos,
            {
                f"{name}, cold page cache": _cooled(
                    make, data if name.startswith("rclip") else own, kept
                )
                for name, make in asked.items()
            },
            options.cold_rounds,
        )
        rows.append(
            {"photos": photos, "name": "rclip, MB on the disk", "mb": _mb(data, ".sqlite3")}
        )
        rows.append(
            {"photos": photos, "name": "photosearch, MB on the disk", "mb": _mb([ours], "")}
        )
    _index(place, options.new, rows)
    report("peers", rows, kept_in_memory=", ".join(sorted(kept)) or "nothing", peer="rclip 4.0.8")


def _cooled(make: Maker, paths: Sequence[Path], kept: set[str]) -> Maker:
    def cold(number: int) -> Command:
        made = make(number)
        kept.update(filter(None, [say_if_kept(drop_cache(paths), paths[0])]))
        return made

    return cold


def _mb(folders: Sequence[Path], suffix: str) -> float:
    """Of the index alone: rclip's data folder links to its model, ours has it elsewhere."""
    files = (one for folder in folders for one in folder.rglob(f"*{suffix}") if one.is_file())
    return round(sum(one.stat().st_size for one in files) / 1e6, 1)


def _index(place: Path, count: int, rows: list[dict[str, object]]) -> None:
    """The same small photos from scratch: what each takes a photo beside decoding large ones."""
    if not count:
        return
    folder = SCRATCH / f"peer-new-{count}"
    call = "import sys, pathlib; from scripts.benchmarks.peers import make_photos as make; "
    call += "make(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
    subprocess.run([sys.executable, "-c", call, str(folder), str(count)], check=True)
    scratch = SCRATCH / f"peer-index-{os.getpid()}"

    def theirs(number: int) -> Command:
        shutil.rmtree(scratch, ignore_errors=True)
        command, env, where = index_command(place, folder, scratch / "rclip")
        return ["env", "-C", str(where), *command], env

    def ours(number: int) -> Command:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        env = {"PHOTOSEARCH_LIBRARY": str(scratch / "library"), "PHOTOSEARCH_WORDS": "0"}
        command = [sys.executable, "-m", "photosearch", "index", "-q", "--model", "mini"]
        return [*command, str(folder)], env

    try:
        results = in_turns({"rclip, new photos": theirs, "photosearch (mini), new photos": ours}, 3)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    rows.extend({"photos": count, **row} for row in table(results, "rclip, new photos"))


def make_photos(folder: Path, count: int) -> None:
    """JPEGs of half a megapixel, each of its own content."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"photo{number:04}.jpg"
        if not path.exists():
            rng = np.random.default_rng(number)
            small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
            small.resize((816, 612), Image.Resampling.BICUBIC).save(path, quality=90)


def make_library(theirs: Path, library: Path) -> None:
    """A library with the vectors and paths of one of rclip's, through the real writing path."""
    import numpy as np

    from photosearch.encode.names import open_encoder
    from photosearch.paths import time_of, to_bytes
    from photosearch.records import FoundFile, Photo
    from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
    from scripts.benchmarks.fill import make_index

    if (library / "made").exists():
        return
    shutil.rmtree(library, ignore_errors=True)
    encoder = open_encoder("mini")
    vectors = np.load(theirs / "vectors.npy", mmap_mode="r")
    paths = (theirs / "paths.txt").read_text(encoding="utf-8").splitlines()
    root = theirs / "photos"
    catalogue = Catalogue(library, create=True)
    root_id = catalogue.add_root(to_bytes(root))
    model_id = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
    catalogue.set_setting("model", encoder.name)
    catalogue.set_setting("model_key", encoder.key)
    # As a walk meets them: folder by folder.
    rows = sorted(range(len(paths)), key=lambda row: paths[row])
    for at in range(0, len(rows), BATCH):
        batch = Batch()
        for row in rows[at : at + BATCH]:
            status = (root / paths[row]).stat()
            found = FoundFile(os.fsencode(paths[row]), status.st_size, time_of(status))
            digest = hashlib.sha256(found.path).digest()
            photo = Photo(digest, found.size, "jpeg", 24, 16)
            batch.new.append(NewPhoto(photo, vectors[row].astype("<f2").tobytes(), [found]))
        catalogue.commit(root_id, model_id, batch)
    catalogue.close()
    make_index(library, encoder.key)
    (library / "made").touch()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make_library(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
