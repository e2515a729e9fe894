"""The one thread that works with the library, and what is open for it.

In: what is to be asked of a library. Out: its answer, as of a library that is opened anew for each
question: another model, a re-indexed or a restored library are noticed, and one that is not there
yet is looked for each time.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from photosearch.errors import NoLibrary, PhotosearchError
from photosearch.library import Library
from photosearch.paths import by_name_alone
from photosearch.resident.record import RunsItself
from photosearch.resident.warm import Warm

logger = logging.getLogger("photosearch")

Answered = TypeVar("Answered")


class Desk:
    """Answers one question after the other."""

    def __init__(self, path: Path, model: str | None = None) -> None:
        self.path = path
        self._model = model
        self._warm = Warm(path)
        self._is_warm = False
        self._cold: Library | None = None  # for what is not kept warm: Milvus, a model to fetch
        self._pool = ThreadPoolExecutor(1, "library", initializer=by_name_alone)

    async def ask(self, task: Callable[[Library], Answered]) -> Answered:
        """The answer of the library; a question that is taken back before its turn is not asked."""
        return await asyncio.wrap_future(self._pool.submit(self._answer, task))

    def warm_up(self) -> None:
        """Open what the first question would otherwise wait for, while nothing is asked yet."""
        if not self._is_warm:
            self._is_warm = True
            self._pool.submit(self._prepare)

    def close(self) -> None:
        """Begin nothing more. What is being answered is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    # In the one thread

    def _answer(self, task: Callable[[Library], Answered]) -> Answered:
        try:
            with self._warm.open(self.path, self._model) as library:
                answer = task(library)
            self._warm.settle()
            return answer
        except RunsItself:
            if not self._warm.is_there():
                raise NoLibrary(
                    f"there is no library in {self.path} yet",
                    hint=f"photosearch index --library {shlex.quote(str(self.path))} FOLDER",
                ) from None
            if self._cold is None:
                self._cold = Library.open(self.path, self._model)
            return task(self._cold)

    def _prepare(self) -> None:
        try:
            with suppress(RunsItself):
                self._warm.prepare(self._model)
        except PhotosearchError as error:  # each answer will say so, too
            logger.warning("%s%s", error, f"; try: {error.hint}" if error.hint else "")
        except Exception as error:
            logger.warning("not ready: %s: %s", type(error).__name__, error)
