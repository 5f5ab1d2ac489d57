"""When an invocation saves checkpoints and when it stops, with a clock that the test sets."""

from __future__ import annotations

import pytest

from worker.time_budget import TimeBudget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic time, in a list so that tests can change it."""
    now = [1000.0]
    monkeypatch.setattr("worker.time_budget.time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(("seconds", "up"), [(900, 840), (120, 90), (10, 7.5)])
def test_time_is_reserved_at_the_end_of_the_invocation(clock: list[float], seconds: int, up: float) -> None:
    budget = TimeBudget(seconds * 1000)
    clock[0] += up - 0.1
    assert not budget.is_time_up()
    clock[0] += 0.1
    assert budget.is_time_up()


def test_the_first_checkpoint_is_due_after_ten_seconds_and_all_take_a_twentieth_of_the_time(clock: list[float]) -> None:
    budget = TimeBudget(900_000)
    clock[0] += 9.9
    assert not budget.is_checkpoint_due()
    clock[0] += 0.1
    assert budget.is_checkpoint_due()
    budget.record_checkpoint(0.1)
    assert not budget.is_checkpoint_due()
    clock[0] += 10
    assert budget.is_checkpoint_due()
    budget.record_checkpoint(3)
    clock[0] += 59.9
    assert not budget.is_checkpoint_due()
    clock[0] += 0.1
    assert budget.is_checkpoint_due()
