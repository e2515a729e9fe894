"""The tools about one photo of the library: its facts, a small picture, where in it something is.

In: a library, and which photo. Out: documents; JPEG bytes. A photo's file is read here alone, and
only while its content is what was indexed.
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import Any

from photosearch.assistant.parameters import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Parameter
from photosearch.assistant.schemas import FACTS_OF_ONE, REGIONS
from photosearch.assistant.tool import Reply, Terms, Tool, photo_meant, short_id
from photosearch.assistant.wording import brief, sendable
from photosearch.errors import BadImage
from photosearch.library import Library
from photosearch.read import open_regular
from photosearch.reports.contents import PhotoFacts
from photosearch.show.previews import CHANGED, Preview, small_picture
from photosearch.show.text import printable, size_text

_LINES = 40  # of printed words, unless all are wanted
_USUAL_SIDE, _LEAST_SIDE, _MOST_SIDE = 512, 64, 1568
_MOST_REGIONS = 20
_MOST_BYTES = 700_000  # assistants refuse answers of more than about 1 MB, and base64 adds a third


def _facts(library: Library, terms: Terms, asked: dict[str, Any]) -> Reply:
    known = library.facts(photo_meant(library, asked["photo"]), nearest=0)
    document = known.as_dict()
    words = document["words"] if asked["detail"] else document["words"][:_LINES]
    if not asked["detail"]:
        words = [{"text": one["text"], "confidence": one["confidence"]} for one in words]
    document = {
        name: value
        for name, value in brief(document).items()
        if name not in ("version", "orientation", "models", "nearest")
    }
    document |= {"words_read": known.words_read, "words": words}
    left = len(known.words) - len(words)
    if left:
        document["words_left_out"] = left
    document = sendable(document, paths=terms.paths)
    return Reply(_readable(document), document)


def _readable(document: dict[str, Any]) -> str:
    paths = document.get("paths", [])
    megapixels = document["width"] * document["height"] / 1e6
    camera = [document.get(name, "") for name in ("make", "camera", "lens")]
    exposure = [
        f"{document['exposure']:.4g} s" if "exposure" in document else "",
        f"f/{document['f_number']:g}" if "f_number" in document else "",
        f"ISO {document['iso']}" if "iso" in document else "",
        f"{document['focal_length']:g} mm" if "focal_length" in document else "",
    ]
    position = ""
    if "latitude" in document and "longitude" in document:
        position = f"{document['latitude']:.5f}, {document['longitude']:.5f}"
    place = [position, printable(document.get("place", ""))]
    rows = [
        ("photo", document["photo"]),
        *(("path", printable(path)) for path in paths),
        ("image", f"{document['format']}, {document['width']} x {document['height']} "
                  f"({megapixels:.1f} MP), {size_text(document['bytes'])}"),
        ("taken", document.get("taken_at", "")),
        ("camera", printable(", ".join(dict.fromkeys(filter(None, camera))))),
        ("exposure", ", ".join(filter(None, exposure))),
        ("place", "; ".join(filter(None, place))),
        ("tags", ", ".join(map(printable, document.get("tags", [])))),
        *(("printed", printable(one["text"])) for one in document["words"]),
        ("printed", "" if document["words_read"] else "not looked for yet"),
        ("printed", f"and {document['words_left_out']} more lines (detail=true)"
                    if "words_left_out" in document else ""),
    ]  # fmt: skip
    return "\n".join(f"{name}: {value}" for name, value in rows if value)


def _thumbnail(library: Library, terms: Terms, asked: dict[str, Any]) -> Reply:
    known = library.facts(photo_meant(library, asked["photo"]), nearest=0)
    data, size = _jpeg(_small(known, asked["size"]))
    name = f"{printable(os.fspath(known.paths[0]))} " if terms.paths else ""
    about = (
        f"{name}[{short_id(known.photo)}]: {size[0]} x {size[1]}, of {known.width} x {known.height}"
    )
    return Reply(about, pictures=(data,))


def _small(known: PhotoFacts, side: int) -> Preview:
    """The photo's pixels, from a file that still holds it."""
    from photosearch.decode.limits import Limits

    reason = "no file of it is there now"
    for path in known.paths:
        try:
            return small_picture(os.fsencode(path), known.photo, (side, side), True, Limits())
        except OSError:
            continue
        except BadImage as error:
            reason = f"its file has {error}" if str(error) == CHANGED else str(error)
    raise BadImage(f"photo {short_id(known.photo)} cannot be shown: {reason}")


