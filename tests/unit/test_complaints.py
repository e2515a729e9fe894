"""What is typed and not understood: one line says what is wrong, and the next what to type."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import typer
import typer.main

from photosearch.cli import output, progress
from photosearch.cli.app import app
from photosearch.errors import WrongUse

COMMAND = typer.main.get_command(app)


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[list[str], str, int]:
    with pytest.raises(SystemExit) as ended:
        COMMAND.main(list(words), prog_name="photosearch")
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return said.err.splitlines(), said.out, ended.value.code


@pytest.mark.parametrize(
    ("words", "wrong", "instead"),
    [
        ("quary cat", "there is no command 'quary'", "photosearch query cat"),
        ("indx ~/Pictures", "there is no command 'indx'", "photosearch index '~/Pictures'"),
        ("cats", "there is no command 'cats'", "photosearch query cats"),
        ("a dog", "there is no command 'a'", 'photosearch query "a dog"'),
        ("search a dog", "there is no command 'search'", 'photosearch query "a dog"'),
        ("help", "there is no command 'help'", "photosearch --help"),
        ("help index", "there is no command 'help'", "photosearch index --help"),
        ("gui", "there is no command 'gui'", "photosearch serve"),
        ("models lst", "there is no command 'lst'", "photosearch models list"),
        ("query a dog", "words that belong together take quotes", 'photosearch query "a dog"'),
        ("query -- -in:x -k 2", "options stand before --", "photosearch query -k 2 -- -in:x"),
        ("duplicates ~/Pictures", "takes --in", "photosearch duplicates --in '~/Pictures'"),
        ("facts", "facts needs PHOTO", "photosearch facts ~/Pictures/IMG_1234.jpg"),
        ("query -dog", "query has no option -dog", "photosearch query --help"),
        ("index --no-word x", "did you mean --no-words or --words?", "photosearch index --help"),
        ("query x --jsn", "did you mean --json?", "photosearch query --help"),
        ("query x -k", "-k takes a value", "photosearch query --help"),
        ("query x -k abc", "-k 'abc' is no whole number", "photosearch query --help"),
        ("query x --min-score abc", "--min-score 'abc' is no number", "photosearch query --help"),
        ("serve --port 99999", "--port 99999 is not in the range", "photosearch serve --help"),
        ("status x.jpg", "of one photo there are facts", "photosearch facts x.jpg"),
        ("info x.jpg", "there is no command 'info'", "photosearch facts x.jpg"),
        ("ls --failures", "there is no command 'ls'", "photosearch status --failures"),
        ("models frob", "there is no command 'models frob'", "photosearch models --help"),
        ("pictures/a", "there is no command 'pictures/a'", "photosearch --help"),
        ("prune x", "'x' is too much for prune", "photosearch prune --help"),
    ],
)
def test_what_is_wrong_and_what_to_type(
    capsys: pytest.CaptureFixture[str], words: str, wrong: str, instead: str
) -> None:
    lines, out, code = typed(capsys, *words.split())
    assert code == 2
    assert out == ""
    assert len(lines) == 2
    assert lines[0].startswith("photosearch: ")
    assert wrong in lines[0]
    assert lines[1] == f"try: {instead}"


def test_a_folder_and_a_photo_in_a_command_s_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("My Photos").mkdir()
    Path("a.jpg").touch()
    assert typed(capsys, "My Photos")[0][1] == 'try: photosearch index "My Photos"'
    assert typed(capsys, "a.jpg")[0][1] == "try: photosearch similar a.jpg"


@pytest.mark.parametrize("words", [(), ("models",)])
def test_alone_it_shows_its_help_as_it_stands(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    lines, _, code = typed(capsys, *words)
    asked = typed(capsys, *words, "--help")[1].splitlines()
    assert code == 2
    assert [line for line in lines if line] == [line for line in asked if line]


def test_escape_sequences_are_shown_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _, _ = typed(capsys, "a\n\x1b[31m")
    assert len(lines) == 2
    assert "\x1b" not in "".join(lines)


def test_with_json_a_complaint_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = typed(capsys, "status", "--json", "--frobnicate")
    assert json.loads(out)["error"]["message"] == "status has no option --frobnicate"


@pytest.mark.parametrize("name", sorted(COMMAND.commands))  # type: ignore[attr-defined]
def test_many_options_are_grouped_and_fit_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = typed(capsys, name, "--help")[1].splitlines()
    described = [
        line for line in shown if line.startswith("        ") and "photosearch " not in line
    ]
    assert all(len(line) <= 40 for line in described if " " in line.strip())
    sections: dict[str, int] = {}
    for line in shown:
        if line.endswith(":") and not line.startswith(" "):
            section = line
        elif line.startswith("  -"):
            sections[section] = sections.get(section, 0) + 1
    assert sections.get("Options:", 0) <= 8


def test_errors_name_options_to_those_who_type_them_and_parameters_to_others() -> None:
    error = WrongUse("--min-relevance must lie between 0 and 1, and 2 x --in; -k is 0; --a/b.jpg")
    assert error.typed.startswith("--min-relevance must lie")
    assert str(error) == (
        "min_relevance must lie between 0 and 1, and 2 x in_folder; k is 0; --a/b.jpg"
    )
    assert WrongUse("", hint="--min-relevance 50%").advice == "min_relevance 50%"
    assert WrongUse("", hint="photosearch query --small x").advice == "photosearch query --small x"


def test_ctrl_c_is_no_bug_whatever_an_import_makes_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def body() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    monkeypatch.setattr(output, "_was_interrupted", False)
    monkeypatch.setattr(output, "at_interrupt", "interrupted")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        output.mind_interrupts()
        with pytest.raises(typer.Exit) as ended:
            output.command(body)()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.exit_code == output.INTERRUPTED
    assert capsys.readouterr().err == "photosearch: interrupted\n"


def test_a_bar_says_how_long_it_will_take_at_any_width(monkeypatch: pytest.MonkeyPatch) -> None:
    from tqdm import tqdm

    for columns in (40, 80):
        monkeypatch.setenv("COLUMNS", str(columns))
        line = tqdm.format_meter(
            11, 1313, 3.0, ncols=columns, prefix="printed words", bar_format=progress.bar_form()
        )
        assert len(line) <= columns
        assert "11/1313" in line
        assert line.endswith(" left")
