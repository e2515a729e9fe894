"""The error tree: what went wrong, the exit code, and what to type next.

    PhotosearchError              2
    ├── WrongUse                  2  options that contradict each other, a text that is a file name
    ├── NoLibrary                 2  nothing indexed yet
    ├── NewerLibrary              2  made by a newer photosearch
    ├── DamagedLibrary            2  the catalogue cannot be read
    ├── LibraryBusy               2  another process is indexing
    ├── StorageError              2  disk full, read-only folder
    ├── UnknownModel              2  no such model name or path
    ├── BadBundle                 2  a model folder that is incomplete or altered
    ├── BadCheckpoint             2  a model file that is damaged, or of a kind that is not read
    ├── DownloadFailed            2  a model's file that cannot be fetched, or came altered
    ├── MissingExtra              2  an optional part is not installed
    └── BadImage                  2  an example image that cannot be had or read
        └── NotAPhoto             2  its content is of no image format

Library code raises; `cli/` alone prints. Trouble with one photo of many is data, not an exception:
it becomes a `Failure` record.
"""

from __future__ import annotations

import re

# An option of the command line in a message, where no file name can hold it.
_OPTION = re.compile(r"(?<![^\s(])-(-[a-z][a-z0-9-]*|k)(?![\w./])")
_PARAMETERS = {"in": "in_folder", "not-in": "not_in_folder"}


def _parameter(option: re.Match[str]) -> str:
    name = option[1].removeprefix("-")
    return _PARAMETERS.get(name, name.replace("-", "_"))


class PhotosearchError(Exception):
    """Something the user can act on: the CLI prints it without a traceback.

    Messages name what was given as the command line does, `--min-relevance`, and it alone shows
    them so (`typed`). To everybody else, Python, the page, an assistant, it is `min_relevance`.
    """

    exit_code = 2
    hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint

    @property
    def typed(self) -> str:
        """The message for a reader who typed options."""
        return super().__str__()

    def __str__(self) -> str:
        return _OPTION.sub(_parameter, super().__str__())

    @property
    def advice(self) -> str:
        """The hint for everybody else; whole commands stand as they are, for a terminal."""
        if self.hint.startswith(("photosearch ", "pip ")):
            return self.hint
        return _OPTION.sub(_parameter, self.hint)


def line_of(error: BaseException) -> str:
    """What an error of others says, as one line that fits into one of ours."""
    return " ".join(str(error).split())[:300] or type(error).__name__


class WrongUse(PhotosearchError):
    """Options or arguments that do not make sense together."""


class NoLibrary(PhotosearchError):
    """There is no library at this place yet."""

    hint = "photosearch index FOLDER"


class NewerLibrary(PhotosearchError):
    """The catalogue has a schema that this version does not know."""

    hint = "pip install --upgrade photosearch"


class DamagedLibrary(PhotosearchError):
    """The catalogue is not a readable SQLite database of ours."""

    hint = "photosearch check --repair"


class LibraryBusy(PhotosearchError):
    """Another process holds the one writer's lock."""

    hint = "wait for it to end; queries work meanwhile"


class StorageError(PhotosearchError):
    """The library cannot be written: disk full, read-only, no permission."""


class UnknownModel(PhotosearchError):
    """No model of this name, no bundle at this path."""


class BadBundle(PhotosearchError):
    """A model folder that lacks a file, or whose files are not what they should be."""


class BadCheckpoint(PhotosearchError):
    """A published model file that is damaged, unsafe, or of an architecture that is not read."""


class DownloadFailed(PhotosearchError):
    """A model's file cannot be fetched, or is not the file that it should be."""

    hint = "the same command later; it goes on where it stopped"


class MissingExtra(PhotosearchError):
    """An optional part of the installation is needed and absent."""


class BadImage(PhotosearchError):
    """Image bytes that cannot be had, read or decoded."""


class NotAPhoto(BadImage):
    """The content is of no image format that is known here."""
