"""What names say: which files may be photos, which are litter, which folders other programs' own.

In: names as bytes. Knows nothing of folders; a query asks here too, so nothing is imported.
"""

from __future__ import annotations

PHOTO_SUFFIXES = frozenset(
    b".jpg .jpeg .jpe .jfif .jif .png .apng .webp .gif .tif .tiff .bmp .dib .heic .heif .hif"
    b" .avif .mpo .jp2 .j2k .jpx .jpf .jxl".split()
)
RAW_SUFFIXES = frozenset(
    b".dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .rw2 .rwl .orf .pef .srw .x3f .3fr"
    b" .fff .iiq .mos .erf .kdc .dcr .mrw .gpr".split()
)

# Folders that hold previews or rubbish made by other programs: each photo in them is a copy.
CACHE_FOLDERS = frozenset(
    b"@eadir .thumbnails .thumb .cache #recycle @recycle $recycle.bin lost+found __macosx"
    b" node_modules .trash .trashes .picasaoriginals .spotlight-v100".split()
) | {b"system volume information"}
# Files that desktops put into any folder that they show.
LITTER = frozenset(b"desktop.ini thumbs.db ehthumbs.db autorun.inf".split())
CACHE_FOLDER_SUFFIXES = (b".lrdata", b".cocatalogdb")
# Inside an Apple Photos library only these hold the photos themselves; the rest is derived.
PHOTOS_LIBRARY_ORIGINALS = frozenset((b"originals", b"masters"))


def suffix_of(name: bytes) -> bytes:
    """The lower-case suffix of a file name, b"" where it has none; "a.jpg " has one, too."""
    # As os.path.splitext does it, in a third of its time: leading dots begin no suffix.
    stem, dot, suffix = name.strip().rpartition(b".")
    if not dot or not stem.rpartition(b"/")[2].strip(b"."):
        return b""
    return b"" if b"/" in suffix else (dot + suffix).lower()


def may_be_photo(suffix: bytes) -> bool:
    """Whether files of this suffix, or without one, are worth a look."""
    return not suffix or suffix in PHOTO_SUFFIXES or suffix in RAW_SUFFIXES


def is_litter(name: bytes) -> bool:
    """Whether a system or a desktop leaves such a thing in a folder that holds nothing else."""
    lower = name.lower()
    return name.startswith(b".") or lower in CACHE_FOLDERS or lower in LITTER


def is_cache(name: bytes, parent: bytes) -> bool:
    """Whether other programs keep their previews or rubbish in this folder of `parent`."""
    lower = name.lower()
    if lower in CACHE_FOLDERS or lower.endswith(CACHE_FOLDER_SUFFIXES):
        return True
    in_photos_library = parent.lower().endswith(b".photoslibrary")
    return in_photos_library and lower not in PHOTOS_LIBRARY_ORIGINALS
