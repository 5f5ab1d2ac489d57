"""Kinds of columns: the types of Postgres that they hold, and what they can be used for."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from resma.catalog import ReportType
from resma.report.header import Kind
from resma.report.kinds import can_hold, kind_of_type

TYPES: list[tuple[str, Kind]] = [
    ("bigint", "integer"),
    ("numeric", "amount"),
    ("money", "amount"),
    ("real", "float"),
    ("double precision", "float"),
    ("boolean", "boolean"),
    ("timestamp with time zone", "timestamp"),
    ("timestamp without time zone", "local_timestamp"),
    ("time without time zone", "time"),
    ("time with time zone", "text"),
    ("interval", "interval"),
    ("uuid", "uuid"),
    ("bytea", "binary"),
    ("jsonb", "json"),
    ("integer[]", "json"),
    ("extensions.hstore", "json"),
    ("record", "json"),
    ("inet", "text"),
    ("sales.state", "text"),
]


@pytest.mark.parametrize(("name", "kind"), TYPES)
def test_a_type_has_a_kind_that_holds_it(name: str, kind: Kind) -> None:
    assert kind_of_type(name) == kind
    assert can_hold(kind, name)
    assert can_hold("text", name)


def test_row_types_are_json() -> None:
    assert kind_of_type("address", is_composite=True) == "json"
    assert can_hold("json", "address", is_composite=True)
    assert not can_hold("json", "address")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("integer", "numeric"),
        ("float", "numeric"),
        ("timestamp", "timestamp without time zone"),
        ("local_timestamp", "timestamp with time zone"),
        ("boolean", "integer"),
        ("date", "timestamp with time zone"),
        ("uuid", "text"),
    ],
)
def test_no_kind_holds_a_type_whose_values_it_would_change(kind: Kind, name: str) -> None:
    assert not can_hold(kind, name)


@pytest.mark.parametrize("name", ["real", "double precision", "money", "integer", "numeric"])
def test_amounts_hold_every_number(name: str) -> None:
    assert can_hold("amount", name)


def _report_type(kind: Kind, **more: Any) -> ReportType:
    described = {"type": "T", "title": "T", "file_name": "t", "sort": ["id"], "query": "SELECT 1", "tenants": "none"}
    columns = [{"name": "id", "kind": "integer"}, {"name": "a", "kind": kind}]
    return ReportType.model_validate({**described, "columns": columns, **more})


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_defaults_of_every_kind_are_valid(kind: Kind) -> None:
    assert _report_type(kind).columns[1].kind == kind


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind != "json"])
def test_rows_can_be_sorted_by_every_kind_but_json(kind: Kind) -> None:
    assert _report_type(kind, sort=["a", "id"]).sort_names == ("a", "id")


@pytest.mark.parametrize("kind", ["date", "timestamp", "local_timestamp"])
def test_days_can_be_the_period(kind: Kind) -> None:
    assert _report_type(kind, sort=["a", "id"], period="a").period == "a"


@pytest.mark.parametrize("kind", ["integer", "amount", "float"])
def test_numbers_can_be_added_up(kind: Kind) -> None:
    totals = _report_type(kind, totals={"amounts": ["a"]}).totals
    assert totals
    assert totals.amounts == ("a",)
