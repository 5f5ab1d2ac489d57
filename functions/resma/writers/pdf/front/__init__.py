"""Pages before the table (cover with charts, table of contents), and bookmarks."""
