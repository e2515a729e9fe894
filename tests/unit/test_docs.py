"""The documentation says what the program does."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import typer

import photosearch
from photosearch.cli.app import app
from photosearch.records import Classified, Hit, Located, Region
from photosearch.reports.runs import IndexReport, TagReport
from photosearch.search.filters import filters_table
from photosearch.store import schema

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
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


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    page = (REPOSITORY / "docs" / "design.md").read_text(encoding="utf-8")
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    for requirement in project["dependencies"] + extras:
        name = re.match(r"[\w-]+", requirement)
        assert name is not None
        assert f"| {name.group()} |" in page


def test_links_lead_somewhere() -> None:
    for page in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


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
