"""A chaos run can be repeated: its plan depends only on its seed."""

from __future__ import annotations

from typing import get_args

from tests.chaos.outages import ALONE, LONGEST_SECONDS, MODES, QUICK_LONGEST_SECONDS, SHORTEST_SECONDS, OutageOptions
from tests.chaos.plan import COMPRESSIONS, FORMATS, Kind, make_plan

OUTAGES = OutageOptions()
QUICK_OUTAGES = OutageOptions(longest_seconds=QUICK_LONGEST_SECONDS, is_quick=True)


def test_a_plan_depends_only_on_its_seed() -> None:
    assert make_plan(5, 500, OUTAGES) == make_plan(5, 500, OUTAGES)
    assert make_plan(5, 500, OUTAGES).faults != make_plan(6, 500, OUTAGES).faults


def test_a_plan_has_every_format_compression_and_fault() -> None:
    for seed in range(20):
        for plan in (make_plan(seed, 500, OUTAGES), make_plan(seed, 40, QUICK_OUTAGES, is_quick=True)):
            text = str(plan.contents)
            assert all(f"'{word}'" in text for word in (*FORMATS, *COMPRESSIONS[1:])), seed
            assert {request.content for request in plan.requests} == set(range(len(plan.contents)))
            last = max(outage.at_seconds for outage in plan.outages)
            assert any(request.at_seconds > last / 2 for request in plan.requests)
            assert {fault.kind for fault in plan.faults} == set(get_args(Kind)), seed


def test_each_dependency_has_outages_of_the_lengths_that_the_options_name() -> None:
    for seed in range(20):
        plan = make_plan(seed, 200, OutageOptions(rounds=3))
        assert sorted(outage.dependency for outage in plan.outages) == sorted([*MODES] * 3), seed
        lengths = [outage.seconds for outage in plan.outages]
        assert (min(lengths), max(lengths)) == (SHORTEST_SECONDS, LONGEST_SECONDS), seed
        quick = make_plan(seed, 40, QUICK_OUTAGES, is_quick=True).outages
        assert {outage.dependency for outage in quick} == set(MODES), seed
        assert max(outage.seconds for outage in quick) == QUICK_LONGEST_SECONDS, seed


def test_all_modes_of_outages_occur_and_reports_are_requested_during_most_outages() -> None:
    seen: set[tuple[str, str]] = set()
    for seed in range(40):
        plan = make_plan(seed, 200, OUTAGES)
        seen |= {(outage.dependency, outage.mode) for outage in plan.outages}
        hit = [
            any(outage.at_seconds <= request.at_seconds <= outage.ends_at_seconds for request in plan.requests)
            for outage in plan.outages
        ]
        assert sum(hit) >= len(hit) - 2, seed
    assert seen == {(dependency, mode) for dependency, modes in MODES.items() for mode in modes}


def test_outages_start_after_all_faults() -> None:
    for seed in range(20):
        for plan in (make_plan(seed, 500, OUTAGES), make_plan(seed, 40, QUICK_OUTAGES, is_quick=True)):
            assert max(fault.at_seconds for fault in plan.faults) < min(outage.at_seconds for outage in plan.outages)


def test_outages_of_the_system_database_and_the_secrets_do_not_overlap_with_others() -> None:
    pairs_seen = 0
    for seed in range(20):
        for outages in (
            make_plan(seed, 200, OutageOptions(rounds=2)).outages,
            make_plan(seed, 40, QUICK_OUTAGES, is_quick=True).outages,
        ):
            pairs = [
                (one.dependency, other.dependency)
                for one in outages
                for other in outages
                if one is not other and one.at_seconds <= other.at_seconds < one.ends_at_seconds
            ]
            assert not [pair for pair in pairs if set(pair) & set(ALONE)], seed
            pairs_seen += len(pairs)
    assert pairs_seen > 40


def test_a_plan_without_outages_has_none() -> None:
    assert make_plan(5, 100, OutageOptions(rounds=0)).outages == []
