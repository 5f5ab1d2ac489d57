"""The sheets before the data: summary, charts and subtotals."""
