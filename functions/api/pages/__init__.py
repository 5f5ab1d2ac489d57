"""Web pages: the console and the API documentation."""
