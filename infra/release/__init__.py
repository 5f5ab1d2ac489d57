"""The files of a release: the client's package, the functions' packages, and their checksums."""
