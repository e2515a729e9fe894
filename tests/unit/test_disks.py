"""On which disk files were last seen: the short way gives what going through all files does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from photosearch.ingest.disks import PLAIN, Disks

DISKS = st.sampled_from([PLAIN, "disk one /", "disk two /"])
SPANS = st.lists(st.tuples(st.integers(1, 30), DISKS), max_size=2).map(sorted)
FOLDERS = st.sampled_from([b"", b"inner"])


@given(
    st.dictionaries(FOLDERS, SPANS, max_size=2),
    st.dictionaries(FOLDERS, DISKS.filter(bool), max_size=1),
    st.dictionaries(FOLDERS, DISKS.filter(bool), max_size=1),
    st.sets(st.integers(1, 30)),
    st.sets(st.integers(1, 30)),
)
def test_a_settled_root_need_not_be_gone_through(
    remembered: dict[bytes, list[tuple[int, str]]],
    before: dict[bytes, str],
    now: dict[bytes, str],
    known: set[int],
    seen: set[int],
) -> None:
    """Where it is said that nothing depends on which file is which, nothing does."""
    short, long = (Disks(remembered, before, now) for _ in range(2))
    if not short.is_settled:
        return
    paths = {number: b"inner/%d.jpg" % number for number in known}
    for number, path in paths.items():
        long.count(number, path, seen=number in seen)
    assert all(long.has_left(number, path) is None for number, path in paths.items())
    assert not any(map(long.has_gone, paths.values()))
    files = {mount: sorted(known) for mount in long.mounts}
    remembers = long.to_remember(files, seen.__contains__)
    assert short.to_remember_settled(max(known, default=None)) == remembers


def test_what_is_not_settled() -> None:
    """A disk that came, went or changed, a folder with one of its own, a first run."""
    here = {b"": [(9, "disk one /")]}
    assert Disks(here, {b"": "disk one /"}, {b"": "disk one /"}).is_settled
    assert Disks({b"": [(9, PLAIN)]}, {}, {}).is_settled
    for remembered, before, now in (
        ({}, {}, {}),
        (here, {b"": "disk one /"}, {}),
        (here, {b"": "disk two /"}, {b"": "disk two /"}),
        (here, {b"": "disk two /"}, {b"": "disk one /"}),
        (here, {b"": "disk one /"}, {b"": "disk one /", b"inner": "disk two /"}),
        ({b"": [(4, PLAIN), (9, "disk one /")]}, {b"": "disk one /"}, {b"": "disk one /"}),
    ):
        assert not Disks(remembered, before, now).is_settled
