"""Report types on Resma's own records may read one view, for one tenant."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.paths import ROOT
from resma.catalog import CatalogSettings, check_folder

SHIPPED = ROOT / "infra" / "system_catalog"
TOML = """
database = "system"
sort = ["entry_id"]

[columns]
entry_id = "text"
"""
LOG = "SELECT entry_id FROM resma.access_log WHERE tenant_id = %(tenant_id)s"


def errors(folder: Path, query: str, more: str = "", settings: CatalogSettings | None = None) -> str:
    """Returns the errors of a report type that reads the system's database."""
    (folder / "report.toml").write_text(TOML + more, encoding="utf-8")
    (folder / "query.sql").write_text(query, encoding="utf-8")
    report_type, diagnostics = check_folder(folder, settings)
    assert (report_type is None) == bool(diagnostics)
    return " ".join(item.message for item in diagnostics)


@pytest.mark.parametrize(("name", "persons"), [("ACCESS_LOG", {"subject", "recipient"}), ("ACCESS_REVIEW", {"who"})])
def test_the_shipped_report_types_are_valid(name: str, persons: set[str]) -> None:
    report_type, diagnostics = check_folder(SHIPPED / name.lower())
    assert diagnostics == []
    assert report_type is not None
    assert (report_type.type, report_type.database) == (name, "system")
    assert {column.name for column in report_type.columns if column.personal} == {*persons, "ip_address", "detail"}


@pytest.mark.parametrize(
    "query",
    [
        LOG,
        LOG.replace("resma.access_log", '"resma" . "access_log"'),
        f"-- not resma.tenants\n{LOG} AND action <> 'resma.tenants set_config'",
    ],
)
def test_the_view_can_be_read(tmp_path: Path, query: str) -> None:
    assert errors(tmp_path, query) == ""


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT entry_id FROM resma.access_log", "must select the rows of one tenant"),
        (f"{LOG} AND EXISTS (SELECT FROM resma.api_keys)", "must not read resma.api_keys"),
        (f'{LOG} AND EXISTS (SELECT FROM "resma"."tenants")', "must not read resma.tenants"),
        ("SELECT 'resma.access_log' AS entry_id WHERE %(tenant_id)s = 'x'", "must read resma.access_log"),
        (f"{LOG} AND set_config('resma.tenant_id', 'other', true) = ''", "set_config is not allowed"),
        (f"{LOG} AND query_to_xml('x', true, true, '') IS NULL", "query_to_xml is not allowed"),
        (f"{LOG} AND pg_read_file('x') = ''", "pg_read_file is not allowed"),
    ],
)
def test_a_query_cannot_leave_its_tenant_and_its_view(tmp_path: Path, query: str, error: str) -> None:
    assert error in errors(tmp_path, query)


def test_the_tenant_is_required_without_tenants_too(tmp_path: Path) -> None:
    settings = CatalogSettings(tenants="none")
    assert "one tenant" in errors(tmp_path, "SELECT entry_id FROM resma.access_log", settings=settings)


def test_it_cannot_be_split(tmp_path: Path) -> None:
    more = '[filters]\nentry_id = "text"\n[split]\nby = ["entry_id"]\n'
    query = f"{LOG} AND (%(entry_id)s::text IS NULL OR entry_id = %(entry_id)s)"
    assert "`[split]` requires a source database" in errors(tmp_path, query, more)
