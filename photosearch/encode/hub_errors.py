"""What a model hub's client raises → one line that says what to do.

In: any exception of huggingface_hub or modelscope, of whatever version. Out: an error of our own
tree. They wrap each other's and the network library's; the cause is looked for all the way down.
"""

from __future__ import annotations

import errno
from urllib.parse import urlsplit

from photosearch.errors import DownloadFailed, PhotosearchError, StorageError, UnknownModel

_NETWORK_LIBRARIES = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"}


def explained(error: BaseException, repo: str, revision: str | None) -> PhotosearchError:
    """One line for whatever the hub's client raised."""
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    if isinstance(error, errors.HFValidationError):
        return UnknownModel(f"{repo!r} is no name of a repository", hint="hf:ORG/NAME")
    if isinstance(error, errors.GatedRepoError):
        return DownloadFailed(
            f"hf:{repo} is gated: its owner decides who may download it",
            hint=f"ask for access at {hub}/{repo}, then set HF_TOKEN to a token of yours",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return UnknownModel(
            f"{hub} shows no repository {repo}",
            hint="check the spelling; a private or gated one takes a token in HF_TOKEN",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UnknownModel(
            f"hf:{repo} has no revision {revision!r}", hint="a branch, a tag, or a whole commit"
        )
    if is_full(error):
        return disk_full(f"hf:{repo}", error)
    if is_altered(error):
        return DownloadFailed(f"hf:{repo} came altered or cut: {first_line(error)}")
    status = _status(error)
    if status is not None:
        return DownloadFailed(
            f"hf:{repo} cannot be fetched: {hub} says {status}",
            hint="check the token in HF_TOKEN, or unset it" if status in (401, 403) else None,
        )
    if _is_network(error):
        return DownloadFailed(
            f"hf:{repo} cannot be fetched: no connection to {urlsplit(hub).netloc}, or it was "
            f"cut ({first_line(_chain(error)[-1])})",
            hint="check the network; HF_ENDPOINT names a mirror; what has come is kept",
        )
    if isinstance(error, OSError):
        return StorageError(
            f"{error.filename or f'hf:{repo}'}: {error.strerror or first_line(error)}",
            hint="HF_HOME names another folder for the hub's cache",
        )
    return DownloadFailed(f"hf:{repo} cannot be fetched: {first_line(error)}")


def is_passing(error: BaseException) -> bool:
    """Whether the hub is at fault or out of reach, and what is here may be used instead."""
    status = _status(error)
    return status >= 500 or status == 429 if status is not None else _is_network(error)


def is_altered(error: BaseException) -> bool:
    """Whether a file is not as long as was announced, or there is nothing where it should go on."""
    return _status(error) == 416 or any(
        "consistency check" in str(one).lower() for one in _chain(error)
    )


def is_full(error: BaseException) -> bool:
    return any(
        (isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
        or "no space left" in str(one).lower()
        for one in _chain(error)
    )


def disk_full(name: str, error: BaseException) -> StorageError:
    return StorageError(
        f"no room for {name}: {first_line(_chain(error)[-1])}",
        hint="free some disk space and run the same command again, or HF_HOME names another disk",
    )


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _chain(error: BaseException) -> list[BaseException]:
    """An error and what led to it, the outermost first."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or one.__context__
    return found


def _status(error: BaseException) -> int | None:
    """The HTTP state behind an error."""
    for one in _chain(error):
        status = getattr(getattr(one, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _is_network(error: BaseException) -> bool:
    return any(
        isinstance(one, ConnectionError | TimeoutError)
        or type(one).__module__.partition(".")[0] in _NETWORK_LIBRARIES
        for one in _chain(error)
    )
