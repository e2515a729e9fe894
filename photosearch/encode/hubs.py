"""A repository of a model hub → the folder of its files, in that hub's own cache.

In: ORG/NAME and a revision. Out: a folder with one model's files. Nothing is opened here. The hubs'
own clients do the work, and are imported only then; their errors become one line of ours.
"""

from __future__ import annotations

import glob
import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

from photosearch.encode.bundle import sha256_of
from photosearch.encode.download import (
    CONNECT_SECONDS,
    is_terminal,
    offline_variable,
    require_network,
)
from photosearch.encode.hub_errors import (
    disk_full,
    explained,
    first_line,
    is_altered,
    is_full,
    is_passing,
)
from photosearch.encode.wanted import choose_files, lacking, last_files
from photosearch.errors import DownloadFailed, MissingExtra, PhotosearchError, UnknownModel

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

logger = logging.getLogger("photosearch")


def fetch_hub(
    repo: str,
    revision: str | None = None,
    *,
    patterns: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    progress_to_terminal: bool | None = None,
) -> Path:
    """A repository of the Hugging Face hub, in that hub's own cache: the folder of its files.

    Taken is what `choose_files` chooses, or what matches `patterns`, in both cases less `ignore`.
    HF_ENDPOINT, HF_HOME, HF_TOKEN and proxies count as for any client of the hub. Where the hub
    cannot be reached, an earlier complete copy is used. progress_to_terminal: None shows the bars
    where stderr is a terminal.
    """
    if offline_variable() or _COMMIT.fullmatch(revision or ""):  # a commit does not change
        here = _cached(repo, revision, patterns)
        if here is not None:
            return here
        require_network(f"hf:{repo}")
    shown = is_terminal() if progress_to_terminal is None else progress_to_terminal
    try:
        with _hub_bars(shown):
            return _from_hub(repo, revision, patterns, ignore)
    except PhotosearchError:
        raise
    except Exception as error:  # the client has many, and more with each version
        line = explained(error, repo, revision)
        here = _cached(repo, revision, patterns) if is_passing(error) else None
        if here is None:
            raise line from error
        logger.warning("%s; using the copy of hf:%s that is here", line, repo)
        return here


def hub_cached(repo: str, revision: str | None = None) -> Path | None:
    """The folder of a repository that was downloaded whole; no network."""
    return _cached(repo, revision, None)


def fetch_modelscope(repo: str, revision: str | None = None) -> Path:
    """A repository of ModelScope, through its own client and into its own cache."""
    try:
        snapshot_download = import_module("modelscope").snapshot_download
        api = import_module("modelscope.hub.api").HubApi
    except ImportError as error:
        raise MissingExtra(
            f"ms:{repo} takes the modelscope package", hint="pip install modelscope"
        ) from error
    more = {} if revision is None else {"revision": revision}
    try:
        if offline_variable():
            return Path(snapshot_download(repo, local_files_only=True, **more))
        files = api().get_model_files(repo, recursive=True, **more)
        names = [str(one["Path"]) for one in files if one.get("Type") != "tree"]
        wanted = _checked_choice(f"ms:{repo}", choose_files(names))
        return Path(snapshot_download(repo, allow_patterns=wanted, **more))
    except PhotosearchError:
        raise
    except Exception as error:
        if is_full(error):
            raise disk_full(f"ms:{repo}", error) from error
        if offline_variable():
            require_network(f"ms:{repo}")
        raise DownloadFailed(f"ms:{repo} cannot be fetched: {first_line(error)}") from error


def _from_hub(
    repo: str, revision: str | None, patterns: Sequence[str] | None, ignore: Sequence[str]
) -> Path:
    from huggingface_hub import HfApi, try_to_load_from_cache

    info = HfApi().model_info(repo, revision=revision, timeout=CONNECT_SECONDS)
    names = [one.rfilename for one in info.siblings or ()]
    if patterns is None:
        wanted = choose_files(names)
    else:
        wanted = [name for name in names if _matches(name, patterns)]
    wanted = [name for name in wanted if not _matches(name, ignore)]
    if patterns is None:
        _checked_choice(f"hf:{repo}", wanted)
    elif not wanted:
        raise UnknownModel(f"hf:{repo} has no file that matches {', '.join(patterns)}")
    fresh = [
        name
        for name in wanted
        if not isinstance(try_to_load_from_cache(repo, name, revision=info.sha), str)
    ]
    # Weights come last: a copy that has them and was cut is still whole.
    last = last_files(wanted)
    folder = Path()
    for group in ([name for name in wanted if name not in last], last):
        if not group:
            continue
        try:
            folder = _snapshot(repo, revision, group)
        except Exception as error:
            if not is_altered(error):
                raise
            # Remains of an earlier try do not fit: the client would go on from them for ever.
            folder = _snapshot(repo, revision, group, force_download=True)
        if folder.name != info.sha:
            raise DownloadFailed(f"hf:{repo} has changed meanwhile", hint="the same command again")
    wrong = _altered(folder, fresh)
    if wrong:  # as above: a part that was here may have been of something else
        _snapshot(repo, revision, wrong, force_download=True)
        wrong = _altered(folder, wrong)
    if wrong:
        raise DownloadFailed(
            f"{wrong[0]} of hf:{repo} came altered: its SHA-256 is not the one that is published; "
            "it was deleted"
        )
    return folder


def _snapshot(
    repo: str, revision: str | None, names: list[str], *, force_download: bool = False
) -> Path:
    from huggingface_hub import snapshot_download

    folder: str = snapshot_download(
        repo,
        revision=revision,
        allow_patterns=[glob.escape(name) for name in names],
        etag_timeout=CONNECT_SECONDS,
        force_download=force_download,
    )
    return Path(folder)


def _checked_choice(name: str, wanted: list[str]) -> list[str]:
    missing = lacking(wanted)
    if missing:
        raise UnknownModel(f"{name} is no model that can be read: it lacks {missing}")
    return wanted


def _altered(folder: Path, names: list[str]) -> list[str]:
    """Those of these files that have another sum than they should; they are deleted.

    The cache calls large files by their SHA-256, which the client itself does not compare.
    """
    wrong = []
    for name in names:
        blob = (folder / name).resolve()
        if _SHA256.fullmatch(blob.name) and sha256_of(blob) != blob.name:
            wrong.append(name)
            for path in (folder / name, blob):
                path.unlink(missing_ok=True)
    return wrong


def _cached(repo: str, revision: str | None, patterns: Sequence[str] | None) -> Path | None:
    """The snapshot that is here, if it is whole; with patterns, if any file matches."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        # No pattern: the client looks for the folder, and leaves what must be in it to us.
        folder = Path(
            snapshot_download(repo, revision=revision, local_files_only=True, allow_patterns=[])
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    files = (path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    if patterns is not None:
        return folder if any(_matches(name, patterns) for name in names) else None
    whole = lacking(names) is None and all(
        shard in names for index in folder.glob("*.index.json") for shard in _shards(index)
    )
    return folder if whole else None


def _shards(index: Path) -> set[str]:
    try:
        return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"(unreadable index)"}


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


@contextmanager
def _hub_bars(shown: bool) -> Iterator[None]:
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    silence = not shown and not are_progress_bars_disabled()
    if silence:
        disable_progress_bars()
    try:
        yield
    finally:
        if silence:
            enable_progress_bars()
