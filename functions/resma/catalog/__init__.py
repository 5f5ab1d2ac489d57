"""Report types: each is a folder of the catalog, which is checked as a whole.

`report.toml` has the title, columns, filters, totals and charts. `query.sql` is plain SQL with a named parameter for
each filter and for `tenant_id`. Filter values are always bound, never inserted into the SQL.
docs/report-types.md is the guide.
"""

from resma.catalog.current import InvalidType, current_catalog, find_report_type, hold_catalog, load_catalog
from resma.catalog.diagnostics import Diagnostic
from resma.catalog.filters import filter_model
from resma.catalog.folder import DEMO_CATALOG, catalog_folder
from resma.catalog.loading import check_folder
from resma.catalog.model import (
    MAX_FILTER_CHARACTERS,
    MAX_RETENTION_DAYS,
    BalanceSpec,
    ChartSpec,
    ColumnSpec,
    ControlSpec,
    Filter,
    Limits,
    ReportType,
    SortKey,
    SplitSpec,
    Totals,
)
from resma.catalog.settings.file import CatalogSettings, check_settings, load_settings, valid_settings
from resma.catalog.settings.in_use import (
    brand_in_use,
    find_locale,
    offered_locales,
    organization_of,
    require_locale,
    settings_fingerprint,
    settings_in_use,
    unknown_locale,
)
from resma.catalog.split.keys import MAX_SPLIT_COLUMNS
from resma.catalog.texts import LocalizedText

__all__ = [
    "DEMO_CATALOG",
    "MAX_FILTER_CHARACTERS",
    "MAX_RETENTION_DAYS",
    "MAX_SPLIT_COLUMNS",
    "BalanceSpec",
    "CatalogSettings",
    "ChartSpec",
    "ColumnSpec",
    "ControlSpec",
    "Diagnostic",
    "Filter",
    "InvalidType",
    "Limits",
    "LocalizedText",
    "ReportType",
    "SortKey",
    "SplitSpec",
    "Totals",
    "brand_in_use",
    "catalog_folder",
    "check_folder",
    "check_settings",
    "current_catalog",
    "filter_model",
    "find_locale",
    "find_report_type",
    "hold_catalog",
    "load_catalog",
    "load_settings",
    "offered_locales",
    "organization_of",
    "require_locale",
    "settings_fingerprint",
    "settings_in_use",
    "unknown_locale",
    "valid_settings",
]
