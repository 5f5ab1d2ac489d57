"""The grammar of a PDF file: objects, page tree and metadata."""
