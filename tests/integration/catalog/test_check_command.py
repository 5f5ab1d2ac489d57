"""`resma check` and `resma preview` with a database that Resma has not made, and `resma init`."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image
from pypdf import PdfReader

from infra.authoring import preview as preview_module
from infra.authoring.sources import embedded_database
from infra.authoring.watch import changes
from infra.checks.report_types.check_folder import check_catalog
from infra.paths import ROOT
from infra.servers.postgres import PostgresServer
from resma.catalog import DEMO_CATALOG, load_settings
from resma_cli.main import main
from tests.support.own_databases import STRANGER, as_role, create_database

SAMPLES = ROOT / "tests" / "support" / "report_types"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def traders(postgres: PostgresServer) -> str:
    """URL of a database that Resma has not made, for a role that may only read."""
    return create_database(postgres.url, "traders")


@pytest.fixture(scope="module")
def awkward(postgres: PostgresServer) -> str:
    """URL of a database with unusual types, names and keys."""
    return create_database(postgres.url, "awkward")


@pytest.fixture
def run(tmp_path: Path, traders: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a working folder of its own, with the source of `traders`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE", traders)
    monkeypatch.setenv("RESMA_STACK", "no-such-stack")
    monkeypatch.delenv("RESMA_CATALOG", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_from_nothing_to_the_first_rows(run: Run, tmp_path: Path) -> None:
    """The commands of the guide, in their order; each says the next one."""
    code, out, _ = run("init")
    assert (code, "resma new orders --table orders" in out) == (0, True)
    assert run("init")[0] == 1, "nothing is overwritten"
    code, out, _ = run("new", "orders", "--table", "orders")
    assert (code, "created reports/orders/query.sql" in out, "resma preview orders" in out) == (0, True, True)
    code, out, _ = run("preview", "orders", "--rows", "3", "--filter", "from=2024-02-01")
    assert code == 0
    heading, *rows = out.split("\n\n")[0].splitlines()
    assert heading.split("\t")[:2] == ["Order id", "Customer id"]
    assert [row.split("\t")[3] for row in rows] == ["2024-02-01", "2024-02-02", "2024-02-03"]
    picture = Path(out.split("first pages: ")[1].strip())
    cover, table, *_ = (page.extract_text() for page in PdfReader(picture.with_suffix(".pdf")).pages)
    assert "Orders (preview: first 3 rows)" in " ".join(cover.split())
    assert "Customer id" in table
    with Image.open(picture) as image:
        assert image.height > image.width
    assert picture.with_suffix(".pdf").read_bytes().startswith(b"%PDF-")
    assert run("check") == (0, "1 report type, no errors\n", "")
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["orders", "resma.toml"]


@pytest.mark.parametrize("tenants", ["none", "required"])
def test_each_setting_of_a_new_catalog_is_valid(run: Run, tenants: str) -> None:
    """Also without the #, but for the logo, which is a file."""
    run("init", "own", "--tenants", tenants)
    text = Path("own/resma.toml").read_text(encoding="utf-8")
    settings = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE).replace('logo = "logo.svg"\n', "")
    assert settings.count("#") < text.count("#") - 8
    for content in (text, settings):
        Path("own/resma.toml").write_text(content, encoding="utf-8")
        assert load_settings(Path("own")).tenants == tenants


@pytest.mark.parametrize("format_", ["CSV", "NDJSON", "XLSX", "PARQUET"])
def test_a_preview_of_each_format(run: Run, format_: str) -> None:
    run("new", "invoices", "--table", "sales.invoices")
    code, out, _ = run("preview", "INVOICES", "--format", format_, "--json")
    document = json.loads(out)
    assert (code, len(document["rows"]), document["hasMore"], document["isSorted"]) == (0, 20, True, True)
    assert Path(document["file"]).suffix == f".{format_.lower()}"
    assert document["image"] is None


