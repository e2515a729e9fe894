"""Find photos from Python: index a folder, search it by text, by example and by filters.

    python api.py ~/Pictures "a dog on a beach"

The library of this example lies in the folder for temporary files, so it does not mix with
your own. Without a path `Library.open()` takes yours.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from photosearch import Filters, Library, PhotosearchError

LIBRARY = Path(tempfile.gettempdir()) / "photosearch-example"


def main(folder: str, text: str) -> None:
    with Library.open(LIBRARY, create=True) as library:
        report = library.index(folder, words=False)  # words=True reads what is printed, too
        print(f"{report.added} photos new, {report.unchanged} known")
        hits = library.search(text, k=3)
        for hit in hits:
            print(f"{hit.relevance:4.0%}  {hit.path}" if hit.relevance is not None else hit.path)
        if hits:
            print("like the first one:")
            for other in library.similar(hits[0].path, k=3):
                print(f"{other.score:.2f}  {other.path}")
        print("taken since 2015, the newest first:")
        for hit in library.search(filters=Filters(after="2015"), k=3):
            print(f"{(hit.taken_at or '')[:10]}  {hit.path}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    try:
        main(*sys.argv[1:])
    except PhotosearchError as error:
        raise SystemExit(f"{error} ({error.hint})" if error.hint else str(error)) from None
