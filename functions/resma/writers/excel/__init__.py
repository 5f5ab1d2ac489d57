"""Excel's limits, and how it interprets text; for XLSX and for the CSV profile for Excel."""
