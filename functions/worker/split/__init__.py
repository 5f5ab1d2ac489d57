"""Split reports: one file in each format for each key, their manifest and their ZIP archive."""
