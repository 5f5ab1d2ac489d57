"""Each mistake that can be made in a report type's two files: the line it is in, and what to do about it."""

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
    """Where the marker first stands."""
    text = path.read_text(encoding="utf-8")
    return text.count("\n", 0, text.index(marker)) + 1


def _diagnostics(folder: Path) -> list[Diagnostic]:
    report_type, diagnostics = check_folder(folder)
    assert (report_type is None) == bool(diagnostics)
    return diagnostics


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sample, to be broken."""
    return Path(shutil.copytree(FEES, tmp_path / "fees"))


def test_the_sample_is_right(folder: Path) -> None:
    assert _diagnostics(folder) == []


# What is replaced, by what, where the mistake is then, and what is said of it.
IN_TOML = [
    # Words and texts
    ('pt = "Tarifas por conta", ', "", "title = ", "title: pt is missing: add it"),
    (
        'heading = { en = "Fees", pt = "Tarifas", ',
        'heading = { pt = "Tarifas", ',
        "{ pt = ",
        "column fees: heading: en",
    ),
    ('file_name = "fees"\n', "", "type = ", "file_name is missing: add it"),
    ('type = "FEES"', 'type = "fees"', 'type = "fees"', "type 'fees'"),
    (
        'orientation = "portrait"',
        'orientation = "upright"',
        "upright",
        "orientation 'upright' is unknown: there are landscape, portrait",
    ),
    (
        'kind = "amount"\nwidth',
        'kind = "money"\nwidth',
        '"money"',
        "column charged: kind 'money' is unknown: use amount",
    ),
    ("width = 12", "widht = 12", "widht", "column month: the key widht is unknown: use width"),
    ("width = 12", "width = 0", "width = 0", "column month: width 0: input should be greater than 0"),
    ("width = 12", 'width = "wide"', '"wide"', "column month: width 'wide'"),
    (
        "[totals]\n",
        "[limits]\nstatement_timeout_seconds = 0\n[totals]\n",
        "statement_timeout",
        "must be 1 or more",
    ),
    ("[totals]\n", "[limits]\nlock_timeout = 5\n[totals]\n", "lock_timeout", "use lock_timeout_seconds"),
    ("[totals]\n", '[totals]\nfile_name = "x"\n', 'file_name = "x"', "belongs to the report: move it above"),
    ('type = "FEES"', 'type = "FEES"\nquery = "SELECT"', "query = ", "the query stands in query.sql"),
    # Names
    ('sort = ["month", ', 'sort = ["moon", ', '"moon"', "no column is named moon: use month"),
    ('"account", "currency"]', '"account", "account"]', '"account", "account"', "sort account comes twice"),
    ('amount = "charged"', 'amount = "charge"', '"charge"', "no column is named charge: use charged"),
    ('by = "month"', 'by = "moth"', '"moth"', "no column is named moth: use month"),
    (
        'name = "holder"',
        'name = "account"',
        'name = "account"\nheading = { en = "Holder"',
        "column account comes twice",
    ),
    ('name = "to"', 'name = "from"', 'name = "from"\nlabel = { en = "To"', "filter from comes twice"),
    ('not_before = "from"', 'not_before = "form"', '"form"', "filter to: not_before names no filter: use from"),
    ('not_before = "from"', 'not_before = "account"', "not_before", "not_before must name a filter of kind date"),
    ('name = "over"', 'name = "under"', '"under"', "filter under is never used in query.sql: use %(under)s"),
    ('name = "over"', 'name = "tenant_id"', '"tenant_id"', "this name is the system's own"),
    # Kinds
    ('period = "month"', 'period = "account"', "period", "the period must be a column of kind date or timestamp"),
    ('["month", "account"', '["account", "month"', "sort = ", "sort must begin with the period: write month first"),
    ('period = "month"\n', "", "subtotals", "subtotals need a period and [totals]"),
    ('amount = "charged"', 'amount = "holder"', 'amount = "holder"', "holder can't be added up"),
    ('by = "month"', 'by = "holder"', 'by = "holder"', "a chart of kind time needs a column of kind date"),
    (
        'width = 28\nformat = "wrap"',
        'format = "grouped"',
        'format = "grouped"',
        "column holder: format 'grouped' is for",
    ),
    (
        'format = "grouped"',
        'format = "wrap"',
        'format = "wrap"\n\n[[columns]]\nname = "ch',
        "column fees: format 'wrap'",
    ),
    ("width = 28", "decimals = 2", "decimals", "column holder: decimals are for kind amount"),
    ("width = 28", "precision = 18", "precision", "column holder: precision and scale are for kind amount"),
    ("precision = 33\n", "", "scale", "column charged: precision and scale must be set together"),
    ("scale = 4\n", "", "precision", "column charged: precision and scale must be set together"),
    ("precision = 33", "precision = 3", "scale", "column charged: scale must not be more than precision"),
    # Filters
    (
        "max_length = 40",
        "minimum = 1",
        "minimum = 1\n\n",
        "filter account: minimum is for kinds date, integer and amount",
    ),
    ('default = "2024-01-01"', 'default = "2019-01-01"', '"2019-01-01"', "filter from: the default '2019-01-01' can't"),
    ('default = "2024-01-01"', "default = 2019-01-01", "default = 2019", "must be 2020-01-01 or more"),
    (
        "default = 1\n",
        "default = 0\n",
        "default = 0",
        "filter at_least: the default 0 can't be used: it must be 1 or more",
    ),
    ("default = 1\n", 'default = "1"\n', 'default = "1"', "filter at_least: the default '1' can't be used"),
    ("default = 1\n", "default = 1\nrequired = true\n", "default = 1", "what is required needs no default"),
    ("minimum = 1\n", "minimum = 2000\n", "minimum = 2000", "minimum is greater than maximum"),
    ('minimum = "2020-01-01"', 'minimum = "2020"', 'minimum = "2020"', "minimum '2020' is no date: write one like"),
    ('maximum = "1000000.00"', "maximum = 1000000.5", "maximum = 1000000.5", "write an amount as text"),
    ('choices = ["BRL", "USD", "EUR"]\n', "", 'kind = "choice"', "filter currency: kind 'choice' needs choices"),
    ('"USD", "EUR"]', '"USD", "USD"]', "choices", "choice USD comes twice"),
    (
        '"USD", "EUR"]\n',
        '"USD", "EUR"]\n\n[filters.choice_labels]\nBLR = { en = "Real", pt = "Real" }\n',
        "BLR",
        "choice_labels: BLR is not one of the choices",
    ),
    (
        '"USD", "EUR"]\n',
        '"USD", "EUR"]\n\n[filters.choice_labels]\nBRL = { en = "Real", pt = "Real" }\n',
        "[filters.choice_labels]",
        "choice_labels has no label for USD, EUR",
    ),
    ('kind = "choice"', 'kind = "text"', "choices", "choices are for kind choice"),
    ('kind = "choice"', 'kind = "choice"\nmax_length = 3', "max_length = 3", "max_length is for kind text"),
    # Shape
    ("[totals]", "[totals", "[totals", "this is no TOML"),
    ('type = "FEES"', 'type = "FEES"\ntype = "FEES"', '"FEES"\ntitle', "no TOML: a key comes twice"),
]


@pytest.mark.parametrize(("old", "new", "marker", "says"), IN_TOML, ids=lambda part: part[:40])
def test_mistakes_in_report_toml(folder: Path, old: str, new: str, marker: str, says: str) -> None:
    path = folder / "report.toml"
    _edit(path, old, new)
    found = [(diagnostic.file, diagnostic.line) for diagnostic in _diagnostics(folder) if says in diagnostic.says]
    assert found == [("report.toml", _line(path, marker))], _diagnostics(folder)


IN_SQL = [
    ("%(to)s::date IS NULL", "%(till)s::date IS NULL", "till", "the parameter %(till)s is no filter of report.toml"),
    ("%(account)s)\n", "%(acount)s)\n", "acount)", "is no filter of report.toml: use account"),
    ("%(tenant_id)s", "'demo'", "SELECT", "the query must choose its tenant's rows: use %(tenant_id)s in a condition"),
    ("'FEE'\n", "'FEE' -- not %(over)s\n", "-- not", "the parameter %(over)s stands in a comment"),
    ("'FEE'\n", "'FEE' /* 5\n% of */\n", "% of", "a single % in a comment is read as a parameter too: write %%"),
    ("= 'FEE'", "LIKE 'FE%'", "LIKE", "a single % in quotes is read as a parameter too: write %%"),
    ("= 'FEE'", "= '%(over)s'", "'%(over)s'", "stands in quotes, where no value can be bound"),
    ("count(*) AS", "count(*) % 10 AS", "% 10", "a single % is read as a parameter: write %% for the sign"),
    ("a.holder,", "%(over)d,", "%(over)d", "a single % is read as a parameter"),
    ("GROUP BY 1, 2, 3, 4\n", "GROUP BY 1, 2, 3, 4;\n", ";", "a semicolon ends the query: leave it out"),
    (
        "SELECT date_trunc",
        "DELETE FROM x RETURNING date_trunc",
        "DELETE",
        "begin it with SELECT or WITH, not with DELETE",
    ),
    ("SELECT date", "WITH x AS (\nDELETE FROM bank.y) SELECT date", "DELETE", "a query only reads"),
    ("GROUP BY 1, 2, 3, 4\n", "FOR UPDATE\n", "FOR UPDATE", "leave out FOR UPDATE"),
]


@pytest.mark.parametrize(("old", "new", "marker", "says"), IN_SQL, ids=lambda part: part[:40])
def test_mistakes_in_query_sql(folder: Path, old: str, new: str, marker: str, says: str) -> None:
    path = folder / "query.sql"
    _edit(path, old, new)
    found = [(diagnostic.file, diagnostic.line) for diagnostic in _diagnostics(folder) if says in diagnostic.says]
    assert found == [("query.sql", _line(path, marker))], _diagnostics(folder)


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
def test_what_looks_like_a_mistake_and_is_none(folder: Path, old: str, new: str) -> None:
    _edit(folder / "query.sql", old, new)
    assert _diagnostics(folder) == []


def test_an_empty_query(folder: Path) -> None:
    (folder / "query.sql").write_text("-- to be written\n", encoding="utf-8")
    assert any(diagnostic.says == "the query is empty: write a SELECT" for diagnostic in _diagnostics(folder))


def test_a_comment_in_the_last_line_ends_there(folder: Path) -> None:
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
    assert [(diagnostic.file, diagnostic.says) for diagnostic in _diagnostics(folder)] == [
        (name, "the file is missing: a report type has two")
    ]


def test_all_mistakes_of_all_folders_come_at_once(tmp_path: Path) -> None:
    for name in ("fees", "more"):
        shutil.copytree(FEES, tmp_path / name)
    shutil.copytree(FEES, tmp_path / "third")
    _edit(tmp_path / "fees" / "report.toml", 'pt = "Tarifas por conta", ', "")
    _edit(tmp_path / "fees" / "report.toml", 'sort = ["month"', 'sort = ["moon"')
    _edit(tmp_path / "fees" / "report.toml", "width = 10", "width = -1")
    _edit(tmp_path / "fees" / "query.sql", "GROUP BY 1, 2, 3, 4", "GROUP BY 1, 2, 3, 4;")
    (tmp_path / "empty").mkdir()
    report = check_catalog(tmp_path, None)
    assert report.types == 4
    assert [(str(found.path.relative_to(tmp_path)), found.line) for found in report.diagnostics] == [
        ("empty/report.toml", 1),
        ("empty/query.sql", 1),
        ("fees/report.toml", 2),
        ("fees/report.toml", 6),
        ("fees/report.toml", 35),
        ("fees/query.sql", 16),
        ("third/report.toml", 1),
    ]
    assert report.diagnostics[-1].says == "the report type FEES is in more too: name one of them differently"
