"""The heartbeat notices when the lease is lost."""

from __future__ import annotations

import threading
import time

import pytest

from resma.errors import DatabaseBusyError, DatabaseUnavailableError, LeaseLostError
from worker import heartbeat
from worker.heartbeat import Heartbeat


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.005)
    monkeypatch.setattr(heartbeat, "RENEWAL_SECONDS", 0.005)
    monkeypatch.setattr(heartbeat, "_INTERRUPT_AGAIN_SECONDS", 0.005)


def _await_loss(beating: Heartbeat, message: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            beating.record_progress(0)
        except LeaseLostError as lost:
            assert message in str(lost)  # noqa: PT017  # it is raised at some time, not at the first call
            return
    pytest.fail("the loss was never raised")


def test_it_reports_progress_and_keeps_the_message_hidden() -> None:
    seen: list[int] = []
    enough = threading.Event()
    held = threading.Event()

    def beat(rows: int) -> None:
        seen.append(rows)
        if rows == 7:
            enough.set()

    with Heartbeat(beat, held.set) as beating:
        beating.record_progress(7)
        assert enough.wait(120)
        assert held.wait(120)
        beating.record_progress(7)
    assert held.is_set()
    assert seen[-1] == 7


def test_a_lost_lease_is_raised_in_the_generating_thread() -> None:
    called = threading.Event()

    def beat(_rows: int) -> None:
        called.set()
        raise LeaseLostError("gone")

    with Heartbeat(beat, lambda: None) as beating:
        assert called.wait(120)
        _await_loss(beating, "gone")


def test_one_lost_heartbeat_does_not_end_the_attempt() -> None:
    beats = 0
    third = threading.Event()

    def beat(_rows: int) -> None:
        nonlocal beats
        beats += 1
        if beats == 1:
            raise DatabaseUnavailableError("unavailable")
        if beats == 3:
            third.set()

    with Heartbeat(beat, lambda: None) as beating:
        assert third.wait(120)
        beating.record_progress(0)


def test_a_whole_lease_without_a_heartbeat_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LEASE_SECONDS", 0)

    def beat(_rows: int) -> None:
        raise DatabaseBusyError("a lock")

    with Heartbeat(beat, lambda: None) as beating:
        _await_loss(beating, "no heartbeat")


def test_an_unavailable_database_is_waited_for_and_the_message_stays_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other worker can claim the job during the outage."""
    monkeypatch.setattr(heartbeat, "LEASE_SECONDS", 0)
    beats, held = 0, 0
    enough = threading.Event()

    def beat(_rows: int) -> None:
        nonlocal beats
        beats += 1
        if beats >= 5 and held >= 5:
            enough.set()
        raise DatabaseUnavailableError("unavailable")

    def hold() -> None:
        nonlocal held
        held += 1

    with Heartbeat(beat, hold) as beating:
        assert enough.wait(120)
        beating.record_progress(0)
        assert not beating.lost.is_set()


def test_the_message_stays_hidden_while_the_database_does_not_answer() -> None:
    """The heartbeat hangs, as with a proxy that accepts connections and does not answer."""
    held, thrice, answered = [], threading.Event(), threading.Event()

    def hold() -> None:
        held.append(1)
        if len(held) == 3:
            thrice.set()

    def beat(_rows: int) -> None:
        answered.wait(120)

    with Heartbeat(beat, hold):
        assert thrice.wait(120)
        answered.set()


def test_a_database_that_stays_unavailable_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "MAX_RETRY_SECONDS", 0)

    def beat(_rows: int) -> None:
        raise DatabaseUnavailableError("unavailable")

    with Heartbeat(beat, lambda: None) as beating:
        _await_loss(beating, "no heartbeat")


def test_a_lost_lease_interrupts_repeatedly_and_is_the_error_that_is_raised() -> None:
    """The statement to be interrupted may start after the first interruption."""
    interrupted: list[int] = []
    thrice = threading.Event()

    def interrupt() -> None:
        interrupted.append(1)
        if len(interrupted) == 3:
            thrice.set()

    def beat(_rows: int) -> None:
        raise LeaseLostError("cancelled")

    def generate() -> None:
        with Heartbeat(beat, lambda: None, interrupt) as beating:
            assert beating.lost.wait(120)
            assert thrice.wait(120)
            raise DatabaseUnavailableError("the query was stopped")

    with pytest.raises(LeaseLostError, match="cancelled"):
        generate()
