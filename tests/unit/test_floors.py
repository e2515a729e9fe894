"""docs: a module imports from lower floors, and from the lines above it in its own folder.

The table below is that of the layout page, so the drawing cannot lie. A new module needs a line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import photosearch

PACKAGE = Path(photosearch.__file__).parent

# A floor is a row of folders that do not know each other; a folder is its modules from the top line
# down. `__main__` is the last line of the commands' folder: it is nothing but their door.
FLOORS = (
    (
        "errors masks records reports.runs reports.contents reports.duplicates reports.upkeep "
        "reports.recall paths filenames settings ordered ending",
    ),
    (
        "simplified read ignore walk mounts",
        "gazetteer.globe gazetteer.names gazetteer.settlements gazetteer.places gazetteer.cities",
    ),
    (
        "decode.limits decode.raw decode.formats decode.pixels decode.facts decode.worker "
        "decode.process decode.pool",
    ),
    (
        "encode.preprocess encode.patches encode.towers encode.clean encode.tokenize "
        "encode.clip_bpe encode.spiece_file encode.spiece encode.bundle encode.onnx encode.known "
        "encode.locators "
        "encode.download encode.wanted encode.hub_errors encode.hubs encode.fetch encode.shelf "
        "encode.original encode.weights encode.resnet encode.sources.clip_names "
        "encode.sources.folder encode.sources.pretrained encode.sources.openai "
        "encode.sources.huggingface encode.sources.open_clip encode.sources.chinese_clip "
        "encode.sources.ready_onnx encode.originals encode.on_torch encode.export "
        "encode.quantise encode.encoder encode.taught encode.find encode.names encode.manage "
        "encode.locator_files encode.merging encode.proposals encode.crops",
    ),
    ("ocr.reader ocr.gate ocr.rapid",),
    (
        "store.files store.lock store.replace store.database store.schema "
        "store.salvage.wal store.salvage.record store.salvage.pages store.salvage.shapes "
        "store.salvage.gather store.salvage.rebuild "
        "store.catalogue store.volumes store.relocate store.tags store.opening store.reader "
        "store.snapshot store.tagged store.totals "
        "store.functions store.whereabouts store.originals store.previews store.named "
        "store.places store.words store.hashes "
        "store.regions store.remembered "
        "store.integrity store.upkeep store.backup",
    ),
    (
        "index.base index.tail index.threads index.exact index.codes index.scan index.stamps "
        "index.write index.cache "
        "index.inspect index.address "
        "index.pushdown index.connect index.milvus index.note index.candidates index.remote "
        "index.choose",
    ),
    (
        "search.chinese_dates search.dates search.places search.conditions "
        "search.fields search.folders search.filters "
        "search.qualifiers search.crop search.query search.example search.picture "
        "search.example_words search.likeness search.bank search.relevance search.matching "
        "search.terms search.reading search.printed search.fuse search.looks search.small "
        "search.hits search.run search.browse search.geometry search.rerank search.asked "
        "search.rankings search.pages search.answer "
        "search.typed search.values search.completion",
        "survey.inventory survey.decay survey.health survey.about survey.agreement "
        "survey.evaluate survey.export survey.columns survey.values survey.folders survey.facets "
        "survey.counts",
        "duplicates.fingerprint duplicates.candidates duplicates.same_picture duplicates.groups "
        "duplicates.keep duplicates.pixels duplicates.sequences duplicates.comparing "
        "duplicates.told duplicates.detail duplicates.removable duplicates.photos "
        "duplicates.find",
        "ingest.scopes ingest.disks ingest.attendance ingest.prepare ingest.workshop ingest.here "
        "ingest.node ingest.link ingest.spread ingest.crew ingest.foreman ingest.cluster "
        "ingest.photos ingest.held ingest.regions ingest.words ingest.places",
        "watching.settle watching.events watching.territory watching.departures watching.targets "
        "watching.pending watching.watch",
        "zeroshot.labels zeroshot.classify zeroshot.files zeroshot.photos zeroshot.stored "
        "zeroshot.region zeroshot.heat zeroshot.ranking zeroshot.boxes zeroshot.phrases "
        "zeroshot.published zeroshot.feeds zeroshot.owlvit "
        "zeroshot.grounding zeroshot.by_regions "
        "zeroshot.groupvit zeroshot.clipseg zeroshot.segments",
    ),
    (
        "library.arguments library.opened library.indexing library.locating library.spotting "
        "library.way_in library.way_out library.zero_shot library.contents library.upkeep library "
        "__init__",
    ),
    (
        "show.text show.reason show.table show.previews show.sheet show.contact show.collect "
        "show.colours show.fonts show.tags show.draw "
        "show.saved show.sixel show.pictures show.strip show.regions show.notes show.answers",
        "resident.wire resident.place resident.client resident.record resident.warm "
        "resident.itself resident.server resident.start",
    ),
    (
        "web.hosts web.tokens web.peers web.desktop web.render web.sending web.bundle_zip "
        "web.readers web.thumbs web.site web.replies web.bodies web.connection web.guard "
        "web.schemas web.parameters web.upload web.page_files "
        "web.search_api web.library_api web.photo_api web.taking_api web.app web.run",
        "assistant.parameters assistant.schemas assistant.tool assistant.wording assistant.desk "
        "assistant.searching assistant.photos assistant.overview assistant.server",
    ),
    (
        "cli.complaints cli.output cli.grouped cli.opened cli.options cli.filters cli.progress "
        "cli.index_report cli.index "
        "cli.query_options cli.forms cli.query "
        "cli.facts cli.photos cli.classify cli.drawing cli.locate cli.duplicates cli.models "
        "cli.upkeep cli.check cli.unit cli.watch cli.serve_page cli.resident cli.serve "
        "cli.mcp cli.app __main__",
    ),
)
PLACES = {
    module: (floor, folder, line)
    for floor, folders in enumerate(FLOORS)
    for folder, modules in enumerate(folders)
    for line, module in enumerate(modules.split())
}
# A folder's own `__init__` imports nothing, so that one module of it can be had without the others;
# but `library` is the class itself, whose parts are the folder.
FOLDERS = {
    ".".join(path.parent.relative_to(PACKAGE).parts) for path in PACKAGE.rglob("*/__init__.py")
} - {"library"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name; a folder's own `__init__` by the folder's."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts)
        found[name if name == "__init__" else name.removesuffix(".__init__")] = path
    return found


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module of ours) of each import, wherever in the file it stands."""
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides where it leads"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] != "photosearch":
                continue
            inner = name.removeprefix("photosearch").removeprefix(".")
            # `from photosearch.store import schema` names a module, `... .schema import X` a thing.
            while inner and inner not in known:
                inner = inner.rpartition(".")[0]
            yield node.lineno, inner or "__init__"


