"""Native charts (DrawingML, ECMA-376 Part 1 §21.2) of the chart data, and the drawing that contains them.

Charts also contain cached values, so that they are displayed before Excel calculates anything. The order of elements is
that of the schema, which Excel requires.
"""

from __future__ import annotations

from collections.abc import Sequence

from resma.report.header import ReportHeader
from resma.writers.palette import INK, RULE
from resma.writers.xlsx.front.chart_data import Panel
from resma.writers.xlsx.front.plots import fill, plot_bars, plot_over_time, plot_share, text_properties
from resma.writers.xlsx.front.summary import FIRST_CHART_COLUMN, FIRST_CHART_ROW
from resma.writers.xlsx.sheets.workbook import quoted
from resma.writers.xlsx.syntax.xml import DECLARATION, RELATIONSHIPS, escape, relationships

_DRAWINGML = "http://schemas.openxmlformats.org/drawingml/2006"
_CHART = f"{_DRAWINGML}/chart"

_COLUMNS_PER_CHART, _ROWS_PER_CHART = 8, 15
"""Size of a chart in cells of the default size, 64 by 20 pixels. Half of the last column and one more row are gaps."""
_HALF_COLUMN_EMU = 32 * 9525
_CHARTS_ACROSS = 2

_PLOTS = {"time": plot_over_time, "bars": plot_bars, "share": plot_share}


def drawing(panels: Sequence[Panel]) -> bytes:
    """Returns `xl/drawings/drawing1.xml`: the charts in two columns, to the right of the summary's text."""
    anchors = "".join(_anchor(index, panel) for index, panel in enumerate(panels))
    return (
        f'{DECLARATION}<xdr:wsDr xmlns:xdr="{_DRAWINGML}/spreadsheetDrawing" xmlns:a="{_DRAWINGML}/main">'
        f"{anchors}</xdr:wsDr>"
    ).encode()


def drawing_relationships(panels: Sequence[Panel]) -> bytes:
    """Returns `xl/drawings/_rels/drawing1.xml.rels`."""
    return relationships(("chart", f"../charts/chart{i}.xml") for i in range(1, len(panels) + 1))


def chart_part(panel: Panel, header: ReportHeader, data_sheet: str) -> bytes:
    """Returns the part of a chart, such as `xl/charts/chart1.xml`. Its data is on the sheet named `data_sheet`."""
    plot = _PLOTS[panel.kind](panel, quoted(data_sheet))
    legend = f'<c:legend><c:legendPos val="r"/><c:overlay val="0"/>{text_properties(900)}</c:legend>'
    return (
        f'{DECLARATION}<c:chartSpace xmlns:c="{_CHART}" xmlns:a="{_DRAWINGML}/main" xmlns:r="{RELATIONSHIPS}">'
        f'<c:date1904 val="0"/><c:roundedCorners val="0"/><c:chart>{_title(panel.title, header.locale.tag)}'
        f'<c:autoTitleDeleted val="0"/><c:plotArea><c:layout/>{plot}</c:plotArea>'
        f'{legend if panel.kind == "share" else ""}<c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart>'
        f'<c:spPr>{fill("FFFFFF")}<a:ln w="9525">{fill(RULE)}</a:ln></c:spPr></c:chartSpace>'
    ).encode()


def _title(title: str, language: str) -> str:
    look = f'sz="1200" b="1"><a:solidFill><a:srgbClr val="{INK}"/></a:solidFill>'
    return (
        f"<c:title><c:tx><c:rich><a:bodyPr/><a:p><a:pPr><a:defRPr {look}</a:defRPr></a:pPr>"
        f'<a:r><a:rPr lang="{language}" {look}</a:rPr><a:t>{escape(title)}</a:t></a:r></a:p></c:rich></c:tx>'
        '<c:overlay val="0"/></c:title>'
    )


def _anchor(index: int, panel: Panel) -> str:
    row, column = divmod(index, _CHARTS_ACROSS)
    left, top = FIRST_CHART_COLUMN + column * _COLUMNS_PER_CHART, FIRST_CHART_ROW + row * (_ROWS_PER_CHART + 1)
    right, bottom = left + _COLUMNS_PER_CHART - 1, top + _ROWS_PER_CHART
    return (
        f'<xdr:twoCellAnchor editAs="oneCell"><xdr:from><xdr:col>{left}</xdr:col><xdr:colOff>0</xdr:colOff>'
        f"<xdr:row>{top}</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:from>"
        f"<xdr:to><xdr:col>{right}</xdr:col><xdr:colOff>{_HALF_COLUMN_EMU}</xdr:colOff>"
        f"<xdr:row>{bottom}</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:to>"
        '<xdr:graphicFrame macro=""><xdr:nvGraphicFramePr>'
        # `descr` is the alternative text for screen readers.
        f'<xdr:cNvPr id="{index + 2}" name="Chart {index + 1}" descr="{escape(panel.title)}"/><xdr:cNvGraphicFramePr/>'
        '</xdr:nvGraphicFramePr><xdr:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/></xdr:xfrm>'
        f'<a:graphic><a:graphicData uri="{_CHART}"><c:chart xmlns:c="{_CHART}" xmlns:r="{RELATIONSHIPS}" '
        f'r:id="rId{index + 1}"/></a:graphicData></a:graphic></xdr:graphicFrame><xdr:clientData/></xdr:twoCellAnchor>'
    )
