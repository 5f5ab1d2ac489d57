"""`resma new`: report types of tables and queries of a database that Resma has not made."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import psycopg
import pyarrow.parquet
import pytest
from pypdf import PdfReader

from infra.authoring.new_type import NewOptions, NewType, NewTypeError, new_type
from infra.authoring.proposals.choose import NotReportableError
from infra.authoring.proposals.described_query import QueryRejectedError
from infra.authoring.proposals.names import slug
from infra.checks.report_types.check_folder import check_catalog
from infra.checks.report_types.relations import UnknownRelationError, list_relations
from infra.deploy.source import SourceError, connect_source
from infra.postgres.connect import DatabaseUrlError
from infra.servers.postgres import PostgresServer
from resma.catalog import load_catalog
from tests.support.own_databases import STRANGER, as_role, create_database
from tests.support.render_report import render_report

DATABASES = ("traders", "music", "awkward")
MAX_LINES = 25

Make = Callable[..., NewType]


@pytest.fixture(scope="module")
def databases(postgres: PostgresServer) -> dict[str, str]:
    """URLs of the databases by name, for a role that may only read."""
    return {name: create_database(postgres.url, name) for name in DATABASES}


@pytest.fixture
def make(databases: dict[str, str], tmp_path: Path) -> Make:
    """Makes a report type of a table or of a query in a catalog without tenants."""

    def run(table: str | None = None, query: str | None = None, database: str = "traders", **options: str) -> NewType:
        file = tmp_path / "query.sql" if query is not None else None
        if file and query is not None:
            file.write_text(query, encoding="utf-8")
        url = options.get("url", databases[database])
        return new_type(NewOptions(options.get("name", "sample"), url, tmp_path / "catalog", table, file))

    return run


@pytest.mark.parametrize("database", DATABASES)
def test_every_table_becomes_a_report_in_all_formats(databases: dict[str, str], tmp_path: Path, database: str) -> None:
    """Nothing is edited: the files pass the check, and each format has all rows."""
    url = databases[database]
    with connect_source(url) as connection:
        relations = [one for one in list_relations(connection) if one.name != "only_json"]
        counts = {
            slug(one.name): connection.execute(f"SELECT count(*) FROM {one.sql_name}".encode()).fetchall()[0][0]
            for one in relations
        }
    for relation in relations:
        made = new_type(NewOptions(slug(relation.name), url, tmp_path, table=str(relation)))
        assert made.grants == ()
        lines = (made.folder / "report.toml").read_text(encoding="utf-8").splitlines()
        if len(made.proposal.columns) <= 14:
            assert len([line for line in lines if line]) <= MAX_LINES
    report = check_catalog(tmp_path, url)
    assert report.errors == []
    assert report.types == len(relations)
    for name, report_type in load_catalog(tmp_path).items():
        rows, files = render_report(url, report_type, without={"PDF"} if name == "WIDE" else set())
        assert rows == counts[name.lower()], name
        _assert_complete(files, rows, [column.name for column in report_type.columns])


def _assert_complete(files: dict[str, bytes], rows: int, names: list[str]) -> None:
    records = list(csv.reader(io.StringIO(files["CSV"].decode(), newline="")))
    assert (records[0], len(records)) == (names, rows + 1)
    objects = [json.loads(line) for line in files["NDJSON"].splitlines()]
    assert [list(one) for one in objects] == [names] * rows
    table = pyarrow.parquet.read_table(io.BytesIO(files["PARQUET"]))
    assert (table.column_names, table.num_rows) == (names, rows)
    book = openpyxl.load_workbook(io.BytesIO(files["XLSX"]), read_only=True)
    sheet = book.worksheets[1]
    assert len(list(sheet.iter_rows(values_only=True))) == rows + 1
    if "PDF" in files:
        assert len(PdfReader(io.BytesIO(files["PDF"])).pages) >= 1


def test_a_table_that_is_too_wide_for_a_page_is_named(make: Make) -> None:
    made = make("odd.wide", database="awkward")
    (choice,) = [one for one in made.choices if one.part == "PDF"]
    assert choice.chosen == "all columns on one page: no"
    assert "The page is too narrow" in choice.reason


def test_what_was_chosen_for_a_table_of_events(make: Make) -> None:
    made = make("sales.invoices", name="Invoices")
    proposal = made.proposal
    assert (made.type_name, made.folder.name, made.rows) == ("INVOICES", "invoices", 830)
    assert (proposal.sort, proposal.period) == (("issued_at", "invoice_number"), "issued_at")
    assert (proposal.amounts, proposal.currency) == (("net_amount", "tax_amount"), "currency")
    assert [item.name for item in proposal.filters] == ["from", "to", "state", "currency"]
    assert {one.part for one in made.choices} == {"sort", "period", "totals", "filters"}
    assert (made.folder / "report.toml").read_text(encoding="utf-8") == (
        """\