def _jpeg(small: Preview) -> tuple[bytes, tuple[int, int]]:
    """Made of the pixels alone, so that no comment or profile of the photo's file goes with them.

    Smaller than asked for where it would be too many bytes: noise at 1568 pixels takes 1 MB.
    """
    from PIL import Image

    image = Image.frombytes("RGB", (small.width, small.height), small.data)
    while True:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=80)
        if file.tell() <= _MOST_BYTES or max(image.size) <= _LEAST_SIDE:
            return file.getvalue(), image.size
        image.thumbnail((max(image.size) * 3 // 4,) * 2)


def _locate(library: Library, terms: Terms, asked: dict[str, Any]) -> Reply:
    from photosearch.decode.pixels import decode

    known = library.facts(photo_meant(library, asked["photo"]), nearest=0)
    image = decode(_content(known)).image
    regions = library.locate(image, asked["what"], threshold=asked["threshold"])[:_MOST_REGIONS]
    document = {
        "photo": short_id(known.photo),
        "width": known.width,
        "height": known.height,
        "regions": [region.as_dict() for region in regions],
    }
    lines = [
        f"{printable(region.label)}: {region.score:.2f} at left {x0:.0f}, top {y0:.0f}, "
        f"{x1 - x0:.0f} x {y1 - y0:.0f}"
        for region in regions
        for x0, y0, x1, y1 in [region.box]
    ]
    size = f"in pixels of {known.width} x {known.height}:"
    text = "\n".join([size, *lines]) if lines else "nothing like it was found in this photo"
    return Reply(text, sendable(document))


def _content(known: PhotoFacts) -> bytes:
    """The photo's bytes, from a file that still holds them."""
    for path in known.paths:
        try:
            with open_regular(os.fsencode(path)) as file:
                data = file.read(known.bytes + 1)
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() == known.photo:
            return data
    raise BadImage(f"photo {short_id(known.photo)}: no file of it is there now, or it has changed")


FACTS = Tool(
    "photo_facts",
    "Facts of a photo",
    """All that the library knows of one photo: paths, size, when, where and with which camera it \
was taken, tags, and every line of words printed in it. Use it after a search, for the few photos \
that matter.""",
    _facts,
    (
        Parameter("photo", TEXT, "Id or path of a photo of the library.", needed=True),
        Parameter(
            "detail",
            FLAG,
            "All printed lines, with their boxes in pixels of the upright photo.",
            usual=False,
        ),
    ),
    FACTS_OF_ONE,
)

THUMBNAIL = Tool(
    "photo_thumbnail",
    "Look at a photo",
    """A small picture of one photo of the library (JPEG), to look at it: to check a hit, to tell \
two photos apart, to describe one. Costs about size x size / 1000 tokens; 512 shows what is in a \
photo, 1024 and more are for reading small things. Do not fetch more photos than the question \
needs.""",
    _thumbnail,
    (
        Parameter("photo", TEXT, "Id or path of a photo of the library.", needed=True),
        Parameter(
            "size",
            WHOLE,
            "Pixels of the longer side.",
            usual=_USUAL_SIDE,
            least=_LEAST_SIDE,
            most=_MOST_SIDE,
        ),
    ),
)

LOCATE = Tool(
    "locate_in_photo",
    "Where in a photo",
    """Where in one photo of the library something is: boxes in pixels of the upright photo, the \
surest first. Approximate, and takes about a second: use it only when the place matters. Printed \
words are found by photo_facts with detail=true instead.""",
    _locate,
    (
        Parameter("photo", TEXT, "Id or path of a photo of the library.", needed=True),
        Parameter("what", TEXTS, 'Things to look for, each as "a cat".', needed=True),
        Parameter("threshold", NUMBER, "Leave out regions with a lower score.", least=0, most=1),
    ),
    REGIONS,
)
