"""Each error that a report type's two files can have is reported with its line and a remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.checks.report_types.check_folder import check_catalog
from infra.paths import ROOT
from resma.catalog import Diagnostic, check_folder

FEES = ROOT / "tests" / "support" / "report_types" / "fees"


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _line(path: Path, marker: str) -> int:
    """Returns the line of the first occurrence of the marker, from 1."""
    text = path.read_text(encoding="utf-8")
    return text.count("\n", 0, text.index(marker)) + 1


def _diagnostics(folder: Path) -> list[Diagnostic]:
    report_type, diagnostics = check_folder(folder)
    assert (report_type is None) == bool(diagnostics)
    return diagnostics


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the sample, which tests may change."""
    return Path(shutil.copytree(FEES, tmp_path / "fees"))


def test_the_sample_is_valid(folder: Path) -> None:
    assert _diagnostics(folder) == []


# Each case: replaced text, replacement, text in the line of the error, and a part of the message.
IN_TOML = [
    # Keys and strings
    ('pt = "Tarifas por conta"', 'pt = ""', "title = ", "`title`: The string of language 'pt' must not be ''."),
    ("pt = ", "PT = ", "title = ", "`title`: 'PT' must be the code of a language, like 'en' or 'pt-BR'."),
    (
        'heading = { en = "Fees", pt = "Tarifas", de = "Gebühren" }',
        "heading = 7",
        "heading = 7",
        "Column 'fees', `heading`: It must be a string, or a table of languages like { en =",
    ),
    (
        'heading = { en = "Fees", pt = "Tarifas", de = "Gebühren" }',
        "heading = {}",
        "heading = {}",
        "Column 'fees', `heading`: It must not be empty.",
    ),
    ("title = ", 'type = "fees"\ntitle = ', 'type = "fees"', "`type` must not be 'fees'"),
    ("title = ", 'file_name = "Fees"\ntitle = ', 'file_name = "Fees"', "`file_name` must not be 'Fees'"),
    (
        'orientation = "portrait"',
        'orientation = "upright"',
        "upright",
        "`orientation` must not be 'upright'. Use one of landscape, portrait.",
    ),
    (
        'charged = { kind = "amount"',
        'charged = { kind = "money"',
        '"money"',
        "Column 'charged': `kind` must not be 'money'. Use 'amount'.",
    ),
    ("month = {", 'day = "dat"\nmonth = {', '"dat"', "Column 'day': `kind` must not be 'dat'. Use 'date'."),
    ("month = {", "day = 7\nmonth = {", "day = 7", "Column 'day': `kind` must not be 7. Use one of text, integer"),
    ("month = {", 'month = { name = "m", ', "name =", "The name of a column is its key, here 'month'. Remove `name`."),
    ("width = 12", "widht = 12", "widht", "Column 'month': The key `widht` is unknown. Use 'width'."),
    (
        '{ kind = "date", heading',
        '{ type = "date", heading',
        "type",
        "Column 'month': The key `type` is unknown. Use 'kind'.",
    ),
    (
        "[filters.to]",
        '[filters."To day"]',
        "To day",
        "Filter 'To day': `name` must not be 'To day'. It must consist of",
    ),
    ("width = 12", "width = 0", "width = 0", "Column 'month': `width` must not be 0. Input should be greater than 0."),
    ("width = 12", 'width = "wide"', '"wide"', "Column 'month': `width` must not be 'wide'"),
    (
        "[totals]\n",
        "[limits]\nstatement_timeout_seconds = 0\n[totals]\n",
        "statement_timeout",
        "must be 1 or more",
    ),
    ("[totals]\n", "[limits]\nlock_timeout = 5\n[totals]\n", "lock_timeout", "Use 'lock_timeout_seconds'."),
    ("[totals]\n", '[totals]\nfile_name = "x"\n', 'file_name = "x"', "belongs to the top of the file. Move it above"),
    ("title = ", 'query = "SELECT"\ntitle = ', "query = ", "The query belongs in query.sql"),
    ("title = ", 'tenants = "none"\ntitle = ', "tenants = ", "The key `tenants` belongs in resma.toml"),
    # Names
    ('sort = ["month", ', 'sort = ["moon", ', '"moon"', "Column 'moon' does not exist. Use 'month'."),
    (
        '"account", "currency"]',
        '"account", "account"]',
        '"account", "account"',
        "`sort` column 'account' is duplicated",
    ),
    ('sort = ["month", ', 'sort = ["-moon", ', '"-moon"', "Column 'moon' does not exist. Use 'month'."),
    ('sort = ["month", ', 'sort = ["month", "-month", ', '"-month"', "`sort` column 'month' is duplicated"),
    ('sort = ["month", "account", "currency"]', "sort = []", "sort", "`sort` is empty. Add columns that identify each"),
    ('sort = ["month", ', 'sort = [1, "month", ', "sort = [1", 'It must be the name of a column, such as "order_id"'),
    ('["charged"]', '["charge"]', '"charge"', "Column 'charge' does not exist. Use 'charged'."),
    ('["charged"]', '"charged"', "amounts", "`totals`: `amounts` must not be 'charged'. It must be an array"),
    ('["charged"]', "[]", "amounts", "`totals`: `amounts` must not be []. It must have at least 1 item."),
    ('by = "month"', 'by = "moth"', '"moth"', "Column 'moth' does not exist. Use 'month'."),
    (
        'not_before = "from"',
        'not_before = "form"',
        '"form"',
        "Filter 'to': `not_before` names filter 'form', which does not exist. Use 'from'.",
    ),
    ('not_before = "from"', 'not_before = "account"', "not_before", "`not_before` must name a filter of kind date"),
    ("[filters.over]", "[filters.under]", "[filters.under]", "Filter 'under' is not used in query.sql. Use %(under)s"),
    ("[filters.over]", "[filters.tenant_id]", "[filters.tenant_id]", "This name is reserved for the system"),
    # Kinds
    ('period = "month"', 'period = "account"', "period", "`period` must name a column of kind date, timestamp"),
    (
        '["month", "account"',
        '["account", "month"',
        "sort = ",
        "The first column of `sort` must be the period. Write 'month' first.",
    ),
    ('period = "month"\n', "", "subtotals", "`subtotals` requires `period` and `[totals]`"),
    ('["charged"]', '["holder"]', '["holder"]', "Column 'holder' cannot be added up"),
    ('by = "month"', 'by = "holder"', 'by = "holder"', "A chart of kind time requires a column of kind date"),
    ("width = 28", "grouped = true", "grouped", "Column 'holder': `grouped` is only for"),
    ("wrap = true", "wrap = 1", "wrap = 1", "Column 'holder': `wrap` must not be 1. It must be true or false"),
    ('fees = { kind = "integer"', 'fees = { kind = "integer", wrap = true', "fees = {", "Column 'fees': `wrap` is"),
    ("width = 28", "decimals = 2", "holder = {", "Column 'holder': `decimals` is only for kind amount"),
    ("width = 28", "precision = 18", "holder = {", "Column 'holder': `precision` and `scale` are only for kind amount"),
    (", scale = 4", "", "precision", "Column 'charged': `precision` requires `scale`"),
    ("decimals = 2", "decimals = 5", "decimals", "Column 'charged': `decimals` must not be greater than `scale`"),
    ("precision = 33", "precision = 3", "scale", "Column 'charged': `scale` must not be greater than `precision`"),
    # Filters
    (
        "max_length = 40",
        "minimum = 1",
        "minimum = 1\n\n",
        "Filter 'account': `minimum` is only for kinds date, integer and amount",
    ),
    (
        'default = "2024-01-01"',
        'default = "2019-01-01"',
        '"2019-01-01"',
        "Filter 'from': The default '2019-01-01' is not",
    ),
    ('default = "2024-01-01"', "default = 2019-01-01", "default = 2019", "must be 2020-01-01 or more"),
    (
        "default = 1\n",
        "default = 0\n",
        "default = 0",
        "Filter 'at_least': The default 0 is not valid. It must be 1 or more.",
    ),
    ("default = 1\n", 'default = "1"\n', 'default = "1"', "Filter 'at_least': The default '1' is not valid"),
    ("default = 1\n", "default = 1\nrequired = true\n", "default = 1", "A required filter must not have a default"),
    ("minimum = 1\n", "minimum = 2000\n", "minimum = 2000", "`minimum` must not be greater than `maximum`"),
    (
        'minimum = "2020-01-01"',
        'minimum = "2020"',
        'minimum = "2020"',
        "`minimum` must be a value of kind date, not '2020'. Write it like",
    ),
    ('maximum = "1000000.00"', "maximum = 1000000.5", "maximum = 1000000.5", "Write an amount as a string"),
    ('choices = ["BRL", "USD", "EUR"]\n', "", 'kind = "choice"', "Filter 'currency': Kind 'choice' requires choices"),
    ('"USD", "EUR"]', '"USD", "USD"]', "choices", "Choice 'USD' is duplicated"),
    (
        '"USD", "EUR"]\n',
        '"USD", "EUR"]\nchoice_labels = { BLR = "Real" }\n',
        "BLR",
        "`choice_labels`: 'BLR' is not one of the choices",
    ),
    (
        '"USD", "EUR"]\n',
        '"USD", "EUR"]\nchoice_labels = { BRL = "Real" }\n',
        "choice_labels",
        "`choice_labels` has no label for USD, EUR",
    ),
    ('kind = "choice"', 'kind = "text"', "choices", "`choices` is only for kind choice"),
    ('kind = "choice"', 'kind = "choice"\nmax_length = 3', "max_length = 3", "`max_length` is only for kind text"),
    # Shape
    ("[totals]", "[totals", "[totals", "The file is not valid TOML"),
    ("subtotals = ", 'title = "x"\nsubtotals = ', 'title = "x"', "not valid TOML. A key or a table is duplicated"),
    (
        "[filters.to]",
        "[filters.from]",
        '[filters.from]\nkind = "date"\nlabel = { en = "To"',
        "A key or a table is duplicated",
    ),
    ('["charged"]', '["charged", "charged"]', '"charged", "charged"', "Amount 'charged' is duplicated. Remove one"),
    ("width = 28", "wrap = false", "holder = {", "A key or a table is duplicated. Remove one."),
]


