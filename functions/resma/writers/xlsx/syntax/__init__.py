"""File format details of XLSX: ZIP archive, XML, numbers, dates and styles."""
