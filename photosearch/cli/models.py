"""`photosearch models`: which models there are, and which are on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosearch.cli.grouped import Commands
from photosearch.cli.options import JsonOption
from photosearch.cli.output import command, say, write_json
from photosearch.show.text import cells, home_relative, printable, size_text

if TYPE_CHECKING:
    from photosearch.encode.locator_files import LocatorFacts
    from photosearch.encode.manage import ModelFacts

app = typer.Typer(
    name="models",
    cls=Commands,
    help="List, download, inspect and convert models.",
    rich_markup_mode=None,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A model, as after --model.")]


@app.command("list")
@command
def list_models(as_json: JsonOption = False) -> None:
    """List the known models, and others that are here.

    ImageNet is the published zero-shot accuracy (top-1, percent); models show names its source.
    Models of the second table find things in photos; index and query do not take them.
    --model takes further names: hf:ORG/NAME for any CLIP of the Hugging Face hub, a path, a pair.

    \b
    Example:
      photosearch models list
    """
    from photosearch.encode.locator_files import list_locators
    from photosearch.encode.manage import list_models as listed

    models, locators = listed(), list_locators()
    if as_json:
        write_json(
            {
                "version": 1,
                "models": [one.as_dict() for one in models],
                "locators": [one.as_dict() for one in locators],
            }
        )
        return
    head = ["name", "here", "dim", "pixels", "params", "ImageNet", "languages"]
    for line in _aligned([head, *(_row(one) for one in models)]):
        say(line)
    say("")
    head = ["for photosearch locate", "here", "--by", "params", "licence"]
    for line in _aligned([head, *(_locator_row(one) for one in locators)]):
        say(line)


@app.command("pull")
@command
def pull(name: NameArgument, as_json: JsonOption = False) -> None:
    """Download a model and make it ready.

    A download that was cut goes on where it ended. Nothing is done where the model is here.

    \b
    Examples:
      photosearch models pull ViT-B/32
      photosearch models pull hf:OFA-Sys/chinese-clip-vit-base-patch16
      photosearch models pull hf:google/owlvit-base-patch32
    """
    from photosearch.encode.locator_files import pull_locator
    from photosearch.encode.locators import default_model
    from photosearch.encode.manage import pull_model

    located = pull_locator(name)
    if located is not None:
        if as_json:
            write_json({"version": 1, **located.as_dict()})
            return
        is_default = default_model(located.by).name == located.name
        more = "" if is_default else f" --model {printable(located.name)}"
        say(
            f"{printable(located.name)} is ready: "
            f'photosearch locate PHOTO --what "a cat" --by {located.by}{more}'
        )
        return
    facts = pull_model(name)
    if as_json:
        write_json({"version": 1, **facts.as_dict()})
        return
    say(f"{printable(facts.name)} is ready: photosearch index --model {printable(facts.name)}")


@app.command("show")
@command
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH", help="A model, as after --model.")],
    as_json: JsonOption = False,
) -> None:
    """Say what is known of one model.

    \b
    Examples:
      photosearch models show ViT-L/14
      photosearch models show ~/models/ViT-B-32.pt
    """
    from photosearch.encode.locator_files import show_locator
    from photosearch.encode.manage import show_model

    located = show_locator(name)
    if located is not None:
        facts, lines = located.as_dict(), list(_locator_lines(located))
    else:
        model = show_model(name)
        facts, lines = model.as_dict(), list(_facts_lines(model))
    if as_json:
        write_json({"version": 1, **facts})
        return
    width = max(cells(label) for label, _ in lines)
    for label, value in lines:
        say(f"{label.ljust(width)}  {value}")


@app.command("export")
@command
def export(
    name: NameArgument,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    as_json: JsonOption = False,
) -> None:
    """Write a model's bundle to a folder of your own.

    The folder can be named after --model, here or on a machine without torch and network.

    \b
    Example:
      photosearch models export ViT-B/32 ~/models/vit-b-32
    """
    from photosearch.encode.manage import export_model

    written = export_model(name, target.expanduser().absolute())
    if as_json:
        write_json({"version": 1, "folder": str(written)})
    else:
        say(f"written: {printable(written)}")


@app.command("remove")
@command
def remove(name: NameArgument, as_json: JsonOption = False) -> None:
    """Delete a model's files from this machine.

    Vectors that a library has of it stay. Copies in the caches of other programs (the Hugging
    Face hub's, ~/.cache/clip) are not touched.

    \b
    Example:
      photosearch models remove ViT-B/32
    """
    from photosearch.encode.manage import remove_model

    freed = remove_model(name)
    if as_json:
        write_json({"version": 1, "freed_bytes": freed})
    else:
        say(f"{printable(name)} removed: {size_text(freed)} freed")


def _row(model: ModelFacts) -> list[str]:
    return [
        printable(model.name),
        {"not here": "-", "here": "yes"}.get(model.state, model.state),
        _text(model.dim),
        "text only" if model.text_only else _text(model.image_size),
        "" if model.parameters is None else f"{model.parameters:.0f} M",
        "" if model.imagenet is None else f"{model.imagenet:.1f}",
        " ".join(model.languages),
    ]


def _locator_row(model: LocatorFacts) -> list[str]:
    return [
        printable(model.name),
        "yes" if model.state == "here" else "-",
        model.by,
        "" if model.parameters is None else f"{model.parameters:.0f} M",
        _text(model.licence),
    ]


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True)
        ).rstrip()


def _facts_lines(facts: ModelFacts) -> Iterator[tuple[str, str]]:
    """Label and value of what is known, in an order fit to be read."""
    values: list[tuple[str, Any]] = [
        ("name", printable(facts.name)),
        ("state", facts.state),
        ("kind", facts.kind),
        ("dimensions", facts.dim),
        ("image size", facts.image_size and f"{facts.image_size} pixels a side"),
        ("text length", facts.context_length and f"{facts.context_length} tokens"),
        ("languages", " ".join(facts.languages)),
        ("parameters", facts.parameters and f"{facts.parameters:.1f} million"),
        ("precision", facts.precision),
        ("logit scale", facts.logit_scale),
        ("logit bias", facts.logit_bias),
        ("scores", _scores(facts)),
        ("ImageNet", facts.imagenet and f"{facts.imagenet:.1f} % zero-shot, as published"),
        ("", facts.imagenet_source),
        ("licence", facts.licence),
        ("download", facts.download_bytes and size_text(facts.download_bytes)),
        ("from", facts.source and printable(facts.source)),
        ("folder", facts.folder and printable(home_relative(Path(facts.folder)))),
        ("on disk", facts.bytes and size_text(facts.bytes)),
        ("key", facts.key),
    ]
    return ((label, _text(value)) for label, value in values if value not in (None, "", 0))


def _locator_lines(facts: LocatorFacts) -> Iterator[tuple[str, str]]:
    values: list[tuple[str, Any]] = [
        ("name", printable(facts.name)),
        ("state", facts.state),
        ("kind", facts.kind),
        ("for", f"photosearch locate --by {facts.by}"),
        ("parameters", facts.parameters and f"{facts.parameters:.1f} million"),
        ("licence", facts.licence),
        ("download", facts.download_bytes and size_text(facts.download_bytes)),
        ("folder", facts.folder and printable(home_relative(Path(facts.folder)))),
        ("on disk", facts.bytes and size_text(facts.bytes)),
    ]
    return ((label, _text(value)) for label, value in values if value not in (None, "", 0))


def _scores(facts: ModelFacts) -> str | None:
    if facts.text_only:
        return "a text tower alone: --model IMAGE_MODEL+" + printable(facts.name)
    if facts.logit_scale is None:
        return None
    return (
        "softmax over the labels" if facts.logit_bias is None else "sigmoid, each label by itself"
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
