"""`[control]` of report.toml and control.sql: each error is found without a database, with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from resma.catalog import check_folder, current_catalog, find_report_type

TOML = """sort = ["id"]
[totals]
amounts = ["amount"]
[control]
unless_filtered_by = ["name"]
[columns]
id = "integer"
amount = "amount"
[filters]
day = "date"
name = "text"
account = { kind = "text", required = true }
kind = { kind = "text", default = "x" }
"""
WHERE = "WHERE %(tenant_id)s = t AND %(day)s::date = d AND %(account)s = a AND %(kind)s = k"
QUERY = f"SELECT id, amount FROM x {WHERE} AND %(name)s = n"
CONTROL = f"SELECT sum(amount) AS amount\nFROM ledger {WHERE}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ledger"
    folder.mkdir()
    for name, text in (("report.toml", TOML), ("query.sql", QUERY), ("control.sql", CONTROL)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def errors(folder: Path) -> list[str]:
    """Returns the errors as lines of file, line and message."""
    report_type, found = check_folder(folder)
    assert (report_type is None) == bool(found)
    return [f"{item.file}:{item.line}: {item.message}" for item in found]


def test_a_valid_type_has_both_queries(folder: Path) -> None:
    report_type, found = check_folder(folder)
    assert found == []
    assert report_type is not None
    assert report_type.control is not None
    assert report_type.control.unless_filtered_by == ("name",)
    assert report_type.control_query == CONTROL + "\n"


def test_the_name_of_the_file_may_be_written(folder: Path) -> None:
    (folder / "report.toml").write_text(TOML.replace("[control]", '[control]\nquery = "control.sql"'), encoding="utf-8")
    assert errors(folder) == []


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            "[control]",
            "[control]\nquery = 'other.sql'",
            "5: `control`: `query` must not be 'other.sql'. Use 'control.sql'.",
        ),
        (
            "[control]",
            "[control]\ntolerance = 1",
            "5: `control`: The key `tolerance` is unknown. Use one of query, unl",
        ),
        ('["name"]', '["nam"]', "5: Filter 'nam' does not exist. Use 'name'."),
        ('["name"]', '["name", "account"]', "5: Filter 'account' is always set, so the control query would never run."),
        ('["name"]', '["name", "kind"]', "5: Filter 'kind' is always set, so the control query would never run."),
        (
            'unless_filtered_by = ["name"]',
            "",
            "11: Filter 'name' is not used in control.sql, so the totals would differ",
        ),
        ('[totals]\namounts = ["amount"]\n', "", "2: `[control]` requires `[totals]`. Add it, or remove `[control]`."),
        ("[columns]", 'x = "SELECT"\n[columns]', "6: `control`: The key `x` is unknown."),
        ("sort", 'control_query = "SELECT"\nsort', "1: The control query belongs in control.sql. Remove this key."),
    ],
)
def test_errors_in_report_toml(folder: Path, old: str, new: str, error: str) -> None:
    assert old in TOML
    (folder / "report.toml").write_text(TOML.replace(old, new, 1), encoding="utf-8")
    assert any(line.startswith(f"report.toml:{error}") for line in errors(folder)), errors(folder)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("%(day)s", "%(dya)s", "2: The parameter %(dya)s is not a filter of report.toml. Use 'day'."),
        ("%(tenant_id)s", "'demo'", "1: The query must select the rows of one tenant."),
        ("ledger", "ledger;", "2: The query must not contain a semicolon"),
        ("ledger", "ledger -- %(day)s\n", "2: The parameter %(day)s is in a comment"),
        ("SELECT", "DELETE", "1: The query must start with SELECT or WITH, not with DELETE."),
    ],
)
@pytest.mark.parametrize("toml", [TOML, f"wrong = 1\n{TOML}", "wrong", 'columns = "x"'], ids=range(4))
def test_errors_in_control_sql(folder: Path, old: str, new: str, error: str, toml: str) -> None:
    (folder / "report.toml").write_text(toml, encoding="utf-8")
    (folder / "control.sql").write_text(CONTROL.replace(old, new, 1), encoding="utf-8")
    is_about_filters = "filter of report.toml" in error or "one tenant" in error
    found = any(line.startswith(f"control.sql:{error}") for line in errors(folder))
    assert found or (is_about_filters and "wrong = 1" not in toml and toml != TOML), errors(folder)


def test_a_missing_file_and_one_that_is_not_used(folder: Path) -> None:
    (folder / "control.sql").unlink()
    assert errors(folder) == ["report.toml:4: The file control.sql is missing. Write the control query to it."]
    text = TOML.replace('[control]\nunless_filtered_by = ["name"]\n', "")
    (folder / "report.toml").write_text(text, encoding="utf-8")
    assert errors(folder) == []
    (folder / "control.sql").write_text(CONTROL, encoding="utf-8")
    message = "The file is not used. Write [control] in report.toml, or remove the file."
    assert errors(folder) == [f"control.sql:1: {message}"]
    (folder / "control.sql").write_bytes(b"\n\xff")
    assert errors(folder) == ["control.sql:2: The file is not valid UTF-8. Save it as UTF-8."]


def test_a_change_of_the_file_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_CATALOG", str(folder.parent))
    assert find_report_type("LEDGER").control_query == CONTROL + "\n"
    (folder / "control.sql").write_text(CONTROL + " -- changed", encoding="utf-8")
    assert find_report_type("LEDGER").control_query == CONTROL + " -- changed\n"
    (folder / "control.sql").write_text("SELECT 1;", encoding="utf-8")
    errors = current_catalog().invalid["LEDGER"].lines()
    assert any(error.startswith("ledger/control.sql:1: The query must not") for error in errors)
