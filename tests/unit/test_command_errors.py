"""cli/output: whatever a body raises ends in a line, an exit code, and with --json a document."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import typer

from photosearch.cli import output
from photosearch.errors import LibraryBusy, NoLibrary, WrongUse


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process of its own: a run that was interrupted leaves its own words for it."""
    monkeypatch.setattr(output, "at_interrupt", "interrupted")


def ends(error: BaseException, *, as_json: bool = False) -> int:
    """Exit code of a command whose body raises this."""

    @output.command
    def body(as_json: bool) -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        body(as_json=as_json)
    return ended.value.exit_code


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (WrongUse("it is wrong", hint="do this"), 2, ["photosearch: it is wrong", "try: do this"]),
        (NoLibrary("none"), 2, ["photosearch: none", "try: photosearch index FOLDER"]),
        (KeyboardInterrupt(), 130, ["photosearch: interrupted"]),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/b"),
            2,
            ["photosearch: /a/b: Permission denied", "try: run it as the user whose it is"],
        ),
        (
            OSError(errno.EROFS, "Read-only file system", b"/a/b"),
            2,
            ["photosearch: /a/b: Read-only file system"],
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            2,
            ["photosearch: the answer cannot be written: No space left on device"],
        ),
        (
            RuntimeError("something\nof ours"),
            2,
            [
                "photosearch: unexpected error: RuntimeError: something\\nof ours",
                "photosearch: this is a bug; photosearch --debug … shows where",
            ],
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "/a/b"),
            2,
            [
                "photosearch: unexpected error: FileNotFoundError: [Errno 2] No such file or "
                "directory: '/a/b'",
                "photosearch: this is a bug; photosearch --debug … shows where",
            ],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_is_said(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: list[str]
) -> None:
    assert ends(error) == code
    written = capsys.readouterr()
    assert written.err.splitlines() == said
    assert written.out == ""


@pytest.mark.parametrize("error", [LibraryBusy("busy"), RuntimeError("ours"), ZeroDivisionError()])
def test_with_json_it_is_a_document_too(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    ends(error, as_json=True)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert document["error"]["kind"] == type(error).__name__
    assert document["error"]["message"] == str(error)


def test_with_debug_an_unexpected_error_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "debug", True)

    @output.command
    def body() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        body()


def test_with_debug_an_expected_one_shows_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "debug", True)
    ends(WrongUse("it is wrong"))
    assert f'File "{Path(__file__)}"' in capsys.readouterr().err


def test_an_error_within_an_import_that_ctrl_c_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """C code that was just being imported says something else than KeyboardInterrupt."""
    monkeypatch.setattr(output, "_was_interrupted", True)
    assert ends(ImportError("numpy.core.multiarray failed to import")) == 130
    assert capsys.readouterr().err == "photosearch: interrupted\n"
