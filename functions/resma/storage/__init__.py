"""The object store: multipart uploads, many small objects, segments and their checksums."""
