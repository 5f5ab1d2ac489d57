"""Number formats for rustpy-xlsxwriter."""

from __future__ import annotations

from rustpy_xlsxwriter import Format

from tests.bench.source import Source

_FORMATS = {"timestamp": "yyyy-mm-dd hh:mm:ss", "amount": "#,##0.00"}


def column_formats(source: Source) -> dict[str, Format]:
    """Returns Excel number formats of amounts and timestamps, by heading."""
    columns = zip(source.headings, source.report_type.columns, strict=True)
    return {
        heading: Format().set_num_format(_FORMATS[column.kind])
        for heading, column in columns
        if column.kind in _FORMATS
    }