def may_import(importer: str, imported: str) -> bool:
    floor, folder, line = PLACES[importer]
    its_floor, its_folder, its_line = PLACES[imported]
    return its_floor < floor or (its_floor == floor and its_folder == folder and its_line < line)


def test_the_table_names_every_module() -> None:
    missing = set(modules()) - set(PLACES) - FOLDERS
    assert not missing, f"no floor in the table of {Path(__file__).name} for: {sorted(missing)}"
    gone = set(PLACES) - set(modules())
    assert not gone, f"the table of {Path(__file__).name} names what is no more: {sorted(gone)}"


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_lead_down(module: str) -> None:
    if module not in PLACES and module not in FOLDERS:
        pytest.fail(f"photosearch.{module} has no floor in the table of {Path(__file__).name}")
    wrong = [
        f"line {line}: photosearch.{imported}"
        for line, imported in imports_of(modules()[module])
        if module in FOLDERS or imported not in PLACES or not may_import(module, imported)
    ]
    assert not wrong, f"photosearch.{module} may not import {wrong}"


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("store.catalogue", "records", True),
        ("store.catalogue", "store.schema", True),
        ("store.schema", "store.catalogue", False),
        ("search.run", "survey.export", False),
        ("decode.pixels", "encode.preprocess", False),
        ("cli.app", "library", True),
    ],
    ids=lambda value: str(value),
)
def test_the_rule_itself(importer: str, imported: str, allowed: bool) -> None:
    assert may_import(importer, imported) is allowed
