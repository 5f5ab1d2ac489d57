"""The catalogue: what it holds is consistent, and what a request asks of it is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resma.catalogue import CATALOGUE_FOLDER, filter_model, find_report_type, load_catalogue
from resma.errors import CatalogueInvalid, RequestInvalid

TRANSACTIONS = CATALOGUE_FOLDER / "transactions"


def test_transactions_are_there() -> None:
    report_type = find_report_type("TRANSACTIONS")
    assert report_type.columns[report_type.column_index("amount")].kind == "amount"


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(RequestInvalid) as caught:
        find_report_type("NOPE")
    assert "TRANSACTIONS" in caught.value.faults[0].detail


@pytest.mark.parametrize(
    ("filters", "pointer"),
    [
        ({"nope": 1}, "/filters/nope"),
        ({"from": "2024-13-01"}, "/filters/from"),
        ({"from": "yesterday"}, "/filters/from"),
        ({"from": ["2024-01-01"]}, "/filters/from"),
        ({"from": 1704067200}, "/filters/from"),
        ({"from": "1704067200"}, "/filters/from"),
        ({"from": "2024-01-01T00:00:00"}, "/filters/from"),
        ({"to": "2024-01-01", "from": "2024-01-02"}, "/filters/to"),
        ({"status": "BOOKED"}, "/filters/status"),
        ({"status": []}, "/filters/status"),
        ({"status": ["NOPE"]}, "/filters/status/0"),
        ({"account": "a\x00b"}, "/filters/account"),
        ({"account": ""}, "/filters/account"),
        ({"account": "x" * 201}, "/filters/account"),
    ],
)
def test_bad_filters_are_pointed_at(filters: dict[str, Any], pointer: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        find_report_type("TRANSACTIONS").check_filters(filters)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]


def test_good_filters_come_back_as_json() -> None:
    checked = find_report_type("TRANSACTIONS").check_filters(
        {"from": "2024-01-01", "to": "2024-01-01", "type": ["PIX"]}
    )
    assert checked == {"from": "2024-01-01", "to": "2024-01-01", "type": ["PIX"]}


def test_filters_are_described_for_people() -> None:
    report_type = find_report_type("TRANSACTIONS")
    assert report_type.describe_filters({"status": ["BOOKED", "PENDING"], "from": "2024-01-01"}) == (
        ("From", "2024-01-01"),
        ("Status", "BOOKED, PENDING"),
    )


def test_the_schema_allows_nothing_else() -> None:
    schema = filter_model(find_report_type("TRANSACTIONS")).model_json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {"from", "to", "account", "type", "status", "currency"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('sort = ["booked_at", "id"]', 'sort = ["nope"]', "no column is named nope"),
        ('period = "booked_at"', 'period = "nope"', "no column is named nope"),
        ('not_before = "from"', 'not_before = "nope"', "not_before names no filter"),
        ('name = "currency"\nlabel', 'name = "money"\nlabel', "query.sql must use each filter"),
        ('kind = "date"', 'kind = "choice"', "kind 'choice' goes with choices"),
        ('type = "TRANSACTIONS"', 'type = "transactions"', "type"),
        ('title = "Transactions"', "title = 1", "title"),
        ("[totals]", "[totals", "report.toml"),
    ],
)
def test_mistakes_in_a_folder_are_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    folder = tmp_path / "catalog" / "x"
    folder.mkdir(parents=True)
    text = (TRANSACTIONS / "report.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "report.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    (folder / "query.sql").write_text((TRANSACTIONS / "query.sql").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CatalogueInvalid, match="x") as caught:
        load_catalogue(tmp_path / "catalog")
    assert complaint in str(caught.value) or complaint == "report.toml"


def test_filters_never_stand_in_sql_as_text() -> None:
    for report_type in load_catalogue().values():
        assert "%s" not in report_type.query
        assert "{" not in report_type.query
