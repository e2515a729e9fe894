"""Synthetic libraries for benchmarks: one for each size, kept between runs.

In: a number of photos. Out: the folder of a library of `fill` and `furnish`, whose files may be
there as well: empty ones, of the size and time that the catalogue has, which take no space.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from scripts.benchmarks.common import SCRATCH


def library_of(photos: int, *, furnished: bool = True) -> Path:
    """The library, made where it is not there.

    In processes of their own: the peak memory of a child is at least its parent's at the start.
    """
    library = SCRATCH / f"library-{photos}"
    SCRATCH.mkdir(parents=True, exist_ok=True)
    fill = [sys.executable, "-m", "scripts.benchmarks.fill", str(library)]
    subprocess.run([*fill, "--photos", str(photos)], check=True)
    if furnished:
        subprocess.run(
            [sys.executable, "-m", "scripts.benchmarks.furnish", str(library)], check=True
        )
    return library


def relabelled(library: Path, model: str) -> Path:
    """The same library, as if a model of that shape had made its vectors: random weights."""
    slug = model.replace("/", "-").lower()
    maker = [sys.executable, "-m", "scripts.benchmarks.synthetic", str(library), "--model", model]
    subprocess.run(maker, check=True)
    return library.with_name(f"{library.name}-{slug}")


def relabel(library: Path, model: str) -> None:
    """Copy the catalogue, and call its one model so; the vector files are made anew."""
    from photosearch.encode.names import open_encoder
    from photosearch.index.cache import refresh_index
    from photosearch.store.catalogue import Catalogue
    from photosearch.store.snapshot import Snapshot
    from scripts.benchmarks.random_clip import make

    slug = model.replace("/", "-").lower()
    target = library.with_name(f"{library.name}-{slug}")
    if (target / "made").exists():
        return
    os.environ["PHOTOSEARCH_MODELS"] = str(SCRATCH / "models")
    encoder = open_encoder(str(make(model, SCRATCH / "models" / f"{slug}.pt")))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)
    shutil.copy(library / "catalogue.db", target)
    catalogue = Catalogue(target)
    with catalogue.transaction() as connection:
        connection.execute("UPDATE models SET key = ?, name = ?", (encoder.key, encoder.name))
    catalogue.set_setting("model", encoder.name)
    catalogue.set_setting("model_key", encoder.key)
    catalogue.close()
    snapshot = Snapshot(target)
    found = snapshot.model(encoder.key)
    assert found is not None
    assert found.dim == encoder.dim
    refresh_index(target, snapshot, found)
    snapshot.close()
    (target / "made").touch()


def files_of(library: Path) -> Path:
    """Its folder of photos, with all the files that the library knows of."""
    maker = [sys.executable, "-m", "scripts.benchmarks.synthetic", str(library)]
    subprocess.run(maker, check=True)
    return library.with_name(library.name + "-photos")


def make_files(library: Path) -> None:
    """Sparse files: the size and time of each are right, and nothing is stored of it."""
    with closing(sqlite3.connect(f"file:{library}/catalogue.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT r.path, f.path, f.size, f.mtime_ns FROM files f JOIN roots r "
            "ON r.id = f.root_id WHERE f.missing = 0 AND r.path = ? ORDER BY f.path DESC",
            (os.fsencode(library.with_name(library.name + "-photos")),),
        )
        folder = b""
        for root, path, size, mtime_ns in rows:
            full = root + b"/" + path
            # The last in this order is made last of all: it tells that they are all there.
            if not folder and os.path.exists(os.path.join(root, b".made")):
                return
            if os.path.dirname(full) != folder:
                folder = os.path.dirname(full)
                os.makedirs(folder, exist_ok=True)
            descriptor = os.open(full, os.O_CREAT | os.O_WRONLY)
            os.ftruncate(descriptor, size)
            os.utime(descriptor, ns=(mtime_ns, mtime_ns))
            os.close(descriptor)
        if folder:
            Path(os.fsdecode(root), ".made").touch()


def remove_files(library: Path) -> None:
    """Leave the folder as `fill` made it: there, and empty."""
    folder = library.with_name(library.name + "-photos")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path)
    parser.add_argument("--model", help="a copy with this model's vectors instead of files")
    options = parser.parse_args()
    library = options.library.absolute()
    if options.model:
        relabel(library, options.model)
    else:
        make_files(library)


if __name__ == "__main__":
    main()
