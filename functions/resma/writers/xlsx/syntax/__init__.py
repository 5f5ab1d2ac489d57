"""The ZIP archive, XML, numbers, dates and styles."""
