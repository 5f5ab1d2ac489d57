"""Plot areas of charts: one series and its axes (DrawingML, ECMA-376 Part 1 §21.2.2).

The order of elements is that of the schema, which Excel requires.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from resma.writers.palette import GRAY, INK, RULE, is_light
from resma.writers.xlsx.front.chart_data import Panel
from resma.writers.xlsx.syntax.xml import escape

_MAX_COLUMNS = 48
"""Maximum number of months that are drawn as columns; more are drawn as a line."""
_MIN_LABELED_SHARE = Decimal("0.04")
"""Minimum share of a part that has a label."""
_PERCENT = '<c:numFmt formatCode="0.0%" sourceLinked="0"/><c:spPr><a:noFill/></c:spPr>'
_MONTHS_BETWEEN_NAMES = (1, 2, 3, 6, 12, 24, 60, 120)
_MAX_NAMES = 13
_CATEGORY_AXIS, _VALUE_AXIS = 1, 2


def plot_over_time(panel: Panel, sheet: str) -> str:
    """Returns a column chart, or a line chart if there are too many months."""
    look = f"<c:spPr>{fill(panel.shades[1])}</c:spPr>"
    axes = f'<c:axId val="{_CATEGORY_AXIS}"/><c:axId val="{_VALUE_AXIS}"/>'
    if len(panel.values) > _MAX_COLUMNS:
        look = f'<c:spPr><a:ln w="22225" cap="rnd">{fill(panel.shades[1])}<a:round/></a:ln></c:spPr>'
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
    return plot + _category_axis(panel, "b") + _value_axis(panel, "l")


def plot_bars(panel: Panel, sheet: str) -> str:
    """Returns a horizontal bar chart with the first bar at the top.

    Bars are labeled with their values, and the value axis is hidden. If there are negative values, there is an axis
    instead, because labels of negative bars would cover the names.
    """
    below = any(value < 0 for value in panel.values)
    labels = f"<c:dLbls>{_figure_format(panel)}<c:spPr><a:noFill/></c:spPr>{text_properties(900)}"
    labels += f'<c:dLblPos val="outEnd"/>{_show_flags("showVal")}</c:dLbls>'
    look = f'<c:spPr>{fill(panel.shades[1])}</c:spPr><c:invertIfNegative val="0"/>{"" if below else labels}'
    return (
        '<c:barChart><c:barDir val="bar"/><c:grouping val="clustered"/><c:varyColors val="0"/>'
        f'<c:ser>{_series(panel, sheet, look)}</c:ser><c:gapWidth val="45"/>'
        f'<c:axId val="{_CATEGORY_AXIS}"/><c:axId val="{_VALUE_AXIS}"/></c:barChart>'
        f"{_category_axis(panel, 'l', upside_down=True)}{_value_axis(panel, 'b', hidden=not below, crosses='max')}"
    )


def plot_share(panel: Panel, sheet: str) -> str:
    """Returns a doughnut chart. Parts below `_MIN_LABELED_SHARE` have no label."""
    whole = sum(panel.values) or Decimal(1)
    points = "".join(
        f'<c:dPt><c:idx val="{i}"/><c:bubble3D val="0"/><c:spPr>{fill(panel.shades[i % len(panel.shades)])}'
        f'<a:ln w="12700">{fill("FFFFFF")}</a:ln></c:spPr></c:dPt>'
        for i in range(len(panel.values))
    )
    own = "".join(_share_label(panel, i, value / whole) for i, value in enumerate(panel.values))
    labels = f"<c:dLbls>{own}{_PERCENT}{text_properties(900, 'FFFFFF')}{_show_flags('showPercent')}"
    labels += '<c:showLeaderLines val="0"/></c:dLbls>'
    return (
        f'<c:doughnutChart><c:varyColors val="1"/><c:ser>{_series(panel, sheet, points + labels)}</c:ser>'
        '<c:firstSliceAng val="0"/><c:holeSize val="50"/></c:doughnutChart>'
    )


def _share_label(panel: Panel, index: int, share: Decimal) -> str:
    """Returns the exceptions for one part's label: no label for small parts, dark text on light shades."""
    if share < _MIN_LABELED_SHARE:
        return f'<c:dLbl><c:idx val="{index}"/><c:delete val="1"/></c:dLbl>'
    if is_light(panel.shades[index % len(panel.shades)]):
        return f'<c:dLbl><c:idx val="{index}"/>{_PERCENT}{text_properties(900)}{_show_flags("showPercent")}</c:dLbl>'
    return ""