title = "Invoices"
description = "One invoice for each delivery."
sort = ["issued_at", "invoice_number"]
period = "issued_at"

[totals]
amounts = ["net_amount", "tax_amount"]
currency = "currency"

[columns]
invoice_number = "integer"
order_id = "integer"
issued_at = "timestamp"
state = "text"
currency = "text"
net_amount = "amount"
tax_amount = "amount"
tax_rate = "amount"
comment = { wrap = true }

[filters]
from = "date"
to = { kind = "date", not_before = "from" }
state = { kind = "choice", choices = ["open", "paid", "written off"] }
currency = { kind = "choice", choices = ["EUR", "USD"] }
"""
    )


@pytest.mark.parametrize(
    ("table", "database", "sort"),
    [
        ("orders", "traders", ("order_date", "order_id")),
        ("ORDERS", "traders", ("order_date", "order_id")),
        ('"Invoice"', "music", ("InvoiceDate", "InvoiceId")),
        ("invoice", "music", ("InvoiceDate", "InvoiceId")),
        ("odd.order details", "awkward", ("Order Date", "MixedCase")),
        ('odd."Order Details"', "awkward", ("Order Date", "MixedCase")),
        ("odd.no_key", "awkward", ("day", "word", "number")),
        ("odd.two_keys", "awkward", ("made_at", "c")),
        ("odd.daily", "awkward", ("day", "sensor")),
    ],
)
def test_tables_are_found_by_the_names_that_people_type(
    make: Make, table: str, database: str, sort: tuple[str, ...]
) -> None:
    assert make(table, database=database).proposal.sort == sort


def test_filters_select_rows(make: Make, databases: dict[str, str]) -> None:
    """Each condition is valid for the type of its column, and days are whole days."""
    for table, database, filters, expected in (
        ("sales.invoices", "traders", {"from": "2024-01-03", "to": "2024-01-03", "state": ["paid", "open"]}, 1),
        ("odd.values", "awkward", {"flag": ["true"], "mood": ["it's fine"], "to": "2024-03-31"}, 11),
        ('"Invoice"', "music", {"from": "2023-01-04", "to": "2023-01-04"}, 1),
    ):
        made = make(table, database=database, name=f"type_{database}")
        report_type = load_catalog(made.folder.parent)[made.type_name]
        values = {item.name: filters.get(item.name) for item in report_type.filters}
        with psycopg.connect(databases[database]) as connection:
            rows = connection.execute(report_type.query.encode(), values).fetchall()
        assert len(rows) == expected, table


QUERY = """\
-- Orders of one customer, with 100% of their value
SELECT o.order_id, o.order_date, c.company_name, sum(d.unit_price::numeric * d.quantity) AS value
FROM orders o JOIN customers c USING (customer_id) JOIN order_details d USING (order_id)
WHERE c.country LIKE 'B%' AND c.country = c.country
GROUP BY o.order_id, o.order_date, c.company_name;
"""


def test_a_query_in_a_file_is_kept_as_it_is(make: Make) -> None:
    made = make(query=QUERY, name="values")
    assert (made.folder / "query.sql").read_text(encoding="utf-8") == QUERY.replace("%", "%%").replace(";\n", "\n")
    proposal = made.proposal
    assert [column.kind for column in proposal.columns] == ["integer", "date", "text", "amount"]
    assert proposal.sort == ("order_date", "order_id")
    assert (proposal.amounts, proposal.filters) == (("value",), ())


@pytest.mark.parametrize(
    ("query", "sort"),
    [
        (
            "SELECT o.order_id, c.company_name, d.product_id FROM orders AS o JOIN customers AS c USING (customer_id)"
            " JOIN order_details AS d USING (order_id)",
            ("order_id", "product_id"),
        ),
        ("SELECT o.*, c.company_name FROM orders AS o JOIN customers AS c USING (customer_id)", ("order_id",)),
        ("SELECT o.customer_id, d.product_id FROM orders AS o JOIN order_details AS d USING (order_id)", ()),
        ("SELECT ship_country, count(*) AS orders FROM orders GROUP BY 1", ()),
        ("SELECT order_id, ship_city FROM orders UNION ALL SELECT supplier_id, city FROM suppliers", ()),
    ],
    ids=["details", "references", "no-key", "groups", "union"],
)
def test_the_key_of_a_query(make: Make, query: str, sort: tuple[str, ...]) -> None:
    """A foreign key refers to one row, so that its join does not need another key. Otherwise all columns are used."""
    proposal = make(query=query).proposal
    names = tuple(column.name for column in proposal.columns)
    assert tuple(name for name in proposal.sort if name != proposal.period) == (sort or names)


def test_a_parameter_that_must_not_be_null_is_required(make: Make, databases: dict[str, str]) -> None:
    """Values of a list are those of the column with its name, also if the query does not return it."""
    query = """SELECT order_id FROM orders
