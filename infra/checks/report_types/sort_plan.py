"""Plans of Postgres: which tables they read, and whether they sort all rows before they return the first one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sorts_rows(plan: Mapping[str, Any]) -> bool:
    """Returns whether a plan sorts rows. Sorts of groups do not count: they are few, and no index can order them."""
    if "Aggregate" in plan["Node Type"]:
        return False
    if "Sort" in plan["Node Type"] and not any(map(_aggregates, _inputs(plan))):
        return True
    # Some inputs of a merge may have only a few rows, so it suffices that one input is not sorted.
    require = all if plan["Node Type"] == "Merge Append" else any
    return require(map(sorts_rows, _inputs(plan)))


def scanned_tables(plan: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Returns schema and name of all tables that a plan of EXPLAIN (VERBOSE) reads."""
    here = {(plan["Schema"], plan["Relation Name"])} if "Relation Name" in plan else set()
    return here.union(*(scanned_tables(part) for part in plan.get("Plans", [])))


def _aggregates(plan: Mapping[str, Any]) -> bool:
    return "Aggregate" in plan["Node Type"] or any(map(_aggregates, _inputs(plan)))


def _inputs(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the input nodes of a plan, without subplans that compute a single value."""
    parts = plan.get("Plans", [])
    return [part for part in parts if part["Parent Relationship"] not in {"InitPlan", "SubPlan"}]
