"""XLSX (ECMA-376), written by our own code: streamed, in constant memory, and able to resume from a saved state.

The library XlsxWriter keeps the state of its compressor, needs a temporary file and takes ten times as long.
`sheets/cells.py` documents how cells are encoded, and `syntax/archive.py` how the ZIP file is written. The file
contains its row count, its totals and the time of its snapshot; it cannot contain its own SHA-256.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader

if TYPE_CHECKING:
    from resma.writers.xlsx.writer import XlsxWriter


def make_xlsx_writer(header: ReportHeader, options: FormatOptions) -> XlsxWriter:
    """Creates the writer of one workbook."""
    # Imported here because it loads slowly, and callers that need only a sheet's limits should not wait for it.
    from resma.writers.xlsx import writer  # noqa: PLC0415

    return writer.make_xlsx_writer(header, options)
