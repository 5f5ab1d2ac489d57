"""A report as data: header, rows, options and warnings. No input or output."""
