"""The options of `query` and `similar`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from photosearch.cli.options import LOOKED_FOR, PRINTED
from photosearch.errors import WrongUse

# Groups of the help.
ANSWER = "How many, in which order"
SHOWN = "To look at them, and take them along"

KOption = Annotated[
    int, typer.Option("-k", metavar="N", help="How many photos.", rich_help_panel=ANSWER)
]
ImageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="PATH|URL|-",
        help="An example image; - reads stdin. Repeatable.",
        rich_help_panel=LOOKED_FOR,
    ),
]
PlusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--plus", metavar="TEXT", help="More of this. Repeatable.", rich_help_panel=LOOKED_FOR
    ),
]
MinusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--minus", metavar="TEXT", help="Less of this. Repeatable.", rich_help_panel=LOOKED_FOR
    ),
]
UnlikeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--unlike",
        metavar="PATH|URL",
        help="Less like this image. Repeatable.",
        rich_help_panel=LOOKED_FOR,
    ),
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weight",
        metavar="PART=W",
        help="Weight of a part: image=0.5, text=2, plus2=0.3 (the second --plus). Repeatable.",
        rich_help_panel=LOOKED_FOR,
    ),
]
MinScoreOption = Annotated[
    float | None,
    typer.Option(
        "--min-score",
        metavar="S",
        help="Leave out lower scores, as --scores prints them.",
        rich_help_panel=ANSWER,
    ),
]
MinRelevanceOption = Annotated[
    str | None,
    typer.Option(
        "--min-relevance",
        metavar="P",
        help="Leave out less relevant photos: 50%, 0.5.",
        rich_help_panel=ANSWER,
    ),
]
WordsOption = Annotated[
    bool | None,
    typer.Option(
        "--words/--no-words",
        help="TEXT is looked for among printed words alone, or by looks alone. [default: both]",
        show_default=False,
        rich_help_panel=LOOKED_FOR,
    ),
]
SmallOption = Annotated[
    bool,
    typer.Option(
        "--small",
        help="Match parts of photos, too: finds small things. Takes index --regions.",
        rich_help_panel=LOOKED_FOR,
    ),
]
CropOption = Annotated[
    list[str] | None,
    typer.Option(
        "--crop",
        metavar="X,Y,W,H",
        help="Part of the example: left, top, width, height in pixels, or all in %. Repeatable.",
        rich_help_panel=LOOKED_FOR,
    ),
]
RerankOption = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="HOW",
        help="geometry: photos of the very thing in the example first.",
        rich_help_panel=LOOKED_FOR,
    ),
]
ReadOption = Annotated[
    bool,
    typer.Option(
        "--read",
        help="Look for the words that are printed in the example, too.",
        rich_help_panel=LOOKED_FOR,
    ),
]
SortOption = Annotated[
    str,
    typer.Option(
        "--sort",
        metavar="ORDER",
        help="relevance, date (newest first), oldest, name.",
        rich_help_panel=ANSWER,
    ),
]
LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language",
        metavar="CODE",
        help="The language of the text: en, zh. [default: told by its letters]",
        rich_help_panel=LOOKED_FOR,
    ),
]
IncludeSelfOption = Annotated[
    bool,
    typer.Option(
        "--include-self", help="The example itself may be a hit.", rich_help_panel=LOOKED_FOR
    ),
]
AllCopiesOption = Annotated[
    bool,
    typer.Option(
        "--all-copies",
        help="Name all copies of a photo that is there twice.",
        rich_help_panel=PRINTED,
    ),
]
PathsOption = Annotated[
    bool, typer.Option("--paths", help="Print paths alone, one a line.", rich_help_panel=PRINTED)
]
NullOption = Annotated[
    bool,
    typer.Option(
        "-0",
        "--null",
        help="Print paths alone, for xargs -0: any file name is safe.",
        rich_help_panel=PRINTED,
    ),
]
ScoresOption = Annotated[
    bool,
    typer.Option("--scores", help="Print score, tab and path.", rich_help_panel=PRINTED),
]
ShowOption = Annotated[
    bool,
    typer.Option(
        "--show",
        help="Show the photos side by side, where stdout is a terminal.",
        rich_help_panel=SHOWN,
    ),
]
PreviewOption = Annotated[
    str | None,
    typer.Option(
        "--preview",
        metavar="WAY",
        help="--show in this way: kitty, iterm, sixel, blocks. [default: auto, the one that the "
        "terminal is known to have]",
        show_default=False,
        rich_help_panel=SHOWN,
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Also write a page that shows the photos; - to stdout.",
        rich_help_panel=SHOWN,
    ),
]
OpenOption = Annotated[
    bool,
    typer.Option("--open", help="Open the page of --html in a browser.", rich_help_panel=SHOWN),
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force",
        help="With --html: write over any file, not only over such a page.",
        rich_help_panel=SHOWN,
    ),
]
CopyToOption = Annotated[
    Path | None,
    typer.Option(
        "--copy-to",
        metavar="FOLDER",
        help="Copy the photos there; nothing is written over.",
        rich_help_panel=SHOWN,
    ),
]
LinkToOption = Annotated[
    Path | None,
    typer.Option(
        "--link-to",
        metavar="FOLDER",
        help="The same with symbolic links, which take no space.",
        rich_help_panel=SHOWN,
    ),
]


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
