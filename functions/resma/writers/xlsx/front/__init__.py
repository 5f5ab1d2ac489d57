"""Sheets other than data: summary, charts, chart data and subtotals."""
