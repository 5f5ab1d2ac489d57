"""Who makes a request, and what this caller may do."""
