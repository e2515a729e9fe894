"""The pages show what the program says: every command and every program on them is run."""

from __future__ import annotations

import json

import pytest

from scripts.pages.__main__ import all_pages, difference, outdated
from scripts.pages.compare import same
from scripts.pages.write import Writer, compact, programs


def test_every_output_on_the_pages_is_what_the_program_says() -> None:
    """Console blocks, JSON documents and tables; Python ends without an error."""
    found = outdated(all_pages())
    told = [difference(page, old, new) for page, (old, new) in found.items()]
    assert not found, "\n".join([*told, "", "scripts/docs writes these pages anew"])


@pytest.mark.parametrize(
    ("page", "now"),
    [
        ("encoded 41 photos in 1.4 s (29 photos/s)", "encoded 41 photos in 12.3 s (3 photos/s)"),
        ("1  98 %  a.jpg  looks like 98 %", "1  97 %  a.jpg  looks like 98 %"),
        ('"EXIT" (1.00) at 251,233 362x158', '"EXIT" (0.99) at 252,233 361x158'),
        ('{"cosine": 0.409599}', '{"cosine": 0.409601}'),
        ("401.4 kB catalogue, 46.2 GB free", "402.1 kB catalogue, 9.7 GB free"),
        ("a.jpg    looks like", "a.jpg looks like"),
    ],
)
def test_what_depends_on_the_machine_is_no_difference(page: str, now: str) -> None:
    assert same(page, now)


@pytest.mark.parametrize(
    ("page", "now"),
    [
        ("41 added", "42 added"),
        ("1  98 %  a.jpg", "1  98 %  b.jpg"),
        ("1  98 %  a.jpg", "1  95 %  a.jpg"),
        ('"cosine": 0.41', '"cosine": 0.51'),
        ("  1  98 %", "  2  98 %"),
        ("--limit N", "--most N"),
        ("[default: 10]", "[default: 11]"),
        ("two\nlines", "two\nlines\nmore"),
    ],
)
def test_what_the_program_says_otherwise_is_a_difference(page: str, now: str) -> None:
    assert not same(page, now)


class Says:
    """A session whose terminal repeats what is typed."""

    def in_terminal(self, command: str) -> str:
        return f"it says: {command}"

    def answer(self, command: str) -> str:
        return json.dumps({"command": command, "seconds": 1.5})


def test_outputs_are_put_below_their_commands() -> None:
    page = "# A\n\n```console\n$ one\nold\n\n$ two \\\n    --more\n```\n\ntext\n"
    written = Writer(Says()).written(page)  # type: ignore[arg-type]
    assert written == (
        "# A\n\n```console\n$ one\nit says: one\n\n$ two \\\n    --more\nit says: two      --more\n"
        "```\n\ntext\n"
    )
    assert Writer(Says()).written(written) == written  # type: ignore[arg-type]


def test_json_and_tables_are_written_between_their_marks() -> None:
    page = "<!-- runs: a -->\n```json\n{}\n```\n<!-- made: errors -->\nold\n<!-- end -->\nend\n"
    written = Writer(Says()).written(page)  # type: ignore[arg-type]
    assert '```json\n{"command": "a", "seconds": 1.5}\n```\n' in written
    assert "| `WrongUse` |" in written
    assert written.endswith("<!-- end -->\nend\n")


def test_json_that_fits_stands_on_one_line() -> None:
    assert compact({"a": [1, 2], "b": "x" * 100}) == '{\n  "a": [1, 2],\n  "b": "%s"\n}' % (
        "x" * 100
    )


def test_a_program_takes_what_stands_before_it() -> None:
    page = "<!-- with: k = 3 -->\n```python\nprint(k)\n```\n\n```python\npass\n```\n"
    assert [one.strip() for one in programs(page)] == ["k = 3\nprint(k)", "pass"]
