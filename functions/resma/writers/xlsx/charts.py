"""Native charts (DrawingML, ECMA-376 Part 1 §21.2) over the sheet of chart data, and the drawing that places them.

Values are in the charts as well, cached, so that they show before anything is calculated. The order of elements is
that of the schema: Excel takes no other.
"""

from __future__ import annotations

from collections.abc import Sequence

from resma.header import ReportHeader
from resma.writers.xlsx.chart_data import Panel
from resma.writers.xlsx.styles import GREY, INK, RULE, SHADES
from resma.writers.xlsx.summary import FIRST_CHART_COLUMN, FIRST_CHART_ROW
from resma.writers.xlsx.workbook import quoted
from resma.writers.xlsx.xml import DECLARATION, RELATIONSHIPS, escape, relationships

_DRAWINGML = "http://schemas.openxmlformats.org/drawingml/2006"
_CHART = f"{_DRAWINGML}/chart"

_COLUMNS_A_CHART, _ROWS_A_CHART = 8, 15
"""Cells, 64 by 20 pixels each where nothing says otherwise; half of the last column, and a further row, are gaps."""
_EMU_HALF_A_COLUMN = 32 * 9525
_CHARTS_ACROSS = 2
_MOST_COLUMNS = 48
"""More months are a line."""
_LEAST_LABELLED_SHARE = 0.04
_CATEGORY_AXIS, _VALUE_AXIS = 1, 2


def drawing(panels: Sequence[Panel]) -> bytes:
    """`xl/drawings/drawing1.xml`: the charts side by side, beside the words of the summary."""
    anchors = "".join(_anchor(index, panel) for index, panel in enumerate(panels))
    return (
        f'{DECLARATION}<xdr:wsDr xmlns:xdr="{_DRAWINGML}/spreadsheetDrawing" xmlns:a="{_DRAWINGML}/main">'
        f"{anchors}</xdr:wsDr>"
    ).encode()


def drawing_relationships(panels: Sequence[Panel]) -> bytes:
    """`xl/drawings/_rels/drawing1.xml.rels`."""
    return relationships(("chart", f"../charts/chart{i}.xml") for i in range(1, len(panels) + 1))


def chart_part(panel: Panel, header: ReportHeader, data_sheet: str) -> bytes:
    """`xl/charts/chart1.xml`, from cells of the sheet of that name."""
    plot = {"time": _over_time, "bars": _bars, "share": _share}[panel.kind](panel, quoted(data_sheet))
    legend = f'<c:legend><c:legendPos val="r"/><c:overlay val="0"/>{_text(900)}</c:legend>'
    return (
        f'{DECLARATION}<c:chartSpace xmlns:c="{_CHART}" xmlns:a="{_DRAWINGML}/main" xmlns:r="{RELATIONSHIPS}">'
        f'<c:date1904 val="0"/><c:roundedCorners val="0"/><c:chart>{_title(panel.title, header.locale.tag)}'
        f'<c:autoTitleDeleted val="0"/><c:plotArea><c:layout/>{plot}</c:plotArea>'
        f'{legend if panel.kind == "share" else ""}<c:plotVisOnly val="1"/><c:dispBlanksAs val="gap"/></c:chart>'
        f'<c:spPr>{_fill("FFFFFF")}<a:ln w="9525">{_fill(RULE)}</a:ln></c:spPr></c:chartSpace>'
    ).encode()


def _over_time(panel: Panel, sheet: str) -> str:
    """Columns, or a line where there are too many."""
    look = f"<c:spPr>{_fill(SHADES[1])}</c:spPr>"
    axes = f'<c:axId val="{_CATEGORY_AXIS}"/><c:axId val="{_VALUE_AXIS}"/>'
    if len(panel.values) > _MOST_COLUMNS:
        look = f'<c:spPr><a:ln w="22225" cap="rnd">{_fill(SHADES[1])}<a:round/></a:ln></c:spPr>'
        look += '<c:marker><c:symbol val="none"/></c:marker>'
        series = f'{_series(panel, sheet, look)}<c:smooth val="0"/>'
        plot = (
            '<c:lineChart><c:grouping val="standard"/><c:varyColors val="0"/>'
            f'<c:ser>{series}</c:ser><c:marker val="1"/>{axes}</c:lineChart>'
        )
    else:
        series = _series(panel, sheet, look + '<c:invertIfNegative val="0"/>')
        plot = (
            '<c:barChart><c:barDir val="col"/><c:grouping val="clustered"/><c:varyColors val="0"/>'
            f'<c:ser>{series}</c:ser><c:gapWidth val="45"/>{axes}</c:barChart>'
        )
    return plot + _category_axis(panel, "b") + _value_axis("l")


