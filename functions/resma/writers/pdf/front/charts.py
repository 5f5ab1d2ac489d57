"""Charts with reportlab.graphics: vector drawings of any size, with a panel for each series (currency).

Amounts of different currencies cannot share an axis, so that each panel has a scale of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from reportlab.graphics.charts.barcharts import HorizontalBarChart, VerticalBarChart
from reportlab.graphics.charts.linecharts import HorizontalLineChart
from reportlab.graphics.charts.piecharts import Pie
from reportlab.graphics.shapes import Drawing, Group, Line, Rect, String

from resma.i18n.locales import Locale
from resma.i18n.translations import translate
from resma.report.header import Chart, Series
from resma.writers.pdf.fonts.own_faces import BOLD, REGULAR
from resma.writers.pdf.front.chart_labels import finite, month_labels, percentage, scale, short_number, top_categories
from resma.writers.pdf.front.style import (
    GRAY,
    INK,
    NEGATIVE,
    RULE,
    USUAL_COLORS,
    Colors,
    shortened,
    width_of,
)

PANELS_ACROSS_WIDE = 4
PANELS_ACROSS = 2
MIN_PANEL_HEIGHT = 72.0
WIDE = 500.0
MAX_BARS_OVER_TIME = 36
WIDEST_BAR = 34.0
MAX_SLICES = 6
BAR_LINE = 14.0
LABEL_SIZE = 6.5


def chart_drawing(chart: Chart, locale: Locale, width: float, height: float, colors: Colors = USUAL_COLORS) -> Drawing:
    """Returns a drawing of one chart with its title; its size is in points."""
    drawing = Drawing(width, height)
    across = PANELS_ACROSS_WIDE if width > WIDE else PANELS_ACROSS
    max_panels = across * max(1, int((height - 20) / MIN_PANEL_HEIGHT))
    series = [s for s in chart.series[:max_panels] if chart.labels]
    all_series = len(chart.series) + chart.series_omitted
    drawing.add(
        String(
            0,
            height - 9,
            shortened(chart.title, width - 120, 10, BOLD),
            fontName=BOLD,
            fontSize=10,
            fillColor=colors.accent,
        )
    )
    if series and all_series > len(series):
        counts = f"{len(series)} {translate('of', locale.language)} {all_series}"
        drawing.add(String(width, height - 9, counts, fontName=REGULAR, fontSize=7, fillColor=GRAY, textAnchor="end"))
    drawing.add(Line(0, height - 15, width, height - 15, strokeColor=RULE, strokeWidth=0.6))
    if not series:
        drawing.add(
            String(0, height - 34, translate("No data", locale.language), fontName=REGULAR, fontSize=8, fillColor=GRAY)
        )
        return drawing
    down = ceil(len(series) / across)
    across = ceil(len(series) / down)
    panel_width, panel_height = (width - 18 * (across - 1)) / across, (height - 20 - 8 * (down - 1)) / down
    for i, each in enumerate(series):
        group = _panel(chart, each, locale, panel_width, panel_height, colors)
        x = (i % across) * (panel_width + 18)
        y = height - 20 - (i // across + 1) * panel_height - (i // across) * 8
        group.translate(x, y)
        drawing.add(group)
    return drawing


def _panel(  # noqa: PLR0913, PLR0917  # the data of a chart, its position and its colors
    chart: Chart, series: Series, locale: Locale, width: float, height: float, colors: Colors
) -> Group:
    """Returns a panel. It has the name of its series if there are several series, or values are amounts.

    The name of the only series is not repeated if it is the title of the chart.
    """
    body = height
    group = Group()
    if len(chart.series) > 1 or (chart.unit == "amount" and series.name != chart.title):
        body -= 13
        group.add(
            String(0, height - 10, shortened(series.name, width, 8, BOLD), fontName=BOLD, fontSize=8, fillColor=INK)
        )
    values = finite(series.values)
    (rest,) = finite([series.other])
    if chart.kind == "time":
        group.add(_over_time(chart, values, locale, width, body, colors))
        return group
    draw: Callable[[Chart, list[float], float, Locale, float, float, Colors], Group] = _bars
    if chart.kind == "share" and min([*values, rest]) >= 0 and sum(values) + rest > 0:
        draw = _share
    group.add(draw(chart, values, rest, locale, width, body, colors))
    return group


def _over_time(  # noqa: PLR0913, PLR0917  # the data of a chart, its position and its colors
    chart: Chart, values: list[float], locale: Locale, width: float, height: float, colors: Colors
) -> Group:
    """Draws a column for each month, or a line if there are too many months."""
    minimum, maximum, step = scale(min(values), max(values), max(1, int(height / 32)))
    is_line = len(values) > MAX_BARS_OVER_TIME
    plot = HorizontalLineChart() if is_line else VerticalBarChart()
    marks = [minimum + i * step for i in range(round((maximum - minimum) / step) + 1)]
    label_width = max([width_of(short_number(mark, locale), LABEL_SIZE) for mark in marks]) + 6
    plot.x, plot.y, plot.width, plot.height = label_width, 14, width - label_width - 2, height - 22
    plot.data = [tuple(values)]
    axis = plot.valueAxis
    axis.valueMin, axis.valueMax, axis.valueStep = minimum, maximum, step
    axis.labelTextFormat = lambda value: short_number(value, locale)
    axis.labels.fontName, axis.labels.fontSize, axis.labels.fillColor = REGULAR, LABEL_SIZE, GRAY
    axis.visibleAxis = axis.visibleTicks = False
    axis.visibleGrid, axis.gridStrokeColor, axis.gridStrokeWidth = True, RULE, 0.4
    _category_axis(plot.categoryAxis)
    if is_line:
        plot.lines[0].strokeColor, plot.lines[0].strokeWidth = colors.accent, 0.9
        plot.categoryAxis.joinAxisMode = None
    else:
        _set_bar_colors(plot, values, colors.accent)
        plot.barWidth = 10
        plot.groupSpacing = max(3.0, 10 * (plot.width / len(values) / WIDEST_BAR - 1))
    group = Group(plot)
    for at, label in month_labels(chart.labels, plot.width, locale):
        x = plot.x + (at + 0.5) * plot.width / len(values)
        if is_line:
            x = plot.x + at * plot.width / max(1, len(values) - 1)
        group.add(String(x, 2, label, fontName=REGULAR, fontSize=LABEL_SIZE, fillColor=GRAY, textAnchor="middle"))
    return group


def _category_axis(axis: object) -> None:
    """Hides reportlab's labels and tick marks, because labels are placed where they fit. The axis is at zero."""
    axis.visibleLabels = axis.visibleTicks = False  # type: ignore[attr-defined]  # reportlab has no types
    axis.strokeColor, axis.strokeWidth = GRAY, 0.5  # type: ignore[attr-defined]
    axis.joinAxisMode = "value"  # type: ignore[attr-defined]
    axis.joinAxisPos = 0  # type: ignore[attr-defined]