def _series(panel: Panel, sheet: str, look: str) -> str:
    """Returns the series: name, style, labels and values, each as a cell reference with cached values."""
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
        f'<c:majorUnit val="{_months_between_names(panel)}"/><c:majorTimeUnit val="months"/>'
        if panel.months
        else '<c:auto val="0"/><c:lblAlgn val="ctr"/><c:lblOffset val="100"/><c:noMultiLvlLbl val="1"/>'
    )
    return (
        f'<c:{kind}><c:axId val="{_CATEGORY_AXIS}"/>'
        f'<c:scaling><c:orientation val="{"maxMin" if upside_down else "minMax"}"/></c:scaling>'
        f'<c:delete val="0"/><c:axPos val="{position}"/><c:numFmt formatCode="{form}" sourceLinked="0"/>'
        # `low` keeps the names at the edge of the plot even if values are negative.
        '<c:majorTickMark val="none"/><c:minorTickMark val="none"/><c:tickLblPos val="low"/>'
        f'<c:spPr><a:ln w="9525">{fill(GRAY)}</a:ln></c:spPr>{text_properties(900)}'
        f'<c:crossAx val="{_VALUE_AXIS}"/><c:crosses val="autoZero"/>{after}</c:{kind}>'
    )


def _months_between_names(panel: Panel) -> int:
    fit = (step for step in _MONTHS_BETWEEN_NAMES if len(panel.labels) <= step * _MAX_NAMES)
    return next(fit, _MONTHS_BETWEEN_NAMES[-1])


def _figure_format(panel: Panel) -> str:
    """Returns a format of whole numbers, or with as many decimals as small values need."""
    largest = max(map(abs, panel.values), default=Decimal(0))
    code = "#,##0"
    if largest < 10 and any(value != value.to_integral_value() for value in panel.values):
        code = "#,##0.00" if largest >= Decimal("0.1") else "General"
    return f'<c:numFmt formatCode="{code}" sourceLinked="0"/>'


def _value_axis(panel: Panel, position: str, *, hidden: bool = False, crosses: str = "autoZero") -> str:
    """Returns the value axis. `crosses` is its position on the category axis; `max` is the bottom of a reversed one."""
    lines = (
        "" if hidden else f'<c:majorGridlines><c:spPr><a:ln w="6350">{fill(RULE)}</a:ln></c:spPr></c:majorGridlines>'
    )
    return (
        f'<c:valAx><c:axId val="{_VALUE_AXIS}"/><c:scaling><c:orientation val="minMax"/>{_bounds(panel)}</c:scaling>'
        f'<c:delete val="{int(hidden)}"/><c:axPos val="{position}"/>{lines}'
        f'{_figure_format(panel)}<c:majorTickMark val="none"/><c:minorTickMark val="none"/>'
        f'<c:tickLblPos val="nextTo"/><c:spPr><a:ln><a:noFill/></a:ln></c:spPr>{text_properties(900)}'
        f'<c:crossAx val="{_CATEGORY_AXIS}"/><c:crosses val="{crosses}"/><c:crossBetween val="between"/></c:valAx>'
    )


def _bounds(panel: Panel) -> str:
    """Returns the bound of the value axis at zero. Without it, Excel starts the axis near the smallest value."""
    if all(value >= 0 for value in panel.values):
        return '<c:min val="0"/>'
    return '<c:max val="0"/>' if all(value <= 0 for value in panel.values) else ""


def text_properties(size: int, color: str = INK) -> str:
    """Returns the text properties (`txPr`). `size` is in hundredths of a point."""
    return (
        f'<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="{size}">{fill(color)}</a:defRPr></a:pPr>'
        '<a:endParaRPr lang="en-US"/></a:p></c:txPr>'
    )


def fill(color: str) -> str:
    """Returns a solid fill of this color."""
    return f'<a:solidFill><a:srgbClr val="{color}"/></a:solidFill>'


def _show_flags(only: str) -> str:
    """Returns the flags of a data label, of which only one is set."""
    flags = ("showLegendKey", "showVal", "showCatName", "showSerName", "showPercent", "showBubbleSize")
    return "".join(f'<c:{flag} val="{int(flag == only)}"/>' for flag in flags)
