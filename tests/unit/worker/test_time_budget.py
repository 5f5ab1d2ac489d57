"""When a report is saved and handed over: by a clock that the test winds."""

from __future__ import annotations

import pytest

from worker.time_budget import TimeBudget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be changed."""
    now = [1000.0]
    monkeypatch.setattr("worker.time_budget.time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(("seconds", "up"), [(900, 840), (120, 90), (10, 7.5)])
def test_a_margin_is_left(clock: list[float], seconds: int, up: float) -> None:
    watched = TimeBudget(seconds * 1000)
    clock[0] += up - 0.1
    assert not watched.is_time_up()
    clock[0] += 0.1
    assert watched.is_time_up()


def test_the_first_ten_seconds_cost_nothing_and_checkpoints_a_twentieth(clock: list[float]) -> None:
    watched = TimeBudget(900_000)
    clock[0] += 9.9
    assert not watched.is_checkpoint_due()
    clock[0] += 0.1
    assert watched.is_checkpoint_due()
    watched.record_checkpoint(0.1)
    assert not watched.is_checkpoint_due()
    clock[0] += 10
    assert watched.is_checkpoint_due()
    watched.record_checkpoint(3)
    clock[0] += 59.9
    assert not watched.is_checkpoint_due()
    clock[0] += 0.1
    assert watched.is_checkpoint_due()
