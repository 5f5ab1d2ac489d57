"""GET /api/v1/report-types: what can be asked for."""

from __future__ import annotations

from typing import get_args

from api.models import ColumnView, ReportTypeList, ReportTypeView
from resma.catalogue import filter_model, load_catalogue
from resma.writers import Format


def list_report_types() -> ReportTypeList:
    """Returns every report type with its columns and the JSON Schema of its filters."""
    return ReportTypeList(
        items=[
            ReportTypeView(
                type=report_type.type,
                title=report_type.title,
                description=report_type.description,
                formats=list(get_args(Format)),
                columns=[
                    ColumnView(name=column.name, heading=column.heading, kind=column.kind)
                    for column in report_type.columns
                ],
                filters=filter_model(report_type).model_json_schema(),
            )
            for report_type in load_catalogue().values()
        ]
    )
