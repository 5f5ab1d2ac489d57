"""What the names of columns say, for report types that `resma new` proposes."""

from __future__ import annotations

import pytest

from infra.authoring.proposals.described_query import clean_query
from infra.authoring.proposals.file_content import key, quoted
from infra.authoring.proposals.names import is_currency, is_event, is_sum, may_be_personal, slug, title_of, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("order_date", ["order", "date"]),
        ("BillingCountry", ["billing", "country"]),
        ("customerID", ["customer", "id"]),
        ("Order Date", ["order", "date"]),
        ("HTTPStatus", ["http", "status"]),
        ("line2", ["line", "2"]),
    ],
)
def test_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BillingCountry", "billing_country"),
        ("discount %", "discount"),
        ("Größe", "grosse"),
        ("2nd", "x_2_nd"),
        ("😀", "x"),
    ],
)
def test_names_of_filters(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_titles() -> None:
    assert [title_of(name) for name in ("order_details", "OrderDetails", "😀")] == ["Order details"] * 2 + ["😀"]


def test_amounts_are_added_up_and_prices_are_not() -> None:
    names = ["freight", "net_amount", "Total", "unit_price", "tax_rate", "order_no", "total_percent", "quantity"]
    assert [name for name in names if is_sum(name, "float")] == ["freight", "net_amount", "Total", "quantity"]
    assert (is_sum("value", "amount"), is_sum("value", "float")) == (True, False), "a float is a measurement"


def test_dates_of_events() -> None:
    names = ["order_date", "created_at", "BirthDate", "updated_at", "valid_until", "shipped_date", "booked_on"]
    assert [name for name in names if is_event(name)] == ["order_date", "created_at", "booked_on"]


def test_currencies_and_personal_data() -> None:
    assert [is_currency(name) for name in ("currency", "order_currency", "CurrencyCode", "currency_rate")] == [
        True, True, True, False
    ]  # fmt: skip
    assert [may_be_personal(name) for name in ("Email", "FirstName", "company_name", "ship_address")] == [
        True, True, False, True
    ]  # fmt: skip


def test_keys_and_strings_of_toml() -> None:
    names = ["order_id", "2nd", "Order Date", 'a"b', "Größe", "a\nb", "\x7f"]
    assert [key(name) for name in names] == [
        "order_id", "2nd", '"Order Date"', r'"a\"b"', '"Größe"', r'"a\nb"', r'"\u007F"'
    ]  # fmt: skip
    assert quoted("100 % \\ é") == r'"100 % \\ é"'


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("SELECT 1;\n", "SELECT 1\n"),
        ("SELECT 1 ; ;", "SELECT 1\n"),
        ("SELECT 'a%'", "SELECT 'a%%'\n"),
        ("SELECT 'a%%'", "SELECT 'a%%'\n"),
        ("SELECT %(x)s::text || '%%'", "SELECT %(x)s::text || '%%'\n"),
    ],
)
def test_a_query_for_psql_becomes_one_of_the_catalog(text: str, query: str) -> None:
    assert clean_query(text) == query
