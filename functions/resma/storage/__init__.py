"""The object store: multipart uploads, segments and their checksums."""
