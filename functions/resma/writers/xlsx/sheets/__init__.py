"""Sheets and the workbook that holds them together."""
