"""Short report.toml files: what follows from the names of the folder and the columns, and from the kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.paths import ROOT
from resma.catalog import ColumnSpec, LocalizedText, ReportType, check_folder, load_catalog
from resma.catalog.texts import name_in_words
from resma.request_errors import RequestInvalidError

ORDERS = """title = "Orders"
sort = ["-order_date", "order_id"]
period = "order_date"

[totals]
amounts = ["freight", "tax"]

[columns]
order_id = "integer"
order_date = "date"
freight = { kind = "amount", scale = 2 }
tax = { kind = "amount", hidden = true }
"Ship Name" = { wrap = true }
quantity = "integer"

[filters]
from = "date"
to = { kind = "date", not_before = "from" }
country = { kind = "choice", choices = ["US", "DE"] }

[[charts]]
kind = "bars"
by = "Ship Name"
"""
QUERY = """SELECT * FROM orders
WHERE order_date BETWEEN %(from)s AND %(to)s AND country = ANY (%(country)s) AND tenant_id = %(tenant_id)s"""


def _write(
    catalog: Path, toml: str = ORDERS, query: str = QUERY, settings: str = "", name: str = "orders_2024"
) -> Path:
    folder = catalog / name
    folder.mkdir(exist_ok=True)
    (folder / "report.toml").write_text(toml, encoding="utf-8")
    (folder / "query.sql").write_text(query, encoding="utf-8")
    (catalog / "resma.toml").write_text(settings, encoding="utf-8")
    return folder


@pytest.fixture
def orders(tmp_path: Path) -> ReportType:
    report_type, diagnostics = check_folder(_write(tmp_path))
    assert diagnostics == []
    assert report_type is not None
    return report_type


def test_the_short_example_of_the_guide_is_valid(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "report-types.md").read_text(encoding="utf-8")
    example = guide[guide.index('    title = "Orders"') : guide.index("All else follows")]
    query = "SELECT * FROM orders WHERE tenant_id = %(tenant_id)s AND order_date BETWEEN %(from)s AND %(to)s"
    folder = _write(tmp_path, "\n".join(line.removeprefix("    ") for line in example.splitlines()), query)
    assert check_folder(folder)[1] == []


def test_type_and_file_name_follow_from_the_folder(orders: ReportType) -> None:
    assert (orders.type, orders.file_name) == ("ORDERS_2024", "orders-2024")
    assert orders.description.in_language("pt") == "Orders"


def test_headings_and_labels_follow_from_names(orders: ReportType) -> None:
    headings = [column.heading.in_language("de") for column in orders.columns]
    assert headings == ["Order id", "Order date", "Freight", "Tax", "Ship Name", "Quantity"]
    assert [item.label.in_language("en") for item in orders.filters] == ["From", "To", "Country"]
    assert [item.label.in_language("de-DE") for item in orders.filters] == ["Von", "Bis", "Country"]
    assert orders.filters[0].label.in_language("nl") == "From"
    assert orders.filters[0].description == orders.filters[0].label
    assert (orders.charts[0].title.in_language("en"), orders.charts[0].unit) == ("Ship Name", "rows")


def test_layout_follows_from_kinds_and_names(orders: ReportType) -> None:
    layout = {column.name: (column.align, column.grouped, column.width) for column in orders.columns}
    assert layout == {
        "order_id": ("right", False, 12),
        "order_date": ("left", False, 14.5),
        "freight": ("right", True, 15),
        "tax": ("right", True, 15),
        "Ship Name": ("left", False, 18),
        "quantity": ("right", True, 12),
    }


def test_a_hidden_column_cannot_be_chosen(orders: ReportType) -> None:
    names = ["order_id", "order_date", "freight", "Ship Name", "quantity"]
    assert [column.name for column in orders.choose_columns(None)] == names
    with pytest.raises(RequestInvalidError) as caught:
        orders.choose_columns(["tax"])
    assert caught.value.field_errors[0].detail == (
        f"ORDERS_2024 has no column 'tax'. Its columns are {', '.join(names)}."
    )


def test_a_scale_fixes_the_number_of_decimals(orders: ReportType) -> None:
    freight, tax = orders.columns[2:4]
    assert (freight.fixed_scale, freight.decimals, str(freight.decimal)) == (2, 2, "DECIMAL(38, 2)")
    assert (tax.fixed_scale, tax.decimals, tax.decimal) == (None, 0, None)
    with_maximum = ColumnSpec.model_validate({"name": "x", "kind": "amount", "decimals": 2, "scale": 4})
    assert with_maximum.fixed_scale is None


def test_sort_keys_have_a_direction(orders: ReportType) -> None:
    assert [(key.name, key.descending) for key in orders.sort] == [("order_date", True), ("order_id", False)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("order_date", "Order date"),
        ("OrderDate", "Order date"),
        ("customerID", "Customer ID"),
        ("Order Date", "Order Date"),
        ("größe_in_m", "Größe in m"),
        ("id", "Id"),
        ("_", "_"),
    ],
)
def test_names_in_words(name: str, words: str) -> None:
    assert name_in_words(name) == words


def test_strings_fall_back_to_the_language_of_the_catalog() -> None:
    context = {"language": "fr"}
    text = LocalizedText.model_validate({"en": "Orders", "fr": "Commandes", "pt-BR": "Pedidos"}, context=context)
    languages = ("en", "en-GB", "fr-CA", "pt", "pt-PT", "ja")
    assert [text.in_language(language) for language in languages] == [
        *("Orders", "Orders", "Commandes", "Pedidos", "Pedidos", "Commandes")
    ]
    plain = LocalizedText.model_validate("Commandes", context=context)
    assert (plain.translations, plain.in_language("en")) == ((("fr", "Commandes"),), "Commandes")


def test_one_organization_needs_no_tenant_in_the_query(tmp_path: Path) -> None:
    query = QUERY.replace(" AND tenant_id = %(tenant_id)s", "")
    folder = _write(tmp_path, query=query)
    (diagnostic,) = check_folder(folder)[1]
    assert diagnostic.message == (
        "The query must select the rows of one tenant. Use a condition such as tenant_id = %(tenant_id)s. If the "
        'database has one organization only, write tenants = "none" in resma.toml.'
    )
    _write(tmp_path, query=query, settings='tenants = "none"\n')
    assert check_folder(folder)[1] == []
    assert list(load_catalog(tmp_path)) == ["ORDERS_2024"]


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        ("[columns]", "[[columns]]", ["`columns` must be a table: write [columns], and below it a line such as"]),
        ("\n[filters]", "\nhidden = []\n[filters]", ["Column 'hidden': `kind` must not be []. Use one of text,"]),
        ('"Orders"', "7", ["`title`: It must be a string, or a table of languages like { en"]),
        (
            '"amount", scale = 2',
            '"float", scale = 2',
            ["Column 'freight': `precision` and `scale` are only for kind amount"],
        ),
    ],
)
def test_a_wrong_form_is_one_error_with_a_remedy(tmp_path: Path, old: str, new: str, messages: list[str]) -> None:
    assert old in ORDERS
    _, diagnostics = check_folder(_write(tmp_path, ORDERS.replace(old, new, 1)))
    assert [item.message[: len(text)] for item, text in zip(diagnostics, messages, strict=True)] == messages