def _bars(panel: Panel, sheet: str) -> str:
    """Lying bars, the first on top, each with its value: the axis of values is hidden."""
    labels = f'<c:dLbls><c:numFmt formatCode="#,##0" sourceLinked="0"/><c:spPr><a:noFill/></c:spPr>{_text(900)}'
    labels += f'<c:dLblPos val="outEnd"/>{_shown("showVal")}</c:dLbls>'
    look = f'<c:spPr>{_fill(SHADES[1])}</c:spPr><c:invertIfNegative val="0"/>{labels}'
    return (
        '<c:barChart><c:barDir val="bar"/><c:grouping val="clustered"/><c:varyColors val="0"/>'
        f'<c:ser>{_series(panel, sheet, look)}</c:ser><c:gapWidth val="45"/>'
        f'<c:axId val="{_CATEGORY_AXIS}"/><c:axId val="{_VALUE_AXIS}"/></c:barChart>'
        f"{_category_axis(panel, 'l', upside_down=True)}{_value_axis('b', hidden=True)}"
    )


def _share(panel: Panel, sheet: str) -> str:
    """A ring; parts too small for their figure go without."""
    whole = sum(panel.values) or 1
    points = "".join(
        f'<c:dPt><c:idx val="{i}"/><c:bubble3D val="0"/><c:spPr>{_fill(SHADES[i % len(SHADES)])}'
        f'<a:ln w="12700">{_fill("FFFFFF")}</a:ln></c:spPr></c:dPt>'
        for i in range(len(panel.values))
    )
    small = "".join(
        f'<c:dLbl><c:idx val="{i}"/><c:delete val="1"/></c:dLbl>'
        for i, value in enumerate(panel.values)
        if value / whole < _LEAST_LABELLED_SHARE
    )
    labels = f'<c:dLbls>{small}<c:numFmt formatCode="0.0%" sourceLinked="0"/><c:spPr><a:noFill/></c:spPr>'
    labels += f'{_text(900, "FFFFFF")}{_shown("showPercent")}<c:showLeaderLines val="0"/></c:dLbls>'
    return (
        f'<c:doughnutChart><c:varyColors val="1"/><c:ser>{_series(panel, sheet, points + labels)}</c:ser>'
        '<c:firstSliceAng val="0"/><c:holeSize val="50"/></c:doughnutChart>'
    )


def _series(panel: Panel, sheet: str, look: str) -> str:
    """The one series: its name, its look, its labels and values, each with the cells and what is in them now."""
    cached = _cache("str", [panel.series])
    name = f"<c:tx><c:strRef><c:f>{escape(sheet)}!{panel.series_cell}</c:f>{cached}</c:strRef></c:tx>"
    if panel.months:
        months = _cache("num", panel.labels, panel.month_format)
        labels = f"<c:numRef><c:f>{escape(sheet)}!{panel.label_cells}</c:f>{months}</c:numRef>"
    else:
        labels = f"<c:strRef><c:f>{escape(sheet)}!{panel.label_cells}</c:f>{_cache('str', panel.labels)}</c:strRef>"
    values = _cache("num", [f"{value:f}" for value in panel.values], "General")
    return (
        f'<c:idx val="0"/><c:order val="0"/>{name}{look}<c:cat>{labels}</c:cat>'
        f"<c:val><c:numRef><c:f>{escape(sheet)}!{panel.value_cells}</c:f>{values}</c:numRef></c:val>"
    )


def _cache(kind: str, values: Sequence[str], code: str = "") -> str:
    points = "".join(f'<c:pt idx="{i}"><c:v>{escape(value)}</c:v></c:pt>' for i, value in enumerate(values))
    form = f"<c:formatCode>{escape(code)}</c:formatCode>" if code else ""
    return f'<c:{kind}Cache>{form}<c:ptCount val="{len(values)}"/>{points}</c:{kind}Cache>'