@pytest.mark.parametrize(("old", "new", "marker", "message"), IN_TOML, ids=lambda part: part[:40])
def test_errors_in_report_toml(folder: Path, old: str, new: str, marker: str, message: str) -> None:
    path = folder / "report.toml"
    _edit(path, old, new)
    positions = [
        (diagnostic.file, diagnostic.line) for diagnostic in _diagnostics(folder) if message in diagnostic.message
    ]
    assert positions == [("report.toml", _line(path, marker))], _diagnostics(folder)


IN_SQL = [
    ("%(to)s::date IS NULL", "%(till)s::date IS NULL", "till", "The parameter %(till)s is not a filter of report.toml"),
    ("%(account)s)\n", "%(acount)s)\n", "acount)", "is not a filter of report.toml. Use 'account'."),
    (
        "%(tenant_id)s",
        "'demo'",
        "SELECT",
        "The query must select the rows of one tenant. Use a condition such as tenant_id = %(tenant_id)s. If the",
    ),
    ("'FEE'\n", "'FEE' -- not %(over)s\n", "-- not", "The parameter %(over)s is in a comment"),
    ("'FEE'\n", "'FEE' /* 5\n% of */\n", "% of", "A single % in a comment is also read as a parameter. Write %%."),
    ("= 'FEE'", "LIKE 'FE%'", "LIKE", "A single % in quotes is also read as a parameter. Write %%."),
    ("= 'FEE'", "= '%(over)s'", "'%(over)s'", "is in quotes, where no value can be bound"),
    ("count(*) AS", "count(*) % 10 AS", "% 10", "A single % is read as a parameter. Write %% for a percent sign"),
    ("a.holder,", "%(over)d,", "%(over)d", "A single % is read as a parameter"),
    ("GROUP BY 1, 2, 3, 4\n", "GROUP BY 1, 2, 3, 4;\n", ";", "The query must not contain a semicolon"),
    (
        "SELECT date_trunc",
        "DELETE FROM x RETURNING date_trunc",
        "DELETE",
        "The query must start with SELECT or WITH, not with DELETE.",
    ),
    (
        "SELECT date",
        "WITH x AS (\nDELETE FROM bank.y) SELECT date",
        "DELETE",
        "The query runs in a READ ONLY transaction",
    ),
    ("GROUP BY 1, 2, 3, 4\n", "FOR UPDATE\n", "FOR UPDATE", "Remove FOR UPDATE."),
]


