"""What stands before the table: cover, charts, contents and bookmarks."""
