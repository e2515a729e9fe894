"""The pixels of photos that are in the library, from their files, for hashing and comparing.

In: photos and where they lie. Out: views and hashes. A photo whose file is not there, has changed
since it was indexed or cannot be decoded is left out, and it is said so. Views used last are kept
ready: a group is compared with the same one again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from photosearch import read
from photosearch.decode.pixels import decode
from photosearch.duplicates import fingerprint
from photosearch.duplicates.keep import Place
from photosearch.errors import BadImage
from photosearch.records import FoundFile
from photosearch.store.hashes import NewHash

if TYPE_CHECKING:
    from photosearch.duplicates.same_picture import View

# A view takes 0.7 MB with its features.
_KEPT_READY = 64


def data_of(digest: bytes, places: Sequence[Place]) -> bytes | None:
    """The bytes of a photo, None where no file holds it now."""
    known = (FoundFile(place.path, place.size, place.mtime_ns) for place in places)
    return read.data_of(digest, zip((place.full for place in places), known, strict=True))


def hash_of(photo_id: int, digest: bytes, places: Sequence[Place]) -> NewHash | None:
    """The perceptual hash of a photo; None where no file holds it now."""
    data = data_of(digest, places)
    if data is None:
        return None
    try:
        image = decode(data, need=fingerprint.NEED).image
    except BadImage as error:
        return NewHash(photo_id, None, failure=error.typed)
    return NewHash(photo_id, fingerprint.perceptual_hash(image), fingerprint.colour_of(image))


class Views:
    """Views of photos, those used last kept ready."""

    def __init__(self) -> None:
        self._ready: OrderedDict[int, View] = OrderedDict()
        self.unavailable: set[int] = set()

    def __call__(self, photo_id: int, digest: bytes, places: Sequence[Place]) -> View | None:
        from photosearch.duplicates.same_picture import SIDE, view_of

        if photo_id in self._ready:
            self._ready.move_to_end(photo_id)
            return self._ready[photo_id]
        if photo_id in self.unavailable:
            return None
        data = data_of(digest, places)
        try:
            # Decoding keeps twice of what is asked for.
            decoded = decode(data, need=SIDE // 2) if data is not None else None
        except BadImage:
            decoded = None
        if decoded is None:
            self.unavailable.add(photo_id)
            return None
        view = view_of(decoded.image, decoded.width, decoded.height)
        self._ready[photo_id] = view
        while len(self._ready) > _KEPT_READY:
            self._ready.popitem(last=False)
        return view
