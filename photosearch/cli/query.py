"""`photosearch query` and `photosearch similar`: find photos."""

from __future__ import annotations

from typing import Annotated

import typer

from photosearch.cli.filters import filter_options
from photosearch.cli.forms import Forms
from photosearch.cli.opened import open_library
from photosearch.cli.options import JsonOption, LibraryOption, ModelOption, VectorsOption
from photosearch.cli.output import (
    NOTHING_FOUND,
    PART_FAILED,
    command,
    tell,
)
from photosearch.cli.query_options import (
    AllCopiesOption,
    CopyToOption,
    CropOption,
    ForceOption,
    HtmlOption,
    ImageOption,
    IncludeSelfOption,
    KOption,
    LanguageOption,
    LinkToOption,
    MinRelevanceOption,
    MinScoreOption,
    MinusOption,
    NullOption,
    OpenOption,
    PathsOption,
    PlusOption,
    PreviewOption,
    ReadOption,
    RerankOption,
    ScoresOption,
    ShowOption,
    SmallOption,
    SortOption,
    UnlikeOption,
    WeightOption,
    WordsOption,
    parse_relevance,
)
from photosearch.search.filters import Filters
from photosearch.show.notes import notes_on, why_nothing

NO_FILTERS = Filters()


@command
@filter_options
def query(
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help='What the photo shows; "…" inside: printed words.'),
    ] = None,
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
    language: LanguageOption = None,
    include_self: IncludeSelfOption = False,
    k: KOption = 10,
    min_relevance: MinRelevanceOption = None,
    min_score: MinScoreOption = None,
    sort: SortOption = "relevance",
    filters: Filters = NO_FILTERS,
    all_copies: AllCopiesOption = False,
    as_json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
    scores: ScoresOption = False,
    show: ShowOption = False,
    preview: PreviewOption = None,
    html: HtmlOption = None,
    open_page: OpenOption = False,
    force: ForceOption = False,
    copy_to: CopyToOption = None,
    link_to: LinkToOption = None,
    model: ModelOption = None,
    vectors: VectorsOption = None,
    library: LibraryOption = None,
) -> None:
    """Find photos by looks, printed words, example, or metadata.

    TEXT may hold filters, and in quotes what must be printed: 'beach after:2021 -in:screenshots
    camera:"Pixel 6" "EXIT"'. The filters below are the same by option. Filters alone list photos,
    the newest first. Exit code 0 when photos are found, 1 when none, 3 when some could not be
    copied or linked.

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
      photosearch query cat --show
      photosearch query cat -k 50 --html cats.html --open
      photosearch query cat --copy-to ~/cats
      photosearch query cat -0 | xargs -0 ls -l
    """
    forms = Forms(
        as_json=as_json,
        paths=paths,
        null=null,
        scores=scores,
        all_copies=all_copies,
        show=show,
        preview=preview,
        html=html,
        open_page=open_page,
        force=force,
        copy_to=copy_to,
        link_to=link_to,
    )
    forms.check()
    from photosearch.search.query import check_no_image, make_query, parse_weights

    check_no_image(text or "")
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
    least = parse_relevance(min_relevance)
    with open_library(library, model, vectors=vectors) as opened:
        forms.check_folder(opened)
        answer = opened.run_query(asked, k=k, sort=sort, min_score=min_score, min_relevance=least)
        all_given = forms.give(asked, text, opened, answer, notes_on(opened, asked, text, answer))
        if not answer.hits:
            tell(why_nothing(opened, asked, min_score=min_score, min_relevance=least))
            raise typer.Exit(NOTHING_FOUND)
        if not all_given:
            raise typer.Exit(PART_FAILED)


@command
@filter_options
def similar(
    image: Annotated[str, typer.Argument(metavar="PATH|URL|-", help="The example image.")],
    crop: CropOption = None,
    small: SmallOption = False,
    rerank: RerankOption = None,
    read: ReadOption = False,
    include_self: IncludeSelfOption = False,
    k: KOption = 10,
    min_relevance: MinRelevanceOption = None,
    min_score: MinScoreOption = None,
    sort: SortOption = "relevance",
    filters: Filters = NO_FILTERS,
    all_copies: AllCopiesOption = False,
    as_json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
    scores: ScoresOption = False,
    show: ShowOption = False,
    preview: PreviewOption = None,
    html: HtmlOption = None,
    open_page: OpenOption = False,
    force: ForceOption = False,
    copy_to: CopyToOption = None,
    link_to: LinkToOption = None,
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
      photosearch similar holiday.jpg --show
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
        show=show,
        preview=preview,
        html=html,
        open_page=open_page,
        force=force,
        copy_to=copy_to,
        link_to=link_to,
        model=model,
        vectors=vectors,
        library=library,
    )
