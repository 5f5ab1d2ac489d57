"""The table: columns, lines, pages and subtotals."""
