"""Web pages: the console and the documentation of the API."""
