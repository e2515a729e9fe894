"""An unchanged folder again: seconds and peak memory of `photosearch index`, beside a bare walk.

The files are made here, a few bytes each, 500 a folder, or all in one with --flat; the library is
filled through the real writing path, so that no photo has to be encoded. The bare walk lists the
same folders and asks for the size and time of each file, in a process of its own: no scan that
notices changes can do with less.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

from scripts.benchmarks.common import SCRATCH, in_turns, report, table

BATCH = 2000
A_FOLDER = 500
BARE_WALK = """
import os, sys
folders, files = [sys.argv[1]], 0
while folders:
    with os.scandir(folders.pop()) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                entry.stat(follow_symlinks=False)
                files += 1
assert files == int(sys.argv[2]), files
"""


def make_files(folder: Path, count: int, *, flat: bool) -> None:
    """Files that no two of have the same content, unless they are there already."""
    if folder.exists():
        return
    partial = folder.with_name(folder.name + ".part")
    for number in range(count):
        inner = partial if flat else partial / f"{number // A_FOLDER:04}"
        if number == 0 or (number % A_FOLDER == 0 and not flat):
            inner.mkdir(parents=True)
        (inner / f"IMG_{number:07}.jpg").write_bytes(b"%d" % number)
    partial.rename(folder)


def make_library(library: Path, folder: Path) -> None:
    """A library that holds all files of the folder as photos."""
    import numpy as np

    from photosearch.encode.names import open_encoder
    from photosearch.index.cache import refresh_index
    from photosearch.paths import to_bytes
    from photosearch.records import FoundFile, Photo
    from photosearch.store.catalogue import Batch, Catalogue, NewPhoto
    from photosearch.store.snapshot import Snapshot
    from photosearch.walk import WalkRules, walk

    encoder = open_encoder("mini")
    rng = np.random.default_rng(0)
    catalogue = Catalogue(library, create=True)
    root_id = catalogue.add_root(to_bytes(folder))
    model_id = catalogue.add_model(encoder.key, encoder.name, encoder.dim)
    catalogue.set_setting("model", encoder.name)
    walked = walk(to_bytes(folder), WalkRules())
    found = (one for one in walked if isinstance(one, FoundFile))
    while block := list(islice(found, BATCH)):
        vectors = rng.standard_normal((len(block), encoder.dim), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        new = [
            NewPhoto(
                Photo(hashlib.sha256(one.path).digest(), one.size, "jpeg", 4000, 3000),
                vector.astype("<f2").tobytes(),
                [one],
            )
            for one, vector in zip(block, vectors, strict=True)
        ]
        catalogue.commit(root_id, model_id, Batch(new=new))
    catalogue.close()
    snapshot = Snapshot(library)
    model = snapshot.model(encoder.key)
    assert model is not None
    refresh_index(library, snapshot, model)
    snapshot.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--flat", action="store_true", help="all files in one folder")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    name = f"rescan-{options.files}{'-flat' if options.flat else ''}"
    folder, library = SCRATCH / name, SCRATCH / f"{name}-library"
    make_files(folder, options.files, flat=options.flat)
    if not (library / "catalogue.db").exists():
        # In a process of its own: the peak memory of a child is at least its parent's at the start.
        call = "import sys, pathlib; from scripts.benchmarks.rescan import make_library as make; "
        call += "make(*map(pathlib.Path, sys.argv[1:]))"
        subprocess.run([sys.executable, "-c", call, library, folder], check=True)
    env = {"PHOTOSEARCH_LIBRARY": os.fspath(library), "PHOTOSEARCH_WORDS": "0"}
    bare = [sys.executable, "-c", BARE_WALK, os.fspath(folder), str(options.files)]
    index = [sys.executable, "-m", "photosearch", "index", "-q"]
    results = in_turns(
        {"bare walk": lambda _: (bare, {}), "index, unchanged": lambda _: (index, env)},
        options.rounds,
    )
    report("rescan", table(results, "bare walk"), files=options.files, flat=options.flat)


if __name__ == "__main__":
    main()
