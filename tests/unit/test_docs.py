"""The documentation says what the program does."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import pytest
import typer

import photosearch
from photosearch.cli.app import app
from photosearch.records import Classified, Hit, Located, Region
from photosearch.reports.runs import IndexReport, TagReport
from photosearch.search.filters import filters_table
from photosearch.store import schema
from scripts.pages.made import public_methods

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CHINESE = (REPOSITORY / "README.zh-CN.md").read_text(encoding="utf-8")
PAGES = sorted(REPOSITORY.glob("*.md")) + sorted((REPOSITORY / "docs").glob("*.md"))
SOURCES = [
    path
    for folder in ("photosearch", "scripts", "tests")
    for path in (REPOSITORY / folder).rglob("*")
    if path.suffix in ("", ".py", ".sh") and path.is_file()
    if not path.is_relative_to(REPOSITORY / "photosearch" / "models")
]
# Options of other programs that pages name beside ours: scripts, pip, systemctl, docker.
OTHERS = {"--check", "--health-cmd", "--no-indexing", "--web", "--user", "--extra-index-url"}
JSON_PAGE = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown_in_the_readme_and_explains_itself(name: str) -> None:
    assert f"photosearch {name}" in README
    text = COMMANDS[name].help or ""
    first = text.splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 60  # else the list of commands cuts it short
    assert "Example" in text or name == "models"


def test_every_option_has_help() -> None:
    for name, command in COMMANDS.items():
        for parameter in command.params:
            if parameter.name != "help":
                assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_json_page_names_every_field() -> None:
    documents = re.findall(r"```json\n(.*?)```", JSON_PAGE, re.DOTALL)
    query, index, classify, located, _ = (
        json.loads(document.replace("dates are written …", "")) for document in documents
    )
    assert set(index) == set(IndexReport().as_dict())
    hit = Hit(1, Path("a"), 0.5, "00", 1, 2, 3, None, {})
    assert set(query["hits"][0]) == set(hit.as_dict())
    record = Classified(Path("a"), (("cat", 0.5),), "softmax").as_dict()
    assert set(classify["photos"][0]) == set(record)
    assert set(classify["photos"][0]["labels"][0]) == set(record["labels"][0])
    for name in TagReport((), 0, "softmax").as_dict():
        assert f"`{name}`" in JSON_PAGE
    region = Region((0, 0, 1, 1), "a", 0.5)
    assert set(located["photos"][0]) == set(Located(Path("a"), 1, 1, (region,)).as_dict())
    assert set(located["photos"][0]["regions"][0]) == set(region.as_dict())
    for name in replace(region, corners=((0, 0), (1, 0), (1, 1), (0, 1))).as_dict():
        assert f"`{name}`" in JSON_PAGE


def test_format_page_is_about_this_schema() -> None:
    page = (REPOSITORY / "docs" / "format.md").read_text(encoding="utf-8")
    assert f"## The catalogue (schema {schema.SCHEMA})" in page
    for table in re.findall(r"CREATE TABLE (\w+)", schema._TABLES):
        assert f"| `{table}` |" in page
    assert f"{schema.APPLICATION_ID:#x}" in page


def test_versions_agree() -> None:
    about = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert "version" in about["project"]["dynamic"]  # written down once, in the package
    assert about["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "photosearch.__version__"}
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    latest = next(line for line in changes.splitlines() if line.startswith("## "))
    assert latest.split()[1] == photosearch.__version__.split(".dev")[0]


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {target}"


def test_readme_lists_every_page() -> None:
    listed = re.findall(r"^\| \[(\w+\.md)\]\(docs/\1\) \| .+ \|$", README, re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in (REPOSITORY / "docs").glob("*.md"))


def options_of(command: click.Command) -> set[str]:
    below = getattr(command, "commands", {}).values()
    mine = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return mine.union({"--help", "--"}, *(options_of(lower) for lower in below))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_named_exists(page: Path) -> None:
    """In lines that call photosearch the option is one of that command; elsewhere of some."""
    text = page.read_text(encoding="utf-8")
    of_all = options_of(typer.main.get_command(app))
    calls = re.findall(r"(?:^[ ]{4}|^\$ |`)(?:\w+=\S+ )?photosearch [^`\n|&]+", text, re.MULTILINE)
    for call in calls:
        words = re.sub(
            r"\s#.*|\s>.*|\s{3,}\S.*|\"[^\"]*\"|'[^']*'", "", call.partition("photosearch ")[2]
        ).split()
        command = COMMANDS.get(words[0]) if words else None
        known = options_of(command) if command else of_all
        for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", " ".join(words)):
            assert option in known, f"{page.name}: {call}"
    for option in re.findall(r"`(--[a-z][a-z0-9-]*)[^`]*`", text):
        assert option in of_all | OTHERS, f"{page.name}: {option}"


def test_every_variable_exists_and_is_explained() -> None:
    named, ours = (
        {
            name
            for path in SOURCES
            if path.is_relative_to(REPOSITORY / below)
            for name in re.findall(r"PHOTOSEARCH_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
        }
        for below in ("", "photosearch")
    )
    for page in PAGES:
        for name in re.findall(r"PHOTOSEARCH_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8")):
            assert name in named, f"{page.name}: {name}"
    table = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
    assert {name for name in ours if f"| `{name}` |" not in table} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_of_one_machine_is_shown(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert f"{REPOSITORY}/" not in text
    assert not re.search(r"/tmp/|/root/|\.venv/bin/python", text)


def test_times_in_the_readme_are_those_of_the_benchmarks() -> None:
    times = README.partition("## How fast")[2].partition("\n## ")[0]
    measured = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    figures = re.findall(r"\d+\.\d+(?= s)|\d+(?= MB)", times)
    assert len(figures) > 12
    for figure in figures:
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.]*\d)", measured), figure


def test_sizes_in_the_readme_are_those_of_the_page_on_installing() -> None:
    install = README.partition("## Install")[2].partition("\n## ")[0]
    measured = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
    sizes = re.findall(r"\d+ MB", install)
    assert len(sizes) == 2
    for size in sizes:
        assert size in measured


def test_chinese_readme_is_in_step() -> None:
    """The same sections, commands, links and figures, in the same order."""
    for what in (
        lambda page: [len(marks) for marks in re.findall(r"^(#+) ", prose(page), re.MULTILINE)],
        lambda page: [re.sub(r"\s+#.*", "", line) for line in code(page)],
        lambda page: re.findall(r"\]\((?!#|README)([^)]+)\)", page),
        lambda page: sorted(re.findall(r"\d[\d.,]*\d|\d", prose(page))),
        lambda page: sorted(re.findall(r"`[^`]+`", prose(page))),
    ):
        assert what(CHINESE) == what(README)


def code(page: str) -> list[str]:
    fenced = "\n".join(re.findall(r"^```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    indented = re.findall(
        r"^    .+$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE
    )
    return fenced.splitlines() + indented


def prose(page: str) -> str:
    page = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^    .+$", "", page, flags=re.MULTILINE)


def explained(thing: Any) -> list[str]:
    """Parameters that the docstring does not name."""
    text = thing.__doc__ or ""
    names = [one for one in inspect.signature(thing).parameters if one not in ("self", "cls")]
    if re.search(r"[Oo]ptions as of|rest as of|options as there", text):
        return []  # which are those of another method
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


METHODS = [
    pytest.param(method, id=f"{kind.__name__}.{name}")
    for kind in (photosearch.Library, photosearch.Encoder)
    for name, method in public_methods(kind)
    if inspect.isroutine(method) and not isinstance(method, cached_property)
]


@pytest.mark.parametrize("method", [*METHODS, photosearch.classify, photosearch.load_model])
def test_docstrings_explain_every_parameter(method: Any) -> None:
    method = getattr(method, "__func__", method)  # of a class method
    assert explained(method) == []


def test_every_benchmark_that_is_quoted_exists() -> None:
    page = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"scripts/bench (\w+)", page))
    assert quoted
    for name in quoted:
        assert (REPOSITORY / "scripts" / "benchmarks" / f"{name}.py").is_file()


def test_every_sample_photo_is_credited() -> None:
    folder = REPOSITORY / "examples" / "photos"
    credited = (folder / "CREDITS.md").read_text(encoding="utf-8")
    photos = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"]
    assert 15 <= len(photos) <= 50
    assert sum(path.stat().st_size for path in photos) <= 8_000_000
    assert "signs/" in credited  # rendered, credited as a whole
    for path in photos:
        assert path.parent.name == "signs" or path.name in credited, path


def test_every_filter_is_explained() -> None:
    page = (REPOSITORY / "docs" / "search.md").read_text(encoding="utf-8")
    assert filters_table() in page