@pytest.mark.parametrize(("old", "new", "marker", "message"), IN_SQL, ids=lambda part: part[:40])
def test_errors_in_query_sql(folder: Path, old: str, new: str, marker: str, message: str) -> None:
    path = folder / "query.sql"
    _edit(path, old, new)
    positions = [
        (diagnostic.file, diagnostic.line) for diagnostic in _diagnostics(folder) if message in diagnostic.message
    ]
    assert positions == [("query.sql", _line(path, marker))], _diagnostics(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'FEE'\n", "'FEE' -- it's; \"so\"\n"),
        ("'FEE'\n", "'FEE' /* ; ' */\n"),
        ("= 'FEE'", "LIKE 'F%%;''DELETE FROM x'"),
        ("= 'FEE'", "= E'F\\';'"),
        ("= 'FEE'", "= $q$it's;$q$"),
        ("count(*) AS", "count(*) %% 10 AS"),
        ("a.holder,", 'a.holder AS "update",'),
    ],
)
def test_valid_queries_that_resemble_errors(folder: Path, old: str, new: str) -> None:
    _edit(folder / "query.sql", old, new)
    assert _diagnostics(folder) == []


def test_an_empty_query(folder: Path) -> None:
    (folder / "query.sql").write_text("-- to be written\n", encoding="utf-8")
    assert any(
        diagnostic.message == "The query is empty. Write a SELECT statement." for diagnostic in _diagnostics(folder)
    )


