"""Asked to end: which signals are heeded, and what is left of a terminal that is gone."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from photosearch.ending import ENDING, ended_by, heeded, let_go_of_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.mark.parametrize("number", ENDING)
def test_each_is_handed_over_and_given_back(number: signal.Signals) -> None:
    came: list[int] = []
    before = signal.getsignal(number)
    with ended_by(lambda number, frame: came.append(number)):
        signal.raise_signal(number)
    assert came == [number]
    assert signal.getsignal(number) is before


def test_after_nohup_the_end_of_the_terminal_is_no_matter() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert signal.SIGHUP not in heeded()
        with ended_by(lambda number, frame: pytest.fail("it was heeded")):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_said_to_a_terminal_that_is_gone_leads_nowhere() -> None:
    import pty

    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.write(1, b"ready")
        while True:
            try:
                os.write(2, b"")
            except OSError:
                break
        let_go_of_terminal()
        os.write(1, b"said")
        os._exit(7)
    assert os.read(terminal, 5) == b"ready"
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7


def test_a_stream_that_is_read_stays(tmp_path: Path) -> None:
    process = os.fork()
    if process == 0:
        file = os.open(tmp_path / "said", os.O_WRONLY | os.O_CREAT)
        os.dup2(file, 1)
        let_go_of_terminal()
        os.write(1, b"said")
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 0
    assert (tmp_path / "said").read_bytes() == b"said"
