"""Where things live, and the few numbers that may be set from the environment.

In: environment variables. Out: paths and limits. Nothing is created here.
"""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY_VARIABLE = "PHOTOSEARCH_LIBRARY"
MODEL_VARIABLE = "PHOTOSEARCH_MODEL"
CACHE_VARIABLE = "PHOTOSEARCH_CACHE"
MODELS_VARIABLE = "PHOTOSEARCH_MODELS"
WORDS_VARIABLE = "PHOTOSEARCH_WORDS"
VECTORS_VARIABLE = "PHOTOSEARCH_VECTORS"
TOKEN_VARIABLE = "PHOTOSEARCH_TOKEN"
THUMBS_VARIABLE = "PHOTOSEARCH_THUMBS_MB"

# Above this many pixels a file is refused before it is decoded: 200-megapixel phone photos
# (16320 x 12240 = 199.8 million) pass, a 30000 x 30000 decompression bomb does not.
MAX_PIXELS = 200_000_000

# A photo that takes longer to decode is given up: 120 megapixels take 2 s (PNG) to 4 s (progressive
# JPEG), so that a machine ten times slower still has time.
DECODE_SECONDS = 60.0

# A file is read once, whole, into memory; the largest raw files are about 250 MB.
MAX_FILE_BYTES = 1 << 30


def library_path(path: str | os.PathLike[str] | None = None) -> Path:
    """The library folder: as given, else PHOTOSEARCH_LIBRARY, else the platform's data folder."""
    given = path or os.environ.get(LIBRARY_VARIABLE)
    if given:
        return Path(os.path.abspath(os.path.expanduser(given)))
    from platformdirs import user_data_path

    return user_data_path("photosearch", appauthor=False) / "library"


def cache_path() -> Path:
    """Derived things that several libraries share: PHOTOSEARCH_CACHE, else the platform's."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(os.path.abspath(os.path.expanduser(given)))
    from platformdirs import user_cache_path

    return user_cache_path("photosearch", appauthor=False)


def models_path() -> Path:
    """Downloaded and exported models: PHOTOSEARCH_MODELS, else a folder of the cache."""
    given = os.environ.get(MODELS_VARIABLE)
    return Path(os.path.abspath(os.path.expanduser(given))) if given else cache_path() / "models"


def default_model() -> str | None:
    """The model named by PHOTOSEARCH_MODEL, if any."""
    return os.environ.get(MODEL_VARIABLE) or None


def vectors_address(given: str | None = None) -> str | None:
    """Where vectors are searched: as given, else PHOTOSEARCH_VECTORS; None: in the library."""
    return given or os.environ.get(VECTORS_VARIABLE) or None


def reads_words() -> bool:
    """Whether `index` looks for printed words if nothing else is said: PHOTOSEARCH_WORDS=0: no."""
    return os.environ.get(WORDS_VARIABLE, "").strip().lower() not in ("0", "no", "off", "false")


def thumbs_bytes() -> int:
    """How much previews of the page may take on the disk: PHOTOSEARCH_THUMBS_MB; 0: none is kept.

    1 GB holds some 40,000 of the size that the page shows.
    """
    given = os.environ.get(THUMBS_VARIABLE, "").strip()
    return int(given) * 1_000_000 if given.isdecimal() else 1_000_000_000


def usable_cores() -> int:
    """Processors that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
