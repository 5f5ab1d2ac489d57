"""CSV: RFC 4180, and a profile for Excel."""
