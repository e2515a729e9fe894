"""A folder that lives: any order of changes and runs leaves the library true to the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from photosearch.store.catalogue import Catalogue
from tests.contents import contents_of
from tests.fake import ColourTower, refresh, run_index, writer_lock_of
from tests.make import jpeg, picture

NAMES = ("a/1.jpg", "a/2.jpg", "a/deep/3.jpg", "b/1.jpg", "b/4.jpg", "5.jpg")
PHOTOS = [jpeg(picture(seed, (16, 12))) for seed in range(6)]
BROKEN = PHOTOS[0][:-100]
FAR_PAST = 1_000_000_000_000_000_000

names = st.sampled_from(NAMES)
contents = st.integers(0, len(PHOTOS) - 1)


class LivingFolder(RuleBasedStateMachine):
    """What is on the disk, and what the library must know of it after a run."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = Path(tempfile.mkdtemp(prefix="photosearch-life-"))
        self.root = self.scratch / "photos"
        self.root.mkdir()
        self.library = self.scratch / "library"
        self.clock = FAR_PAST
        self.disk: dict[str, int | None] = {}  # path → number of the photo, None: broken
        self.listed: dict[str, int] = {}  # what the library shows
        self.encoded: set[int] = set()  # photos that have a vector
        self.is_current = False  # nothing has changed since the last run

    def teardown(self) -> None:
        shutil.rmtree(self.scratch)

    def _write(self, name: str, content: int | None) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BROKEN if content is None else PHOTOS[content])
        self._stamp(name)
        self.disk[name] = content
        self.is_current = False

    def _stamp(self, name: str) -> None:
        self.clock += 1
        os.utime(self.root / name, ns=(self.clock, self.clock))

    @property
    def plugged(self) -> bool:
        return self.root.exists()

    @precondition(lambda self: self.plugged)
    @rule(name=names, content=contents)
    def write(self, name: str, content: int) -> None:
        self._write(name, content)

    @precondition(lambda self: self.plugged)
    @rule(name=names)
    def write_broken(self, name: str) -> None:
        self._write(name, None)

    @precondition(lambda self: self.plugged and self.disk)
    @rule(data=st.data(), name=names)
    def rename(self, data: st.DataObject, name: str) -> None:
        source = data.draw(st.sampled_from(sorted(self.disk)))
        if source != name:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.root / source, self.root / name)  # keeps its time, as `mv` does
            self.disk[name] = self.disk.pop(source)
            self.is_current = False

    @precondition(lambda self: self.plugged and self.disk)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.disk)))
        (self.root / name).unlink()
        del self.disk[name]
        self.is_current = False

    @precondition(lambda self: self.plugged and self.disk)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        self._stamp(data.draw(st.sampled_from(sorted(self.disk))))

    @rule()
    def unplug_or_plug(self) -> None:
        away = self.scratch / "away"
        if self.plugged:
            self.root.rename(away)
        else:
            away.rename(self.root)
        self.is_current = False

    @precondition(lambda self: self.library.exists() or self.plugged)
    @rule(batch_size=st.integers(1, 4))
    def index(self, batch_size: int) -> None:
        tower = ColourTower()
        roots = [] if self.library.exists() else [self.root]
        report = run_index(self.library, roots, tower=tower, batch_size=batch_size)
        good = {name: content for name, content in self.disk.items() if content is not None}
        if self.plugged and (self.disk or not self.listed):
            new = set(good.values()) - self.encoded
            assert tower.encoded == report.encoded == len(new)
            assert report.offline == ()
            self.encoded |= new
            self.listed = good
            self.is_current = True
        else:  # away, or emptied: what was known stays
            assert report.offline == (self.root,)
            assert tower.encoded == 0

    @precondition(lambda self: self.library.exists())
    @rule()
    def prune(self) -> None:
        with writer_lock_of(self.library):
            catalogue = Catalogue(self.library)
            catalogue.prune()
            catalogue.close()
        refresh(self.library, ColourTower())
        self.encoded &= set(self.listed.values())

    @precondition(lambda self: self.is_current)
    @rule()
    def index_again(self) -> None:
        tower = ColourTower()
        report = run_index(self.library, [], tower=tower)
        assert tower.encoded == 0
        assert report.moved == report.copied == report.missing == report.added == 0
        assert report.unchanged == len(self.listed)

    @precondition(lambda self: self.library.exists())
    @invariant()
    def library_is_true(self) -> None:
        found = contents_of(self.library)
        listed = {os.fsdecode(row[1]): row[5] for row in found.files if not row[4]}  # type: ignore[arg-type]
        assert set(listed) == set(self.listed)
        # The same content has the same digest, and another one another.
        assert len(set(listed.values())) == len(set(self.listed.values()))
        assert len(found.vectors) == len(found.photos) == len(self.encoded)
        if self.is_current:
            broken = {name for name, content in self.disk.items() if content is None}
            assert {os.fsdecode(row[1]) for row in found.failures} == broken  # type: ignore[arg-type]


TestLivingFolder = LivingFolder.TestCase
TestLivingFolder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
