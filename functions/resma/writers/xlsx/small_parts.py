"""Parts of the workbook that do not depend on the rows: summary with charts, subtotals, chart data."""

from __future__ import annotations

from functools import cached_property

from resma.i18n.translations import translate
from resma.report.header import ReportHeader
from resma.report.warnings import ReportWarning
from resma.writers.xlsx.front.chart_data import Panel, chart_data_sheet, count_charts, make_panels
from resma.writers.xlsx.front.charts import chart_part, drawing, drawing_relationships
from resma.writers.xlsx.front.subtotals import subtotals_sheet
from resma.writers.xlsx.front.summary import summary_sheet
from resma.writers.xlsx.sheets.workbook import name_sheets
from resma.writers.xlsx.syntax.styles import Styles
from resma.writers.xlsx.syntax.xml import relationships


class SmallParts:
    """Creates each part once and always in the same order, because styles are numbered in the order of their use."""

    def __init__(self, header: ReportHeader, styles: Styles) -> None:
        self._header = header
        self._styles = styles

    @cached_property
    def panels(self) -> list[Panel]:
        """Charts of the workbook."""
        return make_panels(self._header)

    @property
    def sheet_names(self) -> list[str]:
        """Preferred names of the sheets other than data: the summary, which comes first, and the sheets after the data.

        They are named before the data sheets, so that references to them do not depend on the number of data sheets.
        """
        language = self._header.locale.language
        names = [translate("Summary", language)]
        if self._header.subtotals:
            names.append(translate("Subtotal", language))
        if self.panels:
            names.append(translate("Chart data", language))
        return names

    def first(self) -> dict[str, bytes]:
        """Returns the summary and its charts by part name. Raises FormatLimitError."""
        summary, _ = self._sheets
        parts = {"xl/worksheets/sheet1.xml": summary}
        if self.panels:
            source = name_sheets(self.sheet_names)[-1]
            parts["xl/worksheets/_rels/sheet1.xml.rels"] = relationships([("drawing", "../drawings/drawing1.xml")])
            parts["xl/drawings/drawing1.xml"] = drawing(self.panels)
            parts["xl/drawings/_rels/drawing1.xml.rels"] = drawing_relationships(self.panels)
            for number, panel in enumerate(self.panels, 1):
                parts[f"xl/charts/chart{number}.xml"] = chart_part(panel, self._header, source)
        return parts

    def last(self) -> list[bytes]:
        """Returns the sheets after the data sheets, in order. Raises FormatLimitError."""
        return self._sheets[1]

    def styles(self) -> bytes:
        """Returns `xl/styles.xml` with the styles of all parts."""
        _ = self._sheets
        return self._styles.part()

    def warnings(self) -> list[ReportWarning]:
        """Returns a warning if charts beyond the limit were omitted."""
        charts, drawn = count_charts(self._header), len(self.panels)
        if charts == drawn:
            return []
        detail = f"The report has {charts:,} charts, and the spreadsheet shows the first {drawn:,}."
        return [ReportWarning("charts-omitted", detail)]

    @cached_property
    def _sheets(self) -> tuple[bytes, list[bytes]]:
        """The summary sheet, and the sheets after the data sheets."""
        header, styles, last = self._header, self._styles, []
        summary = summary_sheet(header, styles, drawing=bool(self.panels))
        if header.subtotals:
            last.append(subtotals_sheet(header, styles))
        if self.panels:
            last.append(chart_data_sheet(header, self.panels, styles))
        return summary, last
