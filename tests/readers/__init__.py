"""Spreadsheets opened by readers that are not Resma's, each in its own language."""
