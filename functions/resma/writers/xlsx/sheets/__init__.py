"""Data sheets, and the parts of the workbook that refer to all sheets."""
