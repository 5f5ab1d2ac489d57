"""The catalog is consistent, and filters and columns of requests are checked against it."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.paths import ROOT
from resma.catalog import (
    DEMO_CATALOG,
    BalanceSpec,
    ChartSpec,
    ColumnSpec,
    ControlSpec,
    Filter,
    Limits,
    ReportType,
    SplitSpec,
    Totals,
    catalog_folder,
    current,
    current_catalog,
    filter_model,
    find_report_type,
    folder,
    load_catalog,
)
from resma.errors import CatalogInvalidError
from resma.i18n.locales import LOCALES
from resma.report.format_options import PdfParts
from resma.request_errors import ReportTypeInvalidError, RequestInvalidError

SAMPLES = ROOT / "tests" / "support" / "report_types"


@pytest.fixture(scope="module")
def fees() -> ReportType:
    """A report type of the tests only. It has filters of every kind, with defaults and limits."""
    return load_catalog(SAMPLES)["FEES"]


SHIPPED = {"TRANSACTIONS", "ACCOUNT_STATEMENT", "DAILY_SUMMARY", "AUDIT_TRAIL"}
"""The report types of the project. Tests must also pass if others have been added."""


def test_the_catalog_has_the_shipped_types() -> None:
    assert set(load_catalog()) >= SHIPPED


def test_shipped_types_have_every_text_in_every_language() -> None:
    """German is optional, but shipped types must have it."""
    for report_type in map(find_report_type, SHIPPED):
        texts = [report_type.title, report_type.description]
        texts += [column.heading for column in report_type.columns]
        texts += [text for item in report_type.filters for text in (item.label, item.description)]
        texts += [chart.title for chart in report_type.charts]
        # A string that is the same in all languages may be a plain string.
        languages = [{code for code, _ in text.translations} for text in texts]
        assert all(codes in ({"en"}, {"en", "pt", "de"}) for codes in languages), report_type.type


def test_a_type_is_added_with_two_files_and_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "catalog"
    for name in ("transactions", "daily_summary"):
        shutil.copytree(DEMO_CATALOG / name, folder / name)
    assert "FEES" not in load_catalog(folder)
    other = tmp_path / "with-fees"
    shutil.copytree(folder, other)
    (other / "fees").mkdir()
    for name in ("report.toml", "query.sql"):
        shutil.copy(SAMPLES / "fees" / name, other / "fees" / name)
    monkeypatch.setenv("RESMA_CATALOG", str(other))
    assert find_report_type("FEES").title.in_language("pt") == "Tarifas por conta"
    assert len(load_catalog()) == 3
    schema = filter_model(find_report_type("FEES")).model_json_schema()
    assert list(schema["properties"]) == ["from", "to", "account", "currency", "at_least", "over"]


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(RequestInvalidError) as caught:
        find_report_type("NOPE")
    assert "TRANSACTIONS" in caught.value.field_errors[0].detail


@pytest.mark.parametrize(
    ("filters", "pointer"),
    [
        ({"nope": 1}, "/filters/nope"),
        ({"filter_from": "2024-01-01"}, "/filters/filter_from"),
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
        ({"status": ["BOOKED"] * 5}, "/filters/status"),
        ({"account": "a\x00b"}, "/filters/account"),
        ({"account": ""}, "/filters/account"),
        ({"account": "x" * 201}, "/filters/account"),
    ],
)
def test_errors_of_filters_have_a_pointer(filters: dict[str, Any], pointer: str) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        find_report_type("TRANSACTIONS").check_filters(filters)
    assert [field_error.pointer for field_error in caught.value.field_errors] == [pointer]


@pytest.mark.parametrize(
    ("filters", "pointer", "message"),
    [
        ({"from": "2019-12-31"}, "/filters/from", "must be 2020-01-01 or more"),
        ({"at_least": 0}, "/filters/at_least", "It must be 1 or more."),
        ({"at_least": 1001}, "/filters/at_least", "It must be 1000 or less."),
        ({"at_least": "2"}, "/filters/at_least", "It must be an integer."),
        ({"at_least": True}, "/filters/at_least", "It must be an integer."),
        ({"over": 12.5}, "/filters/over", 'It must be an amount as a string, like "12.50".'),
        ({"over": "NaN"}, "/filters/over", 'It must be an amount as a string, like "12.50".'),
        ({"over": "1e3"}, "/filters/over", 'It must be an amount as a string, like "12.50".'),
        ({"over": "-0.01"}, "/filters/over", "must be 0 or more"),
        ({"over": "1000000.01"}, "/filters/over", "must be 1000000.00 or less"),
        ({"account": "x" * 41}, "/filters/account", "at most 40"),
    ],
)
def test_values_outside_the_limits_are_rejected(
    fees: ReportType, filters: dict[str, Any], pointer: str, message: str
) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        fees.check_filters(filters)
    (field_error,) = caught.value.field_errors
    assert field_error.pointer == pointer
    assert message in field_error.detail
    assert "datetime" not in field_error.detail
    assert "Value error" not in field_error.detail


def test_a_required_filter_must_not_be_missing() -> None:
    with pytest.raises(RequestInvalidError) as caught:
        find_report_type("ACCOUNT_STATEMENT").check_filters({"from": "2024-01-01"})
    assert [(field_error.pointer, field_error.detail) for field_error in caught.value.field_errors] == [
        ("/filters/account", "ACCOUNT_STATEMENT requires this filter.")
    ]


def test_valid_filters_are_returned_as_json_values() -> None:
    checked = find_report_type("TRANSACTIONS").check_filters(
        {"from": "2024-01-01", "to": "2024-01-01", "type": ["PIX"]}
    )
    assert checked == {"from": "2024-01-01", "to": "2024-01-01", "type": ["PIX"]}


def test_missing_and_null_filters_get_their_defaults(fees: ReportType) -> None:
    assert fees.check_filters({}) == {"from": "2024-01-01", "at_least": 1}
    assert fees.check_filters({"from": None, "to": None, "at_least": 2}) == {"from": "2024-01-01", "at_least": 2}
    assert find_report_type("DAILY_SUMMARY").check_filters({}) == {"status": ["BOOKED"]}


@given(st.decimals(min_value=0, max_value=1_000_000, places=2), st.integers(1, 1000))
def test_amounts_and_integers_are_exact(amount: Decimal, count: int) -> None:
    checked = load_catalog(SAMPLES)["FEES"].check_filters({"over": str(amount), "at_least": count})
    assert (checked["over"], checked["at_least"]) == (str(amount), count)


def test_filters_are_formatted_in_the_locale(fees: ReportType) -> None:
    report_type = find_report_type("TRANSACTIONS")
    values = {"status": ["BOOKED", "PENDING"], "from": "2024-03-09"}
    assert report_type.describe_filters(values, LOCALES["en-US"]) == (
        ("From", "03/09/2024"),
        ("Status", "BOOKED, PENDING"),
    )
    assert report_type.describe_filters(values, LOCALES["pt-BR"]) == (
        ("De", "09/03/2024"),
        ("Situação", "BOOKED, PENDING"),
    )
    assert fees.describe_filters({"over": "1234.50", "at_least": 2}, LOCALES["de-DE"]) == (
        ("Gebühren mindestens", "2"),
        ("Berechnet über", "1.234,50"),
    )


def test_the_schema_of_filters_accepts_exactly_the_valid_values(fees: ReportType) -> None:
    schema = filter_model(fees).model_json_schema()
    assert schema["additionalProperties"] is False
    assert "required" not in schema
    bare = {
        name: {key: value for key, value in part.items() if key not in {"title", "description"}}
        for name, part in schema["properties"].items()
    }
    day = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    assert bare == {
        "from": {**day, "default": "2024-01-01", "formatMinimum": "2020-01-01"},
        "to": day,
        "account": {"type": "string", "minLength": 1, "maxLength": 40, "pattern": r"^[^\x00]*$"},
        "currency": {
            "type": "array",
            "items": {"type": "string", "enum": ["BRL", "USD", "EUR"]},
            "minItems": 1,
            "maxItems": 3,
        },
        "at_least": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1},
        "over": {
            "type": ["string", "integer"],
            "format": "decimal",
            "pattern": "^-?[0-9]{1,38}(\\.[0-9]{1,37})?$",
            "minimum": -(10**38 - 1),
            "maximum": 10**38 - 1,
            "x-minimum": "0",
            "x-maximum": "1000000.00",
        },
    }
    assert schema["properties"]["over"]["title"] == "Charged over"
    assert filter_model(find_report_type("ACCOUNT_STATEMENT")).model_json_schema()["required"] == ["account"]


def test_columns_are_in_the_requested_order() -> None:
    report_type = find_report_type("TRANSACTIONS")
    assert [column.name for column in report_type.choose_columns(["amount", "id"])] == ["amount", "id"]
    assert report_type.choose_columns(None) == report_type.columns


@pytest.mark.parametrize(
    ("names", "pointers"),
    [(["id", "nope"], ["/columns/1"]), (["id", "amount", "id"], ["/columns/2"]), ([], ["/columns"])],
)
def test_errors_of_columns_have_a_pointer(names: list[str], pointers: list[str]) -> None:
    with pytest.raises(RequestInvalidError) as caught:
        find_report_type("TRANSACTIONS").choose_columns(names)
    assert [field_error.pointer for field_error in caught.value.field_errors] == pointers


def test_an_invalid_type_is_an_error_of_that_type_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(DEMO_CATALOG / "transactions", tmp_path / "transactions")
    shutil.copytree(SAMPLES / "fees", tmp_path / "fees")
    toml = tmp_path / "fees" / "report.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('kind = "integer"', 'kind = "int"', 1), encoding="utf-8")
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path))
    assert set(load_catalog()) == {"TRANSACTIONS"}
    with pytest.raises(ReportTypeInvalidError) as caught:
        find_report_type("FEES")
    assert caught.value.code == "catalog-invalid"
    (error,) = caught.value.field_errors
    assert error.pointer == "/type"
    assert re.search(r"fees/report\.toml:17: Column 'fees': `kind` must not be 'int'\. Use 'integer'", error.detail)


def test_settings_with_an_error_are_an_error_of_every_type(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "fees", tmp_path / "fees")
    (tmp_path / "resma.toml").write_text("tenants = 'some'\n", encoding="utf-8")
    catalog = current_catalog(tmp_path)
    assert not catalog.types
    assert re.match(r"resma\.toml:1: `tenants` must not be 'some'", catalog.invalid["FEES"].lines()[0])


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "fees", tmp_path / "fees")
    query = tmp_path / "fees" / "query.sql"
    before = load_catalog(tmp_path)
    assert load_catalog(tmp_path) is before
    query.write_text(query.read_text(encoding="utf-8") + "-- the same otherwise\n", encoding="utf-8")
    assert load_catalog(tmp_path)["FEES"].query == before["FEES"].query + "-- the same otherwise\n"
    report = tmp_path / "fees" / "report.toml"
    text = report.read_text(encoding="utf-8")
    report.unlink()
    assert re.match(r"fees/report\.toml:1: The file is missing", current_catalog(tmp_path).invalid["FEES"].lines()[0])
    report.write_text(text, encoding="utf-8")
    query.unlink()
    assert re.match(r"fees/query\.sql:1: The file is missing", current_catalog(tmp_path).invalid["FEES"].lines()[0])
    shutil.rmtree(tmp_path / "fees")
    assert not load_catalog(tmp_path)
    shutil.copytree(SAMPLES / "fees", tmp_path / "fees")
    assert load_catalog(tmp_path) == before


def test_a_change_of_one_type_or_of_the_settings_reads_what_depends_on_it(tmp_path: Path) -> None:
    for name in ("transactions", "audit_trail"):
        shutil.copytree(DEMO_CATALOG / name, tmp_path / name)
    before = load_catalog(tmp_path)
    query = tmp_path / "transactions" / "query.sql"
    query.write_text(query.read_text(encoding="utf-8") + "-- changed\n", encoding="utf-8")
    after = load_catalog(tmp_path)
    assert after["AUDIT_TRAIL"] is before["AUDIT_TRAIL"]
    assert after["TRANSACTIONS"].query.endswith("-- changed\n")
    (tmp_path / "resma.toml").write_text("tenants = 'none'\n", encoding="utf-8")
    assert [one.tenants for one in load_catalog(tmp_path).values()] == ["none", "none"]


def test_the_catalog_of_a_package_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "PACKAGED_CATALOG", tmp_path)
    assert not load_catalog(tmp_path)
    shutil.copytree(SAMPLES / "fees", tmp_path / "fees")
    assert not load_catalog(tmp_path)


def test_a_missing_folder_has_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalidError, match=r"nowhere, does not exist.* create it with `resma init`"):
        load_catalog(tmp_path / "nowhere")


def test_the_folder_is_chosen_named_or_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESMA_CATALOG")
    assert catalog_folder() == DEMO_CATALOG
    (tmp_path / "reports").mkdir()
    assert catalog_folder() == tmp_path / "reports"
    monkeypatch.setattr(folder, "PACKAGED_CATALOG", tmp_path)
    assert catalog_folder() == tmp_path
    monkeypatch.setenv("RESMA_CATALOG", "named")
    assert catalog_folder() == tmp_path / "named"
    assert catalog_folder(Path("chosen")) == tmp_path / "chosen"


def test_two_folders_must_not_have_the_same_type(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "fees", tmp_path / "fees")
    more = Path(shutil.copytree(SAMPLES / "fees", tmp_path / "more-fees")) / "report.toml"
    more.write_text(f'type = "FEES"\n{more.read_text(encoding="utf-8")}', encoding="utf-8")
    catalog = current_catalog(tmp_path)
    assert set(catalog.types) == {"FEES"}
    assert re.match(r"more-fees/report\.toml:1: Another folder has .* FEES", catalog.invalid["MORE_FEES"].lines()[0])


def test_the_guide_quotes_the_sample_exactly() -> None:
    guide = (ROOT / "docs" / "report-types.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(sql|toml)\n(.*?)```", guide, re.DOTALL)
    files = {"sql": "query.sql", "toml": "report.toml"}
    assert len(blocks) == 5
    for language, block in blocks:
        assert block in (SAMPLES / "fees" / files[language]).read_text(encoding="utf-8")


def test_the_guide_names_every_key() -> None:
    guide = (ROOT / "docs" / "report-types.md").read_text(encoding="utf-8")
    tables = {
        "query",
        "control_query",
        "tenants",
        "name",
        "columns",
        "filters",
        "charts",
        "totals",
        "balance",
        "limits",
        "pdf",
        "split",
        "control",
    }
    parts = (ColumnSpec, Filter, Totals, BalanceSpec, ChartSpec, SplitSpec, ControlSpec, Limits, PdfParts)
    for model in (ReportType, *parts):
        for key in model.model_fields.keys() - tables:
            assert f"`{key}`" in guide, key


def test_the_minimal_report_type(tmp_path: Path) -> None:
    """It has one column. All other settings follow from names and kinds."""
    (tmp_path / "minimal").mkdir()
    (tmp_path / "minimal" / "report.toml").write_text('sort = ["name"]\n[columns]\nname = "text"\n', encoding="utf-8")
    (tmp_path / "minimal" / "query.sql").write_text("SELECT %(tenant_id)s::text AS name", encoding="utf-8")
    report_type = load_catalog(tmp_path)["MINIMAL"]
    assert (report_type.title.in_language("pt"), report_type.file_name) == ("Minimal", "minimal")
    assert report_type.description == report_type.title
    assert report_type.columns[0].heading.in_language("en") == "Name"
    assert (report_type.columns[0].kind, report_type.filters, report_type.orientation) == ("text", (), "landscape")
    assert report_type.check_filters({}) == {}
    with pytest.raises(RequestInvalidError):
        report_type.check_filters({"from": "2024-01-01"})
