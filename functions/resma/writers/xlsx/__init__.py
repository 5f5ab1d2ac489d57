"""XLSX (ECMA-376) by our own code: streamed, in constant memory, and able to go on from a saved state.

XlsxWriter keeps its compressor, needs a temporary file and takes ten times as long. What the cells hold is said in
`cells`, how the ZIP is made in `archive`. The file's SHA-256 can't be inside it; its count, totals and moment are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resma.report.format_options import FormatOptions
from resma.report.header import ReportHeader

if TYPE_CHECKING:
    from resma.writers.xlsx.writer import XlsxWriter


def make_xlsx_writer(header: ReportHeader, options: FormatOptions) -> XlsxWriter:
    """Makes the writer of one workbook."""
    # Slow to load: whoever asks for a sheet's limits alone need not wait for it.
    from resma.writers.xlsx import writer  # noqa: PLC0415

    return writer.make_xlsx_writer(header, options)
