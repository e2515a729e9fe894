"""`photosearch query` and `photosearch similar`: find photos."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli.options import JsonOption, LibraryOption, ModelOption
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

if TYPE_CHECKING:
    from photosearch.records import Hit
    from photosearch.search.query import Query

_TAGS_SHOWN = 8

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
InOption = Annotated[
    list[Path] | None,
    typer.Option("--in", metavar="FOLDER", help="Only photos in this folder. Repeatable."),
]
NotInOption = Annotated[
    list[Path] | None,
    typer.Option("--not-in", metavar="FOLDER", help="No photos of this folder. Repeatable."),
]
AfterOption = Annotated[
    str | None,
    typer.Option("--after", metavar="DATE", help="Taken on or after: 2024, 2024-06, 2024-06-01."),
]
BeforeOption = Annotated[
    str | None, typer.Option("--before", metavar="DATE", help="Taken before this date.")
]
TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="Only photos that have this tag. Repeatable: all."),
]
MinScoreOption = Annotated[
    float | None,
    typer.Option("--min-score", metavar="S", help="Leave out photos that score less."),
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
def query(
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What the photo shows.")
    ] = None,
    k: KOption = 10,
    image: ImageOption = None,
    plus: PlusOption = None,
    minus: MinusOption = None,
    weight: WeightOption = None,
    in_folder: InOption = None,
    not_in_folder: NotInOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    tag: TagOption = None,
    min_score: MinScoreOption = None,
    language: LanguageOption = None,
    include_self: IncludeSelfOption = False,
    all_copies: AllCopiesOption = False,
    as_json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
    scores: ScoresOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Find photos by text, by example, or both.

    Exit code 0 when photos are found, 1 when none.

    \b
    Examples:
      photosearch query "midi keyboard" -k 3
      photosearch query beach --plus sunset --minus people
      photosearch query --image example.jpg --plus "at night"
      photosearch query 海边的狗 --in ~/Pictures/2024
      photosearch query cat -0 | xargs -0 cp -t cats/
    """
    _check_one_form(as_json, paths, null, scores)
    from photosearch.search.filters import Filters
    from photosearch.search.query import make_query, parse_weights

    asked = make_query(
        text,
        images=image or [],
        plus=plus or [],
        minus=minus or [],
        weights=parse_weights(weight or []),
        filters=Filters(
            in_folder=[str(folder) for folder in in_folder or []],
            not_in_folder=[str(folder) for folder in not_in_folder or []],
            after=after,
            before=before,
            tag=tag or [],
        ),
        language=language,
        include_self=include_self,
    )
    with Library.open(library, model) as opened:
        hits = opened.run_query(asked, k=k, min_score=min_score)
        if as_json:
            write_json(_document(asked, text, opened, hits))
        else:
            _print_hits(hits, paths=paths, null=null, scores=scores, all_copies=all_copies)
        if not hits:
            tell(_why_nothing(opened, min_score, asked))
            raise typer.Exit(NOTHING_FOUND)


@command
def similar(
    image: Annotated[str, typer.Argument(metavar="PATH|URL|-", help="The example image.")],
    k: KOption = 10,
    in_folder: InOption = None,
    not_in_folder: NotInOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    tag: TagOption = None,
    min_score: MinScoreOption = None,
    include_self: IncludeSelfOption = False,
    all_copies: AllCopiesOption = False,
    as_json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
    scores: ScoresOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
) -> None:
    """Find photos like an example image.

    The same as query --image, by a friendlier name.

    \b
    Examples:
      photosearch similar holiday.jpg -k 5
      photosearch similar https://example.org/a.jpg
    """
    query(
        text=None,
        k=k,
        image=[image],
        in_folder=in_folder,
        not_in_folder=not_in_folder,
        after=after,
        before=before,
        tag=tag,
        min_score=min_score,
        include_self=include_self,
        all_copies=all_copies,
        as_json=as_json,
        paths=paths,
        null=null,
        scores=scores,
        model=model,
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


def _document(asked: Query, text: str | None, opened: Library, hits: list[Hit]) -> dict[str, Any]:
    from photosearch.search.example import name_of

    return {
        "version": 1,
        "query": text,
        "parts": [
            {
                "kind": part.kind,
                "value": name_of(part.value) if part.kind == "image" else part.value,
                "weight": part.weight,
            }
            for part in asked.parts
        ],
        "model": opened.encoder.name,
        "hits": [hit.as_dict() for hit in hits],
    }


def _why_nothing(opened: Library, min_score: float | None, asked: Query) -> str:
    if not opened.status().photos:
        return "nothing found: the library holds no photos yet (photosearch index FOLDER)"
    limits = []
    if min_score is not None:
        limits.append("--min-score")
    if not asked.filters.is_empty():
        limits.append("the filters")
    why = "nothing found" + (f" within {' and '.join(limits)}" if limits else "")
    return why + _about_unknown_tags(opened, asked)


def _about_unknown_tags(opened: Library, asked: Query) -> str:
    from photosearch.show.text import printable
    from photosearch.store.tags import normal_tag

    if not asked.filters.tag:
        return ""
    tags = opened.tags()
    if not tags:
        return ": no photo has a tag yet (photosearch classify --library-wide --write-tags)"
    known = {normal_tag(tag) for tag in tags}
    for tag in asked.filters.tag:
        if normal_tag(tag) not in known:
            some = ", ".join(printable(one) for one in list(tags)[:_TAGS_SHOWN])
            more = ", …" if len(tags) > _TAGS_SHOWN else ""
            return f": no photo has the tag {printable(tag)} (there are: {some}{more})"
    return ""
