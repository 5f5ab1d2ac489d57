"""Report types: a folder each in `functions/catalog/`, read once and checked as a whole.

`report.toml` says what a report is called, its columns, filters, totals and charts; `query.sql` is plain SQL
with named parameters, one for each filter, and `tenant_id`. Filters are bound values, never text in SQL.
docs/report-types.md is the guide.
"""

from resma.catalog.diagnostics import Diagnostic
from resma.catalog.filters import filter_model
from resma.catalog.loading import CATALOG_FOLDER, catalog_folder, check_folder, find_report_type, load_catalog
from resma.catalog.model import (
    BalanceSpec,
    ChartSpec,
    ColumnSpec,
    Filter,
    Limits,
    ReportType,
    Texts,
    Totals,
)

__all__ = [
    "CATALOG_FOLDER",
    "BalanceSpec",
    "ChartSpec",
    "ColumnSpec",
    "Diagnostic",
    "Filter",
    "Limits",
    "ReportType",
    "Texts",
    "Totals",
    "catalog_folder",
    "check_folder",
    "filter_model",
    "find_report_type",
    "load_catalog",
]
