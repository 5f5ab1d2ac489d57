"""Reading of a report: one transaction that yields the summary, then the rows."""