def _category_axis(panel: Panel, position: str, *, upside_down: bool = False) -> str:
    kind = "dateAx" if panel.months else "catAx"
    form = escape(panel.month_format) if panel.months else "General"
    after = (
        '<c:auto val="0"/><c:lblOffset val="100"/><c:baseTimeUnit val="months"/>'
        if panel.months
        else '<c:auto val="0"/><c:lblAlgn val="ctr"/><c:lblOffset val="100"/><c:noMultiLvlLbl val="1"/>'
    )
    return (
        f'<c:{kind}><c:axId val="{_CATEGORY_AXIS}"/>'
        f'<c:scaling><c:orientation val="{"maxMin" if upside_down else "minMax"}"/></c:scaling>'
        f'<c:delete val="0"/><c:axPos val="{position}"/><c:numFmt formatCode="{form}" sourceLinked="0"/>'
        # Low: names stay at the edge where values are negative.
        '<c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="low"/>'
        f'<c:spPr><a:ln w="9525">{_fill(GREY)}</a:ln></c:spPr>{_text(900)}'
        f'<c:crossAx val="{_VALUE_AXIS}"/><c:crosses val="autoZero"/>{after}</c:{kind}>'
    )


def _value_axis(position: str, *, hidden: bool = False) -> str:
    lines = (
        "" if hidden else f'<c:majorGridlines><c:spPr><a:ln w="6350">{_fill(RULE)}</a:ln></c:spPr></c:majorGridlines>'
    )
    return (
        f'<c:valAx><c:axId val="{_VALUE_AXIS}"/><c:scaling><c:orientation val="minMax"/></c:scaling>'
        f'<c:delete val="{int(hidden)}"/><c:axPos val="{position}"/>{lines}'
        '<c:numFmt formatCode="#,##0" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>'
        f'<c:tickLblPos val="nextTo"/><c:spPr><a:ln><a:noFill/></a:ln></c:spPr>{_text(900)}'
        f'<c:crossAx val="{_CATEGORY_AXIS}"/><c:crosses val="autoZero"/><c:crossBetween val="between"/></c:valAx>'
    )


def _title(title: str, language: str) -> str:
    look = f'sz="1200" b="1"><a:solidFill><a:srgbClr val="{INK}"/></a:solidFill>'
    return (
        f"<c:title><c:tx><c:rich><a:bodyPr/><a:p><a:pPr><a:defRPr {look}</a:defRPr></a:pPr>"
        f'<a:r><a:rPr lang="{language}" {look}</a:rPr><a:t>{escape(title)}</a:t></a:r></a:p></c:rich></c:tx>'
        '<c:overlay val="0"/></c:title>'
    )


def _text(size: int, colour: str = INK) -> str:
    """How text looks; size in hundredths of a point."""
    return (
        f'<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="{size}">{_fill(colour)}</a:defRPr></a:pPr>'
        '<a:endParaRPr lang="en-US"/></a:p></c:txPr>'
    )


def _fill(colour: str) -> str:
    return f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>'


def _shown(what: str) -> str:
    flags = ("showLegendKey", "showVal", "showCatName", "showSerName", "showPercent", "showBubbleSize")
    return "".join(f'<c:{flag} val="{int(flag == what)}"/>' for flag in flags)


def _anchor(index: int, panel: Panel) -> str:
    row, column = divmod(index, _CHARTS_ACROSS)
    left, top = FIRST_CHART_COLUMN + column * _COLUMNS_A_CHART, FIRST_CHART_ROW + row * (_ROWS_A_CHART + 1)
    right, bottom = left + _COLUMNS_A_CHART - 1, top + _ROWS_A_CHART
    return (
        f'<xdr:twoCellAnchor editAs="oneCell"><xdr:from><xdr:col>{left}</xdr:col><xdr:colOff>0</xdr:colOff>'
        f"<xdr:row>{top}</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:from>"
        f"<xdr:to><xdr:col>{right}</xdr:col><xdr:colOff>{_EMU_HALF_A_COLUMN}</xdr:colOff>"
        f"<xdr:row>{bottom}</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:to>"
        '<xdr:graphicFrame macro=""><xdr:nvGraphicFramePr>'
        # What screen readers say of it.
        f'<xdr:cNvPr id="{index + 2}" name="Chart {index + 1}" descr="{escape(panel.title)}"/><xdr:cNvGraphicFramePr/>'
        '</xdr:nvGraphicFramePr><xdr:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/></xdr:xfrm>'
        f'<a:graphic><a:graphicData uri="{_CHART}"><c:chart xmlns:c="{_CHART}" xmlns:r="{RELATIONSHIPS}" '
        f'r:id="rId{index + 1}"/></a:graphicData></a:graphic></xdr:graphicFrame><xdr:clientData/></xdr:twoCellAnchor>'
    )