WHERE order_date BETWEEN %(from)s AND %(to)s AND ship_country = ANY (%(ship_country)s)
  AND freight > coalesce(%(freight)s, 0) AND (%(employee_id)s::int IS NULL OR employee_id = %(employee_id)s)
"""
    made = make(query=query)
    assert [item.name for item in made.proposal.filters if item.required] == ["from", "to", "ship_country"]
    assert made.proposal.filters[2].choices == ("Brazil", "France", "Germany", "Portugal", "USA")
    report = check_catalog(made.folder.parent, databases["traders"])
    assert (report.errors, report.warnings) == ([], [])


def test_parameters_of_a_query_become_filters(make: Make, databases: dict[str, str]) -> None:
    query = """\
SELECT i.invoice_number, i.issued_at, i.state, i.net_amount
FROM sales.invoices AS i
WHERE (%(from)s::date IS NULL OR i.issued_at >= %(from)s::date)
  AND (%(to)s::date IS NULL OR i.issued_at < %(to)s::date + 1)
  AND (%(state)s::text[] IS NULL OR i.state::text = ANY (%(state)s::text[]))
  AND (%(over)s::numeric IS NULL OR i.net_amount > %(over)s)
  AND (%(order_id)s::bigint IS NULL OR i.order_id = %(order_id)s)
  AND (%(comment)s::text IS NULL OR i.comment LIKE %(comment)s || '%%')
