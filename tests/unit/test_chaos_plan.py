"""A storm can be had again: its plan is its seed's alone."""

from __future__ import annotations

from typing import get_args

from tests.chaos.plan import COMPRESSIONS, FORMATS, Kind, make_plan


def test_a_plan_is_made_wholly_from_its_seed() -> None:
    assert make_plan(5, 500) == make_plan(5, 500)
    assert make_plan(5, 500).strikes != make_plan(6, 500).strikes


def test_every_format_every_compression_and_every_fault_has_its_turn() -> None:
    for seed in range(20):
        for plan in (make_plan(seed, 500), make_plan(seed, 40, is_quick=True)):
            said = str(plan.contents)
            assert all(f"'{word}'" in said for word in (*FORMATS, *COMPRESSIONS[1:])), seed
            assert {request.content for request in plan.requests} == set(range(len(plan.contents)))
            last = max(strike.at_seconds for strike in plan.strikes)
            assert any(request.at_seconds > last / 2 for request in plan.requests)
            assert {strike.kind for strike in plan.strikes} == set(get_args(Kind)), seed