def _set_bar_colors(plot: object, values: Sequence[float], color: object) -> None:
    bars = plot.bars  # type: ignore[attr-defined]
    bars[0].strokeColor = None
    bars[0].fillColor = color
    for i, value in enumerate(values):
        if value < 0:
            bars[0, i].fillColor = NEGATIVE
            bars[0, i].strokeColor = None


def _bars(  # noqa: PLR0913, PLR0917  # the data of a chart and its position
    chart: Chart, values: list[float], rest: float, locale: Locale, width: float, height: float, colors: Colors
) -> Group:
    """Draws a row for each category: name, bar, value. Values are in a column of their own, so nothing can overlap."""
    other = translate("Other", locale.language)
    further = (chart.labels_omitted, rest)
    pairs = top_categories(chart.labels, values, max(2, int(height / BAR_LINE)), other, further)
    names = [
        shortened(name or f"({translate('none', locale.language)})", width * 0.38, LABEL_SIZE + 0.5)
        for name, _ in pairs
    ]
    numbers = [short_number(value, locale) for _, value in pairs]
    name_width = max(width_of(name, LABEL_SIZE + 0.5) for name in names) + 6
    number_width = max(width_of(text, LABEL_SIZE + 0.5) for text in numbers) + 6
    line = min(18.0, height / len(pairs))
    plot = HorizontalBarChart()
    plot.x, plot.width = name_width, width - name_width - number_width
    plot.height = line * len(pairs)
    plot.y = height - plot.height - 2
    plot.data = [tuple(value for _, value in reversed(pairs))]
    low, high = min(0.0, *plot.data[0]), max(0.0, *plot.data[0])
    plot.valueAxis.valueMin, plot.valueAxis.valueMax = low, high if high > low else 1.0
    plot.valueAxis.visible = False
    _category_axis(plot.categoryAxis)
    plot.barWidth, plot.groupSpacing = 10, 5
    _set_bar_colors(plot, plot.data[0], colors.shades[1])
    group = Group(plot)
    for i, (name, text) in enumerate(zip(names, numbers, strict=True)):
        y = plot.y + plot.height - (i + 0.5) * line - 2.4
        group.add(String(0, y, name, fontName=REGULAR, fontSize=LABEL_SIZE + 0.5, fillColor=INK))
        group.add(String(width, y, text, fontName=REGULAR, fontSize=LABEL_SIZE + 0.5, fillColor=INK, textAnchor="end"))
    return group


def _share(  # noqa: PLR0913, PLR0917  # the data of a chart and its position
    chart: Chart, values: list[float], rest: float, locale: Locale, width: float, height: float, colors: Colors
) -> Group:
    """Draws a ring, and next to it each part with its value and its share."""
    other = translate("Other", locale.language)
    pairs = top_categories(chart.labels, values, MAX_SLICES, other, (chart.labels_omitted, rest))
    side = min(height - 8, width * 0.42)
    ring = Pie()
    ring.x, ring.y, ring.width, ring.height = 2, (height - side) / 2, side, side
    ring.data = [value for _, value in pairs]
    ring.labels = None
    ring.innerRadiusFraction = 0.58
    ring.startAngle, ring.direction = 90, "clockwise"
    group = Group(ring)
    total = sum(ring.data)
    left = side + 18
    top = height / 2 + len(pairs) * 8.0
    for i, (name, value) in enumerate(pairs):
        color = colors.shades[-1] if name.startswith(f"{other} (") else colors.shades[i]
        ring.slices[i].fillColor = color
        ring.slices[i].strokeColor, ring.slices[i].strokeWidth = None, 0
        y = top - (i + 0.5) * 16 - 2.5
        text = (
            locale.format_number(f"{value:.0f}")
            if chart.unit == "rows" and value < 1e7
            else short_number(value, locale)
        )
        group.add(Rect(left, y - 0.6, 7, 7, fillColor=color, strokeColor=None))
        room = width - left - 52 - width_of(text, 7)
        group.add(
            String(
                left + 11,
                y,
                shortened(name or f"({translate('none', locale.language)})", room, 7),
                fontName=REGULAR,
                fontSize=7,
                fillColor=INK,
            )
        )
        for x, figure in ((width - 34, text), (width, percentage(value / total, locale))):
            group.add(String(x, y, figure, fontName=REGULAR, fontSize=7, fillColor=INK, textAnchor="end"))
    return group