"""
    made = make(query=query, name="big")
    kinds = {item.name: item.kind for item in made.proposal.filters}
    assert kinds == {
        "from": "date", "to": "date", "state": "choice", "over": "amount", "order_id": "integer", "comment": "text"
    }  # fmt: skip
    assert made.proposal.filters[2].choices == ("open", "paid", "written off")
    assert made.proposal.sort == ("issued_at", "invoice_number")
    assert check_catalog(made.folder.parent, databases["traders"]).errors == []


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("SELECT order_id FRM orders", QueryRejectedError, ':1: syntax error at or near "orders". Correct the query.'),
        ("SELECT 1 AS n\nFROM ordes", QueryRejectedError, ':2: relation "ordes" does not exist'),
        ("SELECT order_id FROM orders WHERE ship_city = %(city)s OR %(x)s IS NULL", QueryRejectedError, "%(x)s"),
        ("SELECT order_id, order_id FROM orders", NotReportableError, "Two columns of the query have the name"),
        ("SELECT count(*), 1 + 1 FROM orders", NotReportableError, "A column of the query has the name '?column?'"),
        ("SELECT point(1, 2) AS p", NotReportableError, "No column can be sorted by."),
        ("DELETE FROM orders", NewTypeError, "The query must start with SELECT or WITH, not with DELETE."),
        ("SELECT 1 AS n\nWHERE 1 = $1", NewTypeError, ":2: Write a named parameter, %(name)s, instead of $1."),
        ("SELECT 1 AS n WHERE %(d)s IS NULL", QueryRejectedError, "Write a cast, such as %(d)s::bigint."),
        ("SELECT 1 AS n; SELECT 2 AS m", NewTypeError, ":1: The query must not contain a semicolon"),
    ],
)
def test_a_query_that_is_no_report_is_one_error_and_writes_nothing(
    make: Make, tmp_path: Path, query: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        make(query=query)
    assert message in str(raised.value)
    assert [path.name for path in (tmp_path / "catalog").glob("*")] == []


def test_missing_privileges_are_statements_to_paste(
    make: Make, databases: dict[str, str], postgres: PostgresServer
) -> None:
    """The catalogs of Postgres describe a table that the role may not read, so that its files can be written."""
    stranger = as_role(databases["traders"], STRANGER)
    made = make("sales.invoices", url=stranger)
    grants = ["GRANT USAGE ON SCHEMA sales TO stranger;", "GRANT SELECT ON sales.invoices TO stranger;"]
    assert list(made.grants) == grants
    catalog = made.folder.parent
    query = "SELECT o.order_id, c.company_name FROM orders AS o, customers AS c WHERE o.customer_id = c.customer_id"
    assert make(query=query, url=stranger, name="two").grants == (
        "GRANT SELECT ON public.customers TO stranger;", "GRANT SELECT ON public.orders TO stranger;"
    )  # fmt: skip
    report = check_catalog(catalog, stranger)
    assert len(report.errors) == 2
    assert set(report.grants) == {*grants, *make(query=query, url=stranger, name="three").grants}
    with psycopg.connect(f"{postgres.url.rpartition('/')[0]}/traders", autocommit=True) as owner:
        for grant in report.grants:
            owner.execute(grant.encode())
        assert check_catalog(catalog, stranger).errors == []
        for grant in report.grants:
            owner.execute(grant.replace("GRANT", "REVOKE", 1).replace(" TO ", " FROM ").encode())


def test_a_query_of_a_schema_that_the_role_may_not_use_has_the_grants(make: Make, databases: dict[str, str]) -> None:
    with pytest.raises(QueryRejectedError) as raised:
        make(query="SELECT invoice_number FROM sales.invoices", url=as_role(databases["traders"], STRANGER))
    _, *grants = str(raised.value).splitlines()
    assert "permission denied for schema sales. Run as the owner of the tables:" in str(raised.value)
    assert [line.strip() for line in grants] == [
        "GRANT USAGE ON SCHEMA sales TO stranger;", "GRANT SELECT ON sales.invoices TO stranger;"
    ]  # fmt: skip


def test_a_table_that_does_not_exist_has_a_similar_one(make: Make) -> None:
    with pytest.raises(UnknownRelationError, match=r"There is no table ordrs\. Use orders\."):
        make("ordrs")


def test_an_existing_type_is_not_overwritten(make: Make) -> None:
    made = make("orders")
    (made.folder / "query.sql").write_text("edited", encoding="utf-8")
    with pytest.raises(NewTypeError, match="exists already"):
        make("customers")
    assert (made.folder / "query.sql").read_text(encoding="utf-8") == "edited"


def test_tenants_need_their_column(make: Make, tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "resma.toml").write_text('tenants = "required"\n', encoding="utf-8")
    with pytest.raises(NotReportableError, match="has no column tenant_id"):
        make("orders")
    with pytest.raises(NotReportableError, match="does not use"):
        make(query="SELECT order_id FROM orders")


def test_a_table_with_tenants_keeps_them_apart(postgres: PostgresServer, tmp_path: Path) -> None:
    made = new_type(NewOptions("accounts", postgres.url, tmp_path / "catalog", table="bank.accounts"))
    assert "WHERE tenant_id = %(tenant_id)s" in (made.folder / "query.sql").read_text(encoding="utf-8")
    assert made.settings_file is not None
    assert 'tenants = "required"' in made.settings_file.read_text(encoding="utf-8")
    assert check_catalog(tmp_path / "catalog", postgres.url).errors == []


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("secret@", "wrong@"), SourceError, "password"),
        (("/traders", "/nothing"), SourceError, 'database "nothing" does not exist'),
        (("secret@", "sec@ret@"), DatabaseUrlError, "Write @ in the password as %40."),
        (("postgresql:", "mysql:"), DatabaseUrlError, "must look like postgresql://"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_error(
    make: Make, databases: dict[str, str], tmp_path: Path, change: tuple[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        make("orders", url=databases["traders"].replace(*change))
    assert message in str(raised.value)
    assert "secret" not in str(raised.value)
    assert not (tmp_path / "catalog").exists()
