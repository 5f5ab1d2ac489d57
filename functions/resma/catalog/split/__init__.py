"""Split reports in the catalog: the columns that they are split by, and what follows from a key."""
