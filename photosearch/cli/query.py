"""`photosearch query` and `photosearch similar`: find photos."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from photosearch.cli.filters import filter_options
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
from photosearch.cli.query_options import (
    AllCopiesOption,
    CropOption,
    ImageOption,
    IncludeSelfOption,
    KOption,
    LanguageOption,
    MinRelevanceOption,
    MinScoreOption,
    MinusOption,
    NullOption,
    PathsOption,
    PlusOption,
    ReadOption,
    RerankOption,
    ScoresOption,
    SmallOption,
    SortOption,
    UnlikeOption,
    WeightOption,
    WordsOption,
    parse_relevance,
)
from photosearch.errors import WrongUse
from photosearch.search.filters import Filters
from photosearch.show.answers import answer_document
from photosearch.show.notes import notes_on, why_nothing
from photosearch.show.text import printable

if TYPE_CHECKING:
    from photosearch.records import Hit

NO_FILTERS = Filters()


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
    unlike: UnlikeOption = None,
    weight: WeightOption = None,
    words: WordsOption = None,
    small: SmallOption = False,
    rerank: RerankOption = None,
    read: ReadOption = False,
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
      photosearch query --image beach.jpg --unlike crowd.jpg
      photosearch query --image shelf.jpg --crop 120,80,200,300 --rerank geometry
      photosearch query --image book.jpg --read
      photosearch query --after 2024 --place Kyoto --sort name
      photosearch query 海边的狗 --in ~/Pictures/2024
      photosearch query cat -0 | xargs -0 cp -t cats/
    """
    _check_one_form(as_json, paths, null, scores)
    from photosearch.search.query import make_query, parse_weights

    asked = make_query(
        text,
        images=image or [],
        unlike=unlike or [],
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
        read=read,
    )
    limits = {"min_score": min_score, "min_relevance": parse_relevance(min_relevance)}
    with open_library(library, model, vectors=vectors) as opened:
        answer = opened.run_query(asked, k=k, sort=sort, **limits)
        hits = list(answer.hits)
        notes = notes_on(opened, asked, text, answer)
        if as_json:
            write_json(answer_document(asked, text, opened, answer, notes))
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
    read: ReadOption = False,
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
      photosearch similar book.jpg --read
    """
    query(
        text=None,
        k=k,
        image=[image],
        crop=crop,
        small=small,
        rerank=rerank,
        read=read,
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
