"""CSV according to RFC 4180, and a CSV profile for Excel."""
