"""`photosearch query` and `photosearch similar`: find photos."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli.filters import filter_options
from photosearch.cli.notes import notes_on, parse_relevance, why_nothing
from photosearch.cli.opened import open_library
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption, VectorsOption
from photosearch.cli.output import (
    NOTHING_FOUND,
    can_link,
    command,
    say,
    tell,
    terminal_width,
    write_json,
    write_paths,
)
from photosearch.errors import WrongUse
from photosearch.library import Library
from photosearch.search.filters import Filters
from photosearch.show.text import printable

if TYPE_CHECKING:
    from photosearch.records import Answer, Hit
    from photosearch.search.query import Query

NO_FILTERS = Filters()

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


@command
@filter_options
def query(
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help='What the photo shows; "…" inside: printed words.'),
    ] = None,
    k: KOption = 10,
    image: ImageOption = None,
    crop: CropOption = None,
    plus: PlusOption = None,
    minus: MinusOption = None,
    weight: WeightOption = None,
    words: WordsOption = None,
    small: SmallOption = False,
    rerank: RerankOption = None,
    filters: Filters = NO_FILTERS,
    min_relevance: MinRelevanceOption = None,
    min_score: MinScoreOption = None,
    sort: SortOption = "relevance",
    language: LanguageOption = None,
    include_self: IncludeSelfOption = False,
    all_copies: AllCopiesOption = False,
    as_json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
    scores: ScoresOption = False,
    model: ModelOption = None,
    vectors: VectorsOption = None,
    library: LibraryOption = None,
) -> None:
    """Find photos by looks, printed words, example, or metadata.

    TEXT may hold filters, and in quotes what must be printed: 'beach after:2021 -in:screenshots
    camera:"Pixel 6" "EXIT"'. The filters below are the same by option. Filters alone list photos,
    the newest first. Exit code 0 when photos are found, 1 when none.

    \b
    Examples:
      photosearch query "midi keyboard" -k 3
      photosearch query --words "EXIT"
      photosearch query "beach after:2021 -in:screenshots"
      photosearch query beach --plus sunset --minus people
      photosearch query --small "a traffic light"
      photosearch query --image example.jpg --plus "at night"
      photosearch query --image shelf.jpg --crop 120,80,200,300 --rerank geometry
      photosearch query --after 2024 --place Kyoto --sort name
      photosearch query 海边的狗 --in ~/Pictures/2024
      photosearch query cat -0 | xargs -0 cp -t cats/
    """
    _check_one_form(as_json, paths, null, scores)
    from photosearch.search.query import make_query, parse_weights

    asked = make_query(
        text,
        images=image or [],
        plus=plus or [],
        minus=minus or [],
        weights=parse_weights(weight or []),
        filters=filters,
        language=language,
        include_self=include_self,
        words=words,
        small=small,
        crops=crop or [],
        rerank=rerank,
    )
    limits = {"min_score": min_score, "min_relevance": parse_relevance(min_relevance)}
    with open_library(library, model, vectors=vectors) as opened:
        answer = opened.run_query(asked, k=k, sort=sort, **limits)
        hits = list(answer.hits)
        notes = notes_on(opened, asked, text, answer)
        if as_json:
            write_json(_document(asked, text, opened, answer, notes))
        else:
            for note in notes:
                tell(printable(note))
            _print_hits(hits, paths=paths, null=null, scores=scores, all_copies=all_copies)
        if not hits:
            tell(why_nothing(opened, asked, **limits))
            raise typer.Exit(NOTHING_FOUND)


@command
@filter_options
def similar(
    image: Annotated[str, typer.Argument(metavar="PATH|URL|-", help="The example image.")],
    k: KOption = 10,
    crop: CropOption = None,
    small: SmallOption = False,
    rerank: RerankOption = None,
    filters: Filters = NO_FILTERS,
    min_relevance: MinRelevanceOption = None,
    min_score: MinScoreOption = None,
    sort: SortOption = "relevance",
    include_self: IncludeSelfOption = False,
    all_copies: AllCopiesOption = False,
    as_json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
    scores: ScoresOption = False,
    model: ModelOption = None,
    vectors: VectorsOption = None,
    library: LibraryOption = None,
) -> None:
    """Find photos like an example image.

    The same as query --image, by a friendlier name.

    \b
    Examples:
      photosearch similar holiday.jpg -k 5
      photosearch similar https://example.org/a.jpg
      photosearch similar shelf.jpg --crop 120,80,200,300 --rerank geometry
    """
    query(
        text=None,
        k=k,
        image=[image],
        crop=crop,
        small=small,
        rerank=rerank,
        filters=filters,
        min_relevance=min_relevance,
        min_score=min_score,
        sort=sort,
        include_self=include_self,
        all_copies=all_copies,
        as_json=as_json,
        paths=paths,
        null=null,
        scores=scores,
        model=model,
        vectors=vectors,
        library=library,
    )


def _check_one_form(as_json: bool, paths: bool, null: bool, scores: bool) -> None:
    forms = {"--json": as_json, "--paths": paths, "-0": null, "--scores": scores}
    given = [name for name, wanted in forms.items() if wanted]
    if len(given) > 1 and given != ["--paths", "-0"]:
        raise WrongUse(f"{' and '.join(given)} exclude each other")


def _print_hits(
    hits: list[Hit], *, paths: bool, null: bool, scores: bool, all_copies: bool
) -> None:
    from photosearch.show import table

    if paths or null:
        shown = [path for hit in hits for path in (hit.path, *(hit.copies if all_copies else ()))]
        write_paths(shown, b"\0" if null else b"\n")
        return
    if scores:
        lines = table.score_lines(hits, all_copies=all_copies)
    elif sys.stdout.isatty():
        lines = table.terminal_lines(
            hits, width=terminal_width(), links=can_link(), all_copies=all_copies
        )
    else:
        lines = table.plain_lines(hits, all_copies=all_copies)
    for line in lines:
        say(line)


def _document(
    asked: Query, text: str | None, opened: Library, answer: Answer, notes: list[str]
) -> dict[str, Any]:
    from photosearch.search.example import name_of

    return {
        "version": 1,
        "query": text,
        "parts": [
            {
                "kind": part.kind,
                "value": name_of(part.value) if part.kind == "image" else part.value,
                "weight": part.weight,
                **({"crop": str(part.crop)} if part.crop else {}),
            }
            for part in asked.parts
        ],
        "words": asked.printed or None,
        "phrases": list(asked.must_show),
        "filters": asked.filters.as_dict(),
        "small": asked.small,
        "rerank": asked.rerank,
        "model": opened.encoder.name,
        "matches_well": answer.matches_well,
        "notes": notes,
        "hits": [hit.as_dict() for hit in answer.hits],
    }
