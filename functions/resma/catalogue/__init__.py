"""Report types: a folder each in `functions/catalog/`, read once and checked as a whole.

`report.toml` says what a report is called, its columns, filters, totals and charts; `query.sql` is plain SQL
with named parameters, one for each filter, and `tenant_id`. Filters are bound values, never text in SQL.
docs/report-types.md is the guide.
"""

from resma.catalogue.filters import filter_model
from resma.catalogue.loading import CATALOGUE_FOLDER, catalogue_folder, check_folder, find_report_type, load_catalogue
from resma.catalogue.mistakes import Mistake
from resma.catalogue.model import (
    BalanceSpec,
    ChartSpec,
    ColumnSpec,
    Filter,
    ReportType,
    Texts,
    Totals,
)

__all__ = [
    "CATALOGUE_FOLDER",
    "BalanceSpec",
    "ChartSpec",
    "ColumnSpec",
    "Filter",
    "Mistake",
    "ReportType",
    "Texts",
    "Totals",
    "catalogue_folder",
    "check_folder",
    "filter_model",
    "find_report_type",
    "load_catalogue",
]
