"""The heartbeat notices when the job is no longer its own."""

from __future__ import annotations

import threading
import time

import pytest

from resma.errors import DatabaseUnavailable, LeaseLost
from worker import heartbeat
from worker.heartbeat import Heartbeat


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.005)
    monkeypatch.setattr(heartbeat, "_INTERRUPT_AGAIN_SECONDS", 0.005)


def _await_loss(beating: Heartbeat, message: str) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            beating.note_progress(0)
        except LeaseLost as lost:
            assert message in str(lost)  # noqa: PT017  # it comes some time, not at the first call
            return
    pytest.fail("the loss was never raised")


def test_it_reports_progress_and_holds_the_message() -> None:
    seen: list[int] = []
    enough = threading.Event()
    held = threading.Event()

    def beat(rows: int) -> None:
        seen.append(rows)
        if rows == 7:
            enough.set()

    with Heartbeat(beat, held.set) as beating:
        beating.note_progress(7)
        assert enough.wait(5)
        beating.note_progress(7)
    assert held.is_set()
    assert seen[-1] == 7


def test_a_lost_lease_is_raised_in_the_generating_thread() -> None:
    called = threading.Event()

    def beat(_rows: int) -> None:
        called.set()
        raise LeaseLost("gone")

    with Heartbeat(beat, lambda: None) as beating:
        assert called.wait(5)
        _await_loss(beating, "gone")


def test_one_lost_beat_is_no_reason_to_stop() -> None:
    beats = 0
    third = threading.Event()

    def beat(_rows: int) -> None:
        nonlocal beats
        beats += 1
        if beats == 1:
            raise DatabaseUnavailable("a moment")
        if beats == 3:
            third.set()

    with Heartbeat(beat, lambda: None) as beating:
        assert third.wait(5)
        beating.note_progress(0)


def test_a_whole_lease_without_a_beat_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LEASE_SECONDS", 0)

    def beat(_rows: int) -> None:
        raise DatabaseUnavailable("away")

    with Heartbeat(beat, lambda: None) as beating:
        _await_loss(beating, "no heartbeat")


def test_a_loss_interrupts_again_and_again_and_is_what_comes_out() -> None:
    """The statement that is to be stopped may begin after the first interruption."""
    interrupted: list[int] = []
    thrice = threading.Event()

    def interrupt() -> None:
        interrupted.append(1)
        if len(interrupted) == 3:
            thrice.set()

    def beat(_rows: int) -> None:
        raise LeaseLost("cancelled")

    def generate() -> None:
        with Heartbeat(beat, lambda: None, interrupt) as beating:
            assert beating.lost.wait(5)
            assert thrice.wait(5)
            raise DatabaseUnavailable("the query was stopped")

    with pytest.raises(LeaseLost, match="cancelled"):
        generate()