def test_the_query_ends_with_a_line_break_after_a_comment(folder: Path) -> None:
    path = folder / "query.sql"
    path.write_text(path.read_text(encoding="utf-8").rstrip() + " -- over", encoding="utf-8")
    report_type, _ = check_folder(folder)
    assert report_type is not None
    assert report_type.query.endswith("-- over\n")


@pytest.mark.parametrize("name", ["report.toml", "query.sql"])
def test_a_file_that_is_missing_or_in_another_encoding(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(b"\n\n" + "ação".encode("latin-1"))
    assert [(diagnostic.file, diagnostic.line) for diagnostic in _diagnostics(folder)] == [(name, 3)]
    path.unlink()
    assert [(diagnostic.file, diagnostic.message) for diagnostic in _diagnostics(folder)] == [
        (name, "The file is missing. A report type has report.toml and query.sql.")
    ]


def test_all_errors_of_all_folders_are_reported_at_once(tmp_path: Path) -> None:
    for name in ("fees", "more"):
        shutil.copytree(FEES, tmp_path / name)
    shutil.copytree(FEES, tmp_path / "third")
    for name in ("more", "third"):
        _edit(tmp_path / name / "report.toml", "title = ", 'type = "OTHER"\ntitle = ')
    _edit(tmp_path / "fees" / "report.toml", 'pt = "Tarifas por conta", ', 'pt = "", ')
    _edit(tmp_path / "fees" / "report.toml", 'sort = ["month"', 'sort = ["moon"')
    _edit(tmp_path / "fees" / "report.toml", "width = 10", "width = -1")
    _edit(tmp_path / "fees" / "query.sql", "GROUP BY 1, 2, 3, 4", "GROUP BY 1, 2, 3, 4;")
    (tmp_path / "empty").mkdir()
    report = check_catalog(tmp_path, None)
    assert report.types == 4
    assert [(str(error.path.relative_to(tmp_path)), error.line) for error in report.errors] == [
        ("empty/report.toml", 1),
        ("empty/query.sql", 1),
        ("fees/report.toml", 1),
        ("fees/report.toml", 4),
        ("fees/report.toml", 16),
        ("fees/query.sql", 16),
        ("third/report.toml", 1),
    ]
    assert report.errors[-1].message == "The folder more also has the report type OTHER. Rename one of them."
