"""The demo bank: its schema and its rows."""
