"""WeasyPrint: an HTML table, with headings that are repeated on every page."""

from __future__ import annotations

from html import escape

from weasyprint import HTML

from tests.bench.peers.page import FONT, LEADING, MARGIN, SIZE, are_right, column_widths
from tests.bench.sink import Sink
from tests.bench.source import Source


def write(source: Source, sink: Sink) -> int:
    """Writes the rows. With the fixed table layout no column is measured. The whole document is in memory."""
    body = [f"<tr>{_cells('td', cells)}</tr>" for cells in source.texts()]
    right = [f"td:nth-child({i}) {{ text-align: right }}" for i, yes in enumerate(are_right(source), 1) if yes]
    columns = "".join(f'<col style="width: {width}pt">' for width in column_widths(source))
    html = f"""<style>
        @font-face {{ font-family: Roboto; src: url({FONT.as_uri()}) }}
        @page {{ size: A4 landscape; margin: {MARGIN}pt; @bottom-right {{ content: counter(page) }} }}
        table {{ font: {SIZE}pt/{LEADING}pt Roboto; table-layout: fixed; width: 100%; border-spacing: 0 }}
        td {{ padding: 0; white-space: nowrap; overflow: hidden }}
        {" ".join(right)}</style>
        <table>{columns}<thead><tr>{_cells("th", source.headings)}</tr></thead><tbody>{"".join(body)}</tbody></table>"""
    HTML(string=html).write_pdf(sink)
    return len(body)


def _cells(tag: str, cells: list[str]) -> str:
    return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
