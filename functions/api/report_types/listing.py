"""Lists the report types: GET /api/v1/report-types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from api.report_types.models import CatalogErrorView, ColumnView, ReportTypeList, ReportTypeView
from resma.catalog import InvalidType, ReportType, current_catalog, filter_model, offered_locales, require_locale
from resma.i18n.locales import Language
from resma.writers import Format


def list_report_types(locale: str) -> ReportTypeList:
    """Returns every report type with its columns and the JSON Schema of its filters, in the locale's language.

    Report types with errors are not listed, but their errors are.

    Raises RequestInvalidError for an unknown locale.
    """
    language = require_locale(locale).language
    catalog = current_catalog()
    return ReportTypeList(
        items=[
            ReportTypeView(
                type=report_type.type,
                title=report_type.title.in_language(language),
                description=report_type.description.in_language(language),
                formats=list(get_args(Format)),
                locales=list(offered_locales()),
                columns=[
                    ColumnView(
                        name=column.name,
                        heading=column.heading.in_language(language),
                        kind=column.kind,
                        personal=column.personal,
                    )
                    for column in report_type.shown_columns
                ],
                filters=_filter_schema(report_type, language),
                split_by=list(report_type.split.by) if report_type.split else [],
            )
            for report_type in catalog.types.values()
        ],
        errors=[error for invalid in catalog.invalid.values() for error in _errors_of(invalid)],
    )


def _errors_of(invalid: InvalidType) -> Iterator[CatalogErrorView]:
    for item in invalid.diagnostics:
        yield CatalogErrorView(type=invalid.type, file=invalid.path_of(item), line=item.line or 1, detail=item.message)


def _filter_schema(report_type: ReportType, language: Language) -> dict[str, Any]:
    """Returns the JSON Schema of the filters, with labels of filters in `title` and of choices in `x-enum-labels`."""
    schema = filter_model(report_type).model_json_schema()
    for item in report_type.filters:
        described = schema["properties"][item.name]
        described["title"] = item.label.in_language(language)
        described["description"] = item.description.in_language(language)
        if item.choice_labels:
            labels = {choice: label.in_language(language) for choice, label in item.choice_labels.items()}
            described["items"]["x-enum-labels"] = labels
    return schema