def test_a_preview_does_not_sort_a_large_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an index, it has rows in any order, and says so."""
    run("new", "invoices", "--table", "sales.invoices")
    _edit(Path("reports/invoices/report.toml"), '["issued_at", "invoice_number"]', '["issued_at", "net_amount"]')
    monkeypatch.setattr(preview_module, "MAX_SORTED_ROWS", 100)
    code, out, _ = run("preview", "invoices")
    assert (code, "in any order, because no index gives the order of `sort`" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "Unknown report type nothing"),
        (["orders", "--filter", "from=yesterday"], "from: It must be a date in the form YYYY-MM-DD."),
        (["orders", "--filter", "moon=1"], "moon: ORDERS has no such filter"),
        (["orders", "--time-zone", "Mars/Olympus"], "Mars/Olympus"),
        (["orders", "--locale", "xx-XX"], "locale: Unknown locale. It must be one of"),
    ],
)
def test_a_preview_that_is_not_possible_is_one_error(run: Run, arguments: list[str], message: str) -> None:
    run("new", "orders", "--table", "orders")
    code, _, error = run("preview", *arguments)
    assert (code, message in error) == (1, True), error


def test_a_preview_has_the_brand_of_its_catalog(run: Run) -> None:
    run("new", "customers", "--table", "customers", "--catalog", "elsewhere")
    with Path("elsewhere/resma.toml").open("a", encoding="utf-8") as file:
        file.write('[brand]\nname = "Northwind Traders"\n')
    code, out, _ = run("preview", "customers", "--catalog", "elsewhere")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("file: ")]
    assert "Northwind Traders" in PdfReader(line.removeprefix("file: ")).pages[0].extract_text()


def test_a_preview_of_a_table_that_is_too_wide_for_a_page_has_several_pages(run: Run, awkward: str) -> None:
    run("new", "wide", "--table", "odd.wide", "--source", awkward)
    code, out, _ = run("preview", "wide", "--rows", "2", "--source", awkward)
    assert (code, out.splitlines()[1].split("\t")[:2]) == (0, ["1", "x"])
    assert "no file" not in out
    assert "wide.pdf" in out


def test_changes_of_the_catalog_are_noticed(run: Run) -> None:
    run("new", "orders", "--table", "orders")
    noticed = changes(None)
    next(noticed)
    _edit(Path("reports/orders/query.sql"), "FROM", "-- edited\nFROM")
    next(noticed)
    Path("reports/resma.toml").unlink()
    next(noticed)


def test_a_preview_has_the_errors_of_the_check(run: Run) -> None:
    run("new", "orders", "--table", "orders")
    _edit(Path("reports/orders/query.sql"), "ship_name", "ship_nam")
    code, _, error = run("preview", "orders")
    assert code == 1
    assert 'reports/orders/query.sql:9: column "ship_nam" does not exist.' in error


def test_errors_have_a_file_and_a_line(run: Run, postgres: PostgresServer, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SAMPLES / "fees", tmp_path / "own" / "fees"))
    catalog = ["--catalog", str(tmp_path / "own")]
    assert run("check", *catalog, "--source", postgres.url) == (0, "1 report type, no errors\n", "")
    _edit(folder / "query.sql", "a.holder", "a.holdr")
    code, out, _ = run("check", *catalog, "--source", postgres.url)
    assert code == 1
    assert out.splitlines() == [
        'own/fees/query.sql:3: column a.holdr does not exist. Perhaps you meant to reference the column "a.holder".',
        "1 report type, 1 error",
    ]
    static = "1 report type, no errors; queries were not checked in a database\n"
    assert run("check", *catalog, "--static") == (0, static, "")


def test_without_a_source_an_embedded_database_has_the_demo_bank() -> None:
    with embedded_database() as url:
        assert check_catalog(DEMO_CATALOG, url).errors == []


def test_all_missing_privileges_are_named_at_once(run: Run, traders: str) -> None:
    """Also those of all further report types, and in the order in which they must be granted."""
    run("new", "invoices", "--table", "sales.invoices")
    Path("pairs.sql").write_text(
        "SELECT o.order_id, c.company_name FROM orders AS o JOIN customers AS c USING (customer_id)", encoding="utf-8"
    )
    run("new", "pairs", "--from", "pairs.sql")
    code, out, _ = run("check", "--source", as_role(traders, STRANGER))
    assert code == 1
    assert out.splitlines()[-8:] == [
        "",
        "Missing privileges. Run as the owner of the tables:",
        "GRANT USAGE ON SCHEMA sales TO stranger;",
        "GRANT SELECT ON sales.invoices TO stranger;",
        "GRANT SELECT ON public.customers TO stranger;",
        "GRANT SELECT ON public.orders TO stranger;",
        "",
        "2 report types, 2 errors",
    ]


def test_a_fix_adds_columns_and_filters_and_corrects_kinds(run: Run) -> None:
    """Comments stay, and the result passes the check."""
    run("new", "orders", "--table", "orders")
    toml, query = Path("reports/orders/report.toml"), Path("reports/orders/query.sql")
    _edit(toml, 'order_date = "date"\n', 'order_date = { kind = "timestamp", heading = "Day" }\n')
    _edit(toml, 'freight = "float"\n', 'freight = "money" # paid by the customer\n')
    _edit(toml, 'ship_city = "text"\n', "")
    _edit(query, "WHERE ", "WHERE (%(over)s::numeric IS NULL OR freight > %(over)s)\n  AND ")
    assert run("check")[0] == 1
    code, out, _ = run("check", "--fix")
    assert code == 0, out
    assert [line.partition(": ")[2] for line in out.splitlines()[:-1]] == [
        "Column 'order_date': changed kind from timestamp to date.",
        "Column 'freight': changed kind from money to float.",
        "Added column 'ship_city', of kind text.",
        "Added filter 'over', of kind amount.",
    ]
    text = toml.read_text(encoding="utf-8")
    assert 'order_date = { kind = "date", heading = "Day" }' in text
    assert 'freight = "float" # paid by the customer' in text
    assert run("check", "--fix") == (0, "1 report type, no errors\n", "")


def test_a_fix_adds_a_filter_to_after_an_existing_from(run: Run) -> None:
    run("new", "orders", "--table", "orders")
    toml = Path("reports/orders/report.toml")
    _edit(toml, 'to = { kind = "date", not_before = "from" }\n', "")
    assert run("check", "--fix")[0] == 0
    assert 'to = {kind = "date", not_before = "from"}' in toml.read_text(encoding="utf-8")


def test_parameters_that_postgres_cannot_read_have_a_remedy(run: Run) -> None:
    run("new", "orders", "--table", "orders")
    toml, query = Path("reports/orders/report.toml"), Path("reports/orders/query.sql")
    _edit(toml, "[filters]\n", '[filters]\nsince = "date"\n')
    _edit(query, "WHERE ", "WHERE %(since)s IS NOT NULL\n  AND ")
    assert "Write a cast, such as %(since)s::date." in run("check")[1]
    _edit(query, "%(since)s", "$1")
    for arguments in (["check"], ["check", "--fix"]):
        assert "Write a named parameter, %(name)s, instead of $1." in run(*arguments)[1]
    assert "instead of $1." in run("preview", "orders")[2]


@pytest.mark.parametrize(
    "settings", ['tenants = "none"\n[brand]\nprimary_color = "blue"\nlogo = "no.svg"\n', "tenants = none\n"]
)
def test_errors_of_the_settings_are_not_repeated_for_each_type(run: Run, settings: str) -> None:
    run("new", "orders", "--table", "orders")
    run("new", "customers", "--table", "customers")
    Path("reports/resma.toml").write_text(settings, encoding="utf-8")
    _edit(Path("reports/orders/report.toml"), 'kind = "date"', 'kind = "dat"')
    code, out, _ = run("check")
    assert code == 1
    named = [line.partition(":")[0] for line in out.splitlines()[:-1]]
    expected = 2 if "brand" in settings else 1
    assert named == [*["reports/resma.toml"] * expected, "reports/orders/report.toml"]
    code, _, error = run("preview", "customers")
    assert (code, error.count("reports/resma.toml:")) == (1, expected)


def _warnings(url: str, tmp_path: Path, query: str, toml: str, tenants: str = "none") -> list[str]:
    folder = tmp_path / "catalog" / "sample"
    folder.mkdir(parents=True)
    (folder.parent / "resma.toml").write_text(f'tenants = "{tenants}"\n', encoding="utf-8")
    (folder / "query.sql").write_text(query, encoding="utf-8")
    (folder / "report.toml").write_text(toml, encoding="utf-8")
    report = check_catalog(folder.parent, url)
    assert report.errors == []
    return [warning.message for warning in report.warnings]


@pytest.mark.parametrize(
    ("query", "sort", "columns", "warning"),
    [
        ("SELECT * FROM odd.no_key", '["day"]', 'day = "date"\nword = "text"\nnumber = "integer"\nshape = "text"\n'
         'doc = "json"', "Add a column that identifies each row, or a primary key to odd.no_key."),
        ("SELECT * FROM odd.nullable_key", '["code"]', 'code = "text"\namount = "amount"',
         "'code' of `sort` may be NULL"),
        ("SELECT * FROM odd.generated", '["net"]', 'id = "integer"\nnet = "amount"\ntax = "amount"',
         "Add id, the key of odd.generated."),
        ("SELECT * FROM odd.generated", '["net", "id"]', 'id = "integer"\nnet = "amount"\ntax = "amount"', None),
        ("SELECT * FROM odd.measured", '["sensor"]', 'sensor = "integer"\ntaken_at = "timestamp"\nvalue = "float"\n'
         'is_positive = "boolean"', None),
        ("SELECT sensor, count(*) AS n FROM odd.measurements GROUP BY sensor", '["sensor"]',
         'sensor = "integer"\nn = "integer"', None),
        ("SELECT * FROM odd.daily", '["day", "sensor"]', 'sensor = "integer"\nday = "date"\nn = "integer"', None),
    ],
    ids=["no-key", "null", "not-unique", "key", "view", "groups", "materialized"],
)  # fmt: skip
def test_sort_columns_that_do_not_identify_rows(
    awkward: str, tmp_path: Path, query: str, sort: str, columns: str, warning: str | None
) -> None:
    found = _warnings(awkward, tmp_path, query, f"sort = {sort}\n[columns]\n{columns}\n")
    assert [warning in message for message in found if warning] == ([True] if warning else [])
    assert len(found) == (1 if warning else 0)


def test_views_must_apply_row_level_security_if_there_are_tenants(
    postgres: PostgresServer, awkward: str, tmp_path: Path
) -> None:
    toml = 'sort = ["sensor"]\n[columns]\nsensor = "integer"\n'
    query = "SELECT DISTINCT sensor FROM odd.{} WHERE %(tenant_id)s = sensor::text"
    (found,) = _warnings(awkward, tmp_path / "1", query.format("measured"), toml, "required")
    assert "ALTER VIEW odd.measured SET (security_invoker = true)" in found
    assert _warnings(awkward, tmp_path / "2", query.format("measured_by_reader"), toml, "required") == []
    with psycopg.connect(postgres.url, dbname="awkward") as connection:
        connection.execute(
            "CREATE VIEW odd.measured_of_tenant AS SELECT * FROM odd.measurements"
            " WHERE sensor::text = current_setting('resma.tenant_id', true);"
            " GRANT SELECT ON odd.measured_of_tenant TO PUBLIC"
        )
    assert _warnings(awkward, tmp_path / "3", query.format("measured_of_tenant"), toml, "required") == []
    with psycopg.connect(postgres.url, dbname="awkward") as connection:
        connection.execute("DROP VIEW odd.measured_of_tenant")


@pytest.mark.parametrize(
    ("expression", "kind", "fitting"),
    [
        ("1.5::real", "amount", None),
        ("1.5::float8", "integer", "float"),
        ("now()::timestamp", "timestamp", "local_timestamp"),
        ("gen_random_uuid()", "integer", "uuid"),
        ("1::money", "integer", "amount"),
        ("ARRAY['a']", "uuid", "json"),
        ("true", "integer", "boolean"),
        ("'x'::text", "integer", "text"),
    ],
)
def test_the_advice_never_damages_data(
    traders: str, tmp_path: Path, expression: str, kind: str, fitting: str | None
) -> None:
    """It names the kind that fits, and no cast."""
    folder = tmp_path / "sample"
    folder.mkdir()
    (tmp_path / "resma.toml").write_text('tenants = "none"\n', encoding="utf-8")
    (folder / "query.sql").write_text(f"SELECT 1 AS id, {expression} AS x", encoding="utf-8")
    toml = f'sort = ["id"]\n[columns]\nid = "integer"\nx = "{kind}"\n'
    (folder / "report.toml").write_text(toml, encoding="utf-8")
    errors = [error.message for error in check_catalog(tmp_path, traders).errors]
    assert all("::" not in error for error in errors)
    assert [error.endswith(f'Write kind = "{fitting}".') for error in errors] == ([True] if fitting else [])


@pytest.mark.parametrize(
    "columns",
    ['[[columns]]\nname = "order_id"\n', 'columns = "order_id"\n', 'filters = [1]\n[columns]\norder_id = "integer"\n'],
)
def test_a_file_of_another_form_is_not_fixed(run: Run, columns: str) -> None:
    run("new", "orders", "--table", "orders")
    file = Path("reports/orders/report.toml")
    file.write_text(f'sort = ["order_id"]\n{columns}', encoding="utf-8")
    code, out, error = run("check", "--fix")
    assert (code, "must be a table" in out + error) == (1, True)
    assert file.read_text(encoding="utf-8") == f'sort = ["order_id"]\n{columns}'


@pytest.mark.parametrize("command", [["check"], ["preview", "orders"], ["new", "customers", "--table", "customers"]])
def test_a_wrong_password_is_one_error_without_the_password(run: Run, traders: str, command: list[str]) -> None:
    run("new", "orders", "--table", "orders")
    code, out, error = run(*command, "--source", traders.replace("secret@", "mistaken@"))
    assert (code, out) == (3, "")
    assert "password authentication failed" in error
    assert "mistaken" not in error
    assert not Path("reports/customers").exists()


def test_a_catalog_that_does_not_exist_is_an_error(run: Run) -> None:
    code, _, error = run("check", "--catalog", "nowhere")
    assert (code, "does not exist. Create it with `resma init`." in error) == (1, True)


@pytest.mark.parametrize("command", [["check"], ["preview", "accounts"]])
def test_a_source_is_not_read_for_the_demo_catalog(run: Run, command: list[str]) -> None:
    code, _, error = run(*command)
    assert (code, "There is no ./reports here. Run `resma init`" in error) == (1, True)


def test_choices_that_are_not_known_are_a_warning(run: Run) -> None:
    Path("chosen.sql").write_text(
        "SELECT order_id, ship_city FROM orders WHERE order_id = ANY(%(ids)s) AND initcap(ship_city) = ANY(%(places)s)"
    )
    code, out, _ = run("new", "chosen", "--from", "chosen.sql")
    assert (code, "placeholders, because they are not known" in out) == (0, True)
    code, out, _ = run("check")
    assert code == 1
    assert [name for name in ("ids", "places") if f"warning: Filter '{name}': the choices FIRST and" in out] == [
        "ids", "places"
    ]  # fmt: skip
    assert "integer: \"FIRST\". Correct `choices` of the filter 'ids'" in out
    _edit(
        Path("reports/chosen/report.toml"),
        'ids = { kind = "choice", choices = ["FIRST", "SECOND"]',
        'ids = { kind = "choice", choices = ["1", "2"]',
    )
    code, out, _ = run("check")
    assert (code, out.count("warning: Filter")) == (0, 1), out


def test_the_rows_must_be_named_once(run: Run) -> None:
    for arguments in ((), ("--table", "orders", "--from", "x.sql")):
        code, _, error = run("new", "orders", *arguments)
        assert (code, "use either `--table` or `--from`" in error) == (2, True)


def test_a_role_that_may_read_nothing_sees_the_grants(run: Run, traders: str) -> None:
    code, out, _ = run("new", "orders", "--table", "orders", "--source", as_role(traders, STRANGER), "--json")
    document: dict[str, Any] = json.loads(out)
    assert (code, document["grants"]) == (0, ["GRANT SELECT ON public.orders TO stranger;"])


def test_columns_that_the_role_may_not_read_are_left_out(run: Run, traders: str, postgres: PostgresServer) -> None:
    owner = f"{postgres.url.rpartition('/')[0]}/traders"
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("GRANT SELECT (order_id, order_date) ON orders TO stranger")
        try:
            code, out, _ = run("new", "orders", "--table", "orders", "--source", as_role(traders, STRANGER))
            assert (code, "the role may not read customer_id" in out) == (0, True)
            assert run("check", "--source", as_role(traders, STRANGER))[0] == 0
            _edit(Path("reports/orders/query.sql"), "order_date\n", "order_date, freight\n")
            _, out, _ = run("check", "--source", as_role(traders, STRANGER), "--json")
            assert json.loads(out)["grants"] == ["GRANT SELECT ON public.orders TO stranger;"]
        finally:
            connection.execute("REVOKE ALL (order_id, order_date) ON orders FROM stranger")
