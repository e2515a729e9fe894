"""The options of `query` and `similar`."""

from __future__ import annotations

from typing import Annotated

import typer

from photosearch.errors import WrongUse

KOption = Annotated[int, typer.Option("-k", metavar="N", help="How many photos.")]
ImageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--image", metavar="PATH|URL|-", help="An example image; - reads stdin. Repeatable."
    ),
]
PlusOption = Annotated[
    list[str] | None, typer.Option("--plus", metavar="TEXT", help="More of this. Repeatable.")
]
MinusOption = Annotated[
    list[str] | None, typer.Option("--minus", metavar="TEXT", help="Less of this. Repeatable.")
]
UnlikeOption = Annotated[
    list[str] | None,
    typer.Option("--unlike", metavar="PATH|URL", help="Less like this image. Repeatable."),
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weight",
        metavar="PART=W",
        help="Weight of a part: image=0.5, text=2, plus2=0.3 (the second --plus). Repeatable.",
    ),
]
MinScoreOption = Annotated[
    float | None,
    typer.Option("--min-score", metavar="S", help="Leave out photos that score less."),
]
MinRelevanceOption = Annotated[
    str | None,
    typer.Option("--min-relevance", metavar="P", help="Leave out less relevant photos: 50%, 0.5."),
]
WordsOption = Annotated[
    bool | None,
    typer.Option(
        "--words/--no-words",
        help="TEXT is looked for among printed words alone, or by looks alone. [default: both]",
        show_default=False,
    ),
]
SmallOption = Annotated[
    bool,
    typer.Option("--small", help="Match parts of photos, too: finds small things. See index."),
]
CropOption = Annotated[
    list[str] | None,
    typer.Option(
        "--crop",
        metavar="X,Y,W,H",
        help="Part of the example: left, top, width, height in pixels, or all in %. Repeatable.",
    ),
]
RerankOption = Annotated[
    str | None,
    typer.Option(
        "--rerank", metavar="HOW", help="geometry: photos of the very thing in the example first."
    ),
]
ReadOption = Annotated[
    bool, typer.Option("--read", help="Look for the words that are printed in the example, too.")
]
SortOption = Annotated[
    str,
    typer.Option("--sort", metavar="ORDER", help="relevance, date (newest first), oldest, name."),
]
LanguageOption = Annotated[
    str | None,
    typer.Option("--language", metavar="CODE", help="Text tower: en, zh. [default: by script]"),
]
IncludeSelfOption = Annotated[
    bool, typer.Option("--include-self", help="The example itself may be a hit.")
]
AllCopiesOption = Annotated[
    bool, typer.Option("--all-copies", help="Every path of a photo that lies at several.")
]
PathsOption = Annotated[bool, typer.Option("--paths", help="Print paths alone, one a line.")]
NullOption = Annotated[
    bool, typer.Option("-0", "--null", help="Print paths alone, each ended by NUL (xargs -0).")
]
ScoresOption = Annotated[bool, typer.Option("--scores", help="Print score and path, by tab.")]


def parse_relevance(text: str | None) -> float | None:
    """50% and 0.5 are the same."""
    if text is None:
        return None
    plain = text.strip()
    try:
        share = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
        if not 0 <= share <= 1:
            raise ValueError(plain)
    except ValueError:
        raise WrongUse(
            f"--min-relevance {text!r} is no share", hint="--min-relevance 50%, or 0.5"
        ) from None
    return share
