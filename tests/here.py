"""The command in this process, for what does not depend on its being one of its own.

Starting Python, and importing what reads models and pictures, takes longer than most answers do.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photosearch.cli import output
from photosearch.cli.app import app
from tests.command import Command, Done
from tests.hub import Hub


class Here(Command):
    """Called as Command is, and says the same: its answer goes to a pipe, its talk to another."""

    def __call__(
        self,
        *arguments: str | Path | bytes,
        code: int | None = 0,
        stdin: bytes = b"",
        python: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> Done:
        assert not python, "of a process of its own"
        with surroundings(self.env), chdir(cwd) if cwd else nullcontext():
            ran = CliRunner().invoke(app, [*map(os.fsdecode, arguments)], input=stdin)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        result = Done(ran.exit_code, ran.stdout_bytes, ran.stderr)
        return result.ended(code)


@contextmanager
def surroundings(env: dict[str, str]) -> Iterator[None]:
    """What a process of its own would find and leave: these variables, its talk to stderr."""
    logger = logging.getLogger("photosearch")
    was = logger.level, logger.propagate, logger.handlers[:]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name in os.environ.keys() - env.keys():
            patch.delenv(name)
        for name, value in env.items():
            patch.setenv(name, value)
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        output.talk()
        try:
            yield
        finally:
            level, logger.propagate, logger.handlers[:] = was
            logger.setLevel(level)


@contextmanager
def reaching(hub: Hub, cache: Path, command: Here) -> Iterator[None]:
    """The command goes to this hub, and keeps in `cache` what comes from there.

    The hub's client reads its variables as it is imported, which may be over: it is told so.
    """
    import huggingface_hub
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch:
        for name, value in hub.environment(cache).items():
            patch.setitem(command.env, name, value)
        patch.delitem(command.env, "PHOTOSEARCH_OFFLINE")
        files = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.url)
        patch.setattr(constants, "ENDPOINT", hub.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        patch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        huggingface_hub.close_session()  # else the one that stays open has other variables
        try:
            yield
        finally:
            huggingface_hub.close_session()
