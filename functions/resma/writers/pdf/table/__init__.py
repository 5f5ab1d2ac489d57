"""The table: its columns, lines, pages and subtotals."""
