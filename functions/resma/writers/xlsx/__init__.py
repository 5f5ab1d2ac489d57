"""XLSX (ECMA-376) by our own code: streamed, in constant memory, and able to go on from a saved state.

XlsxWriter keeps its compressor, needs a temporary file and takes ten times as long. What the cells hold is said in
`cells`, how the ZIP is made in `archive`. The file's SHA-256 can't be inside it; its count, totals and moment are.
"""

from resma.writers.xlsx.writer import make_xlsx_writer

__all__ = ["make_xlsx_writer"]
